/* How many connections are open, in all and per client address (of IPv6: per /64, which is what one customer gets): one for
 * WebSockets, one for all connections, shared by the I/O threads of a server. Any thread. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct client_address;
struct connection_limits;

/* NULL: memory is short. */
struct connection_limits *connection_limits_new(int64_t max, int64_t max_per_address);
/* Other bounds, for those who come from now on. */
void connection_limits_set(struct connection_limits *limits, int64_t max, int64_t max_per_address);
void connection_limits_free(struct connection_limits *limits);

/* OK: one more of this address, until connection_limits_leave. Else ERROR_TOO_MANY_WEBSOCKETS, ERROR_TOO_MANY_OF_ADDRESS or
 * ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error connection_limits_enter(struct connection_limits *limits, const struct client_address *address);
void connection_limits_leave(struct connection_limits *limits, const struct client_address *address);
