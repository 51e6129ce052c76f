/* A way to the configured store for what people ask of it. A server is asked itself. The engine in process belongs to one process: a
 * gateway that serves from the data folder is asked over the folder's socket, and runs the statement; without one the engine is
 * opened here. One thread. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct journal_options;
struct store_link;
struct store_options;

struct store_question {
    struct slice sql;   /* one statement, without FORMAT */
    const char *format; /* ClickHouse's; "": no result is wanted */
    bool write;         /* it may change the engine in process; a server asks its user's rights */
    int64_t timeout_ns; /* of a server */
    size_t server;      /* below store_link_servers */
    /* Takes a piece of the result; false: nobody wants it any more. */
    bool (*take)(void *context, struct slice piece);
    void *context;
};

/* Between its lock and its socket a gateway starts or ends: that is waited for. The options outlive it. NULL with *problem. */
struct store_link *store_link_open(const struct store_options *store, const struct journal_options *journal,
                                   struct buf *problem);
void store_link_close(struct store_link *link); /* takes NULL */

/* May block for as long as the statement takes. False with *problem: the store said no, or it went away. *code: ClickHouse's, 0
 * if it named none. */
MUST_CHECK bool store_link_ask(struct store_link *link, const struct store_question *question, int *code,
                               struct buf *problem);

/* The same with the whole result in *out, of which more than 64 MiB are an error; `take` of the question is not looked at. */
MUST_CHECK bool store_link_read(struct store_link *link, const struct store_question *question, struct buf *out,
                                int *code, struct buf *problem);

/* How many servers there are, each asked by itself, and what they are called. */
size_t store_link_servers(const struct store_link *link);
const char *store_link_server_name(const struct store_link *link, size_t server);
