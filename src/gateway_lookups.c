/* Turns a configuration and the parts of the gateway into lookups. */
#include "gateway_lookups.h"

#include "config/options/options.h"
#include "pipeline/pipeline.h"
#include "query/lookup_refresh.h"

static int64_t oldest_ns(void *context, size_t stream_index)
{
    struct pipeline *const *pipeline = context;
    return pipeline_oldest_ns(*pipeline, stream_index);
}

struct lookups *gateway_lookups_new(const struct config *config, struct stream *const *streams,
                                    const struct lookups_parts *parts, struct buf *problem)
{
    struct lookups_config lookups = {
        .options = config->lookups,
        .count = config->lookup_count,
        .streams = streams,
        .stream_count = config->stream_count,
        .database = config->store.database,
        .timeout_ns = config->query.timeout_ns,
    };
    if (parts != NULL) {
        lookups.store = parts->store;
        lookups.metrics = parts->metrics;
        lookups.board = parts->board;
        lookups.oldest_ns = oldest_ns;
        lookups.context = (void *)(uintptr_t)parts->pipeline;
    }
    return lookups_new(&lookups, problem);
}
