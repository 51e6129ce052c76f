/* What stands around the events of a payload, or beside the fields of a single one: which stream they are of, where they
 * are, and when they were sent. */
#pragma once

#include "pipeline/json/json.h"

struct payload;

struct envelope {
    struct slice stream; /* empty: none is named, or this payload may not choose */
    json_at events;      /* an array; 0: the root is the one event */
    json_at sent_at;     /* of `events`; 0: it is not said */
};

/* One walk for all three, as every payload pays for it. Of equal names of streams and times the last counts, of arrays the
 * first. */
struct envelope envelope_read(const struct payload *payload, const struct json_document *document);
