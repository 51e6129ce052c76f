/* What the protocols share: one load under way, its counts, and the contract that a protocol fulfils.
 *
 * One thread. A protocol opens its connections, then run() hands out the numbers that pace.h lets it and counts what comes
 * back, until all is answered. */
#pragma once

#include "body.h"
#include "compress.h"
#include "histogram.h"
#include "options.h"
#include "pace.h"
#include "progress.h"
#include "reply.h"

#include <stdio.h>

#define CLOSE_CODES 5000

/* The sums that the report is made of, report.c has their names. */
struct totals {
    uint64_t payloads; /* requests, messages or datagrams */
    uint64_t events, bytes;
    uint64_t accepted, duplicate, rejected, failed; /* events */
    uint64_t wrong, retried;                        /* replies; requests */
    uint64_t acks, pings;
    uint64_t lost_connections, lost_idle, reconnects;
    uint64_t statuses[6];
    uint64_t close_codes[CLOSE_CODES]; /* of WebSockets */
};

/* The bytes of one request's body, message or datagram. */
struct payload {
    char *bytes;
    size_t length;
    uint64_t first; /* place of its first event in the order of sending */
};

struct protocol;

struct load {
    const struct protocol *protocol;
    struct options options;
    struct template template;
    struct body body;
    struct compressor *compressor; /* NULL: none */
    char *plain;                   /* the body that is compressed */
    size_t bound;                  /* bytes of a payload, at most */
    struct payload same;           /* with --same: the one for all */
    struct numbers numbers;
    struct pace pace;
    struct totals totals;
    struct histogram latencies;
    struct progress progress;
    FILE *acked;
    size_t open; /* connections that the run waits for */
    void *state; /* the protocol's own */
};

struct protocol {
    const char *payloads; /* what the report calls them */
    void (*open)(struct load *load);
    void (*run)(struct load *load);
    void (*close)(struct load *load); /* NULL: there is nobody to say goodbye to */
};

extern const struct protocol http_protocol, ws_protocol, udp_protocol;

/* From options to what can be opened. */
void load_init(struct load *load);

/* Memory for a payload with `room` bytes in front of it; with --same it is the same for all, and ready. */
void load_new_payload(struct load *load, struct payload *payload, size_t room);

/* Makes it the next one, of the next numbers. */
void load_next_payload(struct load *load, struct payload *payload);

/* Counts the events of `payloads` payloads whose reply, of success, has this body. False: its counts are wrong. */
bool load_count_reply(struct load *load, struct slice body, uint64_t payloads, bool with_ids);

/* Writes the numbers of a payload's events to --acked. */
void load_acknowledge(struct load *load, uint64_t first);

/* Events that are accepted, duplicate or rejected. */
uint64_t load_decided(const struct load *load);
