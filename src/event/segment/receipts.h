/* When the rows of a segment were received: a few moments with the rows that came about then, however many groups there were. As
 * exact as an eighth of the time between the first and the last. Plain data: zeroed it is empty. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RECEIPTS_MAX 16

struct receipt {
    int64_t wall_ns; /* the mean of its rows */
    uint64_t rows;
};

/* Invariant: count <= RECEIPTS_MAX; each has rows. */
struct receipts {
    struct receipt items[RECEIPTS_MAX];
    size_t count;
    int64_t span_ns;  /* what one of them may span; 0: not yet said */
    int64_t begun_ns; /* of the last */
};

/* So many rows more, 1 at least. */
void receipts_add(struct receipts *receipts, int64_t wall_ns, uint64_t rows);
