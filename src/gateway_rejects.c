/* Turns the gateway's options and parts into what keeps rejected input. */
#include "gateway_rejects.h"

#include "gateway_private.h"

#include "rejects/rejects.h"

bool gateway_rejects_start(struct gateway *g, struct buf *problem)
{
    const struct rejects_config config = {
        .options = &g->config->rejects,
        .data_folder = g->folder.path,
        .min_free = g->config->journal.min_free,
        .pipeline = g->pipeline,
        .metrics = g->metrics,
        .board = g->board,
        .streams = g->streams,
        .stream_count = g->config->stream_count,
    };
    g->rejects = rejects_new(&config, problem);
    return g->rejects != NULL;
}

void gateway_rejects_tick(struct gateway *g)
{
    rejects_tick(g->rejects);
}

void gateway_rejects_stop(struct gateway *g)
{
    if (g->rejects != NULL) {
        rejects_stop(g->rejects);
    }
}

void gateway_rejects_free(struct gateway *g)
{
    rejects_free(g->rejects);
    g->rejects = NULL;
}
