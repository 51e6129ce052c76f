/* Does an input cost more than it weighs? For fuzzers: COST_FUZZER(take, ns_per_byte) makes of `static void take(const uint8_t
 * *data, size_t size)` what libFuzzer calls.
 *
 * In the preset fuzz-cost (optimised, no sanitizers) each input is stretched first. A cost that grows faster than its size,
 * or a slow piece, shows when it is repeated. The first three bytes of an input say how long a head is, how long the piece
 * behind it, and how often that stands there. Then its CPU time is held against COST_FLOOR_NS and `ns_per_byte` for each byte, of which
 * `take` may tell more than those it was given (cost_weighs: what was unpacked, what a packet takes in any case). What is above
 * it is run again, as other programs make a thread slower, and fails if the least of COST_TRIES times is. */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COST_FLOOR_NS (INT64_C(200) * NS_PER_US)
#define COST_TRIES 8
#define COST_LARGEST ((size_t)64 << 10) /* stretched */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cost_weight;

/* The input is so many bytes heavier than it looks. */
static inline void cost_weighs(size_t bytes)
{
    cost_weight += bytes;
}

static inline int64_t cost_of(void (*take)(const uint8_t *, size_t), struct slice input)
{
    struct timespec before, after;
    cost_weight = input.len;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    take((const uint8_t *)input.data, input.len);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return (after.tv_sec - before.tv_sec) * NS_PER_SECOND + (after.tv_nsec - before.tv_nsec);
}

static inline void cost_check(void (*take)(const uint8_t *, size_t), struct slice input, int64_t ns_per_byte)
{
    int64_t least = cost_of(take, input), allowed = COST_FLOOR_NS + ns_per_byte * (int64_t)cost_weight;
    for (int i = 1; i < COST_TRIES && least > allowed; i++) {
        int64_t ns = cost_of(take, input);
        least = ns < least ? ns : least;
    }
    if (least > allowed) {
        fprintf(stderr, "%zu bytes that weigh %zu cost %lld us, %lld ns a byte; %lld us are allowed:\n%.*s\n",
                input.len, cost_weight, (long long)(least / NS_PER_US), (long long)(least / (int64_t)(cost_weight + 1)),
                (long long)(allowed / NS_PER_US), (int)(input.len < 2000 ? input.len : 2000), input.data);
        abort();
    }
}

/* The head, the piece again and again, the tail. */
static inline void cost_stretch(const uint8_t *data, size_t size, struct buf *out)
{
    struct slice rest = slice_make(data + 3, size - 3);
    size_t head = data[0] % (rest.len + 1), piece = data[1] % (rest.len - head + 1);
    size_t times = piece == 0 ? 0 : ((size_t)1 << data[2] % 17) * 3 / 2, most = COST_LARGEST / (piece + 1);
    buf_append(out, rest.data, head);
    for (times = times < most ? times : most; times != 0; times--) {
        buf_append(out, rest.data + head, piece);
    }
    buf_append_slice(out, slice_after(rest, head + piece));
}

#ifdef SLUICE_FUZZ_COST
#define COST_FUZZER(take, ns_per_byte)                                                                                 \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                                       \
    {                                                                                                                  \
        struct buf stretched = { 0 };                                                                                  \
        if (size >= 3) {                                                                                               \
            cost_stretch(data, size, &stretched);                                                                      \
            cost_check(take, buf_slice(&stretched), ns_per_byte);                                                      \
        }                                                                                                              \
        buf_release(&stretched);                                                                                       \
        return 0;                                                                                                      \
    }
#else
#define COST_FUZZER(take, ns_per_byte)                                                                                 \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                                       \
    {                                                                                                                  \
        take(data, size);                                                                                              \
        return 0;                                                                                                      \
    }
#endif
