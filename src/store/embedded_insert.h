/* Turns a segment into an INSERT of the engine in process: frames are unpacked, merged to blocks of some megabytes, and
 * handed over piece by piece. */
#pragma once

#include "store/client/chdb.h"

struct store_insert;
struct store_reply;

/* What an INSERT needs, kept for the next one. One thread. */
struct embedded_insert {
    struct lz4_decoder *decoder;
    struct native_merger *merger;
    struct buf blocks; /* unpacked, one behind the other */
    struct buf merged; /* the same as one block */
    bool marks_json;   /* merged blocks have JSON columns, see native_merger_mark_json */
};

/* False if memory is short; release it then, too. */
MUST_CHECK bool embedded_insert_init(struct embedded_insert *insert);
void embedded_insert_release(struct embedded_insert *insert);

/* As `insert` of struct store_ops. Blocks. */
void embedded_insert_run(struct embedded_insert *insert, const struct chdb *chdb, chdb_connection connection,
                         const char *database, const struct store_insert *what, struct store_reply *reply);
