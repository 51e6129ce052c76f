/* The inside of access, for its compiler. */
#pragma once

#include "proto/access/access.h"

/* What keys are found by. */
enum access_by { BY_HASH, BY_NAME, BY_SUBJECT, ACCESS_TABLES };

/* Hash tables with linear probing, at most half full: each slot holds the index of a key plus one, or 0. */
struct access {
    struct access_key *keys;
    size_t count;
    uint64_t generation; /* random, so that no two of a process are the same */
    size_t mask;         /* of the slots of each table */
    uint32_t *slots[ACCESS_TABLES];
};

struct slice access_text(const struct access_key *key, enum access_by by);

/* Passes by all keys that could be it. NULL: none is. */
const struct access_key *access_find(const struct access *access, enum access_by by, struct slice text);

/* The hash of a key that a certificate's subject stands for. False: memory is short. */
MUST_CHECK bool access_hash_subject(struct slice subject, uint8_t hash[ACCESS_HASH_SIZE]);
