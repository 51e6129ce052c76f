/* Who somebody is, and what they may do: the keys of the configuration, compiled. A key is found by the hash of its text, in
 * a table whose order no stranger knows; what was found is compared in constant time. Keys that are there and those that are
 * not take the same way. Pure, and immutable: any thread may ask.
 *
 * A reload makes another one. So a struct access_key is looked at during one turn of a thread, and never kept: who lives
 * longer (a WebSocket) keeps what access_kept.h says, and asks again when access_generation differs. */
#pragma once

#include "base/bytes.h"
#include "config/options/access_scope.h"
#include "proto/access/access_kept.h"

struct key_options;
struct metrics;
struct stream;

struct access_key {
    struct slice name;
    size_t index;     /* among the keys: of its limits */
    uint32_t counter; /* metrics.h; 0: it has none */
    unsigned scopes;
    bool all_streams; /* else `streams` */
    struct stream_set streams;
    const struct string_list *origins; /* empty: any, and none */
    struct slice subject;              /* of a client's certificate that stands for the key; empty: none */
    int64_t expires_ns;                /* wall time; INT64_MAX: never */
    bool disabled;
    /* Of the key's text, by which it is found. A key that is a certificate's alone has one that no text has. */
    uint8_t hash[ACCESS_HASH_SIZE];
};

struct access;

/* Of `count` keys, which outlive it as the streams do. NULL with *problems, a line for each: "file:line: keys: found …, expected …". */
struct access *access_new(const struct key_options *keys, size_t count, struct stream *const *streams,
                          size_t stream_count, struct buf *problems);
void access_free(struct access *access);

/* Gives each key its counters, before anybody asks; of a reload, while no thread counts: a key that `before` (NULL: there was none)
 * has by the same name keeps them. With more keys than metrics.h has room for, the last have none. */
void access_count_in(struct access *access, const struct access *before, struct metrics *metrics);

/* None of the configuration's keys: whoever comes may do all. */
bool access_is_open(const struct access *access);
size_t access_key_count(const struct access *access);

/* What somebody shows. Slices of the request. */
struct credential {
    struct slice key;     /* its text; empty: none was given */
    struct slice subject; /* of the certificate that the client proved to own, if no key was given; empty: none */
    struct slice origin;  /* of the web page; empty: it is no page */
};

/* OK, with *key: who it is; NULL if access is open, or if nothing was shown, which may be enough. Else why the key is
 * none: ERROR_KEY_MALFORMED (a typing error, as its checksum says), ERROR_KEY_UNKNOWN, ERROR_KEY_EXPIRED,
 * ERROR_KEY_DISABLED, ERROR_KEY_ORIGIN. */
MUST_CHECK enum error access_identify(const struct access *access, const struct credential *credential, int64_t wall_ns,
                                      const struct access_key **key);

/* As access_identify; `memo` is the connection's. */
MUST_CHECK enum error access_identify_again(const struct access *access, struct access_memo *memo,
                                            const struct credential *credential, int64_t wall_ns,
                                            const struct access_key **key);

/* Is `text` the key that `memo` has, and may it be used now, by this origin? Then *key is it. Compared in constant time. */
bool access_remembers(const struct access *access, const struct access_memo *memo, struct slice text,
                      const struct slice *origin, int64_t wall_ns, const struct access_key **key);

/* The key of this name; NULL: there is none. Whether it may be used is not looked at: access_recall says so of its hash. */
const struct access_key *access_named(const struct access *access, struct slice name);

/* The key with this hash, unless it may not be used any more: errors as access_identify. */
MUST_CHECK enum error access_recall(const struct access *access, const uint8_t hash[ACCESS_HASH_SIZE], int64_t wall_ns,
                                    const struct access_key **key);

/* May this key (NULL: none was shown) do that, to this stream (NULL: none, or which one is not known yet)? OK,
 * ERROR_KEY_MISSING, ERROR_SCOPE_MISSING, ERROR_STREAM_FORBIDDEN. */
MUST_CHECK enum error access_allows(const struct access *access, const struct access_key *key, enum access_scope scope,
                                    const struct stream *stream);
