/* A member of an event that says which stream it is of, as a route has it. Plain data, compiled once. */
#pragma once

#include "base/bytes.h"

struct stream;

struct stream_choice {
    struct slice member; /* of the one event of a payload; its value is a text */
    const struct slice *values;
    const struct stream *const *streams; /* of each value */
    size_t count;
    const struct stream *otherwise; /* of all other values, and of none; NULL: they are refused */
};
