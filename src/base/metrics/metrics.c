/* Turns the lines of metrics.def into cells that threads add to, and into sums of them. metrics_page.c renders them. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <stdlib.h>

const struct metric_info metric_table[METRIC_COUNT] = {
#define METRIC(kind, id, name, unit, labels, help, good, bad)                                                          \
    [METRIC_##id] = { KIND_OF_##kind, name, LABELS_##labels, help },
#include "base/metrics/metrics.def"
#undef METRIC
};

const struct histogram_scale histogram_scales[METRIC_KINDS] = {
    [KIND_OF_HISTOGRAM] = { 100 * NS_PER_US, 1, 20, NS_PER_SECOND },
    [KIND_OF_LONG_HISTOGRAM] = { 1, 1, 22, 1000 }, /* of milliseconds: the sum of events that wait for hours has room */
    [KIND_OF_CLOCK_HISTOGRAM] = { NS_PER_MS, 2, 15, NS_PER_SECOND },
    [KIND_OF_ROW_HISTOGRAM] = { 1, 2, 12, 1 },
    [KIND_OF_BYTE_HISTOGRAM] = { 1024, 2, 11, 1 },
};

static size_t series_count(const struct metrics *metrics, enum metric_labels labels)
{
    size_t streams = metrics->stream_count + 1;
    switch (labels) {
    case LABELS_STREAM: return streams;
    case LABELS_PROTOCOL: return METRICS_PROTOCOL_COUNT;
    case LABELS_PROTOCOL_STREAM: return METRICS_PROTOCOL_COUNT * streams;
    case LABELS_PROTOCOL_STREAM_REASON: return METRICS_PROTOCOL_COUNT * streams * ERROR_COUNT;
    case LABELS_REASON: return ERROR_COUNT;
    case LABELS_SERVER: return metrics->server_count;
    case LABELS_LISTENER: return metrics->listener_count;
    case LABELS_LOOKUP: return metrics->lookup_count;
    case LABELS_LIMIT: return METRICS_LIMIT_POLICY_COUNT * METRICS_LIMIT_UNIT_COUNT;
    case LABELS_KEY: return metrics->key_room + 1;
    case LABELS_STATUS: return STATUS_CLASSES;
    case LABELS_RESULT: return RELOAD_RESULTS;
    case LABELS_NOT_KEPT: return NOT_KEPT_REASONS;
    case LABELS_TLS: return METRICS_TLS_RESULT_COUNT;
    case LABELS_ROUTE: return metrics->route_room + 1;
    case LABELS_LEVEL: return METRICS_LOG_LEVEL_COUNT;
    case LABELS_CLOCK: return CLOCK_SIDES;
    case LABELS_CERTIFICATE:
    case LABELS_PART:
    case LABELS_BUILD:
    case LABELS_HASH:
    case LABELS_STREAM_FIELD_REASON:
    case LABELS_STREAM_FIELD: return 0; /* they are not cells of threads */
    case LABELS_NONE: break;
    }
    return 1;
}

static void lay_out(struct metrics *metrics)
{
    size_t next = 0;
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        metrics->series[m] = series_count(metrics, metric_table[m].labels);
        metrics->offset[m] = next;
        next += metrics->series[m] * (metric_is_histogram((enum metric)m) ? HISTOGRAM_CELLS : 1);
        ASSERT(metric_table[m].name != NULL);
    }
    metrics->cell_count = next;
}

static bool make_fields(struct metrics *metrics, const struct metrics_names *names)
{
    metrics->fields = calloc(metrics->stream_count + 1, sizeof *metrics->fields);
    for (size_t i = 0; metrics->fields != NULL && names != NULL && i < metrics->stream_count; i++) {
        if (!metrics_fields_init(&metrics->fields[i], &names[i])) {
            return false;
        }
    }
    return metrics->fields != NULL;
}

static void free_fields(struct metrics *metrics)
{
    for (size_t i = 0; metrics->fields != NULL && i < metrics->stream_count; i++) {
        metrics_fields_release(&metrics->fields[i]);
    }
    free(metrics->fields);
}

static bool make_keys(struct metrics *metrics, size_t room)
{
    metrics->keys = calloc(room + 1, sizeof *metrics->keys);
    metrics->key_room = metrics->keys == NULL ? 0 : room;
    return metrics->keys != NULL;
}

static void append_route(struct buf *out, unsigned protocol, struct slice prefix, struct slice path)
{
    static const char *const protocols[] = METRICS_PROTOCOLS;
    buf_printf(out, "protocol=\"%s\",route=\"", protocols[protocol]);
    metrics_append_escaped(out, prefix);
    metrics_append_escaped(out, path);
    buf_append_byte(out, '"');
}

static bool make_routes(struct metrics *metrics, size_t room)
{
    metrics->routes = calloc(room + 1, sizeof *metrics->routes);
    if (metrics->routes == NULL) {
        return false;
    }
    metrics->route_room = room;
    metrics->route_count = 1;
    append_route(&metrics->routes[0], 0, SLICE(""), SLICE(""));
    return !metrics->routes[0].failed;
}

static void free_routes(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->route_count; i++) {
        buf_release(&metrics->routes[i]);
    }
    free(metrics->routes);
}

struct metrics *metrics_new(const struct metrics_labels *labels)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        return NULL;
    }
    metrics->last_thread = &metrics->threads;
    pthread_mutex_init(&metrics->mutex, NULL);
    pthread_mutex_init(&metrics->updating, NULL);
    if (metrics_copy_names(labels->streams, &metrics->streams, &metrics->stream_count) &&
        metrics_copy_names(labels->servers, &metrics->servers, &metrics->server_count) &&
        metrics_copy_names(labels->listeners, &metrics->listeners, &metrics->listener_count) &&
        metrics_copy_names(labels->lookups, &metrics->lookups, &metrics->lookup_count) &&
        make_fields(metrics, labels->fields) && make_keys(metrics, labels->key_room) &&
        make_routes(metrics, labels->route_room)) {
        lay_out(metrics);
        metrics->states = calloc(metrics->cell_count, sizeof *metrics->states);
    }
    if (metrics->states == NULL) {
        metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->threads != NULL) {
        struct metrics_cells *cells = metrics->threads;
        metrics->threads = cells->next;
        free(cells);
    }
    free_fields(metrics);
    metrics_free_names(metrics->streams, metrics->stream_count);
    metrics_free_names(metrics->servers, metrics->server_count);
    metrics_free_names(metrics->listeners, metrics->listener_count);
    metrics_free_names(metrics->lookups, metrics->lookup_count);
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        metrics_labelled_release(&metrics->labelled[m]);
    }
    free_routes(metrics);
    free(metrics->keys);
    free(metrics->states);
    pthread_mutex_destroy(&metrics->mutex);
    pthread_mutex_destroy(&metrics->updating);
    free(metrics);
}

struct metrics_cells *metrics_thread(struct metrics *metrics)
{
    ASSERT(metrics->cell_count != 0);
    struct metrics_cells *cells = calloc(1, sizeof *cells + metrics->cell_count * sizeof cells->values[0]);
    if (cells == NULL) {
        return NULL;
    }
    cells->metrics = metrics;
    pthread_mutex_lock(&metrics->mutex);
    *metrics->last_thread = cells;
    metrics->last_thread = &cells->next;
    pthread_mutex_unlock(&metrics->mutex);
    return cells;
}

void metrics_forget_keys(struct metrics *metrics)
{
    for (size_t i = 1; i <= metrics->key_room; i++) {
        metrics->keys[i].used = false;
    }
}

/* Whoever had the place is not configured any more: its counts go. */
static void empty_key(struct metrics *metrics, size_t index)
{
    pthread_mutex_lock(&metrics->mutex);
    for (struct metrics_cells *cells = metrics->threads; cells != NULL; cells = cells->next) {
        for (size_t m = 0; m < METRIC_COUNT; m++) {
            if (metric_table[m].labels == LABELS_KEY) {
                atomic_store_explicit(&cells->values[metrics->offset[m] + index], 0, memory_order_relaxed);
            }
        }
    }
    pthread_mutex_unlock(&metrics->mutex);
}

void metrics_keep_key(struct metrics *metrics, uint32_t index)
{
    ASSERT(index != 0 && index <= metrics->key_room && !metrics->keys[index].used);
    metrics->keys[index].used = true;
}

/* Once round, from behind the last that was taken: who left lately keeps its place longest. */
uint32_t metrics_take_key(struct metrics *metrics, struct slice name)
{
    ASSERT_BELOW(name.len, METRICS_KEY_NAME);
    for (size_t i = 0; i < metrics->key_room; i++) {
        metrics->last_key = metrics->last_key % metrics->key_room + 1;
        struct metrics_key *key = &metrics->keys[metrics->last_key];
        if (!key->used) {
            empty_key(metrics, metrics->last_key);
            memcpy(key->name, name.data, name.len);
            key->name[name.len] = '\0';
            key->used = true;
            return (uint32_t)metrics->last_key;
        }
    }
    return 0;
}

uint32_t metrics_take_route(struct metrics *metrics, unsigned protocol, struct slice prefix, struct slice path)
{
    struct buf labels = { 0 };
    ASSERT_BELOW(protocol, METRICS_PROTOCOL_COUNT);
    append_route(&labels, protocol, prefix, path);
    size_t at = 0;
    while (at < metrics->route_count && !slice_equal(buf_slice(&metrics->routes[at]), buf_slice(&labels))) {
        at++;
    }
    bool room = at < metrics->route_count || (at <= metrics->route_room && !labels.failed);
    if (!room || at < metrics->route_count) {
        buf_release(&labels);
    } else {
        metrics->routes[metrics->route_count++] = labels;
    }
    ASSERT_AT_MOST(metrics->route_count, metrics->route_room + 1);
    return room ? (uint32_t)at : 0;
}

struct slice metrics_key_name(const struct metrics *metrics, uint32_t key)
{
    ASSERT(key != 0 && key <= metrics->key_room);
    return slice_from_string(metrics->keys[key].used ? metrics->keys[key].name : "");
}

size_t metrics_no_stream(const struct metrics *metrics)
{
    return metrics->stream_count;
}

void metric_add(struct metrics_cells *cells, enum metric metric, int64_t value)
{
    metric_add_index(cells, metric, 0, value);
}

void metric_add_stream(struct metrics_cells *cells, enum metric metric, size_t stream, int64_t value)
{
    metric_add_index(cells, metric, stream, value);
}

void metric_add_event(struct metrics_cells *cells, enum metric metric, unsigned protocol, size_t stream, int64_t value)
{
    metric_add_index(cells, metric, metrics_event_index(cells->metrics, protocol, stream), value);
}

void metric_add_field(struct metrics_cells *cells, size_t stream, size_t field, enum error reason, int64_t value)
{
    const struct metrics *metrics = cells->metrics;
    if (stream < metrics->stream_count && field < metrics->fields[stream].count) {
        _Atomic int64_t *count = &metrics->fields[stream].counts[field * ERROR_COUNT + reason];
        atomic_fetch_add_explicit(count, value, memory_order_relaxed);
    }
}

/* No value is refused for OK: its count is that of values that were defaulted. */
void metric_add_defaulted(struct metrics_cells *cells, size_t stream, size_t field, int64_t value)
{
    metric_add_field(cells, stream, field, OK, value);
}

void metric_add_index(struct metrics_cells *cells, enum metric metric, size_t index, int64_t value)
{
    if (index < cells->metrics->series[metric]) {
        metrics_cell_add(cells, cells->metrics->offset[metric] + index, value);
    }
}

/* The first bucket whose bound is not below the value. */
static size_t bucket_of(const struct histogram_scale *scale, int64_t value)
{
    if (value <= scale->first) {
        return 0;
    }
    uint64_t whole = (uint64_t)(value - 1) / (uint64_t)scale->first; /* at least 1 */
    unsigned bits = 64 - (unsigned)__builtin_clzll(whole);
    unsigned bucket = (bits + scale->shift - 1) / scale->shift;
    return bucket < scale->buckets ? bucket : scale->buckets;
}

void metric_observe(struct metrics_cells *cells, enum metric metric, size_t index, int64_t value, int64_t events)
{
    const struct histogram_scale *scale = &histogram_scales[metric_table[metric].kind];
    ASSERT(scale->buckets != 0);
    if (index >= cells->metrics->series[metric]) {
        return;
    }
    size_t base = cells->metrics->offset[metric] + index * HISTOGRAM_CELLS;
    metrics_cell_add(cells, base + bucket_of(scale, value), events);
    metrics_cell_add(cells, base + HISTOGRAM_SUM, value * events);
}

void metric_set(struct metrics *metrics, enum metric metric, size_t index, double value)
{
    if (index < metrics->series[metric]) {
        atomic_store_explicit(&metrics->states[metrics->offset[metric] + index], value, memory_order_relaxed);
    }
}

double metric_state(struct metrics *metrics, enum metric metric, size_t index)
{
    return index < metrics->series[metric] ? metrics_state(metrics, metrics->offset[metric] + index) : 0;
}

int64_t metrics_sum(struct metrics *metrics, size_t cell)
{
    int64_t sum = 0;
    pthread_mutex_lock(&metrics->mutex);
    for (struct metrics_cells *cells = metrics->threads; cells != NULL; cells = cells->next) {
        sum += atomic_load_explicit(&cells->values[cell], memory_order_relaxed);
    }
    pthread_mutex_unlock(&metrics->mutex);
    return sum;
}

static void sum_metric(const struct metrics *metrics, enum metric metric, int64_t *sums)
{
    size_t cells_of_one = metric_is_histogram(metric) ? HISTOGRAM_CELLS : 1;
    size_t begin = metrics->offset[metric], end = begin + metrics->series[metric] * cells_of_one;
    ASSERT_AT_MOST(end, metrics->cell_count);
    for (const struct metrics_cells *cells = metrics->threads; cells != NULL; cells = cells->next) {
        for (size_t i = begin; i < end; i++) {
            sums[i] += atomic_load_explicit(&cells->values[i], memory_order_relaxed);
        }
    }
}

void metrics_sum_all(struct metrics *metrics, int64_t *sums)
{
    memset(sums, 0, metrics->cell_count * sizeof *sums);
    pthread_mutex_lock(&metrics->mutex);
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        if (!metrics_is_of_doors((enum metric)m)) {
            sum_metric(metrics, (enum metric)m, sums);
        }
    }
    metrics_sum_doors(metrics, sums);
    pthread_mutex_unlock(&metrics->mutex);
}

double metrics_state(struct metrics *metrics, size_t cell)
{
    return atomic_load_explicit(&metrics->states[cell], memory_order_relaxed);
}

int64_t metric_read(struct metrics *metrics, enum metric metric, unsigned protocol, size_t stream, enum error reason)
{
    size_t index = 0;
    switch (metric_table[metric].labels) {
    case LABELS_PROTOCOL_STREAM: index = metrics_event_index(metrics, protocol, stream); break;
    case LABELS_PROTOCOL_STREAM_REASON:
        index = metrics_event_index(metrics, protocol, stream) * ERROR_COUNT + reason;
        break;
    case LABELS_PROTOCOL: index = protocol; break;
    case LABELS_NONE: break;
    default: index = stream;
    }
    size_t cell = metrics->offset[metric] + index;
    return metrics_sum(metrics, cell) + (int64_t)metrics_state(metrics, cell);
}

void metrics_on_scrape(struct metrics *metrics, void (*update)(void *context), void *context)
{
    pthread_mutex_lock(&metrics->mutex);
    if (metrics->hook_count < MAX_HOOKS) {
        metrics->hooks[metrics->hook_count++] = (struct scrape_hook){ update, context };
    }
    pthread_mutex_unlock(&metrics->mutex);
}
