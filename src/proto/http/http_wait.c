/* Turns the state of an HTTP connection into what it waits for, and how long it may. */
#include "proto/http/http_wait.h"

#include "config/options/http_options.h"
#include "proto/http/http_session_private.h"
#include "proto/http/io_context.h"

#define LINGER_NS (2 * NS_PER_SECOND)
#define ROOM_PATIENCE_NS (5 * NS_PER_SECOND)
#define NEVER_NS (INT64_MAX / 2)

int64_t http_wait_patience_ns(const struct http_options *options, enum http_wait wait)
{
    switch (wait) {
    case WAIT_HEAD: return options->header_timeout_ns;
    case WAIT_BODY: return options->body_timeout_ns;
    case WAIT_LINGER: return LINGER_NS;
    case WAIT_ROOM: return ROOM_PATIENCE_NS;
    case WAIT_ANSWER: return NEVER_NS;
    case WAIT_SOCKET: return options->min_reply_rate != 0 ? NEVER_NS : options->idle_timeout_ns;
    case WAIT_REQUEST: break;
    }
    return options->idle_timeout_ns;
}

bool http_wait_is_silent(const struct http_session *session)
{
    return session->wait == WAIT_REQUEST && session->received_bytes == 0 &&
           http_session_idle_ns(session) >= session->exchange.context->options->header_timeout_ns;
}
