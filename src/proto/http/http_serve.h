/* One request: where it goes, and its answer. */
#pragma once

#include "proto/http/http_exchange.h"

struct http_destination {
    const struct route *route;
    struct slice
        path;         /* percent-decoded; it and the captures, which are context->captures, may live in context->path */
    unsigned allow;   /* the path's methods, if the request's is not one of them */
    enum error error; /* what to answer instead of serving it */
    struct slice detail; /* says more of it, or is empty; good until the next request is looked at */
    bool is_event;       /* refused, it is counted as an event */
    bool visit;          /* of a route that takes events, and none: http_visits.h */
    bool options;        /* an OPTIONS request: answered with what may be done */
};

/* What the head alone says. A key is cut out of the query. */
struct http_destination http_serve_find(struct http_exchange *exchange, struct http_request *request);

/* Asks the limits, of which there are some, and gives `to` their error: of the same request any number of times. */
void http_serve_ask(struct http_exchange *exchange, const struct http_request *request, struct http_destination *to);

/* A whole request. `body` is followed by JSON_PADDING readable bytes. There is room in the ring. */
enum http_outcome http_serve(struct http_exchange *exchange, const struct http_request *request,
                             const struct http_destination *to, struct slice body);

/* A request that is not read to its end: its problem is the last answer of the connection. */
void http_serve_refusal(struct http_exchange *exchange, const struct http_request *request,
                        const struct http_destination *to, enum error error, struct slice detail);
