/* What metrics.c and metrics_page.c share; nobody else includes it. */
#pragma once

#include "base/clock.h"
#include "base/metrics/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#define HISTOGRAM_BUCKETS 20
#define HISTOGRAM_SUM (HISTOGRAM_BUCKETS + 1) /* behind the buckets and +Inf; nanoseconds */
#define HISTOGRAM_CELLS (HISTOGRAM_BUCKETS + 2)
#define STATUS_CLASSES 5
#define MAX_HOOKS 16
#define METRICS_CERTIFICATE_LABELS 400 /* bytes of their text: an address, and a name of 255 at most */

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
    struct metrics_cells *next;
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

struct metrics {
    pthread_mutex_t mutex; /* guards threads and hooks */
    struct metrics_cells *threads;
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
    size_t last_key;               /* that was taken */
    struct metrics_fields *fields; /* of each stream */
    size_t offset[METRIC_COUNT];   /* of a metric's first cell */
    size_t series[METRIC_COUNT];   /* how many label combinations it has */
    size_t cell_count;
    _Atomic double *states;
    char certificates[METRICS_CERTIFICATES][METRICS_CERTIFICATE_LABELS]; /* guarded by mutex */
};

static inline int64_t histogram_bound_ns(size_t bucket)
{
    return (100 * NS_PER_US) << bucket;
}

int64_t metrics_sum(struct metrics *metrics, size_t cell);

/* Of all cells, which is cheaper than one after the other. */
void metrics_sum_all(struct metrics *metrics, int64_t *sums);
double metrics_state(struct metrics *metrics, size_t cell);

static inline const struct metrics_key *metrics_key(const struct metrics *metrics, size_t index)
{
    return &metrics->keys[index];
}
