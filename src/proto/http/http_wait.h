/* What an HTTP connection waits for, and so which time-out it is under: the inner part of http_session, not for others. */
#pragma once

#include "proto/http/http_session.h"

/* Of a session that is not closed, from its state alone. */
enum http_wait http_wait_of(const struct http_session *session);

int64_t http_wait_patience_ns(const struct http_options *options, enum http_wait wait);

/* Nothing has ever come, for longer than a head may take. */
bool http_wait_is_silent(const struct http_session *session);
