/* How many connections are open, in all and per client address (of IPv6: per /64, which is what one customer gets): one for
 * WebSockets, one for all connections, shared by the I/O threads of a server. Any thread. */
#pragma once

#include "base/error.h"
#include "proto/front/client_address.h"

struct ws_census;

/* NULL: memory is short. */
struct ws_census *ws_census_new(int64_t max, int64_t max_per_address);
void ws_census_free(struct ws_census *census);

/* OK: one more of this address, until ws_census_leave. Else ERROR_TOO_MANY_WEBSOCKETS, ERROR_TOO_MANY_OF_ADDRESS or
 * ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error ws_census_enter(struct ws_census *census, const struct client_address *address);
void ws_census_leave(struct ws_census *census, const struct client_address *address);
