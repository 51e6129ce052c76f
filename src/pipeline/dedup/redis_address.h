/* Where a Redis server is and who we are there, from a URL:
 *
 *   redis://[[user]:password@]host[:port][/database]     host may be [::1]; port 6379, database 0 if left out
 *   rediss://…                                          the same over TLS
 *   redis+unix://[[user]:password@]/path/of/socket[?db=database]
 *
 * User and password may hold %XX. Pure. */
#pragma once

#include "base/tls/tls_client.h"

struct dedup_options;

#define REDIS_DEFAULT_PORT 6379

/* All strings are owned; "" where the URL has none. */
struct redis_address {
    char *host;
    char *path; /* of a UNIX socket; then there is no host */
    int port;
    char *user;
    char *password;
    int64_t database;
    char *name;           /* for people: without credentials */
    bool secure;          /* over TLS */
    struct tls_files tls; /* borrowed from the options */
};

/* False with a message that names the fault, without a line end; there is then nothing to release. */
MUST_CHECK bool redis_address_parse(struct redis_address *address, struct slice url, struct buf *problem);
/* Of dedup.redis_url, with the files of TLS. */
MUST_CHECK bool redis_address_of_options(struct redis_address *address, const struct dedup_options *options,
                                         struct buf *problem);
/* Whether the files of TLS go together with the URL and can be used; false with *problem. */
MUST_CHECK bool redis_address_check_files(const struct redis_address *address, struct buf *problem);
/* What the options are called. */
extern const struct tls_option_names redis_tls_names;
void redis_address_release(struct redis_address *address);
