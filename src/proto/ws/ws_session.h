/* One WebSocket connection (RFC 6455): bytes in, messages out of them, submissions, acknowledgements in order, bytes
 * out. Knows no socket and no libwebsockets: what it needs of them is struct transport.
 *
 * A text message is a payload; a binary one holds a payload in LZ4. Messages are numbered from 1 on a connection; an
 * acknowledgement
 *
 *   {"ack":n,"accepted":a,"duplicate":d,"rejected":r,"errors":[{"frame":k,"index":i,"field":f,"code":c,"message":m}]}
 *
 * says that messages up to n are decided, with the sums of those since the last one. It waits until all of them are as
 * durable as configured. A payload refused whole (not JSON, damaged LZ4) is one event rejected, its error has index
 * null, and the connection goes on. Where the errors of a message are not all listed, "refused":[{"frame":k,"codes":
 * {…}}] names its refused events whole (pipeline/refused_runs.h).
 *
 * A connection ends after the acknowledgement of all messages before its end, with the close code of its row in error.h:
 *   1000 (or the client's own code echoed)  the client closed
 *   1002 1003 1007 1009                     a broken frame, not LZ4, not UTF-8, too large
 *   1008                                    a message that took too long, or a key that may not send any more
 *   1011                                    an internal error
 *   1012                                    the gateway drains
 *   1013                                    full for longer than full_timeout; or a group failed, its fate unknown: what
 *                                           is not acknowledged is to be sent again
 *
 * All functions are called on the thread of its context. Nothing is freed while one of them runs. */
#pragma once

#include "proto/front/session.h"

struct io_context;
struct transport;
struct ws_session;
struct ws_terms;

extern const struct session_ops ws_session_ops;

/* Takes over `terms`. `token` names slot and generation; its sequence is not used. NULL: memory is short (terms are
 * released). Reading is on. If the context drains already, it asks for a flush, and ends. */
struct ws_session *ws_session_new(struct io_context *context, struct transport *transport, struct token token,
                                  struct ws_terms *terms);

/* After ws_session_ops.close. */
void ws_session_free(struct ws_session *session);
