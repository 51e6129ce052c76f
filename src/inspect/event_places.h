/* Where an event is in a data folder: which segment of the journal, which dead letter. Read only and without the lock, so beside a running
 * gateway and without one. What cannot be looked at is told as such: it is no "not found".
 *
 * Segments move from journal/ to the table or to dead/, and from retry/ to journal/, while they are looked for. So look here first, at
 * the table then, and here once more if both had nothing. */
#pragma once

#include "event/event_id.h"

#include <stddef.h>

enum event_place_kind {
    PLACE_JOURNAL, /* accepted, not yet known to be stored */
    PLACE_RETRY,   /* a dead letter that was given back: the gateway takes it into the journal */
    PLACE_DEAD,    /* a dead letter */
    PLACE_DAMAGED, /* in a segment that the gateway set aside */
    PLACE_REJECTS  /* refused, and kept as it came (`rejects`): a line that names the id */
};

struct event_place {
    enum event_place_kind kind;
    const char *stream;
    const char *segment; /* its name; of a reject the file's */
    struct slice row;    /* JSON */
    const char *reason;  /* of a dead letter; "": unknown. Plain text */
    const char *at;      /* since when it is one, RFC 3339; "": unknown */
    int64_t code;        /* ClickHouse's; 0: unknown */
};

struct event_search {
    const char *data; /* the folder */
    struct event_id id;
    const char *stream; /* NULL: of all */
    void (*found)(void *context, const struct event_place *place);
    void (*not_looked)(void *context, const char *where, const char *why);
    void *context;
    size_t segments; /* that were looked at, in all places */
    size_t rows;
};

/* The searched is in *search; the two counts grow. */
void event_places_search(struct event_search *search);

/* The same in what was refused and is kept, where the id stands anywhere in a line. */
void event_rejects_search(struct event_search *search);
