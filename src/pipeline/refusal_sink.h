/* Who is told of each refusal while what was refused is still there: what keeps it, what shows it. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/ticket.h"

struct json_document;
struct payload;
struct stream;

struct refusal {
    enum protocol protocol;
    const char *stream; /* outlives the pipeline; "" : none yet */
    const char *field;  /* likewise; "" : no configured one is at fault */
    enum error error;
};

/* What was refused, as far as it came. All of it is the caller's, and goes when the call returns. */
struct refused_input {
    const struct stream *stream;   /* that it was for; NULL: none, or that is not known */
    const struct payload *payload; /* when it was received, of whom, by which route; NULL: none came that far */
    struct slice key_name;         /* of the key that was shown; empty: none */
    uint64_t events;               /* 1, or of a payload that was refused whole as many as were not refused before */
    bool whole;                    /* a payload, not an event of one */
    bool alone;                    /* an event that is all of its payload: what names its stream is a member of it */
    int64_t sent_ns;               /* wall: when the client says that it sent them, beside its events; 0: it does not */
    /* An event that could be read, with what its request says of it: the value at `at`. NULL: `bytes` is what there is. */
    const struct json_document *document;
    uint32_t at;        /* a json_at (json.h) */
    bool merged;        /* the request said something of it: it is more than was sent */
    struct slice bytes; /* as they came, unpacked where that was done; empty: none were read */
};

struct refusal_sink {
    void *context;
    /* The thread that submits, of which there are several. Must not block. `message` is what the client gets, and may quote
     * the event; empty: the error's own text, or a route's request has secrets. */
    void (*refused)(void *context, const struct refusal *refusal, const struct refused_input *input,
                    struct slice message);
};
