/* Orders: what a command wants done with rejects, told to the gateway that owns their files. An order is a file of the folder
 * <data>/rejects/orders; the gateway takes one after the other, and leaves a report in its place (NAME.done).
 *
 *   verb=retry | drop, stream=, code=, field=, id=: each once at most, but id; cut=1. One a line. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_id;
struct reject;

enum reject_verb { VERB_RETRY, VERB_DROP };

#define REJECT_ORDERS "orders"
#define REJECT_ORDER_SUFFIX ".order"
#define REJECT_DONE_SUFFIX ".done"

/* Which rejects are meant: all that agree with each thing that is given. */
struct reject_filter {
    struct slice stream, code, field; /* NULL data: any */
    const struct event_id *ids;
    size_t id_count; /* 0: any */
};

bool reject_filter_takes(const struct reject_filter *filter, const struct reject *reject);

/* Borrows from its text. Released with reject_order_release. */
struct reject_order {
    enum reject_verb verb;
    bool cut; /* of retry: also those that something was cut from */
    struct reject_filter filter;
    struct buf ids;
};

/* False: it is none, or memory is short. */
MUST_CHECK bool reject_order_read(struct reject_order *order, struct slice text);
void reject_order_release(struct reject_order *order);
void reject_order_write(const struct reject_order *order, struct buf *out);

/* What became of the rejects that an order means. */
struct reject_report {
    uint64_t taken;      /* dropped, or submitted */
    uint64_t accepted;   /* events: of these */
    uint64_t duplicate;  /* events, too */
    uint64_t refused;    /* again: they stay, with the new reason */
    uint64_t failed;     /* could not be taken then: they stay */
    uint64_t cut;        /* stay, as something was cut from them */
    uint64_t unsendable; /* stay: there is nothing to be sent, or it may not be */
    uint64_t strayed;    /* stay: there is no such stream */
};

void reject_report_write(const struct reject_report *report, struct buf *out);
MUST_CHECK bool reject_report_read(struct reject_report *report, struct slice text);
