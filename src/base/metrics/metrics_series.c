/* Which series a metric has on the page, and what their labels are. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

/* Label values are names and addresses that were checked: no quote, backslash or newline can be in them. */
static const char *stream_label(const struct metrics *metrics, size_t stream)
{
    return stream < metrics->stream_count ? metrics->streams[stream] : "";
}

void metrics_append_labels(const struct metrics *metrics, enum metric_labels labels, size_t index, struct buf *out)
{
    static const char *const protocols[] = METRICS_PROTOCOLS;
    static const char *const policies[] = METRICS_LIMIT_POLICIES, *const units[] = METRICS_LIMIT_UNITS;
    static const char *const results[] = METRICS_RELOAD_RESULTS;
    static const char *const not_kept[] = METRICS_NOT_KEPT;
    static const char *const tls_results[METRICS_TLS_RESULT_COUNT] = METRICS_TLS_RESULTS;
    static const char *const sides[] = METRICS_CLOCK_SIDES, *const levels[] = METRICS_LOG_LEVELS;
    size_t streams = metrics->stream_count + 1;
    size_t event = labels == LABELS_PROTOCOL_STREAM_REASON ? index / ERROR_COUNT : index;
    switch (labels) {
    case LABELS_NONE: return;
    case LABELS_STREAM: buf_printf(out, "stream=\"%s\"", stream_label(metrics, index)); return;
    case LABELS_PROTOCOL: buf_printf(out, "protocol=\"%s\"", protocols[index]); return;
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
    case LABELS_NOT_KEPT: buf_printf(out, "reason=\"%s\"", not_kept[index]); return;
    case LABELS_TLS: buf_printf(out, "result=\"%s\"", tls_results[index]); return;
    case LABELS_ROUTE: buf_append_slice(out, buf_slice(&metrics->routes[index])); return;
    case LABELS_LEVEL: buf_printf(out, "level=\"%s\"", levels[index]); return;
    case LABELS_CLOCK: buf_printf(out, "clock=\"%s\"", sides[index]); return;
    case LABELS_CERTIFICATE:
    case LABELS_PART:
    case LABELS_BUILD:
    case LABELS_HASH:
    case LABELS_STREAM_FIELD_REASON:
    case LABELS_STREAM_FIELD: return; /* they have no series in cells */
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

/* A rare reason that never occurred, "no stream" where every event had one. */
bool metrics_is_silent(const struct metrics *metrics, enum metric metric, size_t index, double value)
{
    if (value != 0 && metric_table[metric].labels != LABELS_KEY) {
        return false;
    }
    size_t streams = metrics->stream_count + 1;
    switch (metric_table[metric].labels) {
    case LABELS_REASON: return (usual_reasons[index] & usual_of(metric)) == 0;
    case LABELS_ROUTE:
    case LABELS_LIMIT: return true; /* most are not asked, or not configured */
    case LABELS_PROTOCOL_STREAM_REASON: return !is_usual_refusal(metrics, metric, index);
    case LABELS_PROTOCOL_STREAM:
    case LABELS_STREAM: return index % streams == metrics->stream_count;
    case LABELS_KEY: return !metrics_key(metrics, index)->used;
    case LABELS_TLS: return true; /* most gateways stand behind a proxy */
    default: return false;
    }
}
