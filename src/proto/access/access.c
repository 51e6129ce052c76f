/* Turns what somebody shows into a key, and a key into what it may do. */
#include "proto/access/access_private.h"

#include "base/assert.h"
#include "base/digest.h"
#include "base/hash.h"
#include "config/options/string_list.h"
#include "event/stream.h"
#include "proto/access/key_text.h"
#include "proto/front/origins.h"

_Static_assert(ACCESS_HASH_SIZE == DIGEST_SHA256_SIZE, "keys are hashed with SHA-256");
_Static_assert(ACCESS_MEMO_TEXT >= KEY_TEXT_LENGTH, "a key of our making is remembered");

bool access_is_open(const struct access *access)
{
    return access->count == 0;
}

size_t access_key_count(const struct access *access)
{
    return access->count;
}

uint64_t access_generation(const struct access *access)
{
    return access->generation;
}

struct slice access_key_name(const struct access_key *key)
{
    return key->name;
}

struct slice access_text(const struct access_key *key, enum access_by by)
{
    switch (by) {
    case BY_HASH: return slice_make(key->hash, sizeof key->hash);
    case BY_NAME: return key->name;
    default: return key->subject;
    }
}

const struct access_key *access_find(const struct access *access, enum access_by by, struct slice text)
{
    const struct access_key *found = NULL;
    const uint32_t *slots = access->slots[by];
    ASSERT_BELOW(by, ACCESS_TABLES);
    for (size_t at = hash_seeded_64(text.data, text.len) & access->mask; slots[at] != 0; at = (at + 1) & access->mask) {
        ASSERT_AT_MOST(slots[at], access->count);
        const struct access_key *key = &access->keys[slots[at] - 1];
        struct slice own = access_text(key, by);
        if (own.len == text.len && digest_equal(own.data, text.data, text.len)) {
            found = key;
        }
    }
    return found;
}

const struct access_key *access_named(const struct access *access, struct slice name)
{
    return access_find(access, BY_NAME, name);
}

/* May it be used at all, now and from there? `origin` is NULL: that was looked at. */
static enum error judge(const struct access_key *key, const struct slice *origin, int64_t wall_ns)
{
    if (key->disabled) {
        return ERROR_KEY_DISABLED;
    }
    if (wall_ns >= key->expires_ns) {
        return ERROR_KEY_EXPIRED;
    }
    bool anywhere = origin == NULL || key->origins->count == 0;
    return anywhere || origins_find(key->origins, *origin) >= 0 ? OK : ERROR_KEY_ORIGIN;
}

static enum error find_by_text(const struct access *access, struct slice text, const struct access_key **key)
{
    uint8_t hash[ACCESS_HASH_SIZE];
    if (!key_text_is_fit(text)) {
        return ERROR_KEY_MALFORMED;
    }
    if (!digest_sha256(text, hash)) {
        return ERROR_OUT_OF_MEMORY;
    }
    *key = access_find(access, BY_HASH, slice_make(hash, sizeof hash));
    if (*key == NULL) {
        return key_text_is_damaged(text) ? ERROR_KEY_MALFORMED : ERROR_KEY_UNKNOWN;
    }
    return OK;
}

/* It, or NULL with why it may not be used. */
static enum error give(const struct access_key *found, const struct slice *origin, int64_t wall_ns,
                       const struct access_key **key)
{
    enum error error = found == NULL ? OK : judge(found, origin, wall_ns);
    *key = error == OK ? found : NULL;
    return error;
}

enum error access_identify(const struct access *access, const struct credential *credential, int64_t wall_ns,
                           const struct access_key **key)
{
    const struct access_key *found = NULL;
    *key = NULL;
    if (access_is_open(access)) {
        return OK;
    }
    if (credential->key.len != 0) {
        enum error error = find_by_text(access, credential->key, &found);
        if (error != OK) {
            return error;
        }
    } else if (credential->subject.len != 0) {
        found = access_find(access, BY_SUBJECT, credential->subject);
    }
    return give(found, &credential->origin, wall_ns, key);
}

static inline bool has_text(const struct access_memo *memo, const struct access *access, struct slice text)
{
    bool has = memo->generation == access->generation && memo->length != 0 && memo->length == text.len &&
               digest_equal(memo->text, text.data, text.len);
    ASSERT(!has || memo->index < access->count);
    return has;
}

bool access_remembers(const struct access *access, const struct access_memo *memo, struct slice text,
                      const struct slice *origin, int64_t wall_ns, const struct access_key **key)
{
    return has_text(memo, access, text) && give(&access->keys[memo->index], origin, wall_ns, key) == OK;
}

static void remember(struct access_memo *memo, const struct access *access, struct slice text, size_t index)
{
    ASSERT_BELOW(index, access->count);
    if (text.len != 0 && text.len <= sizeof memo->text) {
        memo->generation = access->generation;
        memo->place = NULL;
        memo->index = (uint32_t)index;
        memo->length = (uint8_t)text.len;
        memcpy(memo->text, text.data, text.len);
    }
}

enum error access_identify_again(const struct access *access, struct access_memo *memo,
                                 const struct credential *credential, int64_t wall_ns, const struct access_key **key)
{
    if (has_text(memo, access, credential->key)) {
        return give(&access->keys[memo->index], &credential->origin, wall_ns, key);
    }
    enum error error = access_identify(access, credential, wall_ns, key);
    if (*key != NULL) {
        remember(memo, access, credential->key, (*key)->index);
    }
    return error;
}

enum error access_recall(const struct access *access, const uint8_t hash[ACCESS_HASH_SIZE], int64_t wall_ns,
                         const struct access_key **key)
{
    *key = NULL;
    if (access_is_open(access)) {
        return OK;
    }
    const struct access_key *found = access_find(access, BY_HASH, slice_make(hash, ACCESS_HASH_SIZE));
    return found == NULL ? ERROR_KEY_UNKNOWN : give(found, NULL, wall_ns, key);
}

enum error access_allows(const struct access *access, const struct access_key *key, enum access_scope scope,
                         const struct stream *stream)
{
    if (access_is_open(access)) {
        return OK;
    }
    if (key == NULL) {
        return ERROR_KEY_MISSING;
    }
    if ((key->scopes & (unsigned)scope) == 0) {
        return ERROR_SCOPE_MISSING;
    }
    bool may = stream == NULL || key->all_streams || stream_set_holds(&key->streams, stream->index);
    return may ? OK : ERROR_STREAM_FORBIDDEN;
}
