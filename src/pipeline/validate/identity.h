/* The identity of events: gathers what is hashed of an event of a stream, or makes an id up. One per I/O thread,
 * private to validate.c. What is hashed: docs/protocol.md, "Event ids". */
#pragma once

#include "event/event_id.h"

struct chunk;
struct places;
struct stream;

struct identity {
    struct buf key;
    size_t of_stream; /* bytes of `key` that every event of the stream has */
    size_t prefix;    /* and that every event of its tenant has */
    struct event_id_generator generator;
    bool again;           /* what is made up follows from `seed` and `made` */
    struct event_id seed; /* identity_again */
    uint32_t made;        /* from it */
};

/* `prefix`: the bytes of the longest that will be begun. False if memory is short. */
MUST_CHECK bool identity_init(struct identity *identity, size_t prefix);
void identity_release(struct identity *identity);

/* Appends what is hashed of every event of the stream. */
void identity_prefix(const struct stream *stream, struct buf *prefix);

/* The events that follow are of the stream with this prefix. */
void identity_begin(struct identity *identity, struct slice prefix);

/* Of a stream with `tenant: key`: the event that follows came with the key of this name; empty: without a key. */
void identity_tenant(struct identity *identity, struct slice name);

/* Ids that would be made up follow from `seed`; NULL: from chance, as at the start. */
void identity_again(struct identity *identity, const struct event_id *seed);

/* The id of the row begun last, whose values `places` found in the event: stable if the event itself has every field of
 * the key that is not optional, or the gateway has filled it with the name of a key. Of a stream with upsert: of the key and of all values that the event has. If memory is short identity->key.failed is set and the id means nothing. */
struct event_id identity_of(struct identity *identity, const struct places *places, const struct chunk *chunk,
                            int64_t wall_ns);
