/* The writing half of an HTTP session: the inner part of http_session, not for others. */
#pragma once

#include "proto/http/http_session_private.h"

/* Moves the answers that are next in order into `out`, until that is enough for the socket; the last of the connection is
 * the last that is written. A phase that writes. */
void http_write_collect(struct http_session *session);

/* Gives the socket what is in `out`. False: the connection is lost. */
MUST_CHECK bool http_write_out(struct http_session *session);
