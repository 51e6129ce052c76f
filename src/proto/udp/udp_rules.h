/* Who may send to the UDP listeners, compiled: the addresses of `allow`, the keys of `hmac`. Any thread may ask.
 *
 * A reload makes others, which take over what is remembered of signatures. So a thread looks at them during one turn, and
 * keeps nothing of them. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>

struct access;
struct access_key;
struct client_address;
struct digest_scratch;
struct udp_options;
struct udp_rules;

struct udp_rules_source {
    const struct udp_options *options; /* as access, they outlive the rules */
    const struct access *access;       /* NULL: there are no keys */
    const struct udp_rules *before;    /* what came before them; NULL: nothing */
    int64_t wall_ns; /* what a key of theirs signed before it is refused, unless `before` knows the key */
};

/* A line for each problem in *problems, which begins with the line of the configuration; NULL if there is one, or if memory
 * is short. No thread may be at udp_rules_free meanwhile. */
struct udp_rules *udp_rules_new(const struct udp_rules_source *source, struct buf *problems);
void udp_rules_free(struct udp_rules *rules);

/* A datagram, before anything in it is looked at. */
struct udp_arrival {
    size_t listener; /* its place in options->listeners */
    const struct client_address *address;
    struct slice bytes;
    int64_t wall_ns;
};

struct udp_visit {
    struct slice payload;         /* the datagram, without its trailer */
    const struct access_key *key; /* who signed it; NULL: the listener asks for no signature */
    bool forgot;                  /* a signature was forgotten before its window was over: udp_replay.h */
};

/* OK with *visit; else ERROR_ADDRESS_NOT_ALLOWED, ERROR_SIGNATURE_UNEXPECTED, ERROR_BAD_SIGNATURE, ERROR_SIGNATURE_TIME,
 * ERROR_REPLAYED, ERROR_SIGNATURES_FULL, ERROR_OUT_OF_MEMORY, or why the key may not write: as access_recall and
 * access_allows. `scratch` is the thread's; `access` that of the rules. */
MUST_CHECK enum error udp_rules_judge(const struct udp_rules *rules, const struct access *access,
                                      struct digest_scratch *scratch, const struct udp_arrival *arrival,
                                      struct udp_visit *visit);
