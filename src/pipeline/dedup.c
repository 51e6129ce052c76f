/* Turns dedup options into the filter they name. */
#include "pipeline/dedup.h"

struct making {
    const struct dedup_options *options;
    const char *folder;
    struct metrics *metrics;
    int64_t wall_ns;
    struct buf *problem;
};

static struct dedup *make_memory(const struct making *making)
{
    return dedup_memory_new(making->options, making->folder, making->metrics, making->wall_ns, making->problem);
}

static struct dedup *make_none(const struct making *making)
{
    (void)making;
    return dedup_none_new();
}

static struct dedup *(*const filters[])(const struct making *making) = {
    [DEDUP_MEMORY] = make_memory,
    [DEDUP_REDIS] = NULL, /* known to the configuration, not built in yet */
    [DEDUP_NONE] = make_none,
};

bool dedup_check(const struct dedup_options *options, struct buf *problems)
{
    if (filters[options->kind] == NULL) {
        buf_append_string(problems, "dedup.kind: redis is not built in yet, use memory or none\n");
        return false;
    }
    return true;
}

struct dedup *dedup_new(const struct dedup_options *options, const char *folder, struct metrics *metrics,
                        struct status_board *board, int64_t wall_ns, struct buf *problem)
{
    (void)board; /* for filters that depend on a server */
    struct making making = { options, folder, metrics, wall_ns, problem };
    return dedup_check(options, problem) ? filters[options->kind](&making) : NULL;
}
