/* Turns the options of a stop into the longest that it may take. */
#include "stop_time.h"

#include "config/options/dedup_options.h"
#include "config/options/drain_options.h"
#include "config/options/journal_options.h"
#include "config/options/named_query_options.h"
#include "config/options/query_options.h"

#define STOP_MARGIN_NS (15 * NS_PER_SECOND) /* to end threads and to close the engine */

/* A query that is under way when the gateway stops runs to its end. */
static int64_t longest_query_ns(const struct stop_options *options)
{
    int64_t longest_ns = options->query->timeout_ns;
    for (size_t i = 0; i < options->query_count; i++) {
        const struct named_query_options *query = &options->queries[i];
        int64_t each_ns = query->timeout_ns != 0 ? query->timeout_ns : options->query->timeout_ns;
        int64_t all_ns = each_ns * (int64_t)query->select_count;
        longest_ns = all_ns > longest_ns ? all_ns : longest_ns;
    }
    return longest_ns + NS_PER_SECOND; /* and what the store adds to it */
}

int64_t stop_time_longest_ns(const struct stop_options *options)
{
    int64_t query_ns = longest_query_ns(options);
    int64_t drain_ns = options->drain->timeout_ns > query_ns ? options->drain->timeout_ns : query_ns;
    int64_t redis_ns = options->dedup->kind == DEDUP_REDIS ? 4 * options->dedup->redis_timeout_ns : 0;
    drain_ns += options->journal->durability == DURABILITY_MEMORY ? options->drain->timeout_ns : 0;
    return options->drain->delay_ns + drain_ns + STOP_GRACE_NS + STOP_REPLIES_NS + redis_ns + STOP_MARGIN_NS;
}
