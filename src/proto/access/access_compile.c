/* Turns the keys of a configuration into tables of them, and into what is wrong with them. */
#include "config/options/access_options.h"
#include "proto/access/access_private.h"

#include "base/assert.h"
#include "base/digest.h"
#include "base/hash.h"
#include "base/metrics/metrics.h"
#include "event/stream.h"
#include "event/time/time_parse.h"
#include "proto/access/key_text.h"
#include "proto/front/origins.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define NAME_MAX_LENGTH 64
/* Before what is hashed of a subject: no text of a key has it, as no such text has a line end. */
#define SUBJECT_MARK "subject\n"

/* What the keys are compiled against. */
struct scene {
    struct stream *const *streams;
    size_t stream_count;
    struct buf *problems;
};

/* "file:line: keys.shop.sha256: …" */
PRINTF_LIKE(4, 5)
static void tell(const struct scene *scene, const struct key_options *options, const char *option, const char *format,
                 ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    buf_printf(scene->problems, "%s:%d: keys.%s%s%s: %s\n", options->file, options->line, options->name,
               *option == '\0' ? "" : ".", option, message);
}

static void compile_name(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    key->name = slice_from_string(options->name);
    bool fit = key->name.len != 0 && key->name.len <= NAME_MAX_LENGTH;
    for (size_t i = 0; i < key->name.len; i++) {
        char c = key->name.data[i];
        fit = fit && c > ' ' && c < 0x7F && c != '"' && c != '\\';
    }
    if (!fit) {
        tell(scene, options, "name", "expected 1 to %d visible characters of ASCII, none of them a space, \" or \\",
             NAME_MAX_LENGTH);
    }
}

bool access_hash_subject(struct slice subject, uint8_t hash[ACCESS_HASH_SIZE])
{
    struct buf text = { 0 };
    buf_append_slice(&text, SLICE(SUBJECT_MARK));
    buf_append_slice(&text, subject);
    bool done = !text.failed && digest_sha256(buf_slice(&text), hash);
    buf_release(&text);
    return done;
}

static bool read_hash(struct slice text, uint8_t hash[ACCESS_HASH_SIZE])
{
    bool good = text.len == (size_t)ACCESS_HASH_SIZE * 2;
    for (size_t i = 0; good && i < ACCESS_HASH_SIZE; i++) {
        int byte = hex_pair(text.data + i * 2);
        good = byte >= 0;
        hash[i] = (uint8_t)byte;
    }
    return good;
}

static void compile_hash(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    struct slice text = slice_from_string(options->sha256);
    key->subject = slice_from_string(options->subject);
    if (key_text_is_whole(text)) {
        tell(scene, options, "sha256",
             "found a key itself, expected its hash: make a new key, this one is no secret now");
    } else if (text.len != 0 && !read_hash(text, key->hash)) {
        tell(scene, options, "sha256",
             "found no SHA-256 in hex (64 digits), expected what `sluice key new` printed: sha256sum of the key, "
             "without a line end");
    } else if (text.len == 0 && key->subject.len == 0) {
        tell(scene, options, "sha256", "found nothing, expected it, or the `subject` of a client's certificate");
    } else if (text.len == 0 && !access_hash_subject(key->subject, key->hash)) {
        tell(scene, options, "", "out of memory");
    }
}

static void compile_scopes(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    key->scopes = options->scopes;
    key->origins = &options->origins;
    if (key->scopes == 0) {
        tell(scene, options, "scopes", "found none, expected one or more of write, read, admin");
    }
    if (key->origins->count != 0 && (key->scopes & ACCESS_ADMIN) != 0) {
        tell(scene, options, "scopes",
             "found admin in a key with origins, expected write or read: who opens a web page can read its key");
    }
}

static const struct stream *find_stream(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->stream_count; i++) {
        if (strcmp(scene->streams[i]->name, name) == 0) {
            return scene->streams[i];
        }
    }
    return NULL;
}

static void compile_streams(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    key->all_streams = options->streams.count == 0;
    for (size_t i = 0; i < options->streams.count; i++) {
        const char *name = options->streams.items[i];
        const struct stream *stream = find_stream(scene, name);
        if (stream != NULL) {
            ASSERT_BELOW(stream->index, STREAM_SET_MAX);
            stream_set_add(&key->streams, stream->index);
            continue;
        }
        struct buf text = { 0 };
        stream_describe_unknown(scene->streams, scene->stream_count, slice_from_string(name), &text);
        tell(scene, options, "streams", "%.*s", (int)text.len, text.data);
        buf_release(&text);
    }
}

static void compile_origins(const struct scene *scene, const struct key_options *options)
{
    struct buf option = { 0 };
    buf_printf(&option, "%s:%d: keys.%s.origins", options->file, options->line, options->name);
    const char *text = buf_c_string(&option);
    bool fine = origins_check(&options->origins, text == NULL ? "keys" : text, scene->problems);
    ASSERT(fine || scene->problems->len != 0 || scene->problems->failed);
    (void)fine;
    buf_release(&option);
}

static void compile_expiry(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    struct moment moment;
    key->expires_ns = INT64_MAX;
    if (*options->expires == '\0') {
        return;
    }
    if (!moment_from_text(slice_from_string(options->expires), &moment)) {
        tell(scene, options, "expires",
             "found \"%s\", expected a day or a time such as 2027-01-31 or 2027-01-31T12:00:00Z", options->expires);
        return;
    }
    key->expires_ns = moment_to_ns(moment);
}

static void compile_key(const struct scene *scene, const struct key_options *options, struct access_key *key)
{
    compile_name(scene, options, key);
    compile_hash(scene, options, key);
    compile_scopes(scene, options, key);
    compile_streams(scene, options, key);
    compile_origins(scene, options);
    compile_expiry(scene, options, key);
    key->disabled = options->disabled;
}

/* Into the table, where no other key has the same text. */
static void enter(const struct scene *scene, const struct key_options *keys, struct access *access, enum access_by by,
                  const struct access_key *key)
{
    static const char *const options[ACCESS_TABLES] = { "sha256", "name", "subject" };
    struct slice text = access_text(key, by);
    if (text.len == 0) {
        return;
    }
    const struct access_key *other = access_find(access, by, text);
    if (other != NULL) {
        const struct key_options *first = &keys[other->index];
        tell(scene, &keys[key->index], options[by], "found what the key \"%s\" of %s:%d has already, expected another",
             first->name, first->file, first->line);
        return;
    }
    size_t at = hash_seeded_64(text.data, text.len) & access->mask;
    while (access->slots[by][at] != 0) {
        at = (at + 1) & access->mask;
    }
    access->slots[by][at] = (uint32_t)key->index + 1;
}

/* Twice as many slots as keys, or more. */
static bool reserve(struct access *access, size_t count)
{
    size_t size = 4;
    while (size < count * 2) {
        size *= 2;
    }
    access->mask = size - 1;
    access->keys = calloc(count + 1, sizeof *access->keys);
    bool whole = access->keys != NULL &&
                 getrandom(&access->generation, sizeof access->generation, 0) == (ssize_t)sizeof access->generation;
    access->generation |= 1;
    for (size_t by = 0; by < ACCESS_TABLES; by++) {
        access->slots[by] = calloc(size, sizeof *access->slots[by]);
        whole = whole && access->slots[by] != NULL;
    }
    return whole;
}

static void compile(const struct scene *scene, struct access *access, const struct key_options *keys, size_t count)
{
    access->count = count; /* before the tables hold any */
    for (size_t i = 0; i < count; i++) {
        size_t before = scene->problems->len;
        access->keys[i].index = i;
        compile_key(scene, &keys[i], &access->keys[i]);
        for (int by = 0; by < ACCESS_TABLES && scene->problems->len == before; by++) {
            enter(scene, keys, access, (enum access_by)by, &access->keys[i]);
        }
    }
}

struct access *access_new(const struct key_options *keys, size_t count, struct stream *const *streams,
                          size_t stream_count, struct buf *problems)
{
    const struct scene scene = { streams, stream_count, problems };
    struct access *access = calloc(1, sizeof *access);
    size_t before = problems->len;
    ASSERT_AT_MOST(count, ACCESS_KEYS_MAX);
    if (access == NULL || !reserve(access, count)) {
        buf_append_string(problems, "keys: out of memory\n");
    } else {
        compile(&scene, access, keys, count);
    }
    if (problems->len != before || problems->failed) {
        access_free(access);
        return NULL;
    }
    return access;
}

void access_count_in(struct access *access, const struct access *before, struct metrics *metrics)
{
    metrics_forget_keys(metrics);
    for (size_t i = 0; before != NULL && i < access->count; i++) {
        const struct access_key *known = access_named(before, access->keys[i].name);
        access->keys[i].counter = known == NULL ? 0 : known->counter;
        if (access->keys[i].counter != 0) {
            metrics_keep_key(metrics, access->keys[i].counter);
        }
    }
    for (size_t i = 0; i < access->count; i++) {
        if (access->keys[i].counter == 0) {
            access->keys[i].counter = metrics_take_key(metrics, access->keys[i].name);
        }
    }
}

void access_free(struct access *access)
{
    if (access == NULL) {
        return;
    }
    for (size_t by = 0; by < ACCESS_TABLES; by++) {
        free(access->slots[by]);
    }
    free(access->keys);
    free(access);
}
