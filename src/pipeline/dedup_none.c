/* Turns every look-up into "not seen". */
#include "pipeline/dedup.h"

static enum error lookup(struct dedup *dedup, const struct event_id *ids, size_t count, uint8_t *seen, int64_t wall_ns)
{
    (void)dedup, (void)ids, (void)wall_ns;
    memset(seen, 0, count);
    return OK;
}

static void forget(struct dedup *dedup, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    (void)dedup, (void)ids, (void)count, (void)wall_ns;
}

static enum error sync_nothing(struct dedup *dedup)
{
    (void)dedup;
    return OK;
}

static void free_nothing(struct dedup *dedup)
{
    (void)dedup;
}

static const struct dedup_ops ops = {
    .name = "none",
    .lookup = lookup,
    .note = forget,
    .persist = forget,
    .sync = sync_nothing,
    .free = free_nothing,
};

struct dedup *dedup_none_new(void)
{
    static struct dedup none = { .ops = &ops };
    return &none;
}
