/* Brings the numbers of a reload to the threads that do not stand still for it. */
#include "gateway_numbers.h"

#include "base/log.h"
#include "pipeline/pipeline_change.h"
#include "query/lookup_refresh.h"
#include "query/query.h"
#include "rejects/rejects.h"

void gateway_numbers_swap(const struct gateway_numbers *numbers, struct pipeline *pipeline, struct query_service *query,
                          struct lookups *lookups)
{
    pipeline_change_waits(pipeline, numbers->writer);
    query_reload(query, numbers->queries);
    lookups_set_timeout(lookups, numbers->lookup_timeout_ns);
}

void gateway_numbers_apply(const struct rejects_options *options, struct rejects *rejects)
{
    if (!rejects_apply(rejects, options)) {
        LOG(LOG_ERROR, "reload",
            "rejects: what held before holds on, though the rest of the file is taken: memory is short");
    }
}
