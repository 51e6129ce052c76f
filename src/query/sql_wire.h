/* What `sluice sql` and a gateway say to each other, over the UNIX socket "sql.sock" in the data folder.
 *
 *   request  "SLUICE1\n", then little-endian: u32 write (0 or 1), u32 length of the format, u32 length of the statement;
 *            then both
 *   reply    frames: u32 kind, u32 length, bytes. Pieces of the result, then SQL_DONE or SQL_FAILED with a message
 *
 * One statement a connection. Whoever hangs up cancels it. Sockets are blocking. */
#pragma once

#include "base/bytes.h"

#define SQL_STATEMENT_MAX (16u << 20)
#define SQL_FORMAT_MAX 64u

enum sql_frame { SQL_PIECE = 1, SQL_DONE = 2, SQL_FAILED = 3 };

struct sql_request {
    struct slice statement;
    struct slice format;
    bool write;
};

/* The socket of the data folder, for its user alone (0600); one that was left behind is replaced. The caller holds the
 * folder's lock. -1 with *problem. */
int sql_wire_listen(const char *data_folder, struct buf *problem);

/* Before the lock is given back. */
void sql_wire_remove(const char *data_folder);

/* -1 with errno: ENOENT, ECONNREFUSED: nobody listens; EACCES: the folder is somebody else's. */
int sql_wire_connect(const char *data_folder);

/* All: false if the other side has gone, or says nothing that makes sense. */
MUST_CHECK bool sql_wire_ask(int fd, const struct sql_request *request);
/* The request's slices point into *space. */
MUST_CHECK bool sql_wire_read_request(int fd, struct buf *space, struct sql_request *request);
MUST_CHECK bool sql_wire_send(int fd, enum sql_frame kind, struct slice bytes);
/* Replaces *bytes. */
MUST_CHECK bool sql_wire_receive(int fd, enum sql_frame *kind, struct buf *bytes);
