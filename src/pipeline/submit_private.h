/* A payload on its way into the open chunk of its stream: what submit.c and submit_open.c share. Private to them. */
#pragma once

#include "pipeline/validate/validate.h"

#include "base/error.h"

struct stream_choice;
struct envelope_names;
struct payload;
struct payload_merge;
struct payload_reader;
struct payload_source;
struct submission;

struct entry {
    struct pipeline_io *io;
    const struct payload *payload;
    struct submission *submission;
    const struct stream *stream; /* the payload's, or the one that it named */
    struct chunk *chunk;
    struct ticket *ticket; /* NULL until the payload is known to hold events, and their stream */
    uint32_t first_row;
    uint64_t max_event; /* bytes; of the stream that the ticket is of */
    struct event_context context;
    struct payload_reader *reader;
    uint64_t repaired;           /* texts of the request */
    struct payload_merge *merge; /* what the request says is put into each event; NULL: it says nothing */
    uint64_t merged;             /* bytes by which it made events larger, at most, */
    uint64_t weighed;            /* and how many of them there were when the chunk was weighed last */
};

/* What stands around events where no route says otherwise. */
extern const struct envelope_names submit_member_names;

/* The payload is refused as a whole, unread: one event. */
void submit_refuse(struct entry *entry, enum error error);

/* The payload is for one event, and holds what looks like several: says so, and where they go. */
void submit_hint_at_many(struct entry *entry);

/* Up to the first event. False: the payload was refused. */
MUST_CHECK bool submit_open(struct entry *entry, const struct payload_source *source);

/* The stream that a route has for the value of a member: `own`, the event's, or that of the request. False: there is none, and
 * the payload was refused. */
MUST_CHECK bool submit_choose(struct entry *entry, const struct stream_choice *choice, struct slice own);
