/* Turns any bytes into batches of what other gateways' clients have used, as Redis may say them, and charges limits with it. */
#include "config/options/limits_options.h"
#include "fuzz/cost.h"
#include "proto/limits/limit_batch.h"
#include "proto/limits/limits.h"

static void take(const uint8_t *data, size_t size)
{
    static struct limits *limits;
    if (limits == NULL) {
        const struct rate_options rate = { 1, 1, 1, 1, NS_PER_SECOND };
        const struct limits_options options = { rate, rate, rate, { 1, 1 }, 64, true };
        limits = limits_new(&options, NULL, 0);
    }
    struct slice batches = slice_make(data, size), records;
    struct limit_use use;
    uint64_t gateway;
    while (limit_batch_next(&batches, &gateway, &records)) {
        while (limit_batch_use(&records, &use)) {
            limits_apply(limits, &use, NS_PER_SECOND, NS_PER_SECOND);
        }
    }
}

COST_FUZZER(take, 100)
