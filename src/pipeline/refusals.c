/* Turns refusals into a line each, or one a second. */
#include "pipeline/refusals.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics/metrics.h"

#define LONGEST_MESSAGE 200

static const char *const protocols[] = METRICS_PROTOCOLS;

void refusals_init(struct refusals *refusals)
{
    pthread_mutex_init(&refusals->mutex, NULL);
    atomic_init(&refusals->count, 0);
    refusals->sink_count = 0;
}

void refusals_release(struct refusals *refusals)
{
    pthread_mutex_destroy(&refusals->mutex);
}

void refusals_add_sink(struct refusals *refusals, const struct refusal_sink *sink)
{
    ASSERT(sink->refused != NULL);
    ASSERT_BELOW(refusals->sink_count, REFUSAL_SINKS_MAX);
    refusals->sinks[refusals->sink_count++] = sink;
}

static void log_one(const struct refusal *refusal, uint64_t events, struct slice message)
{
    const struct error_info *info = error_info(refusal->error);
    message = message.len == 0 ? slice_from_string(info->text) : message;
    LOG(LOG_DEBUG, "refused", "events=%llu protocol=%s stream=%s field=%s reason=%s %.*s", (unsigned long long)events,
        protocols[refusal->protocol], refusal->stream, refusal->field, info->code,
        (int)(message.len < LONGEST_MESSAGE ? message.len : LONGEST_MESSAGE), message.data);
}

void refusals_note(struct refusals *refusals, const struct refusal *refusal, const struct refused_input *input,
                   struct slice message)
{
    uint64_t events = input->events;
    if (log_takes(LOG_DEBUG)) {
        log_one(refusal, events, message);
    }
    for (size_t i = 0; i < refusals->sink_count; i++) {
        refusals->sinks[i]->refused(refusals->sinks[i]->context, refusal, input, message);
    }
    if (atomic_load_explicit(&refusals->count, memory_order_relaxed) != 0) {
        atomic_fetch_add_explicit(&refusals->count, events, memory_order_relaxed);
        return;
    }
    pthread_mutex_lock(&refusals->mutex);
    if (atomic_fetch_add_explicit(&refusals->count, events, memory_order_relaxed) == 0) {
        refusals->first = *refusal;
    }
    pthread_mutex_unlock(&refusals->mutex);
}

void refusals_tell(struct refusals *refusals)
{
    pthread_mutex_lock(&refusals->mutex);
    uint64_t count = atomic_exchange_explicit(&refusals->count, 0, memory_order_relaxed);
    struct refusal first = refusals->first;
    pthread_mutex_unlock(&refusals->mutex);
    if (count != 0) {
        LOG(LOG_INFO, "events refused", "events=%llu the first: protocol=%s stream=%s field=%s reason=%s",
            (unsigned long long)count, protocols[first.protocol], first.stream, first.field,
            error_info(first.error)->code);
    }
}
