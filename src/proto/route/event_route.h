/* What a route that takes events says of them, compiled once at start. Shared by all threads, read-only. */
#pragma once

#include "base/bytes.h"
#include "config/options/string_list.h"
#include "pipeline/payload/payload_form.h"

#include <stddef.h>
#include <stdint.h>

struct captures;
struct event_sources;
struct reply_set;
struct route_options;
struct stream;

/* Zero is what a plain POST of one event to /events means. */
struct event_route {
    const struct route_options *options; /* NULL: it is built in */

    /* The stream: one for all, or chosen by a part of the path, or by a member of the event. All empty: the query's
     * `stream`, else the first. */
    const struct stream *stream;
    struct slice stream_capture;
    const struct stream_choice *choice;

    /* The payload. */
    enum payload_form form;      /* PAYLOAD_ONE or PAYLOAD_MANY */
    struct slice items;          /* the member that holds the list; empty: as /events/bulk has it */
    bool items_optional;         /* without it the object is the one event */
    struct string_list envelope; /* members beside the list that each event reads */
    bool atomic;
    bool allow_empty;
    uint64_t max_events;     /* 0: http.max_events */
    uint64_t max_body_bytes; /* 0: http.max_body */

    bool waits_stored;                   /* the reply waits until the events are stored */
    const struct event_sources *sources; /* NULL: the body as it is */
    const struct reply_set *replies;     /* NULL: the usual answers */
};
