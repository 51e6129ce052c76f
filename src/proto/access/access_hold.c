/* Turns a key into what is kept of it, and that into whether it may still be used. */
#include "proto/access/access.h"

#include "base/assert.h"
#include "base/hash.h"

static uint64_t name_of(const struct access_key *key)
{
    return hash_xxh3_64(key->name.data, key->name.len);
}

void access_hold_take(struct access_hold *hold, const struct access *access, const struct access_key *key)
{
    ASSERT(key == NULL || access != NULL);
    *hold = (struct access_hold){ .generation = access == NULL ? 0 : access_generation(access),
                                  .expires_ns = INT64_MAX,
                                  .all_streams = true };
    if (key != NULL) {
        hold->shown = true;
        hold->expires_ns = key->expires_ns;
        hold->all_streams = key->all_streams;
        hold->streams = key->streams;
        hold->counter = key->counter;
        hold->name = name_of(key);
        memcpy(hold->hash, key->hash, sizeof hold->hash);
    }
}

enum error access_hold_ask(struct access_hold *hold, const struct access *access, const struct stream *stream,
                           bool open, int64_t wall_ns)
{
    const struct access_key *key = NULL;
    enum error error = access == NULL || !hold->shown ? OK : access_recall(access, hold->hash, wall_ns, &key);
    if (error == OK && key != NULL && name_of(key) != hold->name) {
        error = ERROR_KEY_UNKNOWN; /* it is somebody else's by now */
    }
    if (error == OK && access != NULL && !open) {
        error = access_allows(access, key, ACCESS_WRITE, stream);
    }
    if (error == OK || open) {
        access_hold_take(hold, access, error == OK ? key : NULL);
        return OK;
    }
    return error;
}
