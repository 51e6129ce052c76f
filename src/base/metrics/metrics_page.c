/* Turns the sums into the Prometheus text format, version 0.0.4. */
#include "base/metrics/metrics_private.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Label values are names and addresses that were checked: no quote, backslash or newline can be in them. */
static const char *stream_label(const struct metrics *metrics, size_t stream)
{
    return stream < metrics->stream_count ? metrics->streams[stream] : "";
}

static void append_certificate(struct metrics *metrics, size_t index, struct buf *out)
{
    pthread_mutex_lock(&metrics->mutex);
    buf_append_string(out, metrics->certificates[index]);
    pthread_mutex_unlock(&metrics->mutex);
}

/* The labels of series `index`, without braces; empty if the metric has none. */
static void append_labels(struct metrics *metrics, enum metric_labels labels, size_t index, struct buf *out)
{
    static const char *const protocols[] = METRICS_PROTOCOLS;
    static const char *const policies[] = METRICS_LIMIT_POLICIES, *const units[] = METRICS_LIMIT_UNITS;
    static const char *const results[] = METRICS_RELOAD_RESULTS;
    static const char *const tls_results[METRICS_TLS_RESULT_COUNT] = METRICS_TLS_RESULTS;
    size_t streams = metrics->stream_count + 1;
    size_t event = labels == LABELS_PROTOCOL_STREAM_REASON ? index / ERROR_COUNT : index;
    switch (labels) {
    case LABELS_NONE: return;
    case LABELS_STREAM: buf_printf(out, "stream=\"%s\"", stream_label(metrics, index)); return;
    case LABELS_REASON: buf_printf(out, "reason=\"%s\"", error_info((enum error)index)->code); return;
    case LABELS_SERVER: buf_printf(out, "server=\"%s\"", metrics->servers[index]); return;
    case LABELS_LISTENER: buf_printf(out, "listener=\"%s\"", metrics->listeners[index]); return;
    case LABELS_LOOKUP: buf_printf(out, "lookup=\"%s\"", metrics->lookups[index]); return;
    case LABELS_LIMIT:
        buf_printf(out, "policy=\"%s\",unit=\"%s\"", policies[index / METRICS_LIMIT_UNIT_COUNT],
                   units[index % METRICS_LIMIT_UNIT_COUNT]);
        return;
    case LABELS_RESULT: buf_printf(out, "result=\"%s\"", results[index]); return;
    case LABELS_KEY: buf_printf(out, "key=\"%s\"", metrics_key(metrics, index)->name); return;
    case LABELS_STATUS: buf_printf(out, "status=\"%zuxx\"", index + 1); return;
    case LABELS_TLS: buf_printf(out, "result=\"%s\"", tls_results[index]); return;
    case LABELS_CERTIFICATE: append_certificate(metrics, index, out); return;
    case LABELS_STREAM_FIELD_REASON:
    case LABELS_STREAM_FIELD: return; /* render_fields */
    case LABELS_PROTOCOL_STREAM:
    case LABELS_PROTOCOL_STREAM_REASON: break;
    }
    buf_printf(out, "protocol=\"%s\",stream=\"%s\"", protocols[event / streams],
               stream_label(metrics, event % streams));
    if (labels == LABELS_PROTOCOL_STREAM_REASON) {
        buf_printf(out, ",reason=\"%s\"", error_info((enum error)(index % ERROR_COUNT))->code);
    }
}

/* Which reasons are on the page from the start, at 0: a query that asks how much a counter grew would miss the first
 * time that one of them occurs. Of dropped events all are. The others come when they occur. */
enum {
    USUAL_OF_STREAM = 1,
    USUAL_OF_NO_STREAM = 2,
    USUAL_OF_HANDSHAKE = 4,
    USUAL_OF_CLOSE = 8,
    USUAL_OF_HTTP_CLOSE = 16,
    USUAL_OF_KEYS = 32
};

static const unsigned char usual_reasons[ERROR_COUNT] = {
    [ERROR_BAD_REQUEST] = USUAL_OF_NO_STREAM | USUAL_OF_HANDSHAKE,
    [ERROR_TIMEOUT] = USUAL_OF_NO_STREAM | USUAL_OF_CLOSE | USUAL_OF_HTTP_CLOSE,
    [ERROR_RECEIVING_FULL] = USUAL_OF_CLOSE | USUAL_OF_HTTP_CLOSE,
    [ERROR_REPLYING_FULL] = USUAL_OF_CLOSE | USUAL_OF_HTTP_CLOSE,
    [ERROR_BODY_TOO_LARGE] = USUAL_OF_NO_STREAM,
    [ERROR_UNSUPPORTED_ENCODING] = USUAL_OF_NO_STREAM,
    [ERROR_BAD_ARGUMENT] = USUAL_OF_NO_STREAM,
    [ERROR_UNKNOWN_STREAM] = USUAL_OF_NO_STREAM | USUAL_OF_HANDSHAKE,
    [ERROR_BAD_COMPRESSION] = USUAL_OF_STREAM | USUAL_OF_NO_STREAM | USUAL_OF_CLOSE,
    [ERROR_DECOMPRESSED_TOO_LARGE] = USUAL_OF_NO_STREAM | USUAL_OF_CLOSE,
    [ERROR_CONNECTION_CLOSED] = USUAL_OF_NO_STREAM,
    [ERROR_EMPTY_PAYLOAD] = USUAL_OF_STREAM,
    [ERROR_INVALID_JSON] = USUAL_OF_STREAM,
    [ERROR_TOO_MANY_EVENTS] = USUAL_OF_STREAM,
    [ERROR_NOT_AN_OBJECT] = USUAL_OF_STREAM,
    [ERROR_MISSING_FIELD] = USUAL_OF_STREAM,
    [ERROR_UNKNOWN_FIELD] = USUAL_OF_STREAM,
    [ERROR_WRONG_TYPE] = USUAL_OF_STREAM,
    [ERROR_OUT_OF_RANGE] = USUAL_OF_STREAM,
    [ERROR_TOO_LONG] = USUAL_OF_STREAM,
    [ERROR_TOO_SHORT] = USUAL_OF_STREAM,
    [ERROR_NOT_ALLOWED] = USUAL_OF_STREAM,
    [ERROR_INVALID_VALUE] = USUAL_OF_STREAM,
    [ERROR_TIME_TOO_OLD] = USUAL_OF_STREAM,
    [ERROR_TIME_TOO_NEW] = USUAL_OF_STREAM,
    [ERROR_ORIGIN_NOT_ALLOWED] = USUAL_OF_HANDSHAKE,
    [ERROR_KEY_MISSING] = USUAL_OF_KEYS,
    [ERROR_KEY_MALFORMED] = USUAL_OF_KEYS,
    [ERROR_KEY_UNKNOWN] = USUAL_OF_KEYS,
    [ERROR_KEY_EXPIRED] = USUAL_OF_KEYS,
    [ERROR_KEY_DISABLED] = USUAL_OF_KEYS,
    [ERROR_KEY_ORIGIN] = USUAL_OF_KEYS,
    [ERROR_SCOPE_MISSING] = USUAL_OF_KEYS,
    [ERROR_STREAM_FORBIDDEN] = USUAL_OF_KEYS,
    [ERROR_UPGRADE_REQUIRED] = USUAL_OF_HANDSHAKE,
    [ERROR_TOO_MANY_WEBSOCKETS] = USUAL_OF_HANDSHAKE,
    [ERROR_TOO_MANY_OF_ADDRESS] = USUAL_OF_HANDSHAKE,
    [ERROR_BAD_FRAME] = USUAL_OF_CLOSE,
    [ERROR_INVALID_UTF8] = USUAL_OF_CLOSE,
    [ERROR_UNSUPPORTED_DATA] = USUAL_OF_CLOSE,
    [ERROR_MESSAGE_TOO_LARGE] = USUAL_OF_CLOSE,
    [ERROR_QUEUE_FULL] = USUAL_OF_CLOSE,
    [ERROR_JOURNAL_FULL] = USUAL_OF_CLOSE,
    [ERROR_DISK_FULL] = USUAL_OF_CLOSE,
    [ERROR_JOURNAL_FAILED] = USUAL_OF_CLOSE,
    [ERROR_DRAINING] = USUAL_OF_HANDSHAKE | USUAL_OF_CLOSE,
};

/* HTTP alone refuses what belongs to no stream yet. */
static bool is_usual_refusal(const struct metrics *metrics, enum metric metric, size_t index)
{
    size_t event = index / ERROR_COUNT;
    size_t streams = metrics->stream_count + 1;
    bool of_none = event % streams == metrics->stream_count;
    enum error reason = (enum error)(index % ERROR_COUNT);
    if (of_none && event / streams != 0) {
        return false;
    }
    if (metric == METRIC_EVENTS_DROPPED) {
        return error_info(reason)->fate == FATE_DROPPED;
    }
    return (usual_reasons[reason] & (of_none ? USUAL_OF_NO_STREAM : USUAL_OF_STREAM)) != 0;
}

static unsigned usual_of(enum metric metric)
{
    switch (metric) {
    case METRIC_WEBSOCKETS_CLOSED: return USUAL_OF_CLOSE;
    case METRIC_CONNECTIONS_CLOSED: return USUAL_OF_HTTP_CLOSE;
    case METRIC_KEY_REFUSALS: return USUAL_OF_KEYS;
    default: return USUAL_OF_HANDSHAKE;
    }
}

/* Series that say nothing: a rare reason that never occurred, "no stream" where every event had one. */
static bool is_silent(const struct metrics *metrics, enum metric metric, size_t index, double value)
{
    if (value != 0 && metric_table[metric].labels != LABELS_KEY) {
        return false;
    }
    size_t streams = metrics->stream_count + 1;
    switch (metric_table[metric].labels) {
    case LABELS_REASON: return (usual_reasons[index] & usual_of(metric)) == 0;
    case LABELS_LIMIT: return true; /* most are not configured */
    case LABELS_PROTOCOL_STREAM_REASON: return !is_usual_refusal(metrics, metric, index);
    case LABELS_PROTOCOL_STREAM:
    case LABELS_STREAM: return index % streams == metrics->stream_count;
    case LABELS_KEY: return !metrics_key(metrics, index)->used;
    case LABELS_TLS: /* most gateways stand behind a proxy */
    case LABELS_CERTIFICATE: return true;
    default: return false;
    }
}

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

static void render_histogram(const struct metrics *metrics, const int64_t *sums, enum metric metric, size_t index,
                             struct slice labels, struct buf *out)
{
    const char *name = metric_table[metric].name;
    size_t base = metrics->offset[metric] + index * HISTOGRAM_CELLS;
    int64_t count = 0;
    for (size_t bucket = 0; bucket <= HISTOGRAM_BUCKETS; bucket++) {
        char bound[32] = "+Inf";
        if (bucket < HISTOGRAM_BUCKETS) {
            snprintf(bound, sizeof bound, "%.9g", (double)histogram_bound_ns(bucket) / (double)NS_PER_SECOND);
        }
        count += sums[base + bucket];
        append_series(out, name, "_bucket", labels, bound);
        append_value(out, (double)count);
    }
    append_series(out, name, "_sum", labels, NULL);
    append_value(out, (double)sums[base + HISTOGRAM_SUM] / (double)NS_PER_SECOND);
    append_series(out, name, "_count", labels, NULL);
    append_value(out, (double)count);
}

/* Names of columns may be any text. */
static void append_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buf_append_string(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, (uint8_t)*text);
    }
}

/* Those that occurred: fields times reasons are too many to show at 0. The reason OK stands for VALUES_DEFAULTED. */
static void render_fields(const struct metrics *metrics, enum metric metric, size_t stream, struct buf *out)
{
    const struct metrics_fields *fields = &metrics->fields[stream];
    bool refused = metric == METRIC_EVENTS_REJECTED_BY_FIELD;
    for (size_t i = 0; i < fields->count * ERROR_COUNT; i++) {
        int64_t count = atomic_load_explicit(&fields->counts[i], memory_order_relaxed);
        enum error reason = (enum error)(i % ERROR_COUNT);
        if (count == 0 || (reason != OK) != refused) {
            continue;
        }
        buf_printf(out, "%s{stream=\"%s\",field=\"", metric_table[metric].name, metrics->streams[stream]);
        append_escaped(out, fields->names[i / ERROR_COUNT]);
        if (refused) {
            buf_printf(out, "\",reason=\"%s", error_info(reason)->code);
        }
        buf_printf(out, "\"} %lld\n", (long long)count);
    }
}

static void render_metric(struct metrics *metrics, const int64_t *sums, enum metric metric, struct buf *labels,
                          struct buf *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    const struct metric_info *info = &metric_table[metric];
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name, kinds[info->kind]);
    bool of_fields = metric == METRIC_EVENTS_REJECTED_BY_FIELD || metric == METRIC_VALUES_DEFAULTED;
    for (size_t stream = 0; of_fields && stream < metrics->stream_count; stream++) {
        render_fields(metrics, metric, stream, out);
    }
    for (size_t index = 0; index < metrics->series[metric]; index++) {
        bool is_histogram = info->kind == KIND_OF_HISTOGRAM;
        size_t cell = metrics->offset[metric] + index;
        double value = is_histogram ? 0 : (double)sums[cell] + metrics_state(metrics, cell);
        if (!is_histogram && is_silent(metrics, metric, index, value)) {
            continue; /* most are */
        }
        buf_clear(labels);
        append_labels(metrics, info->labels, index, labels);
        if (is_histogram) {
            render_histogram(metrics, sums, metric, index, buf_slice(labels), out);
        } else {
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

void metrics_update(struct metrics *metrics)
{
    pthread_mutex_lock(&metrics->mutex);
    size_t hooks = metrics->hook_count; /* a hook once there stays as it is */
    pthread_mutex_unlock(&metrics->mutex);
    for (size_t i = 0; i < hooks; i++) {
        metrics->hooks[i].update(metrics->hooks[i].context);
    }
}

void metrics_render(struct metrics *metrics, struct buf *out)
{
    set_resident_memory(metrics);
    metrics_update(metrics);
    struct buf labels = { 0 }, sums = { 0 };
    if (!buf_reserve(&sums, metrics->cell_count * sizeof(int64_t))) {
        out->failed = true;
        return;
    }
    metrics_sum_all(metrics, (int64_t *)(void *)sums.data);
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        render_metric(metrics, (const int64_t *)(const void *)sums.data, (enum metric)m, &labels, out);
    }
    buf_release(&labels);
    buf_release(&sums);
}
