/* Turns times of groups into a few. */
#include "event/segment/receipts.h"

#include "base/assert.h"
#include "base/clock.h"

#define SPAN_AT_FIRST NS_PER_MS

static void merge(struct receipt *into, const struct receipt *other)
{
    double share = (double)other->rows / (double)(into->rows + other->rows);
    into->wall_ns += (int64_t)(share * (double)(other->wall_ns - into->wall_ns));
    into->rows += other->rows;
}

/* Each two become one, and from now on one spans twice as much, or an eighth of what there is so far. */
static void halve(struct receipts *receipts)
{
    ASSERT_EQUAL(receipts->count, RECEIPTS_MAX);
    for (size_t i = 0; i < RECEIPTS_MAX / 2; i++) {
        receipts->items[i] = receipts->items[2 * i];
        merge(&receipts->items[i], &receipts->items[2 * i + 1]);
    }
    receipts->count = RECEIPTS_MAX / 2;
    int64_t eighth_ns = (receipts->begun_ns - receipts->items[0].wall_ns) / (RECEIPTS_MAX / 2);
    receipts->span_ns = eighth_ns > 2 * receipts->span_ns ? eighth_ns : 2 * receipts->span_ns;
}

void receipts_add(struct receipts *receipts, int64_t wall_ns, uint64_t rows)
{
    ASSERT(rows != 0);
    const struct receipt fresh = { wall_ns, rows };
    receipts->span_ns = receipts->span_ns == 0 ? SPAN_AT_FIRST : receipts->span_ns;
    int64_t since_ns = wall_ns - receipts->begun_ns;
    if (receipts->count != 0 && since_ns < receipts->span_ns) { /* or the clock was set back */
        merge(&receipts->items[receipts->count - 1], &fresh);
        return;
    }
    if (receipts->count == RECEIPTS_MAX) {
        halve(receipts);
    }
    receipts->items[receipts->count++] = fresh;
    receipts->begun_ns = wall_ns;
}
