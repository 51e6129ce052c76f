/* Turns refusals into counters. */
#include "pipeline/submit_counts.h"

#include "base/metrics/metrics.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/refusals.h"
#include "pipeline/validate/client_clock.h"
#include "pipeline/validate/validate.h"

void submit_count_refused(struct pipeline_io *io, enum protocol protocol, size_t stream, enum error error,
                          int64_t events)
{
    const struct metric_events counts = { .received = events, .refused = events, .reason = error };
    metric_count_events(io->cells, protocol, stream, &counts);
}

/* The last one stands for "no stream". */
static size_t label_of(const struct pipeline_io *io, const struct stream *stream)
{
    return stream != NULL ? stream->index : io->stream_count;
}

void submit_count_payload(struct pipeline_io *io, enum protocol protocol, const struct stream *stream, enum error error)
{
    submit_count_refused(io, protocol, label_of(io, stream), error, 1);
}

void submit_tell(struct pipeline_io *io, const struct payload *payload, const struct refusal *refusal,
                 struct refused_input *input, struct slice message)
{
    input->payload = payload;
    if (payload->key != 0) {
        input->key_name = metrics_key_name(io->metrics, payload->key);
    }
    refusals_note(io->refusals, refusal, input, message);
}

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    struct refusal refusal = { protocol, stream != NULL ? stream->name : "", "", error };
    struct refused_input input = { .stream = stream, .events = 1, .whole = true };
    submit_count_payload(io, protocol, stream, error);
    refusals_note(io->refusals, &refusal, &input, SLICE(""));
}

void pipeline_refuse(struct pipeline_io *io, const struct payload *payload, const struct stream *blamed,
                     enum error error)
{
    struct refusal refusal = { payload->protocol, blamed != NULL ? blamed->name : "", "", error };
    struct refused_input input = { .stream = payload->stream, .events = 1, .whole = true, .bytes = payload->bytes };
    submit_count_payload(io, payload->protocol, blamed, error);
    pipeline_count_key_refusal(io, payload->key, error);
    submit_tell(io, payload, &refusal, &input, SLICE(""));
}

void pipeline_count_key_refusal(struct pipeline_io *io, uint32_t key, enum error error)
{
    if (key != 0) {
        metric_add_index(io->cells, METRIC_KEY_EVENTS_RECEIVED, key, 1);
        metric_add_index(io->cells, METRIC_KEY_EVENTS_REJECTED, key, error_info(error)->fate == FATE_REJECTED);
    }
}

void RARE submit_count_key(struct pipeline_io *io, uint32_t key, const struct submission *submission)
{
    if (submission->events == 0) {
        pipeline_count_key_refusal(io, key, submission->error);
        return;
    }
    bool refused = error_info(submission->error)->fate == FATE_REJECTED;
    metric_add_index(io->cells, METRIC_KEY_EVENTS_RECEIVED, key, submission->events);
    metric_add_index(io->cells, METRIC_KEY_EVENTS_REJECTED, key, refused ? submission->events : submission->rejected);
}

void pipeline_count_hidden_refusal(struct pipeline_io *io, const struct stream *stream)
{
    metric_add_index(io->cells, METRIC_REFUSALS_HIDDEN, label_of(io, stream), 1);
}

static void RARE count_defaulted(struct pipeline_io *io, const struct stream *stream, bool taken)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        uint32_t count = validate_take_defaulted(io->validator, i);
        if (taken && count != 0) {
            metric_add_defaulted(io->cells, stream->index, i, count);
        }
    }
}

void RARE submit_count_clock(struct pipeline_io *io, const struct client_clock *clock, int64_t received_wall_ns)
{
    int64_t ahead_ns = client_clock_ahead_ns(clock, received_wall_ns);
    metric_observe_ns(io->cells, METRIC_CLIENT_CLOCK_SKEW, ahead_ns > 0 ? CLOCK_AHEAD : CLOCK_BEHIND,
                      ahead_ns > 0 ? ahead_ns : -ahead_ns);
}

void submit_count_changes(struct pipeline_io *io, enum protocol protocol, const struct stream *stream, bool taken)
{
    struct validate_changes changes = validate_take_changes(io->validator);
    if (changes.defaulted != 0) {
        count_defaulted(io, stream, taken);
    }
    if (taken && (changes.moved | changes.clamped) != 0) {
        metric_add_event(io->cells, METRIC_TIMES_MOVED, protocol, stream->index, changes.moved);
        metric_add_event(io->cells, METRIC_TIMES_CLAMPED, protocol, stream->index, changes.clamped);
    }
}
