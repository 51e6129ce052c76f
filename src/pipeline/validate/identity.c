/* Turns the key fields of an event into its id. */
#include "pipeline/validate/identity.h"

#include "base/assert.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/stream.h"
#include "pipeline/validate/scan.h"

#define KEY_VERSION 0x01
#define TENANT_VERSION 0x02 /* what is hashed begins with a tenant behind the stream's name */

bool identity_init(struct identity *identity, size_t prefix)
{
    *identity = (struct identity){ 0 };
    event_id_generator_init(&identity->generator);
    return buf_reserve(&identity->key, prefix);
}

void identity_release(struct identity *identity)
{
    buf_release(&identity->key);
}

static void append_name(struct buf *key, const char *name)
{
    buf_append_varint(key, strlen(name));
    buf_append_string(key, name);
}

void identity_prefix(const struct stream *stream, struct buf *prefix)
{
    buf_append_byte(prefix, stream->has_tenant ? TENANT_VERSION : KEY_VERSION);
    append_name(prefix, stream->name);
}

void identity_begin(struct identity *identity, struct slice prefix)
{
    buf_clear(&identity->key);
    ASSERT_AT_MOST(prefix.len, identity->key.cap); /* identity_init made room */
    buf_append_slice(&identity->key, prefix);
    identity->of_stream = identity->prefix = prefix.len;
}

void identity_tenant(struct identity *identity, struct slice name)
{
    ASSERT_AT_MOST(identity->of_stream, identity->prefix);
    identity->key.len = identity->of_stream;
    buf_append_varint(&identity->key, name.len);
    buf_append_slice(&identity->key, name);
    identity->prefix = identity->key.len;
}

static bool has_key_field(const struct places *places, const struct stream *stream, size_t column)
{
    return places_has(places, column) || stream->columns[column].fill == FILL_KEY_NAME;
}

/* Behind all that is required, each behind its name: so two events that have the same value in different optional
 * fields are not one. */
static void append_optional(struct buf *key, const struct places *places, const struct chunk *chunk)
{
    const struct stream *stream = chunk->stream;
    for (size_t i = stream->key_required; i < stream->key_count; i++) {
        size_t column = stream->key_columns[i];
        if (places_has(places, column)) {
            append_name(key, stream->columns[column].name);
            buf_append_slice(key, column_last(&chunk->columns[column]));
        }
    }
}

/* A value with the lengths of its parts, so that no two values are alike. */
static void append_value(struct buf *key, const struct column *column)
{
    const struct {
        const struct buf *part;
        size_t from;
    } parts[] = { { &column->nulls, column->undo_nulls },
                  { &column->keys, column->undo_keys },
                  { &column->data, column->undo_data } };
    buf_append_varint(key, column->items - column->undo_items);
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        size_t len = parts[i].part->len - parts[i].from;
        buf_append_varint(key, len);
        if (len != 0) {
            buf_append(key, parts[i].part->data + parts[i].from, len);
        }
    }
}

/* Behind the key: every value that the event has, behind its name. */
static void append_values(struct buf *key, const struct places *places, const struct chunk *chunk)
{
    const struct stream *stream = chunk->stream;
    for (size_t i = 0; i < stream->column_count; i++) {
        bool collected = (int)i == stream->collect_column && chunk->columns[i].rows > chunk->rows;
        if ((places_has(places, i) || collected) && stream->columns[i].key_position < 0) {
            append_name(key, stream->columns[i].name);
            append_value(key, &chunk->columns[i]);
        }
    }
}

static struct event_id RARE identity_of_update(struct identity *identity, const struct places *places,
                                               const struct chunk *chunk)
{
    const struct stream *stream = chunk->stream;
    identity->key.len = identity->prefix;
    for (size_t i = 0; i < stream->key_count; i++) {
        ASSERT(has_key_field(places, stream, stream->key_columns[i])); /* they are required */
        buf_append_slice(&identity->key, column_last(&chunk->columns[stream->key_columns[i]]));
    }
    size_t key_len = identity->key.len;
    append_values(&identity->key, places, chunk);
    return event_id_of_update(slice_make(identity->key.data, key_len), buf_slice(&identity->key));
}

void identity_again(struct identity *identity, const struct event_id *seed)
{
    identity->again = seed != NULL;
    identity->made = 0;
    identity->seed = seed != NULL ? *seed : (struct event_id){ 0 };
}

/* Hashed are a byte that no key begins with, the seed, and how many came before. */
static struct event_id RARE make_again(struct identity *identity)
{
    char whole[1 + sizeof identity->seed + sizeof identity->made];
    whole[0] = (char)0xFE;
    memcpy(whole + 1, &identity->seed, sizeof identity->seed);
    memcpy(whole + 1 + sizeof identity->seed, &identity->made, sizeof identity->made);
    identity->made++;
    return event_id_from_key(slice_make(whole, sizeof whole));
}

static struct event_id make_up(struct identity *identity, int64_t wall_ns)
{
    return identity->again ? make_again(identity) : event_id_generate(&identity->generator, wall_ns);
}

struct event_id identity_of(struct identity *identity, const struct places *places, const struct chunk *chunk,
                            int64_t wall_ns)
{
    const struct stream *stream = chunk->stream;
    if (stream->version_column >= 0) {
        return identity_of_update(identity, places, chunk);
    }
    identity->key.len = identity->prefix;
    for (size_t i = 0; i < stream->key_required; i++) {
        if (!has_key_field(places, stream, stream->key_columns[i])) {
            return make_up(identity, wall_ns);
        }
        buf_append_slice(&identity->key, column_last(&chunk->columns[stream->key_columns[i]]));
    }
    if (stream->key_count == 0) {
        return make_up(identity, wall_ns);
    }
    append_optional(&identity->key, places, chunk);
    return event_id_from_key(buf_slice(&identity->key));
}
