/* Turns the sums into the Prometheus text format, version 0.0.4, or into OpenMetrics, version 1.0.0. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <math.h>
#include <stdio.h>

/* A page that is being written. */
struct page {
    struct metrics *metrics;
    enum metrics_format format;
    const int64_t *sums;
    struct buf labels; /* of the present series */
    struct buf *out;
};

static void append_whole(struct buf *out, int64_t value)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *--at = '\n';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        *--at = '-';
    }
    buf_append(out, at, (size_t)(digits + sizeof digits - at));
}

static void append_value(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15) {
        append_whole(out, (int64_t)value);
    } else if (isinf(value)) {
        buf_append_string(out, value > 0 ? "+Inf\n" : "-Inf\n");
    } else {
        buf_printf(out, "%.12g\n", value);
    }
}

/* A name, its suffix and its labels. In OpenMetrics a bound is a number with a point. */
static void append_series(struct page *page, const char *name, const char *suffix, const char *bound)
{
    struct buf *out = page->out;
    buf_append_string(out, name);
    buf_append_string(out, suffix);
    if (page->labels.len != 0 || bound != NULL) {
        buf_append_byte(out, '{');
        buf_append_slice(out, buf_slice(&page->labels));
        if (bound != NULL) {
            bool whole = page->format == METRICS_OPENMETRICS && strpbrk(bound, ".I") == NULL;
            buf_printf(out, "%sle=\"%s%s\"", page->labels.len != 0 ? "," : "", bound, whole ? ".0" : "");
        }
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, ' ');
}

static void render_histogram(struct page *page, enum metric metric, const int64_t *cells)
{
    const char *name = metric_table[metric].name;
    const struct histogram_scale *scale = &histogram_scales[metric_table[metric].kind];
    int64_t count = 0;
    ASSERT_AT_MOST(scale->buckets, HISTOGRAM_BUCKETS);
    for (unsigned bucket = 0; bucket <= scale->buckets; bucket++) {
        char bound[32] = "+Inf";
        if (bucket < scale->buckets) {
            snprintf(bound, sizeof bound, "%.10g", (double)histogram_bound(scale, bucket) / scale->unit);
        }
        count += cells[bucket];
        append_series(page, name, "_bucket", bound);
        append_value(page->out, (double)count);
    }
    append_series(page, name, "_sum", NULL);
    append_value(page->out, (double)cells[HISTOGRAM_SUM] / scale->unit);
    append_series(page, name, "_count", NULL);
    append_value(page->out, (double)count);
}

/* Those that occurred: fields times reasons are too many to show at 0. The reason OK stands for VALUES_DEFAULTED. */
static void render_fields(const struct page *page, enum metric metric, size_t stream)
{
    const struct metrics_fields *fields = &page->metrics->fields[stream];
    struct buf *out = page->out;
    bool refused = metric == METRIC_EVENTS_REJECTED_BY_FIELD;
    for (size_t i = 0; i < fields->count * ERROR_COUNT; i++) {
        int64_t count = atomic_load_explicit(&fields->counts[i], memory_order_relaxed);
        enum error reason = (enum error)(i % ERROR_COUNT);
        if (count == 0 || (reason != OK) != refused) {
            continue;
        }
        buf_printf(out, "%s{stream=\"%s\",field=\"", metric_table[metric].name, page->metrics->streams[stream]);
        metrics_append_escaped(out, slice_from_string(fields->names[i / ERROR_COUNT])); /* of columns: any text */
        if (refused) {
            buf_printf(out, "\",reason=\"%s", error_info(reason)->code);
        }
        buf_printf(out, "\"} %lld\n", (long long)count);
    }
}

static void render_labelled(const struct page *page, enum metric metric)
{
    struct metrics *metrics = page->metrics;
    pthread_mutex_lock(&metrics->mutex);
    const struct metrics_labelled_states *states = &metrics->labelled[metric];
    for (size_t i = 0; i < states->count; i++) {
        const struct metrics_labelled *item = &states->items[i];
        if (item->labels.len != 0 && !item->labels.failed) {
            buf_printf(page->out, "%s{%.*s} ", metric_table[metric].name, (int)item->labels.len, item->labels.data);
            append_value(page->out, item->value);
        }
    }
    pthread_mutex_unlock(&metrics->mutex);
}

static void render_series(struct page *page, enum metric metric, size_t index)
{
    struct metrics *metrics = page->metrics;
    const struct metric_info *info = &metric_table[metric];
    bool is_histogram = metric_is_histogram(metric);
    size_t cell = metrics->offset[metric] + index * (is_histogram ? HISTOGRAM_CELLS : 1);
    double value = (double)page->sums[cell] + metrics_state(metrics, cell);
    for (size_t i = 1; is_histogram && i <= HISTOGRAM_BUCKETS; i++) {
        value += (double)page->sums[cell + i];
    }
    if (metrics_is_silent(metrics, metric, index, value)) {
        return; /* most are */
    }
    buf_clear(&page->labels);
    metrics_append_labels(metrics, info->labels, index, &page->labels);
    if (is_histogram) {
        render_histogram(page, metric, &page->sums[cell]);
    } else {
        append_series(page, info->name, "", NULL);
        append_value(page->out, value);
    }
}

/* In OpenMetrics a counter's family is called without "_total", and quotes in its help are escaped. */
static void render_head(const struct page *page, const struct metric_info *info)
{
    static const char *const kinds[METRIC_KINDS] = { "counter",   "gauge",     "histogram", "histogram",
                                                     "histogram", "histogram", "histogram" };
    bool open = page->format == METRICS_OPENMETRICS;
    size_t length = strlen(info->name);
    if (open && info->kind == KIND_OF_COUNTER) {
        length -= sizeof "_total" - 1;
        ASSERT(strcmp(info->name + length, "_total") == 0);
    }
    buf_printf(page->out, "# HELP %.*s ", (int)length, info->name);
    if (open) {
        metrics_append_escaped(page->out, slice_from_string(info->help));
    } else {
        buf_append_string(page->out, info->help);
    }
    buf_printf(page->out, "\n# TYPE %.*s %s\n", (int)length, info->name, kinds[info->kind]);
}

static void render_metric(struct page *page, enum metric metric)
{
    const struct metrics *metrics = page->metrics;
    render_head(page, &metric_table[metric]);
    bool of_fields = metric == METRIC_EVENTS_REJECTED_BY_FIELD || metric == METRIC_VALUES_DEFAULTED;
    for (size_t stream = 0; of_fields && stream < metrics->stream_count; stream++) {
        render_fields(page, metric, stream);
    }
    render_labelled(page, metric);
    for (size_t index = 0; index < metrics->series[metric]; index++) {
        render_series(page, metric, index);
    }
}

void metrics_update(struct metrics *metrics)
{
    pthread_mutex_lock(&metrics->updating);
    metrics_set_process(metrics);
    pthread_mutex_lock(&metrics->mutex);
    size_t hooks = metrics->hook_count; /* a hook once there stays as it is */
    pthread_mutex_unlock(&metrics->mutex);
    for (size_t i = 0; i < hooks; i++) {
        metrics->hooks[i].update(metrics->hooks[i].context);
    }
    pthread_mutex_unlock(&metrics->updating);
}

void metrics_render(struct metrics *metrics, enum metrics_format format, struct buf *out)
{
    struct buf sums = { 0 };
    if (!buf_reserve(&sums, metrics->cell_count * sizeof(int64_t))) {
        out->failed = true;
        return;
    }
    struct page page = { .metrics = metrics, .format = format, .out = out };
    metrics_update(metrics);
    metrics_sum_all(metrics, (int64_t *)(void *)sums.data);
    page.sums = (const int64_t *)(const void *)sums.data;
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        render_metric(&page, (enum metric)m);
    }
    if (format == METRICS_OPENMETRICS) {
        buf_append_string(out, "# EOF\n");
    }
    buf_release(&page.labels);
    buf_release(&sums);
}
