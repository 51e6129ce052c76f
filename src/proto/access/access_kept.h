/* What connections keep of keys from one turn to the next: copies, and when to ask again. See access.h. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/stream_set.h"

struct access;
struct access_key;
struct stream;

#define ACCESS_HASH_SIZE 32 /* SHA-256 */
#define ACCESS_MEMO_TEXT 43 /* a key of key_text.h, and a byte */

/* The key that a connection showed last, so that the same text is not hashed again. Zeroed: of none. */
struct access_memo {
    uint64_t generation; /* of the access that knew it: a reload makes another one */
    const void *place;   /* where it was let in last (credential/key_judge.h); NULL: nowhere yet */
    enum error admin;    /* what it was told there */
    uint32_t index;
    uint8_t length;              /* of `text`; 0: none */
    char text[ACCESS_MEMO_TEXT]; /* a longer one is not remembered */
};

/* The key of somebody who stays: a WebSocket. */
struct access_hold {
    uint64_t generation; /* of the access that was asked; 0: there was none */
    int64_t expires_ns;  /* wall time; INT64_MAX: never */
    bool shown;          /* a key, with this hash */
    bool all_streams;    /* else `streams` */
    uint8_t hash[ACCESS_HASH_SIZE];
    uint64_t name; /* a hash of it: events have gone by it */
    struct stream_set streams;
    uint32_t counter;
};

struct slice access_key_name(const struct access_key *key);

/* Is this what the functions of access.h refuse by? Then it is counted in sluice_key_refusals_total. */
static inline bool access_refuses(enum error error)
{
    return error >= ERROR_KEY_MISSING && error <= ERROR_STREAM_FORBIDDEN;
}

/* Never 0. */
uint64_t access_generation(const struct access *access);

/* Keeps what is needed of a key that may be used (NULL: none was shown). `access` is NULL: there are no keys. */
void access_hold_take(struct access_hold *hold, const struct access *access, const struct access_key *key);

/* Has something changed since, or has the key ended? */
static inline bool access_hold_must_ask(const struct access_hold *hold, const struct access *access, int64_t wall_ns)
{
    return hold->generation != (access == NULL ? 0 : access_generation(access)) || wall_ns >= hold->expires_ns;
}

/* Asks whether the key may still write to `stream` (NULL: it is not known which), and keeps what is new of it. `open`: nobody needs a
 * key. Errors as access_recall and access_allows; ERROR_KEY_UNKNOWN also of a key that has another name now. */
enum error access_hold_ask(struct access_hold *hold, const struct access *access, const struct stream *stream,
                           bool open, int64_t wall_ns);
