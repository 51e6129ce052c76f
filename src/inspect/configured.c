/* Turns a configuration file into the sections that commands read. */
#include "inspect/configured.h"

#include "config/config.h"

#include <stdlib.h>

bool configured_load(struct configured *configured, const char *path, struct buf *problem)
{
    *configured = (struct configured){ .path = path != NULL ? path : DEFAULT_CONFIG };
    struct config *all = calloc(1, sizeof *all);
    if (all == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    configured->all = all;
    bool loaded = config_load(all, configured->path, config_environment, problem);
    configured->http = &all->http;
    configured->journal = &all->journal;
    configured->store = &all->store;
    configured->streams = all->streams;
    configured->stream_count = all->stream_count;
    return loaded;
}

void configured_release(struct configured *configured)
{
    if (configured->all != NULL) {
        config_free(configured->all);
    }
    free(configured->all);
    *configured = (struct configured){ 0 };
}
