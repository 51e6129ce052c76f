/* What a route says of how a payload holds its events, and of what becomes of them together. Plain data, compiled once. */
#pragma once

#include "base/bytes.h"

struct stream_choice;

struct payload_shape {
    /* The member that holds an array of events, whatever fields the stream has. Empty: "events", unless the stream reads a field from
     * there. With PAYLOAD_MEMBER the payload must have it. */
    struct slice items;
    const struct slice *envelope; /* members beside it that each event reads as its own, unless it has them itself */
    size_t envelope_count;
    bool atomic;                        /* one refused event refuses all */
    bool allow_empty;                   /* no event at all is no error */
    uint64_t max_events;                /* 0: as many as http.max_events says */
    bool secret;                        /* the request holds what no log may: messages of refusals are left out there */
    const struct stream_choice *choice; /* with PAYLOAD_ONE: stream_choice.h; NULL: the payload's own stream */
};
