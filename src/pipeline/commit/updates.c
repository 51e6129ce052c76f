/* Turns rows into updates: new or a repeat, and of which version. */
#include "pipeline/commit/updates.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "event/value.h"

#include <stdlib.h>

#define KEYS_KNOWN 262144u /* a power of two: 4 MiB, of which is touched what is used */
#define VERSION_BYTES 8

/* The last state of a key, as the halves of its id (event_id_of_update). All zero: none. */
struct state {
    uint64_t key, whole;
};

struct updates {
    size_t column;
    int64_t tick_ns;
    int64_t last;         /* ticks */
    struct state *states; /* KEYS_KNOWN; keys with one place push each other out. NULL: no repeats are found */
};

static int64_t tick_ns(const struct type *type)
{
    return type->kind == KIND_UINT64 ? NS_PER_US : value_tick_ns(type);
}

struct updates *updates_new(const struct stream *stream, bool finds_repeats, int64_t floor_ns)
{
    ASSERT_AT_MOST(0, stream->version_column);
    const struct type *type = &stream->columns[stream->version_column].type;
    struct updates *updates = calloc(1, sizeof *updates);
    if (updates == NULL) {
        return NULL;
    }
    ASSERT_EQUAL(type->width, VERSION_BYTES);
    updates->column = (size_t)stream->version_column;
    updates->tick_ns = tick_ns(type);
    updates->last = floor_ns / updates->tick_ns;
    updates->states = finds_repeats ? calloc(KEYS_KNOWN, sizeof *updates->states) : NULL;
    if (finds_repeats && updates->states == NULL) {
        free(updates);
        return NULL;
    }
    return updates;
}

void updates_free(struct updates *updates)
{
    if (updates != NULL) {
        free(updates->states);
        free(updates);
    }
}

static bool is_repeat(struct updates *updates, const struct event_id *id)
{
    struct state state = { load_u64(id->bytes), load_u64(id->bytes + 8) };
    struct state *known = &updates->states[state.key % KEYS_KNOWN];
    bool repeat = known->key == state.key && known->whole == state.whole;
    *known = state;
    return repeat;
}

bool updates_take(struct updates *updates, struct chunk *chunk, uint32_t row)
{
    ASSERT_BELOW(row, chunk->rows);
    if (updates->states != NULL && is_repeat(updates, &chunk->ids[row])) {
        return false;
    }
    struct buf *data = &chunk->columns[updates->column].data;
    ASSERT_AT_MOST(((size_t)row + 1) * VERSION_BYTES, data->len);
    char *at = data->data + (size_t)row * VERSION_BYTES;
    int64_t received = (int64_t)load_u64(at);
    updates->last = received > updates->last ? received : updates->last + 1;
    ASSERT_AT_MOST(received, updates->last);
    memcpy(at, &updates->last, VERSION_BYTES);
    return true;
}

void updates_forget(struct updates *updates)
{
    if (updates->states != NULL) {
        memset(updates->states, 0, KEYS_KNOWN * sizeof *updates->states);
    }
}

int64_t updates_last_ns(const struct updates *updates)
{
    return (updates->last + 1) * updates->tick_ns;
}
