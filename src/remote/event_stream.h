/* Server-sent events (WHATWG HTML, section 9.2.6, "Interpreting an event stream"): bytes as they come become events. Pure; made for
 * bytes of strangers, too. */
#pragma once

#include "base/bytes.h"

#define EVENT_STREAM_NAME_MAX 64
#define EVENT_STREAM_DATA_MAX ((size_t)4 << 20) /* of one event, and of one line; what is longer is left out */

/* Zeroed is the beginning of a stream. */
struct event_stream {
    struct buf line;
    struct buf data; /* lines, each with its '\n' */
    char name[EVENT_STREAM_NAME_MAX];
    bool after_cr; /* an '\n' that comes next ends no line */
    bool has_data;
    bool too_long; /* the event that is being read is left out */
};

/* Calls `each` for every event that is whole now: its name ("message" if it has none) and its data, valid during the call. False: `each`
 * said so, and nothing more was read. */
MUST_CHECK bool event_stream_take(struct event_stream *stream, struct slice bytes,
                                  bool (*each)(void *context, const char *name, struct slice data), void *context);
void event_stream_release(struct event_stream *stream);
