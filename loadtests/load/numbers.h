/* Which event numbers are sent: start, start + 1, … and, among them, some again. */
#pragma once

#include <stdint.h>

#define NUMBERS_ROUND 100 /* of so many in a row, `repeat` repeat earlier ones */

struct numbers {
    uint64_t start;
    uint64_t limit;  /* how many will be sent; 0: no end */
    uint64_t repeat; /* per hundred: [0, 99] */
    uint64_t given;  /* how many were given out */
};

/* The number of the event that is given out as the sequence-th, counted from 0. A repeated one was given out for the
 * first time 100,000 (or a tenth of the limit) earlier: long enough ago to be acknowledged, not so long as to be forgotten. */
uint64_t numbers_at(const struct numbers *numbers, uint64_t sequence);
