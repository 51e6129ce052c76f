/* What a request is to its events: the JSON of its body, unpacked, and the values that its route and the fields of its stream
 * read beside it. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct event_route;
struct http_request;
struct io_context;
struct request_values;
struct stream;

struct http_body {
    struct slice bytes;                  /* followed by JSON_PADDING readable bytes */
    bool large;                          /* they are as they were sent: to be handed on (io_context_hand_on) */
    const struct request_values *values; /* of context->values; NULL: none */
};

/* Does the route take a body of this type? Of a form its own type says too little. */
bool http_body_takes_type(const struct event_route *route, const struct http_request *request);

/* Of a whole request; `body` has its bytes. Not OK: *detail says why, if there is more to say than the error does. */
MUST_CHECK enum error http_body_read(struct io_context *context, const struct event_route *route,
                                     const struct http_request *request, const struct stream *stream,
                                     struct http_body *body, struct slice *detail);
