/* Turns a connection's bytes into requests, and their answers into bytes. */
#include "proto/http_session.h"

#include "proto/http_serve.h"

#define BUFFER_KEPT ((size_t)16 << 10)
#define LINGER_NS (2 * NS_PER_SECOND)
#define NEVER_NS (INT64_MAX / 2)

static struct slice input(const struct http_session *session)
{
    return slice_after(buf_slice(&session->in), session->at);
}

static void want_flush(struct http_session *session)
{
    session->front->transport->want_flush(session->connection);
}

static void want_close(struct http_session *session)
{
    session->front->transport->close(session->connection);
}

/* Completions. */

static struct http_answer *find_answer(const struct http_session *session, struct token token)
{
    bool alive = session->phase != PHASE_CLOSED && token.generation == session->generation;
    return alive ? answer_ring_find(&session->answers, token.sequence) : NULL;
}

void http_session_complete(struct http_session *session, const struct ticket *ticket)
{
    struct http_answer *answer = find_answer(session, ticket->token);
    if (answer != NULL && answer->state == ANSWER_COMMIT) {
        http_answer_complete(answer, ticket, session->front->now_ns + session->front->options->wait_timeout_ns);
        want_flush(session);
    }
}

void http_session_stored(struct http_session *session, struct token token)
{
    struct http_answer *answer = find_answer(session, token);
    if (answer != NULL && answer->wait_stored) {
        http_answer_stored(answer);
        want_flush(session);
    }
}

void http_session_page(struct http_session *session, struct token token, struct page_reply *reply)
{
    struct http_answer *answer = find_answer(session, token);
    if (answer != NULL && answer->state == ANSWER_PAGE) {
        http_answer_page(answer, reply);
        want_flush(session);
    }
    buf_release(&reply->body);
}

/* Reading. */

static enum http_verdict parse(const struct http_session *session, struct slice bytes, struct http_request *request,
                               enum error *error, const char **reason)
{
    *request = (struct http_request){ .method = HTTP_OTHER };
    *error = OK;
    *reason = "";
    return http_parse_head(bytes, session->front->options->max_header_bytes, request, error, reason);
}

/* Of a request whose own words are lost: one that was cut off, or is not HTTP. */
static void refuse_unknown(struct http_session *session, bool is_event, enum error error)
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

/* The body is not here yet. */
static void await_body(struct http_session *session, const struct http_request *request,
                       const struct http_destination *to)
{
    if (to->error != OK) {
        http_serve_refusal(session, request, to, to->error, SLICE(""));
        return;
    }
    session->phase = PHASE_BODY;
    session->head_length = request->head_length;
    session->body_length = request->length;
    session->chunked = request->chunked;
    session->is_event = to->is_event;
    session->chunk_state = (struct http_chunked){ 0 };
    buf_clear(&session->body);
    if (request->expect_continue && input(session).len == request->head_length) {
        session->continue_owed = true;
        want_flush(session);
    }
}

/* True: a request was taken, or has begun. */
static bool read_head(struct http_session *session)
{
    struct http_request request;
    enum error error;
    const char *reason;
    struct slice bytes = input(session);
    if (bytes.len == 0) {
        return false;
    }
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
    http_serve(session, &request, &to, slice_make(bytes.data + request.head_length, request.length));
    session->at += request.head_length + request.length;
    return true;
}

/* The head was parsed before, and lies where it lay; its slices may have moved since. */
static void serve_with_body(struct http_session *session, struct slice body)
{
    struct http_request request;
    enum error error;
    const char *reason;
    session->phase = PHASE_HEAD;
    session->continue_owed = false;
    if (parse(session, input(session), &request, &error, &reason) != HTTP_DONE) {
        refuse_unknown(session, session->is_event, ERROR_INTERNAL);
        return;
    }
    struct http_destination to = http_serve_find(session, &request);
    http_serve(session, &request, &to, body);
}

/* Data goes to `body`, framing is dropped as it is read. */
static bool read_chunked(struct http_session *session)
{
    size_t used = 0, framing = session->at + session->head_length;
    enum error error = OK;
    enum http_verdict verdict =
        http_parse_chunked(&session->chunk_state, slice_after(buf_slice(&session->in), framing),
                           session->front->options->max_body_bytes, &session->body, &used, &error);
    if (verdict == HTTP_PARTIAL) {
        memmove(session->in.data + framing, session->in.data + framing + used, session->in.len - framing - used);
        session->in.len -= used;
        return false;
    }
    if (verdict == HTTP_DONE && !buf_reserve(&session->body, JSON_PADDING)) {
        verdict = HTTP_BAD;
        error = ERROR_OUT_OF_MEMORY;
    }
    if (verdict == HTTP_BAD) {
        refuse_unknown(session, session->is_event, error);
        return true;
    }
    serve_with_body(session, buf_slice(&session->body));
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
    serve_with_body(session, slice_make(bytes.data, session->body_length));
    session->at += session->head_length + session->body_length;
    return true;
}

/* Waiting. */

static enum http_wait waits_for(const struct http_session *session)
{
    if (session->phase == PHASE_LINGER) {
        return WAIT_LINGER;
    }
    if (session->blocked) {
        return WAIT_SOCKET;
    }
    if (session->reading && session->phase == PHASE_BODY) {
        return WAIT_BODY;
    }
    if (session->reading && session->phase == PHASE_HEAD && session->in.len != 0) {
        return WAIT_HEAD;
    }
    return !answer_ring_is_empty(&session->answers) || session->phase == PHASE_LAST ? WAIT_ANSWER : WAIT_REQUEST;
}

static int64_t patience_ns(const struct http_options *options, enum http_wait wait)
{
    switch (wait) {
    case WAIT_HEAD: return options->header_timeout_ns;
    case WAIT_BODY: return options->body_timeout_ns;
    case WAIT_LINGER: return LINGER_NS;
    case WAIT_ANSWER: return NEVER_NS;
    case WAIT_REQUEST:
    case WAIT_SOCKET: break;
    }
    return options->idle_timeout_ns;
}

static void set_deadline(struct http_session *session)
{
    enum http_wait wait = waits_for(session);
    if (wait != session->wait || session->wait_request != session->answers.next) {
        session->wait = wait;
        session->wait_request = session->answers.next;
        session->deadline_ns = session->front->now_ns + patience_ns(session->front->options, wait);
    }
}

static void set_reading(struct http_session *session, bool on)
{
    if (session->reading != on) {
        session->reading = on;
        session->front->transport->set_reading(session->connection, on);
    }
}

/* Takes as many requests as there are and there is room for. */
static void advance(struct http_session *session)
{
    bool room = !session->blocked;
    bool more = true;
    while (more && room && session->phase <= PHASE_BODY) {
        room = answer_ring_make_room(&session->answers);
        more = room && (session->phase == PHASE_HEAD ? read_head(session) : read_body(session));
    }
    if (session->phase > PHASE_BODY) {
        session->at = session->in.len;
    }
    buf_consume(&session->in, session->at);
    session->at = 0;
    set_reading(session, room || session->phase > PHASE_BODY);
    set_deadline(session);
}

void http_session_receive(struct http_session *session, struct slice bytes)
{
    if (session->phase > PHASE_BODY) {
        return;
    }
    if (!buf_reserve(&session->in, bytes.len + JSON_PADDING)) {
        want_close(session);
        return;
    }
    buf_append_slice(&session->in, bytes);
    advance(session);
}

void http_session_end_of_input(struct http_session *session)
{
    if (session->phase <= PHASE_BODY) {
        session->phase = PHASE_LAST;
        want_flush(session);
    }
}

/* Writing. */

/* The answer at the front of the ring is the last of this connection. */
static bool is_last(const struct http_session *session, const struct http_answer *answer)
{
    bool newest = session->answers.first + 1 == session->answers.next;
    bool ending = session->phase == PHASE_LAST || (session->front->draining && session->phase == PHASE_HEAD);
    return answer->reply.close || (newest && ending);
}

/* Moves the answers that are next in order into `out`. */
static void collect(struct http_session *session)
{
    while (!answer_ring_is_empty(&session->answers)) {
        struct http_answer *answer = answer_ring_at(&session->answers, session->answers.first);
        if (answer->state != ANSWER_READY) {
            return;
        }
        answer->reply.close = is_last(session, answer);
        http_answer_write(answer, session->front, &session->out);
        session->answers.first++;
        if (answer->reply.close) {
            session->phase = PHASE_LINGER;
            answer_ring_clear(&session->answers);
            return;
        }
    }
    if (session->continue_owed) {
        buf_append_slice(&session->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        session->continue_owed = false;
    }
}

/* False: the connection is lost. */
static bool write_out(struct http_session *session)
{
    if (session->out.failed) {
        return false;
    }
    if (session->out.len != 0) {
        enum transport_result result = session->front->transport->write(session->connection, buf_slice(&session->out));
        session->blocked = result == TRANSPORT_BLOCKED;
        buf_clear(&session->out);
        if (result == TRANSPORT_FAILED) {
            return false;
        }
    }
    if (session->phase == PHASE_LINGER && !session->blocked) {
        session->front->transport->finish(session->connection);
    }
    return true;
}

void http_session_flush(struct http_session *session)
{
    bool wrote = true;
    while (wrote && session->phase < PHASE_LINGER && !session->blocked) {
        collect(session);
        wrote = session->out.len != 0;
        if (!write_out(session)) {
            want_close(session);
            return;
        }
        if (wrote) {
            advance(session);
        }
    }
}

void http_session_writable(struct http_session *session)
{
    session->blocked = false;
    if (session->phase == PHASE_LINGER) {
        session->front->transport->finish(session->connection);
        set_deadline(session);
        return;
    }
    http_session_flush(session);
    advance(session);
}

/* Time. */

static void time_out(struct http_session *session)
{
    if (session->wait != WAIT_HEAD && session->wait != WAIT_BODY) {
        want_close(session);
        return;
    }
    refuse_unknown(session, session->wait == WAIT_BODY && session->is_event, ERROR_TIMEOUT);
    advance(session);
}

static bool is_idle_since_a_second(const struct http_session *session)
{
    int64_t since_ns = session->deadline_ns - session->front->options->idle_timeout_ns;
    return session->wait == WAIT_REQUEST && session->front->now_ns >= since_ns + NS_PER_SECOND;
}

static void shed(struct buf *buf)
{
    if (buf->cap > BUFFER_KEPT) {
        buf_release(buf);
    }
}

static void shed_all(struct http_session *session)
{
    shed(&session->in);
    shed(&session->out);
    shed(&session->body);
}

void http_session_tick(struct http_session *session)
{
    if (session->phase == PHASE_CLOSED) {
        return;
    }
    int64_t now_ns = session->front->now_ns;
    for (uint64_t sequence = session->answers.first; sequence != session->answers.next; sequence++) {
        struct http_answer *answer = answer_ring_at(&session->answers, sequence);
        if (answer->state == ANSWER_STORE && now_ns >= answer->deadline_ns) {
            http_answer_expire(answer);
            want_flush(session);
        }
    }
    if (now_ns >= session->deadline_ns) {
        time_out(session);
    } else if (is_idle_since_a_second(session)) {
        shed_all(session);
    }
}

void http_session_drain(struct http_session *session)
{
    if (session->phase != PHASE_CLOSED && session->wait == WAIT_REQUEST) {
        want_close(session);
    }
}

/* Begin and end. */

void http_session_open(struct http_session *session, struct http_front *front, const struct http_routes *routes,
                       void *connection, struct client_address peer)
{
    session->front = front;
    session->routes = routes;
    session->connection = connection;
    session->phase = PHASE_HEAD;
    session->wait = WAIT_REQUEST;
    session->wait_request = session->answers.next;
    session->deadline_ns = front->now_ns + front->options->idle_timeout_ns;
    session->reading = true;
    session->blocked = false;
    session->continue_owed = false;
    session->peer = peer;
    session->peer_trusted = address_ranges_hold(front->trusted, &peer);
    session->peer_text_length = client_address_format(&peer, session->peer_text);
}

void http_session_close(struct http_session *session)
{
    if (session->phase == PHASE_BODY && session->is_event) {
        pipeline_count_refusal(session->front->intake.io, PROTOCOL_HTTP, NULL, ERROR_CONNECTION_CLOSED);
    }
    answer_ring_clear(&session->answers);
    session->phase = PHASE_CLOSED;
    session->generation++;
    session->at = 0;
    buf_clear(&session->in);
    buf_clear(&session->out);
    buf_clear(&session->body);
    shed_all(session);
}

void http_session_release(struct http_session *session)
{
    answer_ring_release(&session->answers);
    buf_release(&session->in);
    buf_release(&session->out);
    buf_release(&session->body);
}
