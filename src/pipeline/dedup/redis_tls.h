/* The TLS of a connection to Redis: hiredis 0.14 has none. A client is made for each connection, so that renewed files are
 * found. One thread at a time. */
#pragma once

#include "base/bytes.h"

struct redis_address;
struct redis_tls;

/* Over a connected socket, which stays the caller's. NULL with *problem: the server's certificate is not what it should be,
 * it speaks no TLS, or the deadline (monotonic) passed. */
struct redis_tls *redis_tls_open(int fd, const struct redis_address *address, int64_t deadline_ns, struct buf *problem);
void redis_tls_close(struct redis_tls *tls); /* NULL is allowed */

/* Takes from *rest what goes now; false with *problem. */
MUST_CHECK bool redis_tls_send(struct redis_tls *tls, struct slice *rest, struct buf *problem);
/* *got is 0 if nothing is there now; false with *problem: the server ended it, too. */
MUST_CHECK bool redis_tls_receive(struct redis_tls *tls, void *to, size_t room, size_t *got, struct buf *problem);
/* Bytes are here that no poll will tell of. */
bool redis_tls_holds_more(const struct redis_tls *tls);
