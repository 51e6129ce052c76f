/* One HTTP connection: bytes in, requests out of them, their answers in order, bytes out. Knows no socket and no
 * libwebsockets: what it needs of them is struct transport.
 *
 * All functions are called on the thread of its context. Nothing is freed while one of them runs: the transport's close
 * only asks. */
#pragma once

#include "proto/front/session.h"
#include "proto/front/slowness.h"
#include "proto/front/transport.h"
#include "proto/http/answer_ring.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/outgoing.h"

/* PHASE_UPGRADE: the 101 is owed, what was received behind the handshake is kept for the WebSocket, and reading stops.
 * PHASE_LAST: no further request is read, answers are still owed. PHASE_LINGER: all is written and FIN sent, what the
 * client still sends is dropped, so that no reset overtakes the last answer. */
enum http_phase { PHASE_HEAD, PHASE_BODY, PHASE_UPGRADE, PHASE_LAST, PHASE_LINGER, PHASE_CLOSED };

/* What a connection waits for, and so which time-out it is under. */
enum http_wait { WAIT_REQUEST, WAIT_HEAD, WAIT_BODY, WAIT_ROOM, WAIT_ANSWER, WAIT_SOCKET, WAIT_LINGER };

struct http_session {
    struct io_context *context;
    const struct http_routes *routes;
    struct transport *transport; /* what carries it */
    uint32_t slot;
    uint32_t generation;

    enum http_phase phase;
    enum http_wait wait;
    int64_t deadline_ns;   /* of `wait` */
    uint64_t wait_request; /* the request that `wait` began with */
    bool reading;
    bool in_line;       /* a whole request waits for its turn; reading has stopped, http_session_go_on follows */
    bool continue_owed; /* 100 Continue, once earlier answers are out */
    bool input_waits;   /* at the socket of a connection that was to end for its silence */

    /* Bytes received; the current request begins at `at`. Invariant: at <= in.len, and JSON_PADDING bytes of capacity
     * stand behind in.len, so that a body is parsed where it lies. */
    struct buf in;
    size_t at;
    /* PHASE_BODY: the request whose body is being read; its head is at in[at], [at + head_length). */
    size_t head_length;
    uint64_t body_length;
    bool chunked;
    bool is_event; /* counted if it never becomes whole */
    struct http_chunked chunk_state;
    bool gathered;   /* all of a chunked body is in `body`, its framing dropped */
    struct buf body; /* of a chunked request */

    struct turn_share share;
    struct answer_ring answers; /* full: requests wait unparsed, and reading stops */
    struct outgoing out;        /* answers that the socket has not taken yet */

    struct ws_terms terms; /* PHASE_UPGRADE */

    /* What is kept, and how fast the client is: see http_bounds.h. */
    struct kept_share received; /* `in` and `body` */
    struct kept_share replies;  /* `answers` and `out` */
    size_t owed;                /* bytes of the answers before `weighed` that are in the ring */
    uint64_t weighed;
    uint64_t received_bytes;
    struct slowness slowness; /* since `wait` */

    struct client_address peer;
    bool peer_trusted;
    char peer_text[CLIENT_ADDRESS_TEXT];
    size_t peer_text_length;
};

/* A new connection: the session is zeroed before its first use, kept memory is reused after http_session_close. `token`
 * names slot and generation; its sequence is not used. */
void http_session_open(struct http_session *session, struct io_context *context, const struct http_routes *routes,
                       struct transport *transport, struct token token, struct client_address peer);

/* The connection is gone, or speaks HTTP no more: counts a body cut in half, gives back big buffers. */
void http_session_close(struct http_session *session);

/* Frees what http_session_close keeps. */
void http_session_release(struct http_session *session);

void http_session_receive(struct http_session *session, struct slice bytes);

/* The client has sent all it will (FIN): what is owed is still written, with "Connection: close". */
void http_session_end_of_input(struct http_session *session);

/* Writes the answers that are next in order, in one write, and goes on with requests that waited for room. */
void http_session_flush(struct http_session *session);

/* The request that waited for its turn is served, and those behind it as far as the turn goes. */
void http_session_go_on(struct http_session *session);

/* The 101 is out: what follows are frames. */
bool http_session_has_upgraded(const struct http_session *session);

/* Hands over what the WebSocket goes on with: the terms, and the bytes received behind the handshake, both the caller's
 * to release. http_session_close follows. */
void http_session_hand_over(struct http_session *session, struct ws_terms *terms, struct buf *rest);

/* The socket takes bytes again. */
void http_session_writable(struct http_session *session);

/* Completions of this generation. Those of an answer that was given already are dropped. */
void http_session_complete(struct http_session *session, const struct ticket *ticket);
void http_session_stored(struct http_session *session, struct token token);
void http_session_submitted(struct http_session *session, const struct large_payload *large);
void http_session_page(struct http_session *session, struct token token, struct page_reply *reply);

/* Once a second: time-outs. */
void http_session_tick(struct http_session *session);

/* There may be room again for what is received. */
void http_session_resume(struct http_session *session);

/* It is the one whose bytes have waited longest, and others need the room. ERROR_RECEIVING_FULL: its request is answered
 * 503, if that can be told; ERROR_REPLYING_FULL: the connection is closed. All that it keeps is given back. */
void http_session_give_way(struct http_session *session, enum error why);

/* context->draining was set: closes an idle connection; a request that is not whole is answered 503; others end with their
 * last answer. */
void http_session_drain(struct http_session *session);

/* Where the completion of the request that is taken next will go. */
static inline struct token http_session_next_token(const struct http_session *session)
{
    return (struct token){ session->slot, session->generation, session->answers.next };
}

/* How long the client has asked for nothing and is owed nothing. */
int64_t http_session_idle_ns(const struct http_session *session);

/* Answers are owed, or not all of them are out. */
static inline bool http_session_owes(const struct http_session *session)
{
    return session->phase != PHASE_CLOSED &&
           (!answer_ring_is_empty(&session->answers) || outgoing_waiting(&session->out) != 0);
}

/* The same, or a request is about to be read, or waits in line. */
static inline bool http_session_has_work(const struct http_session *session)
{
    return http_session_owes(session) || (session->phase != PHASE_CLOSED && (session->input_waits || session->in_line));
}

/* The above as the table that connections.c reaches it by. */
extern const struct session_ops http_session_ops;
