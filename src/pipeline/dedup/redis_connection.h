/* One connection to a Redis server, used by one thread at a time. A round trip sends any number of commands and reads all
 * their replies before a deadline: hiredis' own time-out is for each read, so that a server that trickles could hold its
 * caller for ever. After a round trip that failed it is not known which reply would come next: close it. */
#pragma once

#include "pipeline/dedup/redis_address.h"

struct redis_connection;

/* Resolves the host and connects, over TLS if the address says so; blocks up to the time-out, and for the resolver. NULL with
 * *problem. */
struct redis_connection *redis_connection_open(const struct redis_address *address, int64_t timeout_ns,
                                               struct buf *problem);

/* NULL is allowed. */
void redis_connection_close(struct redis_connection *connection);

/* What is expected of the reply to one command. An error is a failure whatever was expected. */
enum redis_want {
    REDIS_WANT_DONE,    /* anything else; of an EXEC, that it was carried out and none of its commands failed */
    REDIS_WANT_TIME,    /* of TIME */
    REDIS_WANT_MEMBERS, /* of SMISMEMBER with `count` members */
    REDIS_WANT_TEXT     /* of GET: a text, or none */
};

struct redis_answer {
    enum redis_want want;
    uint8_t *members; /* MEMBERS: each is set to 0 or 1 */
    size_t count;
    int64_t time_ns;  /* TIME: the server's clock, since 1970 */
    struct buf *text; /* TEXT: appended to */
    bool found;       /* TEXT: there is one */
};

/* What a reply to REDIS_WANT_TEXT may have: one that is longer fails. */
#define REDIS_LONGEST_TEXT ((size_t)192 << 10)

/* Sends `commands` and fills the answers, one for each command. False with *problem: the server's error, what was
 * nonsense about its reply, or that the deadline (monotonic) passed. */
MUST_CHECK bool redis_connection_round_trip(struct redis_connection *connection, struct slice commands,
                                            struct redis_answer *answers, size_t count, int64_t deadline_ns,
                                            struct buf *problem);
