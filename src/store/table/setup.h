/* The files of SQL that a configuration brings with it (setup:): views, TTLs, codecs, indices, tables of one's own. Their
 * statements run in order on each server, before the streams' tables are looked at, at each start: so they have to be such
 * that may run again (CREATE … IF NOT EXISTS, ALTER … ADD COLUMN IF NOT EXISTS, MODIFY TTL).
 *
 * A table that a statement creates is the stream's; one that is still missing when a statement needs it (a view, say) is made
 * there and then as the gateway makes tables, and the statement runs once more.
 *
 * {database} becomes the name of store.database, {on_cluster} `ON CLUSTER` with store.cluster or nothing, {names} what the
 * including file says that names begin with; in quotes they become text of the quoted. A file is read anew each time, so that
 * one that was mended counts without a start. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct setup_options;
struct store;
struct store_reply;
struct store_session;

#define SETUP_FILE_LIMIT (4 * 1024 * 1024)

enum setup_outcome {
    SETUP_DONE,
    SETUP_FAILED, /* a statement, or the file: an operator is needed */
    SETUP_AWAY    /* the server did not answer, or its state is the reason: it is to be asked again */
};

/* Whether the files can be read and split; false with a line "FILE:LINE: …" for each that cannot. */
MUST_CHECK bool setup_check(const struct setup_options *files, size_t count, struct buf *problems);

/* Who runs the statements. */
struct setup_target {
    /* Blocks. *reply says how it went. */
    void (*send)(void *context, struct slice statement, struct store_reply *reply);
    /* Creates what is missing of the streams' tables, as far as that is the gateway's to do. NULL: nothing is. */
    void (*make_tables)(void *context);
    void *context;
    const char *database; /* "" : default */
    const char *cluster;  /* "": none */
};

/* `send` for a server of a store, whose context begins with one of these. */
struct setup_server {
    struct store *store;
    struct store_session *session;
    size_t server;
    int64_t timeout_ns; /* of one statement */
};
void setup_send(void *context, struct slice statement, struct store_reply *reply);

/* Runs a file's statements until one fails. *statements: how many went through. What failed is one line in *problem:
 * "traffic.sql:12: …", with the server's own text, unless that may quote rows. On any thread; blocks. */
enum setup_outcome setup_run(const struct setup_options *file, const struct setup_target *target, size_t *statements,
                             struct buf *problem);
