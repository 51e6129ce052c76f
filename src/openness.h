/* Who may do what without a key: told at start, and when a reload has changed something. */
#pragma once

#include <stdbool.h>

struct http_options;
struct udp_options;

/* A warning of the log, in one line: that anybody who reaches an address of the gateway may do what is served there, who that is,
 * and the cure. Nothing if no address is open. `keys`: there are some, which HTTP asks for. `live`: /live is
 * served, with the pages of operators. */
void openness_tell(const struct http_options *http, const struct udp_options *udp, bool keys, bool live);
