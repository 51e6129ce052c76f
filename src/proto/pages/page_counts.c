/* Turns counters into sums. */
#include "proto/pages/page_counts.h"

#include "base/metrics/metrics.h"
#include "event/stream.h"

static const struct {
    const char *name;
    enum metric metric;
} places[] = {
    { "recovered", METRIC_EVENTS_RECOVERED }, { "stored", METRIC_EVENTS_STORED },
    { "journaled", METRIC_JOURNAL_EVENTS },   { "dead_lettered", METRIC_EVENTS_DEAD_LETTERED },
    { "damaged", METRIC_EVENTS_DAMAGED },
};

struct sums {
    struct metric_door doors; /* over all protocols */
    int64_t places[ARRAY_LENGTH(places)];
};

static void add_stream(struct metrics *metrics, size_t stream, struct sums *sums)
{
    for (unsigned protocol = 0; protocol < METRICS_PROTOCOL_COUNT; protocol++) {
        const struct metric_door door = metrics_read_door(metrics, protocol, stream);
        sums->doors.received += door.received;
        sums->doors.accepted += door.accepted;
        sums->doors.duplicate += door.duplicate;
        sums->doors.rejected += door.rejected;
        sums->doors.dropped += door.dropped;
        sums->doors.in_flight += door.in_flight;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        sums->places[i] += metric_read(metrics, places[i].metric, 0, stream, OK);
    }
}

static void append_sums(const struct sums *sums, struct buf *out)
{
    const struct metric_door *doors = &sums->doors;
    buf_printf(
        out,
        "\"received\":%lld,\"accepted\":%lld,\"duplicate\":%lld,\"rejected\":%lld,\"dropped\":%lld,\"in_flight\":%lld",
        (long long)doors->received, (long long)doors->accepted, (long long)doors->duplicate, (long long)doors->rejected,
        (long long)doors->dropped, (long long)doors->in_flight);
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        buf_printf(out, ",\"%s\":%lld", places[i].name, (long long)sums->places[i]);
    }
    buf_append_byte(out, '}');
}

void page_counts_stream(struct metrics *metrics, const char *name, size_t stream, struct buf *out)
{
    struct sums sums = { .places = { 0 } };
    add_stream(metrics, stream, &sums);
    buf_append_string(out, "{\"stream\":");
    buf_append_json_string(out, slice_from_string(name));
    buf_append_byte(out, ',');
    append_sums(&sums, out);
}

void page_counts_all(struct metrics *metrics, struct stream *const *streams, size_t count, struct buf *out)
{
    struct sums sums = { .places = { 0 } };
    add_stream(metrics, metrics_no_stream(metrics), &sums);
    for (size_t i = 0; i < count; i++) {
        add_stream(metrics, streams[i]->index, &sums);
    }
    buf_append_byte(out, '{');
    append_sums(&sums, out);
}
