/* Copies what was refused, while it is there, into one block of memory that the thread of the rejects turns into a line. */
#pragma once

#include "pipeline/refusal_sink.h"
#include "rejects/reject.h"

#define REJECT_MAX_EVENT                                                                                               \
    ((uint64_t)1 << 20) /* bytes of an event that is kept, or of the beginning of a larger payload */

struct taken_reject {
    struct taken_reject *next;
    const struct stream *stream; /* NULL: none */
    enum error error;
    enum protocol protocol;
    const char *field; /* outlives the pipeline */
    struct reject
        reject; /* its slices are in this block, or outlive the pipeline; without id, retry, cut, request; the event: */
    struct slice bytes; /* followed by JSON_PADDING readable bytes; NULL: nothing of it is kept */
    bool read;          /* it could be read, so that `bytes` is JSON, but for keys that begin with 0xFF: */
    bool merged;        /* values of the request, by their source (event/path.h) */
    bool sendable;      /* it may be sent again, if all of it is kept */
    size_t size;        /* of the block */
    uint64_t weight;    /* events that it counts for */
};

/* Any thread that submits. NULL: memory is short. free() frees it. */
struct taken_reject *reject_take(const struct refusal *refusal, const struct refused_input *input,
                                 struct slice message);
