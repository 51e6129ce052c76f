/* Which columns of an event got a default as their value did not fit (`lenient`), and how many events so far. Private to
 * validate/. */
#pragma once

#include "base/error.h"
#include "event/column.h"

struct path_node;

/* Zeroed: nothing is lenient. Has room for the columns of the largest stream. */
struct defaulted {
    const struct column_spec *columns; /* of the stream */
    size_t words;                      /* of `bits` for its columns */
    bool any;                          /* a bit is set */
    uint64_t *bits;                    /* columns of the event */
    uint32_t *counts;                  /* by column: events that were taken */
    uint32_t count;                    /* of them all */
};

MUST_CHECK bool defaulted_init(struct defaulted *defaulted, size_t columns);
void defaulted_release(struct defaulted *defaulted);

void defaulted_note(struct defaulted *defaulted, const struct column_spec *spec);

/* The columns of all paths from the node on. */
void defaulted_note_below(struct defaulted *defaulted, const struct path_node *node);

/* May the column have its default instead of what does not fit? */
static inline bool defaulted_may(const struct column_spec *spec, enum error error)
{
    return spec->lenient && !spec->required && error != ERROR_OUT_OF_MEMORY;
}

/* A new event begins; what is noted of one that was refused goes. */
void defaulted_begin(struct defaulted *defaulted);

/* The event was taken. */
void defaulted_count(struct defaulted *defaulted);
