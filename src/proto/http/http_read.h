/* The reading half of an HTTP session: the inner part of http_session, not for others. */
#pragma once

#include "proto/http/http_serve.h"

/* PHASE_HEAD or PHASE_BODY, and there is room in the ring. True: a request was taken, or has begun; more may be had. */
bool http_read_request(struct http_session *session);

/* The last answer, to a request whose own words are lost: one that was cut off, or is not HTTP. */
void http_read_refuse(struct http_session *session, bool is_event, enum error error);
