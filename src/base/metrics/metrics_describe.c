/* Turns metrics.def into docs/metrics.md. */
#include "base/metrics/metrics.h"

/* A group has a title, a metric none. */
struct entry {
    const char *title, *about;
    const char *name, *unit, *help, *good, *bad;
    enum metric_kind kind;
    enum metric_labels labels;
};

static const struct entry entries[] = {
#define METRIC_GROUP(title_, about_) { .title = title_, .about = about_ },
#define METRIC(kind_, id, name_, unit_, labels_, help_, good_, bad_)                                                   \
    { .name = name_,                                                                                                   \
      .unit = unit_,                                                                                                   \
      .help = help_,                                                                                                   \
      .good = good_,                                                                                                   \
      .bad = bad_,                                                                                                     \
      .kind = KIND_OF_##kind_,                                                                                         \
      .labels = LABELS_##labels_ },
#include "base/metrics/metrics.def"
#undef METRIC
};

static const char *const preface =
    "# Metrics\n\n"
    "This page is written from the table of metrics (`src/base/metrics/metrics.def`): each one, what it counts, and "
    "what a "
    "good\n"
    "and a bad value means. `/metrics` serves them in the Prometheus text format, version 0.0.4. Who accepts "
    "OpenMetrics\n"
    "(`Accept: application/openmetrics-text`), as Prometheus does, gets version 1.0.0 of that, and who accepts gzip "
    "gets it\n"
    "packed. Values and names are the same.\n\n"
    "## The accounting identity\n\n"
    "Every event that arrives is counted in exactly one place. The first of these sums is exact on every page, at any "
    "load. "
    "The second is\n"
    "exact when the gateway is idle: an event is in the journal a moment before it is `accepted`, and out of it a "
    "moment "
    "before it\n"
    "is `stored`. So under load it is off by the events of which that is true just then.\n\n"
    "```\n"
    "received             = accepted + duplicate + rejected + dropped + in_flight     per protocol and stream\n"
    "accepted + recovered = stored + journaled + dead_lettered + damaged              per stream, since this start\n"
    "```\n\n"
    "| word | metric |\n|---|---|\n"
    "| `received`, `accepted`, `duplicate`, `rejected`, `dropped` | `sluice_events_<word>_total` |\n"
    "| `in_flight` | `sluice_events_in_flight` |\n"
    "| `recovered`, `stored`, `dead_lettered`, `damaged` | `sluice_events_<word>_total` |\n"
    "| `journaled` | `sluice_journal_events` |\n\n"
    "In PromQL, 0 when idle:\n\n"
    "```\n"
    "sum(sluice_events_received_total) - sum(sluice_events_accepted_total) - sum(sluice_events_duplicate_total)\n"
    "  - sum(sluice_events_rejected_total) - sum(sluice_events_dropped_total) - sum(sluice_events_in_flight)\n\n"
    "sum(sluice_events_accepted_total) + sum(sluice_events_recovered_total) - sum(sluice_events_stored_total)\n"
    "  - sum(sluice_journal_events) - sum(sluice_events_dead_lettered_total) - sum(sluice_events_damaged_total)\n"
    "```\n\n"
    "A sum that does not add up is a lost event: please report it. `/status` has the same sums as JSON. Some payloads\n"
    "are refused before their events are looked at. Such a payload counts as one event, however many it holds: one\n"
    "`received`, and one `rejected` (400, 413 …) or `dropped` (503).\n\n"
    "## What to alarm on\n\n"
    "| PromQL | what it says |\n|---|---|\n"
    "| `sluice_oldest_unstored_event_age_seconds > 60` | the store does not take what is accepted |\n"
    "| `increase(sluice_events_dropped_total[5m]) > 0` | the gateway has no room, or cannot write |\n"
    "| `sum(increase(sluice_events_rejected_total[5m])) > 0.01 * sum(increase(sluice_events_received_total[5m]))` | "
    "clients send what the streams do not take |\n"
    "| `increase(sluice_udp_kernel_drops_total[5m]) > 0` | datagrams are lost before the gateway sees them |\n"
    "| `sluice_batches_held > 0` | a table needs somebody |\n"
    "| `sluice_dead_letter_rows > 0` | rows that a table refused wait for a decision |\n"
    "| `increase(sluice_events_damaged_total[5m]) > 0` | the disk lost acknowledged events |\n"
    "| `increase(sluice_view_gap_events_total[5m]) > 0` | a materialized view lacks rows |\n\n"
    "## Labels\n\n"
    "| label | values |\n|---|---|\n"
    "| `protocol` | `http`, `ws`, `udp` |\n"
    "| `stream` | the streams of the configuration. `\"\"` is none: HTTP refused the request before its stream was "
    "known |\n"
    "| `reason` | the codes of [`src/base/error.h`](../src/base/error.h), which clients get as well |\n"
    "| `field` | the column of a stream's field |\n"
    "| `server` | the ClickHouse servers of `store.url` |\n"
    "| `listener` | the addresses of `udp.listeners`; of certificates, those of `http.listeners` |\n"
    "| `result` | what became of a reload, or of a TLS handshake: docs/operations.md |\n"
    "| `name` | the first name in a certificate |\n"
    "| `route` | patterns of paths, as they are configured or built in; `\"\"`: no route takes it |\n"
    "| `level` | of the log: `debug`, `info`, `warn`, `error` |\n"
    "| `clock` | of a client: `ahead` of the gateway's, or `behind` |\n"
    "| `part` | the parts of `/readyz?verbose` |\n"
    "| `hash` | of the configuration that holds |\n"
    "| `status` | `1xx` to `5xx` |\n\n"
    "All reasons of `dropped` are on the page from the start, at 0. So are those of `rejected` that clients are "
    "usually\n"
    "refused for. `increase()` therefore sees the first incident, too. Rare reasons come with their first event. One\n"
    "stream is about 170 series (12 KB) of the page's 470 (46 KB, packed 9).\n\n"
    "A histogram has the series `_bucket`, `_sum` and `_count`. Buckets of seconds go from 100 µs to 52 s in powers of "
    "two, unless\n"
    "their row says otherwise. Those of rows go from 1 to 4 million, those of bytes from 1 KiB to 1 GiB, in powers of "
    "four.\n\n"
    "A gauge that something bounds has its bound beside it, called the same with `_max` behind it (`_min`, if it must "
    "not fall\n"
    "below): `sluice_connections / sluice_connections_max` is how full it is.\n";

static const char *const label_names[] = {
    [LABELS_NONE] = "",
    [LABELS_STREAM] = "`stream`",
    [LABELS_PROTOCOL] = "`protocol`",
    [LABELS_PROTOCOL_STREAM] = "`protocol`, `stream`",
    [LABELS_PROTOCOL_STREAM_REASON] = "`protocol`, `stream`, `reason`",
    [LABELS_STREAM_FIELD_REASON] = "`stream`, `field`, `reason`",
    [LABELS_STREAM_FIELD] = "`stream`, `field`",
    [LABELS_REASON] = "`reason`",
    [LABELS_SERVER] = "`server`",
    [LABELS_LISTENER] = "`listener`",
    [LABELS_LOOKUP] = "`lookup`",
    [LABELS_LIMIT] = "`policy`, `unit`",
    [LABELS_KEY] = "`key`",
    [LABELS_STATUS] = "`status`",
    [LABELS_RESULT] = "`result`",
    [LABELS_NOT_KEPT] = "`reason`",
    [LABELS_TLS] = "`result`",
    [LABELS_ROUTE] = "`protocol`, `route`",
    [LABELS_LEVEL] = "`level`",
    [LABELS_CLOCK] = "`clock`",
    [LABELS_CERTIFICATE] = "`listener`, `name`",
    [LABELS_PART] = "`part`",
    [LABELS_BUILD] = "`version`, `commit`",
    [LABELS_HASH] = "`hash`",
};

static const char *const kind_names[METRIC_KINDS] = {
    [KIND_OF_COUNTER] = "counter",           [KIND_OF_GAUGE] = "gauge",
    [KIND_OF_HISTOGRAM] = "histogram",       [KIND_OF_LONG_HISTOGRAM] = "histogram",
    [KIND_OF_CLOCK_HISTOGRAM] = "histogram", [KIND_OF_ROW_HISTOGRAM] = "histogram",
    [KIND_OF_BYTE_HISTOGRAM] = "histogram",
};

static void describe_group(struct buf *out, const struct entry *group)
{
    buf_printf(out, "\n## %s\n\n", group->title);
    if (*group->about != '\0') {
        buf_printf(out, "%s\n\n", group->about);
    }
    buf_append_string(out, "| metric | type | unit | labels | meaning | good | bad, and what to do |\n"
                           "|---|---|---|---|---|---|---|\n");
}

void metrics_describe(struct buf *out)
{
    buf_append_string(out, preface);
    for (size_t i = 0; i < ARRAY_LENGTH(entries); i++) {
        const struct entry *entry = &entries[i];
        if (entry->title != NULL) {
            describe_group(out, entry);
        } else {
            buf_printf(out, "| `%s` | %s | %s | %s | %s. | %s | %s |\n", entry->name, kind_names[entry->kind],
                       entry->unit, label_names[entry->labels], entry->help, entry->good, entry->bad);
        }
    }
}
