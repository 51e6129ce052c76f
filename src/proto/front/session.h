/* What a connection speaks: HTTP at first, WebSocket after an upgrade. The one table through which sockets.c and
 * connections.c reach either; they never ask which it is.
 *
 * All are called on the connection's thread, none frees the session. A session asks for things by struct
 * transport, which never calls back. */
#pragma once

#include "base/bytes.h"
#include "event/ticket.h"

struct large_payload;
struct page_reply;

struct session_ops {
    void (*receive)(void *session, struct slice bytes);
    /* The client has sent all it will (FIN). */
    void (*end_of_input)(void *session);
    /* Before the loop blocks, if the session asked by want_flush. */
    void (*flush)(void *session);
    /* It is its turn, if the session asked by want_turn. */
    void (*go_on)(void *session);
    /* The socket takes bytes again; may be called although nothing waited. */
    void (*writable)(void *session);
    /* Completions of this connection's generation. */
    void (*complete)(void *session, const struct ticket *ticket);
    void (*stored)(void *session, struct token token);
    /* What became of a large payload, which stays the caller's; its completion may follow. */
    void (*submitted)(void *session, struct token token, struct large_payload *large);
    void (*page)(void *session, struct token token, struct page_reply *reply);
    /* Once a second. */
    void (*tick)(void *session);
    /* There may be room again for what it receives: see kept.h. */
    void (*resume)(void *session);
    /* Others need the room of what it keeps: ERROR_RECEIVING_FULL or ERROR_REPLYING_FULL says which. */
    void (*give_way)(void *session, enum error why);
    /* front->draining was set. */
    void (*drain)(void *session);
    /* Answers are owed, or not all of them are out. */
    bool (*owes)(const void *session);
    /* The client's FIN came: are answers owed that the socket should outlive it for? */
    bool (*outlives_fin)(const void *session);
    /* The connection is gone: counts what was cut in half, gives memory back. */
    void (*close)(void *session);
};
