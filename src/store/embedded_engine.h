/* The engine in process (libchdb): its folder, its start, and connections to it. It starts with the first connection and
 * stops with the last one. */
#pragma once

#include "store/client/chdb.h"

struct embedded_engine {
    struct chdb chdb;
    chdb_connection *connection; /* keeps the engine alive */
    char *path_argument;
    char *config_argument;  /* NULL: none */
    char *backups_argument; /* BACKUP and RESTORE reach files in <data>/backups alone */
    const char *database;   /* the options' own; "": the engine's default */
    const struct store_options *options;
};

/* Makes the folder: store.path, else `clickhouse` in the data folder. On failure *problem says why; release it then, too. */
MUST_CHECK bool embedded_engine_init(struct embedded_engine *engine, const struct store_options *options,
                                     const char *data_folder, struct buf *problem);
/* Stops the engine once no other connection is open. */
void embedded_engine_release(struct embedded_engine *engine);

/* Loads the library, starts the engine, and makes the database if it is missing. Takes about a second. */
MUST_CHECK bool embedded_engine_start(struct embedded_engine *engine, struct buf *problem);

/* A connection that uses the database, for one thread at a time; NULL on failure. close_conn ends it. */
chdb_connection *embedded_engine_connect(const struct embedded_engine *engine);
