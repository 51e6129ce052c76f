/* What an HTTP connection waits for, and so which time-out it is under: the inner part of http_session, not for others. */
#pragma once

#include "proto/http/http_session_private.h"

struct http_options;

/* Of a session that is not closed, from its state alone. */
static inline enum http_wait http_wait_of(const struct http_session *session)
{
    if (session->out.blocked) {
        return WAIT_SOCKET;
    }
    if (session->phase == PHASE_LINGERS) {
        return WAIT_LINGER;
    }
    if (session->in_line) {
        return WAIT_ANSWER;
    }
    if (session->received.stopped) {
        return WAIT_ROOM;
    }
    if (session->reading && http_session_is_in_body(session)) {
        return WAIT_BODY;
    }
    if (session->reading && session->phase == PHASE_OPEN && session->input.bytes.len != 0) {
        return WAIT_HEAD;
    }
    return !answer_ring_is_empty(&session->exchange.answers) || session->phase == PHASE_LAST ? WAIT_ANSWER
                                                                                             : WAIT_REQUEST;
}

int64_t http_wait_patience_ns(const struct http_options *options, enum http_wait wait);

/* Nothing has ever come, for longer than a head may take. */
bool http_wait_is_silent(const struct http_session *session);
