/* Which stream a request's events go to: what POSTs and WebSockets share. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct event_route;
struct io_context;
struct stream;

/* That of the route, or that which a part of the path names (context->captures), or that of the query's `stream`, else the
 * first. ERROR_UNKNOWN_STREAM: *detail lists those that there are, until the next call. ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error http_streams_choose(struct io_context *context, const struct event_route *route,
                                          struct slice query, const struct stream **stream, struct slice *detail);

/* Does a part of the path name it? */
bool http_streams_are_in_path(const struct event_route *route);

/* May context->key, which is there, write what the head says of the stream? ERROR_STREAM_FORBIDDEN with *detail: no. Where an event
 * chooses it, or there is none of that name, that is told later. */
MUST_CHECK enum error http_streams_may(struct io_context *context, const struct event_route *route, struct slice query,
                                       struct slice *detail);
