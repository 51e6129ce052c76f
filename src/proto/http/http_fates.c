/* Turns completions into answers of an HTTP session. */
#include "proto/http/http_fates.h"

#include "config/options/http_options.h"
#include "proto/front/page_reply.h"
#include "proto/front/transport.h"
#include "proto/http/http_bounds.h"
#include "proto/http/http_events.h"
#include "proto/http/http_session_private.h"

static void want_flush(struct http_session *session)
{
    session->exchange.transport->ops->want_flush(session->exchange.transport);
}

static struct http_answer *find_answer(const struct http_session *session, struct token token)
{
    return session->phase != PHASE_CLOSED ? answer_ring_find(&session->exchange.answers, token.sequence) : NULL;
}

/* While the gateway drains nothing is stored any more. */
void http_fates_stop_waiting(const struct http_session *session, struct http_answer *answer)
{
    if (session->exchange.context->draining && answer->state == ANSWER_STORE) {
        http_answer_expire(answer);
    }
}

void http_fates_complete(void *opaque, const struct ticket *ticket)
{
    struct http_session *session = opaque;
    struct http_answer *answer = find_answer(session, ticket->token);
    if (answer != NULL && answer->state == ANSWER_COMMIT) {
        http_answer_complete(answer, ticket,
                             session->exchange.context->now_ns + session->exchange.context->options->wait_timeout_ns);
        http_fates_stop_waiting(session, answer);
        http_bounds_weigh_again(session, answer);
        want_flush(session);
    }
}

void http_fates_stored(void *opaque, struct token token)
{
    struct http_session *session = opaque;
    struct http_answer *answer = find_answer(session, token);
    if (answer != NULL && answer->wait_stored) {
        http_answer_stored(answer);
        want_flush(session);
    }
}

void http_fates_submitted(void *opaque, struct token token, struct large_payload *large)
{
    struct http_session *session = opaque;
    struct http_answer *answer = find_answer(session, token);
    if (answer != NULL && answer->state == ANSWER_SUBMIT) {
        http_events_submitted(answer, large);
        http_bounds_weigh_again(session, answer);
        want_flush(session);
    }
}

void http_fates_page(void *opaque, struct token token, struct page_reply *reply)
{
    struct http_session *session = opaque;
    struct http_answer *answer = find_answer(session, token);
    if (answer != NULL && answer->state == ANSWER_PAGE) {
        http_answer_page(answer, reply);
        http_bounds_weigh_again(session, answer);
        want_flush(session);
    } else if (answer != NULL && answer->stream != NULL) {
        want_flush(session); /* it has something to take */
    }
    page_reply_release(reply);
}
