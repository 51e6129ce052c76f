#include "gateway_metrics.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/config.h"
#include "event/column.h"
#include "event/stream.h"
#include "proto/udp/udp.h"
#include "store/store.h"

#include <stdlib.h>

/* The names of each stream's columns; NULL if memory is short. */
static struct metrics_names *field_names(const struct config *config, struct stream *const *streams)
{
    size_t count = config->stream_count;
    size_t columns = 0;
    for (size_t i = 0; i < count; i++) {
        columns += streams[i]->column_count;
    }
    struct metrics_names *fields = calloc(1, (count + 1) * sizeof *fields + columns * sizeof(char *));
    const char **next = fields == NULL ? NULL : (const char **)(void *)(fields + count + 1);
    for (size_t i = 0; fields != NULL && i < count; i++) {
        fields[i] = (struct metrics_names){ next, streams[i]->column_count };
        for (size_t c = 0; c < streams[i]->column_count; c++) {
            *next++ = streams[i]->columns[c].name;
        }
    }
    return fields;
}

struct metrics *gateway_metrics_new(const struct config *config, struct stream *const *streams,
                                    const struct store *store)
{
    struct metrics *metrics = NULL;
    const char **names = calloc(config->stream_count + 1, sizeof *names);
    const char **listeners = calloc(config->udp.listener_count + 1, sizeof *listeners);
    for (size_t i = 0; names != NULL && i < config->stream_count; i++) {
        names[i] = streams[i]->name;
    }
    struct metrics_names *fields = field_names(config, streams);
    if (names != NULL && listeners != NULL && fields != NULL) {
        metrics = metrics_new(&(struct metrics_labels){
            .streams = { names, config->stream_count },
            .servers = { store->server_names, store->server_count },
            .listeners = { listeners, udp_listener_names(&config->udp, listeners) },
            .fields = fields,
        });
    }
    free(fields);
    free(names);
    free(listeners);
    if (metrics != NULL) {
        int64_t seconds = clock_wall_ns() / NS_PER_SECOND;
        metric_set(metrics, METRIC_START_TIME, 0, (double)seconds);
    }
    return metrics;
}
