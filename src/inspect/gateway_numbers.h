/* What a gateway's pages say of it, as numbers: /metrics by stream, protocol, reason and server. Pure. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

/* Of a stream, a protocol, a reason or a server; what a row lacks is 0. Counters come first: their rate is what is shown. */
enum number {
    NUMBER_RECEIVED,
    NUMBER_ACCEPTED,
    NUMBER_DUPLICATE,
    NUMBER_REJECTED,
    NUMBER_DROPPED,
    NUMBER_RECOVERED,
    NUMBER_STORED,
    NUMBER_DEAD_LETTERED,
    NUMBER_DAMAGED,
    NUMBER_INSERT_FAILURES,
    NUMBER_IN_FLIGHT,
    NUMBER_JOURNAL_EVENTS,
    NUMBER_JOURNAL_BYTES,
    NUMBER_JOURNAL_SEGMENTS,
    NUMBER_WAITING,
    NUMBER_HELD,
    NUMBER_DEAD_ROWS,
    NUMBER_AGE_S,
    NUMBER_BREAKER_OPEN,
    NUMBER_COUNT
};

/* Of the whole gateway. */
enum whole_number {
    WHOLE_CONNECTIONS,
    WHOLE_WEBSOCKETS,
    WHOLE_FREE_BYTES,
    WHOLE_DEAD_BYTES,
    WHOLE_QUEUE_EVENTS,
    WHOLE_MEMORY_BYTES,
    WHOLE_STARTED_S, /* since 1970 */
    WHOLE_COUNT
};

#define NUMBERS_NAME_MAX 96
#define NUMBERS_ROWS_MAX 1024 /* of a kind; what comes beyond is left out, and said: `cut` */

struct numbers_row {
    char name[NUMBERS_NAME_MAX]; /* plain text */
    double values[NUMBER_COUNT];
};

struct numbers_table {
    struct numbers_row *rows;
    size_t count;
    size_t capacity;
    size_t last; /* where the last row was found: series of one metric come in order */
    bool cut;
};

enum numbers_kind { NUMBERS_STREAMS, NUMBERS_PROTOCOLS, NUMBERS_REASONS, NUMBERS_SERVERS, NUMBERS_KINDS };

/* Zeroed is empty. */
struct gateway_numbers {
    int64_t at_ns; /* monotonic, when the page was made, as far as we know */
    struct numbers_table tables[NUMBERS_KINDS];
    struct numbers_row all; /* the sum of all streams; of AGE_S the most */
    double whole[WHOLE_COUNT];
    char version[NUMBERS_NAME_MAX]; /* "": the page does not say */
};

/* Replaces what was read before. False: memory is short, or this is no page of a gateway's. */
MUST_CHECK bool gateway_numbers_read(struct gateway_numbers *numbers, struct slice page, int64_t now_ns);
void gateway_numbers_release(struct gateway_numbers *numbers);

/* A second, of a row of `now`, since `before`; 0 if nothing is known: no page before, or the gateway has started anew. */
double gateway_numbers_rate(const struct gateway_numbers *before, const struct gateway_numbers *now,
                            enum numbers_kind kind, const struct numbers_row *row, enum number number);

/* The same of all streams. */
double gateway_numbers_rate_all(const struct gateway_numbers *before, const struct gateway_numbers *now,
                                enum number number);
