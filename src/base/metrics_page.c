/* Turns the sums into the Prometheus text format, version 0.0.4. */
#include "base/metrics_internal.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Label values are names and addresses that were checked: no quote, backslash or newline can be in them. */
static const char *stream_label(const struct metrics *metrics, size_t stream)
{
    return stream < metrics->stream_count ? metrics->streams[stream] : "";
}

/* The labels of series `index`, without braces; empty if the metric has none. */
static void append_labels(const struct metrics *metrics, enum metric_labels labels, size_t index, struct buf *out)
{
    static const char *const protocols[] = METRICS_PROTOCOLS;
    size_t streams = metrics->stream_count + 1;
    size_t event = labels == LABELS_PROTOCOL_STREAM_REASON ? index / ERROR_COUNT : index;
    switch (labels) {
    case LABELS_NONE: return;
    case LABELS_STREAM: buf_printf(out, "stream=\"%s\"", stream_label(metrics, index)); return;
    case LABELS_REASON: buf_printf(out, "reason=\"%s\"", error_info((enum error)index)->code); return;
    case LABELS_SERVER: buf_printf(out, "server=\"%s\"", metrics->servers[index]); return;
    case LABELS_LISTENER: buf_printf(out, "listener=\"%s\"", metrics->listeners[index]); return;
    case LABELS_STATUS: buf_printf(out, "status=\"%zuxx\"", index + 1); return;
    case LABELS_PROTOCOL_STREAM:
    case LABELS_PROTOCOL_STREAM_REASON: break;
    }
    buf_printf(out, "protocol=\"%s\",stream=\"%s\"", protocols[event / streams],
               stream_label(metrics, event % streams));
    if (labels == LABELS_PROTOCOL_STREAM_REASON) {
        buf_printf(out, ",reason=\"%s\"", error_info((enum error)(index % ERROR_COUNT))->code);
    }
}

/* Series that say nothing: a reason that never occurred, "no stream" where every event had one. */
static bool is_silent(const struct metrics *metrics, enum metric_labels labels, size_t index, double value)
{
    if (value != 0) {
        return false;
    }
    size_t streams = metrics->stream_count + 1;
    switch (labels) {
    case LABELS_REASON:
    case LABELS_PROTOCOL_STREAM_REASON: return true;
    case LABELS_PROTOCOL_STREAM:
    case LABELS_STREAM: return index % streams == metrics->stream_count;
    default: return false;
    }
}

static void append_value(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15) {
        buf_printf(out, "%.0f\n", value);
    } else {
        buf_printf(out, "%.9g\n", value);
    }
}

static void append_series(struct buf *out, const char *name, const char *suffix, struct slice labels, const char *bound)
{
    buf_append_string(out, name);
    buf_append_string(out, suffix);
    if (labels.len != 0 || bound != NULL) {
        buf_append_byte(out, '{');
        buf_append_slice(out, labels);
        if (bound != NULL) {
            buf_printf(out, "%sle=\"%s\"", labels.len != 0 ? "," : "", bound);
        }
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, ' ');
}

static void render_histogram(struct metrics *metrics, enum metric metric, size_t index, struct slice labels,
                             struct buf *out)
{
    const char *name = metric_table[metric].name;
    size_t base = metrics->offset[metric] + index * HISTOGRAM_CELLS;
    int64_t count = 0;
    for (size_t bucket = 0; bucket <= HISTOGRAM_BUCKETS; bucket++) {
        char bound[32] = "+Inf";
        if (bucket < HISTOGRAM_BUCKETS) {
            snprintf(bound, sizeof bound, "%.9g", (double)histogram_bound_ns(bucket) / (double)NS_PER_SECOND);
        }
        count += metrics_sum(metrics, base + bucket);
        append_series(out, name, "_bucket", labels, bound);
        append_value(out, (double)count);
    }
    append_series(out, name, "_sum", labels, NULL);
    append_value(out, (double)metrics_sum(metrics, base + HISTOGRAM_SUM) / (double)NS_PER_SECOND);
    append_series(out, name, "_count", labels, NULL);
    append_value(out, (double)count);
}

static void render_metric(struct metrics *metrics, enum metric metric, struct buf *labels, struct buf *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    const struct metric_info *info = &metric_table[metric];
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name, kinds[info->kind]);
    for (size_t index = 0; index < metrics->series[metric]; index++) {
        buf_clear(labels);
        append_labels(metrics, info->labels, index, labels);
        if (info->kind == KIND_OF_HISTOGRAM) {
            render_histogram(metrics, metric, index, buf_slice(labels), out);
            continue;
        }
        size_t cell = metrics->offset[metric] + index;
        double value = (double)metrics_sum(metrics, cell) + metrics_state(metrics, cell);
        if (!is_silent(metrics, info->labels, index, value)) {
            append_series(out, info->name, "", buf_slice(labels), NULL);
            append_value(out, value);
        }
    }
}

static void set_resident_memory(struct metrics *metrics)
{
    unsigned long long pages;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL) {
        return;
    }
    if (fscanf(statm, "%*u %llu", &pages) == 1) {
        metric_set(metrics, METRIC_RESIDENT_BYTES, 0, (double)pages * (double)sysconf(_SC_PAGESIZE));
    }
    fclose(statm);
}

void metrics_render(struct metrics *metrics, struct buf *out)
{
    set_resident_memory(metrics);
    pthread_mutex_lock(&metrics->mutex);
    size_t hooks = metrics->hook_count; /* a hook once there stays as it is */
    pthread_mutex_unlock(&metrics->mutex);
    for (size_t i = 0; i < hooks; i++) {
        metrics->hooks[i].update(metrics->hooks[i].context);
    }
    struct buf labels = { 0 };
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        render_metric(metrics, (enum metric)m, &labels, out);
    }
    buf_release(&labels);
}
