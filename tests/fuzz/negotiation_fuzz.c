/* Accept and Accept-Encoding, as anybody may send them to /metrics. */
#include "fuzz/cost.h"
#include "proto/pages/negotiation.h"

static void take(const uint8_t *data, size_t size)
{
    struct slice field = slice_make((const char *)data, size);
    if (negotiation_weight(field, SLICE("gzip"), SLICE("*"), 0) > 1000) {
        abort();
    }
}

COST_FUZZER(take, 100)
