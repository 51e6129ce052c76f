/* Turns the status board and the configuration into gauges, each time that /metrics is made. */
#include "gateway_metrics.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/system/disk.h"
#include "base/version.h"
#include "config/options/commit_options.h"
#include "config/options/dedup_options.h"
#include "config/options/journal_options.h"
#include "config/options/limits_options.h"
#include "config/options/stream_options.h"
#include "config/options/websocket_options.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"

#include <stdlib.h>

/* As /readyz: no part is down, and events are accepted. */
static void update_ready(const struct gateway_gauges *gauges)
{
    struct status_view *views = calloc(METRICS_LABELLED, sizeof *views);
    if (views == NULL) {
        return;
    }
    size_t count = status_read(gauges->board, views, METRICS_LABELLED);
    bool ready = *gauges->pipeline != NULL && pipeline_admits(*gauges->pipeline) == OK;
    for (size_t i = 0; i < count; i++) {
        const struct metric_label part = { "part", slice_from_string(views[i].name) };
        metric_set_labelled(gauges->metrics, METRIC_PART_READY, i, &part, 1, views[i].level == STATUS_OK ? 1 : 0);
        ready = ready && views[i].level != STATUS_DOWN;
    }
    metric_set(gauges->metrics, METRIC_READY, 0, ready ? 1 : 0);
    free(views);
}

static uint64_t dedup_bytes(const struct dedup_options *dedup)
{
    switch (dedup->kind) {
    case DEDUP_MEMORY: return dedup->max_bytes;
    case DEDUP_REDIS: return dedup->redis_front;
    case DEDUP_NONE: break;
    }
    return 0;
}

static void update_limits(const struct gateway_gauges *gauges)
{
    const struct {
        enum metric metric;
        double value;
    } limits[] = {
        { METRIC_QUEUE_EVENTS_MAX, (double)gauges->commit->queue_events },
        { METRIC_QUEUE_BYTES_MAX, (double)gauges->commit->queue_bytes },
        { METRIC_JOURNAL_ALL_BYTES_MAX, (double)gauges->journal->max_bytes },
        { METRIC_DISK_FREE_MIN, (double)gauges->journal->min_free },
        { METRIC_DEAD_LETTER_BYTES_MAX, (double)gauges->journal->max_dead_letter_bytes },
        { METRIC_DEDUP_BYTES_MAX, (double)dedup_bytes(gauges->dedup) },
        { METRIC_LIMIT_ADDRESSES_MAX, (double)gauges->limits->addresses },
        { METRIC_WEBSOCKETS_MAX, (double)gauges->websocket->max_connections },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        metric_set(gauges->metrics, limits[i].metric, 0, limits[i].value);
    }
    for (size_t i = 0; i < gauges->stream_count; i++) {
        const struct stream *stream = gauges->streams[i];
        ASSERT_BELOW(stream->index, gauges->stream_count);
        metric_set(gauges->metrics, METRIC_JOURNAL_BYTES_MAX, stream->index,
                   (double)stream->options->max_journal_bytes);
    }
}

/* At each look: a disk fills without events, too. */
static void update_disk(const struct gateway_gauges *gauges)
{
    uint64_t bytes;
    if (disk_free_bytes(gauges->folder, &bytes)) {
        metric_set(gauges->metrics, METRIC_DISK_FREE, 0, (double)bytes);
    }
}

static void update_log(const struct gateway_gauges *gauges)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        metric_set(gauges->metrics, METRIC_LOG_MESSAGES, (size_t)level, (double)log_count((enum log_level)level));
    }
}

static void update(void *context)
{
    const struct gateway_gauges *gauges = context;
    update_log(gauges);
    update_ready(gauges);
    update_limits(gauges);
    update_disk(gauges);
}

struct gateway_gauges *gateway_gauges_start(const struct gateway_gauges *gauges)
{
    ASSERT(gauges->metrics != NULL && gauges->board != NULL && gauges->pipeline != NULL && gauges->folder != NULL);
    const struct metric_label build[] = { { "version", slice_from_string(SLUICE_VERSION) },
                                          { "commit", slice_from_string(version_commit()) } };
    struct gateway_gauges *kept = malloc(sizeof *kept);
    if (kept != NULL) {
        *kept = *gauges;
        metric_set_labelled(gauges->metrics, METRIC_BUILD_INFO, 0, build, ARRAY_LENGTH(build), 1);
        metrics_on_scrape(gauges->metrics, update, kept);
    }
    return kept;
}
