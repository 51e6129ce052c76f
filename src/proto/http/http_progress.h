/* Takes an HTTP connection on with what was received, as far as room, turns and its phase allow: the middle of
 * http_session, not for others. */
#pragma once

#include "base/error.h"

struct http_session;

/* Takes as many requests as there are, and there is room and time for. */
void http_progress_advance(struct http_session *session);

/* Refuses a request whose head or body is still on its way, as the last. It is waited for, so that there is room in the
 * ring. */
void http_progress_refuse(struct http_session *session, enum error error);

/* What it waits for may have changed. */
void http_progress_set_deadline(struct http_session *session);
