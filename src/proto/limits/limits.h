/* How much somebody may send: token buckets for each client address (IPv6: each /64), for each key, and for all together. Each
 * bucket has a rate and a burst of requests, of events, of bytes and of CPU time; an address has a limit of each day (UTC) as
 * well. The memory is fixed: a table of addresses that forgets the quietest. Shared by all threads, without a lock: each
 * bucket is one number (limit_bucket.h).
 *
 * A door asks before it looks at a payload, with what is known then, and charges afterwards what it turned out to be. What
 * was charged beyond a bucket's content is a debt: the next question is answered with how long to wait. So a rate is kept
 * exactly over time, and one payload more than a burst is let in now and then. */
#pragma once

#include "base/error.h"
#include "proto/front/client_address.h"
#include "proto/limits/limit_state.h"

#include <stddef.h>

struct access_key;
struct key_options;
struct limits;
struct limits_options;
struct metrics_cells;

/* Who asks, and when; settled once for each request, message or datagram. */
struct visitor {
    struct client_address address;
    const struct access_key *key; /* NULL: none */
    int64_t wall_ns;              /* for the limit of a day */
    struct limit_place *place;    /* of the connection; NULL: the address is looked up */
};

struct spending {
    uint32_t requests;
    uint32_t events;
    uint64_t bytes; /* as sent */
    int64_t cpu_ns;
};

/* `keys` are those whose index struct access_key has. NULL: memory is short. */
struct limits *limits_new(const struct limits_options *options, const struct key_options *keys, size_t key_count);
void limits_free(struct limits *limits);

/* Other limits and keys, from now on; what addresses and keys (by name) have used of theirs is kept. `addresses` and `shared`
 * stay as they were. Nobody asks meanwhile. False: memory is short, and nothing has changed. */
MUST_CHECK bool limits_reload(struct limits *limits, const struct limits_options *options,
                              const struct key_options *keys, size_t key_count);

/* Nothing is limited: who asks is told OK at once. */
bool limits_are_off(const struct limits *limits);

/* CPU time is limited, and worth being measured. */
bool limits_measure_cpu(const struct limits *limits);

/* Something is charged that is known only when a payload has been read: events, bytes of chunks, CPU time. */
bool limits_charge_afterwards(const struct limits *limits);

/* Takes it from all buckets of the visitor, or from none. OK, or ERROR_RATE_LIMITED with state->retry_after_ns. Requests must
 * be there; of all else something must be left. `state` may be NULL. Any thread. */
MUST_CHECK enum error limits_take(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                                  int64_t now_ns, struct limit_state *state);

/* The same question, and nothing is taken: of who charges when it is served. */
MUST_CHECK enum error limits_ask(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                                 int64_t now_ns, struct limit_state *state);

/* Takes it whatever there is. Any thread. */
void limits_charge(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                   int64_t now_ns);

/* Somebody was refused, as `state` says: METRIC_LIMITED. */
void limits_count_refusal(struct metrics_cells *cells, const struct limit_state *state);

/* Sharing with other gateways (proto/sharing), of limits that were made with `shared`. */

/* What one address, one key or all have used. */
struct limit_use {
    enum limit_policy policy; /* LIMIT_ADDRESS, LIMIT_KEY or LIMIT_ALL */
    uint64_t who;             /* limit_network_of; of a key the hash of its name; of all 0 */
    struct spending spending;
};

/* What was used here since it was last collected, of at most so many: how many. The others stay for the next time. One thread. */
size_t limits_collect(struct limits *limits, struct limit_use *uses, size_t most);

/* What was used elsewhere. Any thread. */
void limits_apply(struct limits *limits, const struct limit_use *use, int64_t now_ns, int64_t wall_ns);

/* Any thread. */
struct limits_counts limits_count(const struct limits *limits);
