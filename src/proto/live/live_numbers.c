/* Turns counters and states into what somebody sees who watches. */
#include "proto/live/live_numbers.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "proto/live/live_interest.h"
#include "proto/live/live_time.h"

#include <stdlib.h>

#define PARTS_MAX 256

/* The accounting identity. Doors: of each protocol. Places: of a stream. */
enum { RECEIVED, ACCEPTED, DUPLICATE, REJECTED, DROPPED, IN_FLIGHT, DOORS };
enum { RECOVERED, STORED, JOURNALED, DEAD_LETTERED, DAMAGED, PLACES };

static const char *const doors[DOORS] = {
    [RECEIVED] = "received", [ACCEPTED] = "accepted", [DUPLICATE] = "duplicate",
    [REJECTED] = "rejected", [DROPPED] = "dropped",   [IN_FLIGHT] = "in_flight",
};

static const struct {
    const char *name;
    enum metric metric;
} places[PLACES] = {
    [RECOVERED] = { "recovered", METRIC_EVENTS_RECOVERED },
    [STORED] = { "stored", METRIC_EVENTS_STORED },
    [JOURNALED] = { "journaled", METRIC_JOURNAL_EVENTS },
    [DEAD_LETTERED] = { "dead_lettered", METRIC_EVENTS_DEAD_LETTERED },
    [DAMAGED] = { "damaged", METRIC_EVENTS_DAMAGED },
};

static const char *const protocols[] = METRICS_PROTOCOLS;

/* States of a stream that are no events. */
static const struct {
    const char *name;
    enum metric metric;
} states[] = {
    { "journal_bytes", METRIC_JOURNAL_BYTES },       { "segments", METRIC_JOURNAL_SEGMENTS },
    { "batches_waiting", METRIC_BATCHES_WAITING },   { "batches_held", METRIC_BATCHES_HELD },
    { "dead_letter_rows", METRIC_DEAD_LETTER_ROWS }, { "batches_stored", METRIC_BATCHES_STORED },
    { "insert_failures", METRIC_INSERT_FAILURES },
};

/* Of a stream, or of several. */
struct sums {
    int64_t doors[METRICS_PROTOCOL_COUNT][DOORS];
    int64_t places[PLACES];
    int64_t states[ARRAY_LENGTH(states)];
    double lag_seconds; /* of the oldest event that is not stored */
};

static void read_doors(struct metrics *metrics, size_t stream, struct sums *sums)
{
    for (unsigned protocol = 0; protocol < METRICS_PROTOCOL_COUNT; protocol++) {
        const struct metric_door door = metrics_read_door(metrics, protocol, stream);
        sums->doors[protocol][RECEIVED] = door.received;
        sums->doors[protocol][ACCEPTED] = door.accepted;
        sums->doors[protocol][DUPLICATE] = door.duplicate;
        sums->doors[protocol][REJECTED] = door.rejected;
        sums->doors[protocol][DROPPED] = door.dropped;
        sums->doors[protocol][IN_FLIGHT] = door.in_flight;
    }
}

static void read_stream(const struct live_numbers_source *source, size_t stream, struct sums *sums)
{
    *sums = (struct sums){ .lag_seconds = metric_state(source->metrics, METRIC_OLDEST_EVENT_AGE, stream) };
    read_doors(source->metrics, stream, sums);
    for (size_t i = 0; i < PLACES; i++) {
        sums->places[i] = metric_read(source->metrics, places[i].metric, 0, stream, OK);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
        sums->states[i] = metric_read(source->metrics, states[i].metric, 0, stream, OK);
    }
}

static void add(struct sums *total, const struct sums *sums)
{
    for (unsigned protocol = 0; protocol < METRICS_PROTOCOL_COUNT; protocol++) {
        for (size_t i = 0; i < DOORS; i++) {
            total->doors[protocol][i] += sums->doors[protocol][i];
        }
    }
    for (size_t i = 0; i < PLACES; i++) {
        total->places[i] += sums->places[i];
    }
    for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
        total->states[i] += sums->states[i];
    }
    total->lag_seconds = sums->lag_seconds > total->lag_seconds ? sums->lag_seconds : total->lag_seconds;
}

/* `,"name":value` as often as there are. */
static void append_number(struct buf *out, const char *name, int64_t value)
{
    buf_printf(out, ",\"%s\":%lld", name, (long long)value);
}

static void append_seconds(struct buf *out, const char *name, double seconds)
{
    buf_printf(out, ",\"%s\":%.3f", name, seconds > 0 ? seconds : 0);
}

static void append_protocols(const struct sums *sums, struct buf *out)
{
    buf_append_string(out, ",\"protocols\":{");
    for (size_t protocol = 0; protocol < METRICS_PROTOCOL_COUNT; protocol++) {
        buf_printf(out, "%s\"%s\":{", protocol == 0 ? "" : ",", protocols[protocol]);
        for (size_t door = 0; door < DOORS; door++) {
            buf_printf(out, "%s\"%s\":%lld", door == 0 ? "" : ",", doors[door], (long long)sums->doors[protocol][door]);
        }
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, '}');
}

/* The members of a stream, or of the sum, behind its first. */
static void append_sums(const struct sums *sums, struct buf *out)
{
    for (size_t door = 0; door < DOORS; door++) {
        int64_t sum = 0;
        for (size_t protocol = 0; protocol < METRICS_PROTOCOL_COUNT; protocol++) {
            sum += sums->doors[protocol][door];
        }
        append_number(out, doors[door], sum);
    }
    for (size_t i = 0; i < PLACES; i++) {
        append_number(out, places[i].name, sums->places[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
        append_number(out, states[i].name, sums->states[i]);
    }
    append_seconds(out, "lag_seconds", sums->lag_seconds);
    append_protocols(sums, out);
}

static void append_stream(const struct live_numbers_source *source, size_t index, struct sums *total, struct buf *out)
{
    const struct stream *stream = stream_at((const struct stream *const *)source->streams, index);
    struct sums sums;
    ASSERT_EQUAL(stream->index, index);
    read_stream(source, index, &sums);
    add(total, &sums);
    buf_append_string(out, "{\"stream\":");
    buf_append_json_string(out, slice_from_string(stream->name));
    append_sums(&sums, out);
    append_number(out, "journal_bytes_max", (int64_t)stream->options->max_journal_bytes);
    buf_append_byte(out, '}');
}

/* What was refused before it had a stream. */
static void append_streamless(const struct live_numbers_source *source, struct sums *total, struct buf *out)
{
    struct sums sums = { .lag_seconds = 0 };
    read_doors(source->metrics, metrics_no_stream(source->metrics), &sums);
    add(total, &sums);
    buf_append_string(out, "{\"stream\":\"\"");
    append_sums(&sums, out);
    buf_append_byte(out, '}');
}

static void append_streams(const struct live_numbers_source *source, const struct live_interest *interest,
                           struct sums *total, struct buf *out)
{
    bool any = false;
    *total = (struct sums){ .lag_seconds = 0 };
    buf_append_string(out, ",\"streams\":[");
    for (size_t i = 0; i < source->stream_count; i++) {
        if (live_interest_holds(interest, i)) {
            buf_append_string(out, any ? "," : "");
            append_stream(source, i, total, out);
            any = true;
        }
    }
    if (interest->all_streams) {
        buf_append_string(out, any ? "," : "");
        append_streamless(source, total, out);
    }
    buf_append_byte(out, ']');
}

static size_t stream_of_part(const struct live_numbers_source *source, const char *part)
{
    struct slice name = slice_from_string(part);
    if (!slice_starts_with(name, SLICE("stream:"))) {
        return LIVE_NO_STREAM;
    }
    name = slice_after(name, strlen("stream:"));
    for (size_t i = 0; i < source->stream_count; i++) {
        const struct stream *stream = stream_at((const struct stream *const *)source->streams, i);
        if (slice_equal(name, slice_from_string(stream->name))) {
            return i;
        }
    }
    return LIVE_NO_STREAM;
}

static void append_part(const struct status_view *part, bool first, struct buf *out)
{
    static const char *const levels[] = { [STATUS_OK] = "ok", [STATUS_DEGRADED] = "degraded", [STATUS_DOWN] = "down" };
    buf_append_string(out, first ? "{\"name\":" : ",{\"name\":");
    buf_append_json_string(out, slice_from_string(part->name));
    buf_printf(out, ",\"status\":\"%s\",\"since\":\"", levels[part->level]);
    live_append_time(out, part->since_wall_ns);
    buf_append_string(out, "\",\"reason\":");
    buf_append_json_string(out, slice_from_string(part->reason));
    buf_append_byte(out, '}');
}

static void append_parts(const struct live_numbers_source *source, const struct live_interest *interest,
                         struct buf *out)
{
    struct status_view *parts = calloc(PARTS_MAX, sizeof *parts);
    size_t count = parts == NULL ? 0 : status_read(source->board, parts, PARTS_MAX);
    bool first = true;
    enum error refusal = pipeline_admits(source->pipeline);
    out->failed |= parts == NULL;
    buf_printf(out, ",\"ready\":%s,\"refusal\":", refusal == OK ? "true" : "false");
    buf_append_json_string(out, slice_from_string(refusal == OK ? "" : error_info(refusal)->text));
    buf_append_string(out, ",\"parts\":[");
    for (size_t i = 0; i < (count < PARTS_MAX ? count : PARTS_MAX); i++) {
        size_t stream = stream_of_part(source, parts[i].name);
        if (stream == LIVE_NO_STREAM || live_interest_holds(interest, stream)) {
            append_part(&parts[i], first, out);
            first = false;
        }
    }
    buf_append_byte(out, ']');
    free(parts);
}

/* Of the whole gateway, whatever the interest is: states, and how near to their bounds they are. */
static void append_gateway(const struct live_numbers_source *source, struct buf *out)
{
    const struct {
        const char *name;
        enum metric metric;
    } values[] = {
        { "connections", METRIC_CONNECTIONS },
        { "websockets", METRIC_WEBSOCKETS },
        { "queue_events", METRIC_QUEUE_EVENTS },
        { "free_bytes", METRIC_DISK_FREE },
        { "dead_letter_bytes", METRIC_DEAD_LETTER_BYTES },
        { "received_bytes", METRIC_RECEIVED_BYTES },
        { "viewers", METRIC_LIVE_VIEWERS },
        { "skipped", METRIC_LIVE_SKIPPED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        append_number(out, values[i].name, metric_read(source->metrics, values[i].metric, 0, 0, OK));
    }
    append_number(out, "journal_bytes_max", (int64_t)source->max_journal_bytes);
    append_number(out, "free_bytes_min", (int64_t)source->min_free_bytes);
    append_number(out, "dead_letter_bytes_max", (int64_t)source->max_dead_letter_bytes);
    append_number(out, "queue_events_max", (int64_t)source->max_queue_events);
}

void live_numbers(const struct live_numbers_source *source, const struct live_interest *interest, int64_t wall_ns,
                  struct buf *out)
{
    struct sums total;
    ASSERT(source->metrics != NULL && source->board != NULL && source->pipeline != NULL);
    metrics_update(source->metrics);
    buf_append_string(out, "{\"time\":\"");
    live_append_time(out, wall_ns);
    buf_append_string(out, "\",\"version\":");
    buf_append_json_string(out, slice_from_string(source->version));
    append_seconds(out, "uptime_seconds", (double)(wall_ns - source->started_wall_ns) / (double)NS_PER_SECOND);
    append_parts(source, interest, out);
    append_gateway(source, out);
    append_streams(source, interest, &total, out);
    buf_append_string(out, ",\"total\":{\"stream\":null");
    append_sums(&total, out);
    buf_append_string(out, "}}");
}
