/* Turns a route and a request into a stream. */
#include "proto/http/http_streams.h"

#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "proto/access/access.h"
#include "proto/front/page.h"
#include "proto/http/io_context.h"
#include "proto/route/event_route.h"

/* `malformed`: it is no name. */
static enum error find(struct io_context *context, struct slice name, bool malformed, const struct stream **stream,
                       struct slice *detail)
{
    const struct pipeline *pipeline = context->intake.pipeline;
    *stream = malformed ? NULL : pipeline_stream(pipeline, name);
    if (*stream != NULL) {
        return OK;
    }
    struct buf *text = &context->intake.submission.detail;
    buf_clear(text);
    pipeline_describe_unknown(pipeline, name, text);
    *detail = buf_slice(text);
    return ERROR_UNKNOWN_STREAM;
}

enum error http_streams_choose(struct io_context *context, const struct event_route *route, struct slice query,
                               const struct stream **stream, struct slice *detail)
{
    bool malformed = false;
    if (route->stream != NULL) {
        *stream = route->stream;
        return OK;
    }
    if (route->stream_capture.len != 0) {
        return find(context, captures_find(&context->captures, route->stream_capture), false, stream, detail);
    }
    bool named = query.len != 0 && page_argument(query, "stream", &context->text, &malformed);
    if (context->text.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    return find(context, named ? buf_slice(&context->text) : SLICE(""), malformed, stream, detail);
}

bool http_streams_are_in_path(const struct event_route *route)
{
    return route->stream_capture.len != 0;
}

enum error http_streams_may(struct io_context *context, const struct event_route *route, struct slice query,
                            struct slice *detail)
{
    const struct stream *stream = NULL;
    const struct access_key *key = context->key;
    struct slice unknown;
    if (key->all_streams || route->shape.choice != NULL ||
        http_streams_choose(context, route, query, &stream, &unknown) != OK ||
        stream_set_holds(&key->streams, stream->index)) {
        return OK;
    }
    struct buf *text = &context->intake.submission.detail;
    buf_clear(text);
    buf_printf(text, "the key may not write the stream \"%s\"", stream->name);
    *detail = buf_slice(text);
    return ERROR_STREAM_FORBIDDEN;
}
