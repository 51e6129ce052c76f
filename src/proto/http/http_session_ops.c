/* Turns calls through struct session_ops into those of an HTTP session. */
#include "proto/http/http_session.h"

static void receive(void *session, struct slice bytes)
{
    http_session_receive(session, bytes);
}

static void end_of_input(void *session)
{
    http_session_end_of_input(session);
}

static void flush(void *session)
{
    http_session_flush(session);
}

static void go_on(void *session)
{
    http_session_go_on(session);
}

static void writable(void *session)
{
    http_session_writable(session);
}

static void complete(void *session, const struct ticket *ticket)
{
    http_session_complete(session, ticket);
}

static void stored(void *session, struct token token)
{
    http_session_stored(session, token);
}

static void submitted(void *session, struct large_payload *large)
{
    http_session_submitted(session, large);
}

static void page(void *session, struct token token, struct page_reply *reply)
{
    http_session_page(session, token, reply);
}

static void tick(void *session)
{
    http_session_tick(session);
}

static void resume(void *session)
{
    http_session_resume(session);
}

static void give_way(void *session, enum error why)
{
    http_session_give_way(session, why);
}

static void drain(void *session)
{
    http_session_drain(session);
}

static bool owes(const void *session)
{
    return http_session_has_work(session);
}

/* A body that will never be whole, or a client that does not read, is nothing to stay for. */
static bool outlives_fin(const void *opaque)
{
    const struct http_session *session = opaque;
    return http_session_owes(session) && !session->out.blocked && session->phase != PHASE_BODY;
}

static void close(void *session)
{
    http_session_close(session);
}

const struct session_ops http_session_ops = {
    .receive = receive,
    .end_of_input = end_of_input,
    .flush = flush,
    .go_on = go_on,
    .writable = writable,
    .complete = complete,
    .stored = stored,
    .submitted = submitted,
    .page = page,
    .tick = tick,
    .resume = resume,
    .give_way = give_way,
    .drain = drain,
    .owes = owes,
    .outlives_fin = outlives_fin,
    .close = close,
};
