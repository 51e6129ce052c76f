#include "gateway_metrics.h"

#include "base/metrics/metrics.h"
#include "config/options/lookup_options.h"
#include "config/options/udp_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "proto/access/access.h"
#include "proto/udp/udp.h"
#include "store/store.h"

#include <stdlib.h>

/* The names of each stream's columns; NULL if memory is short. */
static struct metrics_names *field_names(struct stream *const *streams, size_t count)
{
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

struct metrics *gateway_metrics_new(struct stream *const *streams, size_t stream_count, const struct udp_options *udp,
                                    const struct lookup_options *lookups, size_t lookup_count,
                                    const struct store *store, struct access *access, size_t route_room)
{
    struct metrics *metrics = NULL;
    const char **names = calloc(stream_count + 1, sizeof *names);
    const char **listeners = calloc(udp->listener_count + 1, sizeof *listeners);
    for (size_t i = 0; names != NULL && i < stream_count; i++) {
        names[i] = streams[i]->name;
    }
    const char **tables = calloc(lookup_count + 1, sizeof *tables);
    for (size_t i = 0; tables != NULL && i < lookup_count; i++) {
        tables[i] = lookups[i].name;
    }
    struct metrics_names *fields = field_names(streams, stream_count);
    if (names != NULL && listeners != NULL && tables != NULL && fields != NULL) {
        metrics = metrics_new(&(struct metrics_labels){
            .streams = { names, stream_count },
            .servers = { store->server_names, store->server_count },
            .listeners = { listeners, udp_listener_names(udp, listeners) },
            .lookups = { tables, lookup_count },
            .key_room = (access == NULL ? 0 : access_key_count(access)) + GATEWAY_MORE_KEYS,
            .route_room = route_room,
            .fields = fields,
        });
    }
    free(fields);
    free(names);
    free(listeners);
    free(tables);
    if (metrics != NULL && access != NULL) {
        access_count_in(access, NULL, metrics);
    }
    return metrics;
}
