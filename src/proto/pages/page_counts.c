/* Turns counters into sums. */
#include "proto/pages/page_counts.h"

#include "base/metrics/metrics.h"
#include "event/stream.h"

/* By protocol, or of the stream alone; with a reason, or without. */
static const struct {
    const char *name;
    enum metric metric;
    bool by_protocol, by_reason;
} sums[] = {
    { "received", METRIC_EVENTS_RECEIVED, true, false },
    { "accepted", METRIC_EVENTS_ACCEPTED, true, false },
    { "duplicate", METRIC_EVENTS_DUPLICATE, true, false },
    { "rejected", METRIC_EVENTS_REJECTED, true, true },
    { "dropped", METRIC_EVENTS_DROPPED, true, true },
    { "in_flight", METRIC_EVENTS_IN_FLIGHT, true, false },
    { "recovered", METRIC_EVENTS_RECOVERED, false, false },
    { "stored", METRIC_EVENTS_STORED, false, false },
    { "journaled", METRIC_JOURNAL_EVENTS, false, false },
    { "dead_lettered", METRIC_EVENTS_DEAD_LETTERED, false, false },
    { "damaged", METRIC_EVENTS_DAMAGED, false, false },
};

static int64_t sum_of(struct metrics *metrics, size_t row, size_t stream)
{
    int64_t sum = 0;
    for (unsigned protocol = 0; protocol < (sums[row].by_protocol ? METRICS_PROTOCOL_COUNT : 1); protocol++) {
        for (int error = OK; error < (sums[row].by_reason ? ERROR_COUNT : 1); error++) {
            sum += metric_read(metrics, sums[row].metric, protocol, stream, (enum error)error);
        }
    }
    return sum;
}

void page_counts_stream(struct metrics *metrics, const char *name, size_t stream, struct buf *out)
{
    buf_append_string(out, "{\"stream\":");
    buf_append_json_string(out, slice_from_string(name));
    for (size_t row = 0; row < ARRAY_LENGTH(sums); row++) {
        buf_printf(out, ",\"%s\":%lld", sums[row].name, (long long)sum_of(metrics, row, stream));
    }
    buf_append_byte(out, '}');
}

void page_counts_all(struct metrics *metrics, struct stream *const *streams, size_t count, struct buf *out)
{
    for (size_t row = 0; row < ARRAY_LENGTH(sums); row++) {
        int64_t sum = sum_of(metrics, row, metrics_no_stream(metrics));
        for (size_t i = 0; i < count; i++) {
            sum += sum_of(metrics, row, streams[i]->index);
        }
        buf_printf(out, "%s\"%s\":%lld", row == 0 ? "{" : ",", sums[row].name, (long long)sum);
    }
    buf_append_byte(out, '}');
}
