/* What belongs to an event and does not stand in it. */
#pragma once

#include "event/request_fields.h"
#include "event/value.h"

struct event_context {
    int64_t received_wall_ns;
    struct slice client_ip; /* text; empty if unknown */
    struct slice user_agent;
    const struct request_fields *request; /* NULL: unknown */
    struct client_clock clock;
    bool named_stream; /* the member "stream" named the stream: it is no unknown field of the event */
    bool is_payload; /* the event is all of it: a member "sent_at" that is a time tells of the clock, and is no field */
};
