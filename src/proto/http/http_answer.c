/* Turns the fate of a request, as it becomes known, into its answer. */
#include "proto/http/http_answer.h"

#include "proto/front/page_reply.h"
#include "proto/front/page_stream.h"
#include "proto/http_syntax/content_type.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "config/options/string_list.h"
#include "proto/answer/route_reply.h"
#include "proto/front/origins.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_chars.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/limits/limit_fields.h"

#include <stdlib.h>

#define BODY_KEPT 512

_Static_assert(sizeof(struct route_reply) <= ROUTE_REPLY_BYTES, "it is weighed so");

/* The reply names the one that asks, in memory of its own: it may be written long after the request, and after a reload. */
static void allow_origin(struct http_answer *answer, const struct string_list *origins, struct slice origin)
{
    int allowed = origins_find(origins, origin);
    if (allowed < 0) {
        return;
    }
    bool any = strcmp(origins->items[allowed], "*") == 0;
    if (!any) {
        buf_append_slice(&answer->origin, origin);
    }
    answer->reply.origin = any ? SLICE("*") : buf_slice(&answer->origin);
}

void http_answer_begin(struct http_answer *answer, const struct io_context *context, const struct http_request *request)
{
    ASSERT(answer->route_reply == NULL && answer->stream == NULL);
    struct buf body = answer->body, headers = answer->headers, origin = answer->origin;
    *answer = (struct http_answer){
        .state = ANSWER_READY, .received_ns = context->now_ns, .body = body, .headers = headers, .origin = origin
    };
    buf_clear(&answer->body);
    buf_clear(&answer->headers);
    buf_clear(&answer->origin);
    answer->reply.head_only = request->method == HTTP_HEAD;
    answer->reply.close = !request->keep_alive;
    answer->reply.vary_origin = context->vary_origin;
    if (request->origin.len != 0) {
        allow_origin(answer, &context->options->cors_origins, request->origin);
    }
}

/* Names of fields with commas between them, and nothing else. */
static bool are_field_names(struct slice list)
{
    for (size_t i = 0; i < list.len; i++) {
        char c = list.data[i];
        if (c != ',' && c != ' ' && !http_all_in_class(slice_make(&c, 1), CHAR_TOKEN)) {
            return false;
        }
    }
    return true;
}

void http_answer_options(struct http_answer *answer, const struct http_request *request, unsigned allow)
{
    answer->reply.status = 204;
    answer->reply.allow = allow;
    answer->reply.preflight = request->access_control_request_method.len != 0;
    if (answer->reply.preflight && are_field_names(request->access_control_request_headers)) {
        buf_append_slice(&answer->body, request->access_control_request_headers);
        answer->reply.asked_headers = buf_slice(&answer->body);
    }
}

void http_answer_problem(struct http_answer *answer, enum error error, struct slice detail, struct slice errors)
{
    buf_clear(&answer->body);
    answer->state = ANSWER_READY;
    answer->kind = ANSWER_BODY;
    answer->reply.status = error_info(error)->http_status;
    answer->reply.content_type = HTTP_PROBLEM_TYPE;
    answer->reply.cache_control = NULL;
    answer->reply.headers = SLICE("");
    answer->reply.accepts = error == ERROR_UNSUPPORTED_TYPE       ? HTTP_ACCEPT_TYPES
                            : error == ERROR_UNSUPPORTED_ENCODING ? HTTP_ACCEPT_CODINGS
                                                                  : NULL;
    http_reply_problem(&answer->body, error, detail, errors);
    if (answer->body.failed) {
        buf_clear(&answer->body);
        http_reply_problem(&answer->body, error, SLICE(""), SLICE(""));
    }
    if (answer->route_reply != NULL) {
        route_reply_refuse(answer->route_reply, error, detail);
    }
}

void http_answer_take_stream(struct http_answer *answer, const struct stream *stream)
{
    answer->route_reply->stream = stream;
}

void http_answer_take_members(struct http_answer *answer, const struct request_values *values)
{
    route_reply_take_members(answer->route_reply, values);
}

void http_answer_take_submission(struct http_answer *answer, const struct submission *submission)
{
    route_reply_submit(answer->route_reply, submission, buf_slice(&answer->body));
}

bool http_answer_lists_ids(const struct http_answer *answer)
{
    return route_reply_lists_ids(answer->route_reply);
}

void http_answer_upgrade(struct http_answer *answer)
{
    answer->state = ANSWER_READY;
    answer->kind = ANSWER_UPGRADE;
    answer->reply.status = 101;
    answer->reply.close = false;
}

static void settle(struct http_answer *answer)
{
    answer->state = ANSWER_READY;
    answer->reply.status = http_reply_many_status(answer->counts, answer->stored);
    answer->reply.content_type = answer->reply.status == 400 ? HTTP_PROBLEM_TYPE : HTTP_JSON_TYPE;
}

void http_answer_complete(struct http_answer *answer, const struct ticket *ticket, int64_t deadline_ns)
{
    if (ticket->error != OK) {
        http_answer_problem(answer, ticket->error, SLICE(""), SLICE(""));
        return;
    }
    answer->counts.accepted = ticket->accepted;
    answer->counts.duplicate = ticket->duplicate;
    if (answer->wait_stored && ticket->accepted != 0 && !answer->stored) {
        answer->state = ANSWER_STORE;
        answer->deadline_ns = deadline_ns;
        return;
    }
    settle(answer);
}

void http_answer_stored(struct http_answer *answer)
{
    if (answer->state == ANSWER_READY) {
        return; /* the wait is over: what its status says stays */
    }
    answer->stored = true;
    if (answer->state == ANSWER_STORE) {
        settle(answer);
    }
}

void http_answer_expire(struct http_answer *answer)
{
    answer->stored = false;
    settle(answer);
}

static void end_stream(struct http_answer *answer)
{
    if (answer->stream != NULL) {
        answer->stream->ops->ended(answer->stream);
        answer->stream = NULL;
    }
    answer->reply.endless = false;
}

void http_answer_page(struct http_answer *answer, struct page_reply *page)
{
    buf_release(&answer->body);
    buf_release(&answer->headers);
    answer->state = ANSWER_READY;
    answer->kind = ANSWER_BODY;
    answer->body = page->body;
    answer->headers = page->headers;
    page->body = page->headers = (struct buf){ 0 };
    ASSERT(answer->headers.failed || http_reply_are_lines(buf_slice(&answer->headers)));
    answer->reply.headers = buf_slice(&answer->headers);
    answer->reply.status = page->status;
    answer->reply.content_type = page->content_type;
    answer->reply.cache_control = page->cache_control;
    answer->reply.length = page->length;
    answer->stream = page->stream;
    answer->reply.endless = answer->stream != NULL;
    answer->reply.close |= answer->reply.endless;
    if (answer->body.failed || answer->headers.failed) {
        end_stream(answer);
        http_answer_problem(answer, ERROR_OUT_OF_MEMORY, SLICE(""), SLICE(""));
    }
}

static const char *fate_word(const struct http_answer *answer)
{
    if (answer->counts.accepted == 0) {
        return "duplicate";
    }
    return answer->stored ? "stored" : "accepted";
}

/* The reply that the route has for what happened. False: the usual one. */
static bool RARE compose_configured(struct http_answer *answer, struct io_context *context)
{
    const struct route_reply_fate fate = {
        .counts = answer->counts,
        .stored = answer->stored,
        .id = answer->kind == ANSWER_ONE ? &answer->id : NULL,
        .usual = buf_slice(&answer->body),
        .reply = &answer->reply,
        .headers = &answer->headers,
        .body = &context->text,
    };
    return route_reply_write(answer->route_reply, &fate, context->wall_ns, context->intake.io);
}

static void write_limited(const struct http_answer *answer, struct http_reply *reply, struct slice date,
                          struct slice body, struct buf *out)
{
    reply->limits = limit_fields_of(&answer->limit);
    reply->retry_after_ns = answer->limit.retry_after_ns;
    http_reply_write(out, reply, date, body);
}

/* The body, in context->text or the answer's own; failed if memory is short even for what must be in it. */
static const struct buf *compose_body(struct http_answer *answer, struct io_context *context)
{
    struct buf *text = &context->text;
    buf_clear(text);
    if (answer->route_reply != NULL && compose_configured(answer, context)) {
        return text;
    }
    switch (answer->kind) {
    case ANSWER_ONE: http_reply_one(text, &answer->id, fate_word(answer), answer->id_of_client); break;
    case ANSWER_MANY:
        http_reply_many(text, answer->counts, buf_slice(&answer->body));
        if (text->failed) {
            buf_clear(text);
            http_reply_many(text, answer->counts, SLICE(""));
        }
        break;
    case ANSWER_BODY:
    case ANSWER_UPGRADE: return &answer->body;
    }
    return text;
}

void http_answer_write(struct http_answer *answer, struct io_context *context, struct buf *out)
{
    const struct buf *whole = compose_body(answer, context);
    struct slice body = buf_slice(whole);
    answer->reply.keep_alive = slice_make(context->keep_alive, context->keep_alive_length); /* as it is by now */
    out->failed |= whole->failed; /* then the connection ends, and says nothing wrong */
    if (answer->kind == ANSWER_UPGRADE) {
        buf_append_slice(out, body);
    } else {
        struct slice date = slice_make(context->date, context->date_length);
        if (answer->limit.limited) {
            write_limited(answer, &answer->reply, date, body, out);
        } else {
            http_reply_write(out, &answer->reply, date, body);
        }
    }
    metric_add_index(context->intake.cells, METRIC_HTTP_REPLIES, (size_t)(answer->reply.status / 100 - 1), 1);
    if (answer->stream == NULL) {
        http_answer_clear(answer);
    } else {
        answer->state = ANSWER_STREAM;
    }
}

bool http_answer_stream(struct http_answer *answer, struct buf *out)
{
    ASSERT(answer->state == ANSWER_STREAM && answer->stream != NULL);
    return answer->stream->ops->take(answer->stream, out);
}

void http_answer_clear(struct http_answer *answer)
{
    end_stream(answer);
    if (answer->route_reply != NULL) {
        free(answer->route_reply);
        answer->route_reply = NULL;
    }
    if (answer->body.cap > BODY_KEPT) {
        buf_release(&answer->body);
    }
    buf_shed(&answer->headers, BODY_KEPT);
}

void http_answer_release(struct http_answer *answer)
{
    end_stream(answer);
    free(answer->route_reply);
    answer->route_reply = NULL;
    buf_release(&answer->body);
    buf_release(&answer->headers);
    buf_release(&answer->origin);
}
