/* Takes a WebSocket from one state to the next: on with what was received, as far as room and turns allow, and through its
 * end. The middle of ws_session, not for others. */
#pragma once

#include "base/error.h"

struct large_payload;
struct ws_session;

/* Takes as many frames as there are and there is room for. */
void ws_progress_advance(struct ws_session *session);

/* What became of the large message. */
void ws_progress_submitted(struct ws_session *session, struct large_payload *large);

/* No further message is taken, one that has begun is lost; the close frame follows the acknowledgements that are owed.
 * Once; later calls do nothing. */
void ws_progress_end(struct ws_session *session, enum error error);

/* The last steps of the closing handshake, if the time has come for them. */
void ws_progress_settle(struct ws_session *session);

/* The connection is gone: submits what came whole if it was open, counts the rest. Nobody is told. */
void ws_progress_leave(struct ws_session *session);
