/* What a route that takes events says of them, compiled once at start. Shared by all threads, read-only. */
#pragma once

#include "base/bytes.h"
#include "pipeline/payload/payload_form.h"
#include "pipeline/payload/payload_shape.h"

#include <stddef.h>
#include <stdint.h>

struct event_sources;
struct reply_set;
struct route_options;
struct stream;

/* Zero is what a plain POST of one event to /events means. */
struct event_route {
    const struct route_options *options; /* NULL: it is built in */

    /* The stream: one for all, or chosen by a part of the path. Both empty: the query's `stream`, else the first.
     * Of one that a member of the event chooses (shape.choice) `stream` is that of all other values, or the first. */
    const struct stream *stream;
    struct slice stream_capture;

    /* The payload. */
    enum payload_form form;     /* PAYLOAD_ONE, PAYLOAD_MANY or PAYLOAD_MEMBER */
    struct payload_shape shape; /* of a route of the configuration */
    uint64_t max_body_bytes;    /* 0: http.max_body */

    bool open;                           /* whoever comes may send, with a key or without */
    bool own_key;                        /* the argument `key` of the query is a value of its events, not a key */
    bool waits_stored;                   /* the reply waits until the events are stored */
    const struct event_sources *sources; /* NULL: the body as it is */
    const struct reply_set *replies;     /* NULL: the usual answers */
};
