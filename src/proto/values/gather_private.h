/* What the files that gather values share. Private to them. */
#pragma once

#include "proto/values/event_sources.h"
#include "proto/values/gather.h"

/* How a text of a request is escaped. */
enum escape { ESCAPE_NONE, ESCAPE_PERCENT, ESCAPE_PLUS, ESCAPE_SLASH /* of a path: NUL stands for it */ };

struct gathering {
    struct value_set *set;
    const struct gather_request *request;
    const struct event_source *source; /* whose values come */
};

/* Appends a text without its escapes. */
void gather_decode(struct value_set *set, struct slice text, enum escape escape);

/* The member that a source makes of a name (decoded, at `mark` of the text); false: it does not take it. */
bool gather_name(const struct gathering *gathering, struct value_set *set, size_t mark, struct slice *key);

/* Adds what a source makes of a name and a value; both as they were sent. */
void gather_offer(const struct gathering *gathering, struct slice name, struct slice text, enum escape escape);

/* Adds a value that fields name by its source, if one does: "@query.x". */
void gather_offer_source(const struct gathering *gathering, enum path_source source, struct slice name,
                         struct slice text, enum escape escape);

/* gather_body.c: the fields of a form, and what the body is to its events. */
void gather_body(const struct gathering *gathering, struct slice *bytes);
