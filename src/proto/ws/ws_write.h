/* The writing half of ws_session, not for others: acknowledgements and the close frame. Pings and pongs are ws_pings.h's;
 * ws_session.c puts both together. */
#pragma once

#include "proto/ws/ws_session_private.h"

/* The acknowledgement of what is decided, into `out`. Else than OK: why no further one can follow; no more is owed. */
MUST_CHECK enum error ws_write_acks(struct ws_session *session);

/* The close frame, into `out`: it is WS_PHASE_ENDING, and nothing is owed. */
void ws_write_close(struct ws_session *session);

/* Gives the socket what is in `out`. False: the connection is lost. */
MUST_CHECK bool ws_write_out(struct ws_session *session);

/* A connection that we end for this. */
void ws_write_count_closed(struct ws_session *session, enum error error);
