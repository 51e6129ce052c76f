/* Turns the body of a request, and the request around it, into what its events are made of. */
#include "proto/http/http_body.h"

#include "config/options/http_options.h"
#include "event/stream.h"
#include "pipeline/json/json.h"
#include "proto/front/decode_fault.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/route/event_route.h"
#include "proto/values/event_sources.h"
#include "proto/values/gather.h"

bool http_body_takes_type(const struct event_route *route, const struct http_request *request)
{
    bool parts = route->sources != NULL && event_sources_have(route->sources, FROM_MULTIPART);
    return request->content != CONTENT_FOREIGN && (request->content != CONTENT_MULTIPART || parts);
}

/* A form's type says nothing: curl, PHP and some SDKs send JSON under it. Is it a form after all? */
static bool is_form(const struct http_request *request, struct slice body)
{
    if (request->content != CONTENT_FORM) {
        return false;
    }
    struct slice text = json_trim(body);
    return text.len != 0 && strchr("{[\x1e\xEF", text.data[0]) == NULL;
}

/* What the route and the fields read beside the body. The bytes may become others, which are small. */
static enum error RARE gather(struct io_context *context, const struct event_route *route,
                              const struct http_request *request, const struct stream *stream, struct http_body *body,
                              struct slice *detail)
{
    const char *sent = body->bytes.data;
    context->values = context->values != NULL ? context->values : value_set_new();
    if (context->values == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    const struct gather_request asked = {
        .http = request,
        .captures = &context->captures,
        .sources = route->sources,
        .stream = stream,
        .choice = route->shape.choice,
        .is_form = body->large ? request->content == CONTENT_FORM : is_form(request, body->bytes),
        .is_large = body->large,
        .wall_ns = context->wall_ns,
    };
    enum error error = gather_values(context->values, &asked, &body->bytes);
    *detail = buf_slice(&context->values->detail);
    body->large = body->large && body->bytes.data == sent;
    body->values = context->values->count != 0 ? &context->values->values : NULL;
    return error;
}

static enum error RARE describe_fault(struct io_context *context, const struct http_request *request,
                                      struct slice bytes, struct slice *detail)
{
    buf_clear(&context->text);
    decode_describe_fault(request->encoding, bytes, &context->text);
    *detail = buf_slice(&context->text);
    return ERROR_BAD_COMPRESSION;
}

enum error http_body_read(struct io_context *context, const struct event_route *route,
                          const struct http_request *request, const struct stream *stream, struct http_body *body,
                          struct slice *detail)
{
    enum error error = io_context_unpack(context, request->encoding, context->options->max_decompressed_bytes,
                                         &body->bytes, &body->large);
    if (error != OK) {
        return error == ERROR_BAD_COMPRESSION ? describe_fault(context, request, body->bytes, detail) : error;
    }
    if (route->sources != NULL || stream->reads_request || route->shape.choice != NULL) {
        error = gather(context, route, request, stream, body, detail);
    }
    if (error == OK && route->sources == NULL && is_form(request, body->bytes)) {
        *detail = SLICE("the body is a form: send JSON, as application/json or under this type");
        return ERROR_UNSUPPORTED_TYPE;
    }
    return error;
}
