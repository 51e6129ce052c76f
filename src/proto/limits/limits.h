/* How much somebody may send: token buckets for each client address (IPv6: each /64), for each key, and for all together. Each
 * bucket has a rate and a burst of requests, of events, of bytes and of CPU time. The memory is fixed: a table of addresses
 * that forgets the quietest. Shared by all threads, without a lock that they all take.
 *
 * A door asks before it looks at a payload, with what is known then, and charges afterwards what it turned out to be. What
 * was charged beyond a bucket's content is a debt: the next question is answered with how long to wait. */
#pragma once

#include "base/error.h"
#include "proto/front/client_address.h"

struct access_key;
struct limits;
struct limits_options;

/* Who asks; settled once for each request, message or datagram. */
struct visitor {
    struct client_address address;
    const struct access_key *key; /* NULL: none */
};

struct spending {
    uint32_t requests;
    uint32_t events;
    uint64_t bytes; /* as sent */
    int64_t cpu_ns;
};

/* Of the bucket that is nearest to its end: for RateLimit fields (draft-ietf-httpapi-ratelimit-headers). */
struct limit_state {
    const char *policy; /* "address", "key", "all"; NULL: there is no limit */
    uint64_t limit;     /* the burst */
    uint64_t remaining;
    int64_t reset_ns;       /* until it is full again */
    int64_t retry_after_ns; /* until what was asked for fits; 0: it does */
};

/* NULL: memory is short. `key_count`: of the keys' buckets. */
struct limits *limits_new(const struct limits_options *options, size_t key_count);
void limits_free(struct limits *limits);

/* Nothing is limited. */
bool limits_are_off(const struct limits *limits);

/* Takes it from all buckets of the visitor, or from none. OK, or ERROR_RATE_LIMITED with state->retry_after_ns. `state` may
 * be NULL. Any thread. */
MUST_CHECK enum error limits_take(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                                  int64_t now_ns, struct limit_state *state);

/* Takes it whatever there is. Any thread. */
void limits_charge(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                   int64_t now_ns);
