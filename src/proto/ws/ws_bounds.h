/* What a WebSocket keeps and how fast its client is, against the bounds of its I/O thread: the inner part of ws_session, not
 * for others. */
#pragma once

#include <stdbool.h>

struct ws_session;

/* Bytes have been received. */
void ws_bounds_receive(struct ws_session *session);

/* Counts what is kept now, decides whether to read on, and who waits in line. */
void ws_bounds_settle(struct ws_session *session);

/* Once a second: gives back what only a large message needed, or all of an idle connection. */
void ws_bounds_shed(struct ws_session *session);

/* The socket was given bytes; `taken`: it took some. */
void ws_bounds_write(struct ws_session *session, bool taken);

/* Nothing is kept any more. */
void ws_bounds_leave(struct ws_session *session);

/* Its message was not read on for want of room, for long. */
bool ws_bounds_has_waited_for_room(const struct ws_session *session);

/* Forgets all that is owed and not out: the connection is about to be closed. */
void ws_bounds_lose_replies(struct ws_session *session);

/* A whole message was held back, for the gateway was full for too long. */
bool ws_bounds_has_waited_in_vain(const struct ws_session *session);

/* Once a second: a message takes too long, or its client sends less than it must. */
bool ws_bounds_is_too_late(struct ws_session *session);

/* Once a second, while the socket is blocked: the client takes less than it must. */
bool ws_bounds_takes_too_slowly(struct ws_session *session);
