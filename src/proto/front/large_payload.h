/* A payload that is too large for an I/O thread to unpack and parse between two others: what becomes of it is found out
 * beside that thread (payload_thread.h). Plain data with one owner at a time. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/request_fields.h"
#include "event/stream_set.h"
#include "pipeline/payload/request_values.h"
#include "pipeline/pipeline.h"
#include "proto/front/client_address.h"
#include "proto/front/encoding.h"

#include <stdint.h>

struct large_payload {
    struct large_payload *next;
    struct payload payload; /* its slices borrow from `bytes` and `text` */
    enum encoding encoding;
    uint64_t max_decompressed;
    const struct stream *blamed; /* counted with it if it cannot be unpacked; NULL: none */
    bool charged;                /* what it holds, to the limits of `client` */
    struct client_address client;
    bool has_key; /* and to those of its key, with this hash */
    uint8_t key_hash[32];
    int ids;          /* http_events.c's own */
    struct buf bytes; /* as sent */
    struct buf text;
    struct request_values values;  /* of `payload`; its items are this one's, their texts in `text` */
    struct stream_set streams;     /* payload.streams points there, if it is not NULL */
    struct request_fields request; /* payload.request points there, if it is not NULL */
    uint64_t turn;                 /* payload_thread's */
    /* What is known of it once it comes back. */
    enum error error; /* not OK: it could not be unpacked, and was counted; there is no submission */
    struct submission submission;
};

/* Of `as`, without its next, `bytes`, `text` and what is known of it: those are made, of what as->payload borrows. NULL: memory
 * is short. */
struct large_payload *large_payload_copy(const struct large_payload *as);
void large_payload_free(struct large_payload *large);
