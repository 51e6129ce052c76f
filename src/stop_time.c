/* Turns the options of a stop into the longest that it may take. */
#include "stop_time.h"

#include "config/options/options.h"

#define STOP_MARGIN_NS (15 * NS_PER_SECOND) /* to end threads and to close the engine */

/* A query that is under way when the gateway stops runs to its end. */
static int64_t longest_query_ns(const struct config *config)
{
    int64_t longest_ns = config->query.timeout_ns;
    for (size_t i = 0; i < config->query_count; i++) {
        const struct named_query_options *query = &config->queries[i];
        int64_t each_ns = query->timeout_ns != 0 ? query->timeout_ns : config->query.timeout_ns;
        int64_t all_ns = each_ns * (int64_t)query->select_count;
        longest_ns = all_ns > longest_ns ? all_ns : longest_ns;
    }
    return longest_ns + NS_PER_SECOND; /* and what the store adds to it */
}

int64_t stop_time_longest_ns(const struct config *config)
{
    int64_t query_ns = longest_query_ns(config);
    int64_t drain_ns = config->drain.timeout_ns > query_ns ? config->drain.timeout_ns : query_ns;
    int64_t redis_ns = config->dedup.kind == DEDUP_REDIS ? 4 * config->dedup.redis_timeout_ns : 0;
    drain_ns += config->journal.durability == DURABILITY_MEMORY ? config->drain.timeout_ns : 0;
    return config->drain.delay_ns + drain_ns + STOP_GRACE_NS + STOP_REPLIES_NS + redis_ns + STOP_MARGIN_NS;
}
