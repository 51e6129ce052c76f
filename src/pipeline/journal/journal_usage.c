/* Turns changes of segments into sums and gauges of streams. */
#include "pipeline/journal/journal_usage.h"

#include "base/assert.h"

#include <stdlib.h>

bool journal_usage_init(struct journal_usage *usage, size_t stream_count, struct metrics *metrics)
{
    *usage = (struct journal_usage){ .metrics = metrics, .stream_count = stream_count };
    pthread_mutex_init(&usage->mutex, NULL);
    usage->of_stream = calloc(stream_count + 1, sizeof *usage->of_stream);
    return usage->of_stream != NULL;
}

void journal_usage_release(struct journal_usage *usage)
{
    pthread_mutex_destroy(&usage->mutex);
    free(usage->of_stream);
}

static size_t index_of(const struct journal_usage *usage, size_t stream_index)
{
    return stream_index < usage->stream_count ? stream_index : usage->stream_count;
}

void journal_usage_move(struct journal_usage *usage, size_t stream_index, int64_t events, int64_t bytes,
                        int64_t segments)
{
    size_t index = index_of(usage, stream_index);
    struct usage *of = &usage->of_stream[index];
    pthread_mutex_lock(&usage->mutex);
    /* what goes was there: else the sums have lost an event */
    ASSERT(events >= 0 || of->events >= (uint64_t)-events);
    ASSERT(bytes >= 0 || of->bytes >= (uint64_t)-bytes);
    ASSERT(segments >= 0 || of->segments >= (uint64_t)-segments);
    of->events += (uint64_t)events;
    of->bytes += (uint64_t)bytes;
    of->segments += (uint64_t)segments;
    usage->all_bytes += (uint64_t)bytes;
    ASSERT_AT_MOST(of->bytes, usage->all_bytes);
    metric_set(usage->metrics, METRIC_JOURNAL_EVENTS, index, (double)of->events);
    metric_set(usage->metrics, METRIC_JOURNAL_BYTES, index, (double)of->bytes);
    metric_set(usage->metrics, METRIC_JOURNAL_SEGMENTS, index, (double)of->segments);
    pthread_mutex_unlock(&usage->mutex);
}

struct usage journal_usage_of(struct journal_usage *usage, size_t stream_index)
{
    pthread_mutex_lock(&usage->mutex);
    struct usage of = usage->of_stream[index_of(usage, stream_index)];
    pthread_mutex_unlock(&usage->mutex);
    return of;
}

struct usage journal_usage_of_all(struct journal_usage *usage)
{
    struct usage sum = { 0 };
    pthread_mutex_lock(&usage->mutex);
    for (size_t i = 0; i <= usage->stream_count; i++) {
        sum.events += usage->of_stream[i].events;
        sum.segments += usage->of_stream[i].segments;
    }
    sum.bytes = usage->all_bytes;
    pthread_mutex_unlock(&usage->mutex);
    return sum;
}
