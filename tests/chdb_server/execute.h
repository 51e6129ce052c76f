/* A request, run by the engine. */
#pragma once

#include "request.h"
#include "store/client/chdb.h"

struct engine {
    struct chdb chdb;
    const char *path_argument;
    const char *user; /* NULL: everybody may */
    const char *password;
};

/* Any thread; opens a connection of its own for the request, so that settings end with it. */
void execute(const struct engine *engine, const struct request *request, struct answer *answer);
