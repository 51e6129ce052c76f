#include "gateway_limits.h"

#include "base/metrics/metrics.h"
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

struct limits *gateway_limits_rates(const struct gateway_limits *limits)
{
    return limits_are_off(limits->limits) ? NULL : limits->limits;
}
