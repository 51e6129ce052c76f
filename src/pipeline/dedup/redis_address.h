/* Where a Redis server is and who we are there, from a URL:
 *
 *   redis://[[user]:password@]host[:port][/database]     host may be [::1]; port 6379, database 0 if left out
 *   redis+unix://[[user]:password@]/path/of/socket[?db=database]
 *
 * User and password may hold %XX. `rediss://` (TLS) is refused: hiredis 0.14 has none. Pure. */
#pragma once

#include "base/bytes.h"

#define REDIS_DEFAULT_PORT 6379

/* All strings are owned; "" where the URL has none. */
struct redis_address {
    char *host;
    char *path; /* of a UNIX socket; then there is no host */
    int port;
    char *user;
    char *password;
    int64_t database;
    char *name; /* for people: without credentials */
};

/* False with a message that names the fault, without a line end; there is then nothing to release. */
MUST_CHECK bool redis_address_parse(struct redis_address *address, struct slice url, struct buf *problem);
void redis_address_release(struct redis_address *address);
