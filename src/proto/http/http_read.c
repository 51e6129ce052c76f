/* Turns the bytes that a connection has received into requests, one at a time. */
#include "proto/http/http_read.h"

static struct slice input(const struct http_session *session)
{
    return slice_after(buf_slice(&session->in), session->at);
}

static enum http_verdict parse(const struct http_session *session, struct slice bytes, struct http_request *request,
                               enum error *error, const char **reason)
{
    *error = OK;
    *reason = "";
    return http_parse_head(bytes, session->context->options->max_header_bytes, request, error, reason);
}

void http_read_refuse(struct http_session *session, bool is_event, enum error error)
{
    struct http_request unknown = { .method = HTTP_POST, .minor_version = 1 };
    struct http_destination to = { .is_event = is_event };
    http_serve_refusal(session, &unknown, &to, error, SLICE(""));
}

static void refuse_head(struct http_session *session, const struct http_request *request, enum error error,
                        const char *reason)
{
    struct http_destination to = http_serve_find(session, request);
    to.allow = 0;
    http_serve_refusal(session, request, &to, error, slice_from_string(reason));
}

/* Serves a request that is whole. False: it waits for its turn. */
static bool serve_in_turn(struct http_session *session, const struct http_request *request,
                          const struct http_destination *to, struct slice body)
{
    struct io_context *context = session->context;
    if (!turn_admits(&context->turn, &session->share, body.len, request->encoding != ENCODING_IDENTITY)) {
        session->in_line = true;
        session->transport->ops->want_turn(session->transport);
        return false;
    }
    session->phase = PHASE_HEAD;
    session->continue_owed = false;
    http_serve(session, request, to, body);
    turn_served(&context->turn, &session->share);
    return true;
}

/* The body is not here yet. */
static void await_body(struct http_session *session, const struct http_request *request,
                       const struct http_destination *to)
{
    enum error error = to->error == OK && kept_is_full(&session->context->receiving) ? ERROR_RECEIVING_FULL : to->error;
    if (error != OK) {
        http_serve_refusal(session, request, to, error, SLICE(""));
        return;
    }
    session->phase = PHASE_BODY;
    session->head_length = request->head_length;
    session->body_length = request->length;
    session->chunked = request->chunked;
    session->is_event = to->is_event;
    session->chunk_state = (struct http_chunked){ 0 };
    session->gathered = false;
    buf_clear(&session->body);
    if (request->expect_continue && input(session).len == request->head_length) {
        session->continue_owed = true;
        session->transport->ops->want_flush(session->transport);
    }
}

static bool read_head(struct http_session *session)
{
    struct http_request request;
    enum error error;
    const char *reason;
    struct slice bytes = input(session);
    switch (parse(session, bytes, &request, &error, &reason)) {
    case HTTP_PARTIAL: return false;
    case HTTP_BAD: refuse_head(session, &request, error, reason); return true;
    case HTTP_DONE: break;
    }
    struct http_destination to = http_serve_find(session, &request);
    if (request.has_body && (request.chunked || bytes.len - request.head_length < request.length)) {
        await_body(session, &request, &to);
        return true;
    }
    if (!serve_in_turn(session, &request, &to, slice_make(bytes.data + request.head_length, request.length))) {
        return false;
    }
    session->at += request.head_length + request.length;
    return true;
}

/* The head was parsed before, and lies where it lay; its slices may have moved since. False: it waits for its turn. */
static bool serve_with_body(struct http_session *session, struct slice body)
{
    struct http_request request;
    enum error error;
    const char *reason;
    if (parse(session, input(session), &request, &error, &reason) != HTTP_DONE) {
        http_read_refuse(session, session->is_event, ERROR_INTERNAL);
        return true;
    }
    struct http_destination to = http_serve_find(session, &request);
    return serve_in_turn(session, &request, &to, body);
}

static void drop_framing(struct http_session *session, size_t at, size_t length)
{
    memmove(session->in.data + at, session->in.data + at + length, session->in.len - at - length);
    session->in.len -= length;
}

/* Data goes to `body`, framing is dropped as it is read. */
static bool read_chunked(struct http_session *session)
{
    size_t used = 0, framing = session->at + session->head_length;
    enum error error = OK;
    enum http_verdict verdict =
        session->gathered
            ? HTTP_DONE
            : http_parse_chunked(&session->chunk_state, slice_after(buf_slice(&session->in), framing),
                                 session->context->options->max_body_bytes, &session->body, &used, &error);
    if (verdict == HTTP_PARTIAL) {
        drop_framing(session, framing, used);
        return false;
    }
    if (verdict == HTTP_DONE && !buf_reserve(&session->body, JSON_PADDING)) {
        verdict = HTTP_BAD;
        error = ERROR_OUT_OF_MEMORY;
    }
    if (verdict == HTTP_BAD) {
        http_read_refuse(session, session->is_event, error);
        return true;
    }
    if (!serve_with_body(session, buf_slice(&session->body))) {
        drop_framing(session, framing, used);
        session->gathered = true;
        return false;
    }
    session->at = framing + used;
    return true;
}

static bool read_body(struct http_session *session)
{
    if (session->chunked) {
        return read_chunked(session);
    }
    struct slice bytes = slice_after(input(session), session->head_length);
    if (bytes.len < session->body_length) {
        return false;
    }
    if (!serve_with_body(session, slice_make(bytes.data, session->body_length))) {
        return false;
    }
    session->at += session->head_length + session->body_length;
    return true;
}

bool http_read_request(struct http_session *session)
{
    return session->phase == PHASE_HEAD ? read_head(session) : read_body(session);
}
