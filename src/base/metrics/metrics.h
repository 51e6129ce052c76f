/* Metrics: every one is a line in metrics.def; the enum, the per-thread cells and the Prometheus page follow from it.
 *
 * Each thread adds to cells of its own (atomics, no sharing); a scrape sums them. Sums are exact when the threads are idle;
 * those of the first accounting identity add up at any time (metric_count_events). Gauges that are sums of changes (in flight, journaled) are cells too; gauges that are states are
 * set on the registry. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

/* Histograms are of five scales, each with buckets that a power of two apart. */
enum metric_kind {
    KIND_OF_COUNTER,
    KIND_OF_GAUGE,
    KIND_OF_HISTOGRAM,       /* of seconds: 100 us to 52 s, by two */
    KIND_OF_LONG_HISTOGRAM,  /* of seconds, observed in ms: 1 ms to 35 min, by two */
    KIND_OF_CLOCK_HISTOGRAM, /* of seconds: 1 ms to 3 days, by four */
    KIND_OF_ROW_HISTOGRAM,   /* 1 to 4 million, by four */
    KIND_OF_BYTE_HISTOGRAM,  /* 1 KiB to 1 GiB, by four */
    METRIC_KINDS
};

/* Values of the protocol label, in the order of enum protocol. */
#define METRICS_PROTOCOLS                                                                                              \
    {                                                                                                                  \
        "http", "ws", "udp"                                                                                            \
    }
#define METRICS_PROTOCOL_COUNT 3

/* Values of the labels policy and unit, in the order of enum limit_policy and enum limit_unit. */
#define METRICS_LIMIT_POLICIES                                                                                         \
    {                                                                                                                  \
        "address", "key", "all", "daily"                                                                               \
    }
#define METRICS_LIMIT_POLICY_COUNT 4
#define METRICS_LIMIT_UNITS                                                                                            \
    {                                                                                                                  \
        "requests", "events", "bytes", "cpu"                                                                           \
    }
#define METRICS_LIMIT_UNIT_COUNT 4
/* What came of reading the configuration anew, with the values of the result label. */
enum reload_result { RELOAD_APPLIED, RELOAD_PARTLY, RELOAD_REFUSED, RELOAD_BUSY, RELOAD_RESULTS };
#define METRICS_RELOAD_RESULTS                                                                                         \
    {                                                                                                                  \
        "applied", "partly", "refused", "busy"                                                                         \
    }
/* Values of the label result, in the order of enum tls_result (proto/tls). */
#define METRICS_TLS_RESULTS                                                                                            \
    {                                                                                                                  \
        "ok", "resumed", "plain_http", "version", "cipher", "protocol", "client_certificate", "client_refused",        \
            "malformed", "unfinished", "internal"                                                                      \
    }
#define METRICS_TLS_RESULT_COUNT 11

/* Why rejects were not kept, with the values of the reason label. */
enum not_kept { NOT_KEPT_QUEUE, NOT_KEPT_SAMPLE, NOT_KEPT_SIZE, NOT_KEPT_DISK, NOT_KEPT_MEMORY, NOT_KEPT_REASONS };
#define METRICS_NOT_KEPT                                                                                               \
    {                                                                                                                  \
        "queue", "sample", "size", "disk", "memory"                                                                    \
    }

/* Which labels a metric has, and so how many cells. */
enum metric_labels {
    LABELS_NONE,
    LABELS_STREAM,
    LABELS_PROTOCOL,
    LABELS_PROTOCOL_STREAM,
    LABELS_PROTOCOL_STREAM_REASON,
    LABELS_STREAM_FIELD_REASON, /* metric_add_field */
    LABELS_STREAM_FIELD,        /* metric_add_defaulted */
    LABELS_REASON,
    LABELS_SERVER,   /* one per ClickHouse server */
    LABELS_LISTENER, /* one per UDP listener */
    LABELS_LOOKUP,   /* one per lookup */
    LABELS_LIMIT,    /* policy and unit */
    LABELS_KEY,      /* metrics_take_key */
    LABELS_STATUS,   /* HTTP status class 1xx … 5xx */
    LABELS_RESULT,   /* of a reload, of enum reload_result */
    LABELS_NOT_KEPT, /* enum not_kept */
    LABELS_TLS,      /* what became of a handshake */
    LABELS_ROUTE,    /* protocol and route: metrics_take_route */
    LABELS_LEVEL,    /* of the log, of enum log_level */
    LABELS_CLOCK,    /* which way a clock is off, of enum clock_side */
    /* Those of metric_set_labelled: */
    LABELS_CERTIFICATE, /* listener and name */
    LABELS_PART,        /* of the status board */
    LABELS_BUILD,       /* version and commit */
    LABELS_HASH         /* of the configuration */
};

/* Values of the label level, in the order of enum log_level. */
#define METRICS_LOG_LEVELS                                                                                             \
    {                                                                                                                  \
        "debug", "info", "warn", "error"                                                                               \
    }
#define METRICS_LOG_LEVEL_COUNT 4

/* Values of the label clock. */
enum clock_side { CLOCK_AHEAD, CLOCK_BEHIND, CLOCK_SIDES };
#define METRICS_CLOCK_SIDES                                                                                            \
    {                                                                                                                  \
        "ahead", "behind"                                                                                              \
    }

enum metric {
#define METRIC(kind, id, ...) METRIC_##id,
#include "base/metrics/metrics.def"
#undef METRIC
    METRIC_COUNT
};

struct metrics;
struct metrics_cells;
struct metrics_fields;

struct metrics_names {
    const char *const *items;
    size_t count;
};

/* The values of labels that the configuration gives. */
struct metrics_labels {
    struct metrics_names streams; /* the index streams.count is the label "" (no stream) */
    struct metrics_names servers;
    struct metrics_names listeners;
    struct metrics_names lookups;
    size_t key_room;                    /* most keys that have counters; those of a reload find theirs in it */
    size_t route_room;                  /* most pairs of protocol and route */
    const struct metrics_names *fields; /* of each stream; NULL: they have none */
};

/* Names are copied. NULL if memory is short. */
struct metrics *metrics_new(const struct metrics_labels *labels);
void metrics_free(struct metrics *metrics);

/* Keys come and go with the configuration, each with the index of its series. After metrics_forget_keys no key has any, until it
 * keeps what it had, or takes some that no key has (0: there is none left), whose counts begin at 0. While no thread counts. */
void metrics_forget_keys(struct metrics *metrics);
void metrics_keep_key(struct metrics *metrics, uint32_t index);
uint32_t metrics_take_key(struct metrics *metrics, struct slice name);

/* Of a key that was taken; empty: it is none any more. Valid until keys are taken anew. */
struct slice metrics_key_name(const struct metrics *metrics, uint32_t key);

/* The index of the series of a protocol and a route, whose pattern is `prefix` and `path`: the same for the same. 0: there is no room;
 * that is of HTTP's requests to no route, too. Before threads count. */
uint32_t metrics_take_route(struct metrics *metrics, unsigned protocol, struct slice prefix, struct slice path);

/* Other fields of a stream. `new` makes them, without a count; NULL: memory is short. `swap` has them take over the counts of those
 * that are there by the same name, while nobody counts; *fields is what was there before. */
struct metrics_fields *metrics_fields_new(const struct metrics_names *names);
void metrics_fields_swap(struct metrics *metrics, size_t stream, struct metrics_fields *fields);
void metrics_fields_free(struct metrics_fields *fields);

/* Cells for one thread; owned by the registry. NULL if memory is short. */
struct metrics_cells *metrics_thread(struct metrics *metrics);

/* The stream index that stands for "no stream". */
size_t metrics_no_stream(const struct metrics *metrics);

/* Adds to a cell of the calling thread; the labels a metric does not have are ignored. */
void metric_add(struct metrics_cells *cells, enum metric metric, int64_t value);
void metric_add_stream(struct metrics_cells *cells, enum metric metric, size_t stream, int64_t value);
void metric_add_event(struct metrics_cells *cells, enum metric metric, unsigned protocol, size_t stream, int64_t value);

/* What came of events: they add up, received = accepted + duplicate + refused + in_flight. Who leaves what is in flight counts it
 * below 0 there. By the fate of `reason` refused ones are rejected or dropped. */
struct metric_events {
    int64_t received, accepted, duplicate, refused, in_flight;
    enum error reason; /* of those refused */
};

/* The one way to count them: a page has all of it, or nothing. Cells of those who count what leaves are made before those of
 * who counts what comes: then nothing in flight is seen below 0. */
void metric_count_events(struct metrics_cells *cells, unsigned protocol, size_t stream,
                         const struct metric_events *events);

/* The sums over threads, which add up. Any thread. */
struct metric_door {
    int64_t received, accepted, duplicate, rejected, dropped, in_flight;
};
struct metric_door metrics_read_door(struct metrics *metrics, unsigned protocol, size_t stream);

/* To EVENTS_REJECTED_BY_FIELD. The cells are shared by all threads: rejections are rare, and fields may be many. */
void metric_add_field(struct metrics_cells *cells, size_t stream, size_t field, enum error reason, int64_t value);
/* To VALUES_DEFAULTED, in cells of the same kind. */
void metric_add_defaulted(struct metrics_cells *cells, size_t stream, size_t field, int64_t value);
void metric_add_index(struct metrics_cells *cells, enum metric metric, size_t index, int64_t value);

/* To a histogram: a value of so many events. Values of seconds are given in nanoseconds. */
void metric_observe(struct metrics_cells *cells, enum metric metric, size_t index, int64_t value, int64_t events);
static inline void metric_observe_ns(struct metrics_cells *cells, enum metric metric, size_t index, int64_t duration_ns)
{
    metric_observe(cells, metric, index, duration_ns, 1);
}

/* States: the last value set wins. Any thread. */
void metric_set(struct metrics *metrics, enum metric metric, size_t index, double value);

/* States whose labels come and go, such as certificates: the `index`-th of the metric has these labels and this value from now on.
 * Values of labels may be any text. `end` leaves those from `index` on out of the page. Of more than METRICS_LABELLED nothing is
 * kept. Any thread. */
#define METRICS_LABELLED 256
struct metric_label {
    const char *name;
    struct slice value;
};
void metric_set_labelled(struct metrics *metrics, enum metric metric, size_t index, const struct metric_label *labels,
                         size_t label_count, double value);
void metric_end_labelled(struct metrics *metrics, enum metric metric, size_t index);

/* The sum over threads of one cell; `reason` and `protocol` are ignored where the metric has no such label. */
int64_t metric_read(struct metrics *metrics, enum metric metric, unsigned protocol, size_t stream, enum error reason);

/* Registers a function called before each rendering, to set states that are known only when asked. */
void metrics_on_scrape(struct metrics *metrics, void (*update)(void *context), void *context);

/* Calls them, one after the other: then states are as new as on the page. Any thread. */
void metrics_update(struct metrics *metrics);

/* A state that metric_set set last. */
double metric_state(struct metrics *metrics, enum metric metric, size_t index);

/* The Prometheus text format, version 0.0.4, or OpenMetrics, version 1.0.0, with what they are called in HTTP. */
enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_FORMATS };
#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Any thread. */
void metrics_render(struct metrics *metrics, enum metrics_format format, struct buf *out);

/* docs/metrics.md: every metric, and what a good and a bad value means. */
void metrics_describe(struct buf *out);
