/* Turns event ids into "seen before" from two generations of ids in process, and from key files after a restart.
 *
 * An id goes into the current generation. When that is a window old, or holds half of max_bytes, it becomes the
 * previous one, and the previous one is forgotten: an id is remembered for one to two windows, or as long as the bytes
 * last. */
#include "base/metrics/metrics.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/dedup.h"
#include "pipeline/dedup/id_window.h"
#include "pipeline/dedup/key_log.h"

#include <stdlib.h>

struct dedup_memory {
    struct dedup head;
    int64_t window_ns;
    size_t max_ids; /* in a generation */
    struct id_window window;
    int64_t started_ns;  /* wall, of the current generation; INT64_MAX: both are empty */
    struct key_log *log; /* NULL: nothing is kept on disk */
    struct metrics *metrics;
    struct metrics_cells *cells; /* of the commit thread */
};

static void begin_generation(struct dedup_memory *memory)
{
    id_window_turn(&memory->window);
    memory->started_ns = INT64_MAX;
}

static void forget_old(struct dedup_memory *memory, int64_t wall_ns)
{
    if (memory->started_ns == INT64_MAX || wall_ns - memory->started_ns < memory->window_ns) {
        return;
    }
    bool all_are_old = wall_ns - memory->started_ns >= 2 * memory->window_ns;
    begin_generation(memory);
    if (all_are_old) {
        begin_generation(memory);
    } else {
        memory->started_ns = wall_ns; /* else the one before stays for as long as nothing new comes */
    }
}

static void report(struct dedup_memory *memory)
{
    metric_set(memory->metrics, METRIC_DEDUP_IDS, 0, (double)id_window_count(&memory->window));
    metric_set(memory->metrics, METRIC_DEDUP_BYTES, 0, (double)id_window_bytes(&memory->window));
}

static enum error lookup(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    struct dedup_memory *memory = (struct dedup_memory *)dedup;
    forget_old(memory, wall_ns);
    for (size_t i = 0; i < count; i++) {
        id_window_look_up(&memory->window, runs[i].ids, runs[i].count, runs[i].seen);
        metric_add(memory->cells, METRIC_DEDUP_LOOKUPS, (int64_t)runs[i].count);
    }
    return OK;
}

static void remember(struct dedup_memory *memory, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    forget_old(memory, wall_ns);
    if (id_window_add(&memory->window, ids, count)) {
        memory->started_ns = INT64_MAX;
    }
    if (count != 0 && wall_ns < memory->started_ns) {
        memory->started_ns = wall_ns;
    }
}

static void note(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    struct dedup_memory *memory = (struct dedup_memory *)dedup;
    for (size_t i = 0; i < count; i++) {
        remember(memory, runs[i].ids, runs[i].count, wall_ns);
    }
    report(memory);
}

static void persist(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    struct dedup_memory *memory = (struct dedup_memory *)dedup;
    for (size_t i = 0; memory->log != NULL && i < count; i++) {
        key_log_append(memory->log, runs[i].ids, runs[i].count, wall_ns);
    }
}

static enum error sync_log(struct dedup *dedup)
{
    struct dedup_memory *memory = (struct dedup_memory *)dedup;
    return memory->log == NULL ? OK : key_log_sync(memory->log);
}

static void free_memory(struct dedup *dedup)
{
    struct dedup_memory *memory = (struct dedup_memory *)dedup;
    key_log_close(memory->log);
    id_window_release(&memory->window);
    free(memory);
}

static const struct dedup_ops ops = {
    .name = "memory",
    .lookup = lookup,
    .note = note,
    .persist = persist,
    .sync = sync_log,
    .free = free_memory,
};

static void load(void *context, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    remember(context, ids, count, wall_ns);
}

static bool open_log(struct dedup_memory *memory, const char *folder, int64_t wall_ns, struct buf *problem)
{
    struct key_log_options options = {
        .folder = folder,
        .window_ns = memory->window_ns,
        .max_ids = memory->max_ids,
    };
    memory->log = key_log_open(&options, wall_ns, load, memory, problem);
    if (memory->log == NULL) {
        return false;
    }
    metric_add(memory->cells, METRIC_DEDUP_DAMAGED_BYTES, (int64_t)key_log_damaged_bytes(memory->log));
    return true;
}

struct dedup *dedup_memory_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem)
{
    const struct dedup_options *options = config->options;
    struct dedup_memory *memory = calloc(1, sizeof *memory);
    struct metrics_cells *cells = metrics_thread(config->metrics);
    if (memory == NULL || cells == NULL) {
        free(memory);
        buf_append_string(problem, "dedup: out of memory");
        return NULL;
    }
    *memory = (struct dedup_memory){
        .head = { .ops = &ops, .persists = config->durability != DURABILITY_MEMORY ? PERSISTS_STORED : PERSISTS_NEVER },
        .window_ns = options->window_ns,
        .max_ids = id_set_count_for_bytes(options->max_bytes / 2),
        .started_ns = INT64_MAX,
        .metrics = config->metrics,
        .cells = cells,
    };
    if (!id_window_init(&memory->window, memory->max_ids)) {
        free_memory(&memory->head);
        buf_append_string(problem, "dedup: out of memory");
        return NULL;
    }
    if (memory->head.persists != PERSISTS_NEVER && !open_log(memory, config->folder, wall_ns, problem)) {
        free_memory(&memory->head);
        return NULL;
    }
    forget_old(memory, wall_ns);
    report(memory);
    return &memory->head;
}
