/* What the files of this folder share; nobody else includes it. */
#pragma once

#include "base/clock.h"
#include "base/metrics/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#define HISTOGRAM_BUCKETS 22                  /* at most */
#define HISTOGRAM_SUM (HISTOGRAM_BUCKETS + 1) /* behind the buckets and +Inf */
#define HISTOGRAM_CELLS (HISTOGRAM_BUCKETS + 2)
#define STATUS_CLASSES 5
#define MAX_HOOKS 16

struct metric_info {
    enum metric_kind kind;
    const char *name;
    enum metric_labels labels;
    const char *help;
};

extern const struct metric_info metric_table[METRIC_COUNT];

/* One thread's cells; the layout is the registry's. */
struct metrics_cells {
    struct metrics *metrics;
    struct metrics_cells *next; /* made later */
    _Atomic uint64_t turn;      /* odd: its thread is in metric_count_events */
    _Atomic int64_t values[];
};

struct scrape_hook {
    void (*update)(void *context);
    void *context;
};

/* Of one stream. metrics_fields.c. */
struct metrics_fields {
    char **names;
    size_t count;
    _Atomic int64_t *counts; /* by field and reason */
};

void metrics_free_names(char **names, size_t count);
MUST_CHECK bool metrics_copy_names(struct metrics_names names, char ***copies, size_t *count);
MUST_CHECK bool metrics_fields_init(struct metrics_fields *fields, const struct metrics_names *names);
void metrics_fields_release(struct metrics_fields *fields);

/* Of one key. */
#define METRICS_KEY_NAME 65
struct metrics_key {
    char name[METRICS_KEY_NAME];
    bool used;
};

/* Labels, without braces, and value. */
struct metrics_labelled {
    struct buf labels;
    double value;
};

/* Of one metric. metrics_labelled.c. */
struct metrics_labelled_states {
    struct metrics_labelled *items;
    size_t count; /* on the page */
    size_t made;
};

void metrics_labelled_release(struct metrics_labelled_states *states);
void metrics_append_escaped(struct buf *out, struct slice text);

struct metrics {
    pthread_mutex_t updating;      /* one thread at a time: hooks need not expect another */
    pthread_mutex_t mutex;         /* guards threads, hooks and labelled states */
    struct metrics_cells *threads; /* the oldest */
    struct metrics_cells **last_thread;
    struct scrape_hook hooks[MAX_HOOKS];
    size_t hook_count;
    char **streams;
    size_t stream_count;
    char **servers;
    size_t server_count;
    char **listeners;
    size_t listener_count;
    char **lookups;
    size_t lookup_count;
    struct metrics_key *keys; /* key_room of them, and the first, which nobody has */
    size_t key_room;
    struct buf *routes; /* labels of each, route_room and the first, which is no route */
    size_t route_room;
    size_t route_count;            /* that have labels */
    size_t last_key;               /* that was taken */
    struct metrics_fields *fields; /* of each stream */
    size_t offset[METRIC_COUNT];   /* of a metric's first cell */
    size_t series[METRIC_COUNT];   /* how many label combinations it has */
    size_t cell_count;
    double booted_s; /* process_metrics.c, while updating */
    _Atomic double *states;
    struct metrics_labelled_states labelled[METRIC_COUNT];
};

/* The bounds of a histogram: first, first << shift, first << 2 * shift, … */
struct histogram_scale {
    int64_t first;
    unsigned shift;
    unsigned buckets; /* without +Inf; 0: the kind is no histogram */
    double unit;      /* what is 1 on the page */
};

extern const struct histogram_scale histogram_scales[METRIC_KINDS];

static inline int64_t histogram_bound(const struct histogram_scale *scale, unsigned bucket)
{
    return scale->first << (bucket * scale->shift);
}

static inline bool metric_is_histogram(enum metric metric)
{
    return histogram_scales[metric_table[metric].kind].buckets != 0;
}

/* Only the owning thread writes, so a load and a store do. They release, for those who read several cells (metrics_doors.c). */
static inline void metrics_cell_add(struct metrics_cells *cells, size_t at, int64_t value)
{
    int64_t sum = atomic_load_explicit(&cells->values[at], memory_order_relaxed) + value;
    atomic_store_explicit(&cells->values[at], sum, memory_order_release);
}

static inline size_t metrics_event_index(const struct metrics *metrics, unsigned protocol, size_t stream)
{
    return protocol * (metrics->stream_count + 1) + stream;
}

/* metrics_doors.c: of the first identity. Their sums hold at one moment of each thread; with the mutex. */
MUST_CHECK bool metrics_is_of_doors(enum metric metric);
void metrics_sum_doors(const struct metrics *metrics, int64_t *sums);

/* metrics_series.c: the labels of series `index`, without braces; empty if the metric has none. */
void metrics_append_labels(const struct metrics *metrics, enum metric_labels labels, size_t index, struct buf *out);

/* Whether a series says nothing and is left out. Of a histogram, `value` is the number of its events. */
MUST_CHECK bool metrics_is_silent(const struct metrics *metrics, enum metric metric, size_t index, double value);

/* process_metrics.c: what the system says of this process. */
void metrics_set_process(struct metrics *metrics);

int64_t metrics_sum(struct metrics *metrics, size_t cell);

/* Of all cells, which is cheaper than one after the other. */
void metrics_sum_all(struct metrics *metrics, int64_t *sums);
double metrics_state(struct metrics *metrics, size_t cell);

static inline const struct metrics_key *metrics_key(const struct metrics *metrics, size_t index)
{
    return &metrics->keys[index];
}
