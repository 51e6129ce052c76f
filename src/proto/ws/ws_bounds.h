/* What a WebSocket keeps and how fast its client is, against the bounds of the front: the inner part of ws_session, not
 * for others. */
#pragma once

#include "proto/ws/ws_session_private.h"

/* Bytes have been received. */
void ws_bounds_receive(struct ws_session *session, size_t bytes);

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

/* As in struct session_ops. */
void ws_bounds_resume(void *session);
void ws_bounds_give_way(void *opaque, enum error why);

/* Once a second, while a message is on its way: the client sends less than it must. */
bool ws_bounds_sends_too_slowly(struct ws_session *session);

/* Once a second, while the socket is blocked: the client takes less than it must. */
bool ws_bounds_takes_too_slowly(struct ws_session *session);
