/* Routes whose replies the configuration gives. */
#pragma once

#include "base/bytes.h"

struct event_route;
struct http_answer;
struct http_exchange;
struct http_request;
struct reply_set;

/* The answer, which is begun, will be what `route` says of its events, with what is read of the request. False: memory is short. */
MUST_CHECK bool http_configured_attach(const struct http_exchange *exchange, const struct http_request *request,
                                       const struct event_route *route, struct http_answer *answer);

/* Ready with the reply of a route that takes no events. */
void http_configured_reply(const struct http_exchange *exchange, const struct http_request *request,
                           const struct reply_set *set, struct http_answer *answer);
