/* What a payload pays at its door: a request once, when its head is known (struct toll); a message or datagram when it is whole;
 * and all of them afterwards, for what they turned out to hold. Everything here does nothing while nothing is limited. Any
 * thread; a toll is its caller's. */
#pragma once

#include "proto/limits/limits.h"

struct gatekeeper;
struct metrics_cells;

/* Of gatekeeper->rates, which are not NULL: one request of so many bytes. The first answer stays until toll_end. `free`: it is
 * never refused, and paid for all the same. A refusal is counted in METRIC_LIMITED. */
MUST_CHECK enum error toll_ask(struct toll *toll, const struct gatekeeper *gatekeeper, const struct visitor *visitor,
                               uint64_t bytes, bool free, int64_t now_ns, struct metrics_cells *cells);

/* Why it was refused, in words for the client. */
struct slice toll_refusal(const struct toll *toll);

/* Of somebody whose key is kept as its hash (NULL: none was shown). */
struct visitor toll_visitor(const struct gatekeeper *gatekeeper, const struct client_address *address,
                            const uint8_t *key_hash, int64_t wall_ns);

/* The request is served; the next one is another. */
static inline void toll_end(struct toll *toll)
{
    toll->asked = false;
}

/* A service that is charged by what it takes. */
struct service {
    struct limits *rates; /* NULL: nothing is charged */
    int64_t began_ns;     /* 0: CPU time is not measured */
};

/* `clock` is read if CPU time is limited. */
struct service service_begin(const struct gatekeeper *gatekeeper, int64_t (*clock)(void));

/* `spending` is what else is known; requests of which some are charged now are those that nobody asked for. */
void service_end(struct service service, const struct visitor *visitor, struct spending spending, int64_t now_ns,
                 int64_t (*clock)(void));
