/* Turns dedup options into the filter they name. */
#include "pipeline/dedup/dedup.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/redis_address.h"

static struct dedup *(*const filters[])(const struct dedup_config *config, int64_t wall_ns, struct buf *problem) = {
    [DEDUP_MEMORY] = dedup_memory_new,
    [DEDUP_REDIS] = dedup_redis_new,
    [DEDUP_NONE] = dedup_none_new,
};

bool dedup_check(const struct dedup_options *options, struct buf *problems)
{
    struct redis_address address;
    struct buf problem = { 0 };
    if (options->kind != DEDUP_REDIS) {
        return true;
    }
    bool fits = redis_address_of_options(&address, options, &problem);
    if (!fits) {
        buf_printf(problems, "dedup.redis_url: %s\n", buf_c_string(&problem));
    } else {
        fits = redis_address_check_files(&address, &problem);
        buf_printf(problems, "%s%s", fits ? "" : buf_c_string(&problem), fits ? "" : "\n");
        redis_address_release(&address);
    }
    buf_release(&problem);
    return fits;
}

struct dedup *dedup_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem)
{
    return filters[config->options->kind](config, wall_ns, problem);
}
