/* Turns a placeholder into whether every route of events knows it. */
#include "proto/reply/event_names.h"

bool event_names_know(struct slice name)
{
    static const char *const names[] = {
#define X(name, value) name,
        EVENT_NAMES(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal(slice_from_string(names[i]), name)) {
            return true;
        }
    }
    return slice_starts_with(name, SLICE("query.")) || slice_starts_with(name, SLICE("cookie."));
}
