#include "gateway_limits.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/access_options.h"
#include "config/options/limits_options.h"
#include "proto/limits/limits.h"
#include "proto/sharing/limits_share.h"

static void update_metrics(void *context)
{
    const struct gateway_limits *limits = context;
    struct limits_counts counts = limits_count(limits->limits);
    metric_set(limits->metrics, METRIC_LIMIT_ADDRESSES, 0, (double)counts.addresses);
    metric_set(limits->metrics, METRIC_LIMIT_ADDRESSES_FORGOTTEN, 0, (double)counts.forgotten);
}

bool gateway_limits_start(struct gateway_limits *limits, const struct limits_options *options,
                          const struct key_options *keys, size_t key_count, struct metrics *metrics,
                          const struct dedup_options *dedup, struct buf *problem)
{
    limits->metrics = metrics;
    limits->limits = limits_new(options, keys, key_count);
    if (limits->limits == NULL) {
        buf_append_string(problem, "limits: out of memory: lower limits.addresses");
        return false;
    }
    metrics_on_scrape(metrics, update_metrics, limits);
    if (dedup != NULL) {
        limits->share = limits_share_start(dedup, limits->limits, metrics, problem);
    }
    return dedup == NULL || limits->share != NULL;
}

void gateway_limits_release(struct gateway_limits *limits)
{
    limits_share_stop(limits->share);
    limits_free(limits->limits);
}

/* As long as nothing is limited, a burst that is not the default one was meant to. */
static bool is_burst_alone(const struct rate_options *rate)
{
    bool rates = rate->requests != 0 || rate->events != 0 || rate->bytes != 0 || rate->cpu_ns != 0;
    return !rates && rate->burst_ns != NS_PER_SECOND;
}

#define NO_RATE "found burst without requests, events, bytes or cpu: it limits nothing\n"

void gateway_limits_doubts(const char *file, const struct limits_options *options, const struct key_options *keys,
                           size_t key_count, struct buf *doubts)
{
    const struct {
        const char *name;
        const struct rate_options *rate;
    } rows[] = { { "all", &options->all }, { "address", &options->address }, { "key", &options->key } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (is_burst_alone(rows[i].rate)) {
            buf_printf(doubts, "%s: limits.%s: " NO_RATE, file, rows[i].name);
        }
    }
    for (size_t i = 0; i < key_count; i++) {
        if (is_burst_alone(&keys[i].rate)) {
            buf_printf(doubts, "%s:%d: keys.%s.rate: " NO_RATE, keys[i].file, keys[i].line, keys[i].name);
        }
    }
}

struct limits *gateway_limits_rates(const struct gateway_limits *limits)
{
    return limits_are_off(limits->limits) ? NULL : limits->limits;
}
