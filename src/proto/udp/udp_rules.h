/* Who may send to the UDP listeners, compiled: the addresses of `allow`. Immutable, so that any thread may ask.
 *
 * A reload makes others. So a thread looks at them during one turn, and keeps nothing of them. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>

struct client_address;
struct udp_options;
struct udp_rules;

/* A line for each problem in *problems, which begins with the line of the configuration; NULL if there is one, or if memory
 * is short. The options outlive it. */
struct udp_rules *udp_rules_new(const struct udp_options *options, struct buf *problems);
void udp_rules_free(struct udp_rules *rules);

/* A datagram, before anything in it is looked at. */
struct udp_arrival {
    size_t listener; /* its place in options->listeners */
    const struct client_address *address;
    struct slice bytes;
};

/* OK, or ERROR_ADDRESS_NOT_ALLOWED. */
MUST_CHECK enum error udp_rules_judge(const struct udp_rules *rules, const struct udp_arrival *arrival);
