/* What stands around the events of a payload, or beside the fields of a single one: which stream they are of, where they
 * are, and when they were sent. */
#pragma once

#include "pipeline/json/json.h"

/* The names of those members. */
struct envelope_names {
    struct slice items;   /* an array of events */
    struct slice stream;  /* a text */
    struct slice sent_at; /* a time */
};

struct envelope {
    struct slice stream; /* empty: none is named, or this payload may not choose */
    json_at items;       /* an array; 0: the root is the one event */
    json_at sent_at;     /* of `items`; 0: it is not said */
};

/* One walk for all three, as every payload pays for it. Of equal names of streams and times the last counts, of arrays the
 * first. `many`: the payload may hold more than one event; `picks`: it may name their stream. */
struct envelope envelope_read(const struct envelope_names *names, bool many, bool picks,
                              const struct json_document *document);
