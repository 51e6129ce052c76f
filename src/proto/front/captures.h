/* What the named parts of a path pattern stood for in a request: "/a/{user}" and "/a/7" give user=7. */
#pragma once

#include "base/bytes.h"

#define CAPTURES_MAX 8

struct capture {
    struct slice name; /* the configuration's */
    struct slice
        value; /* percent-decoded. Those who take events see a NUL where a slash was sent as %2F, others a slash */
};

struct captures {
    size_t count;
    struct capture items[CAPTURES_MAX];
};

/* The value of this name; data is NULL: there is none. */
static inline struct slice captures_find(const struct captures *captures, struct slice name)
{
    for (size_t i = 0; i < captures->count; i++) {
        if (slice_equal(captures->items[i].name, name)) {
            return captures->items[i].value;
        }
    }
    return (struct slice){ NULL, 0 };
}
