/* Brings the numbers of a reload to the threads that do not stand still for it. */
#include "gateway_private.h"

#include "pipeline/pipeline_change.h"
#include "query/lookup_refresh.h"
#include "query/query.h"

void gateway_numbers_swap(const struct gateway *g)
{
    pipeline_change_waits(g->pipeline, &g->live.writer);
    query_reload(g->query, g->live.queries);
    lookups_set_timeout(g->lookups, g->live.query.timeout_ns);
}
