/* The fates of requests, as the pipeline and pages tell them: the inner part of http_session, not for others. */
#pragma once

#include "proto/http/http_session.h"

/* While the gateway drains nothing is stored any more. */
void http_fates_stop_waiting(const struct http_session *session, struct http_answer *answer);
