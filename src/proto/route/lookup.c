/* Turns pairs of texts into a table that is read while it is written. */
#include "proto/route/lookup.h"

#include "base/assert.h"
#include "base/hash.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LEAST_SLOTS 64u

/* Place 0: free. */
struct slot {
    uint32_t tag;   /* of the hash */
    uint32_t place; /* 1 + of the entry in `texts` */
};

/* Entries are varint length and bytes of the key, then of the value. Invariant: at most two thirds of the slots are taken. */
struct lookup_table {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t entries;
    struct buf texts;
    uint64_t max_bytes; /* of slots and texts */
};

/* How many readers are in, by the turn in which they came; a cache line each. */
struct readers {
    _Alignas(64) atomic_long count;
};

struct lookup {
    uint64_t max_bytes;
    struct lookup_table *copies[2];
    atomic_int side; /* the copy that is read */
    atomic_int turn; /* in which readers come in */
    struct readers readers[2];
    pthread_mutex_t writers; /* guards what follows, and the copies against other writers */
    struct buf puts;         /* int64_t wall_ns, then an entry; each */
};

/* --- a table --- */

static uint64_t bytes_of(const struct lookup_table *table)
{
    return table->slot_count * sizeof(struct slot) + table->texts.len;
}

static struct lookup_table *table_new(uint64_t max_bytes)
{
    struct lookup_table *table = calloc(1, sizeof *table);
    if (table != NULL) {
        table->max_bytes = max_bytes;
        table->slot_count = LEAST_SLOTS;
        table->slots = calloc(table->slot_count, sizeof *table->slots);
    }
    if (table != NULL && table->slots == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void lookup_table_free(struct lookup_table *table)
{
    if (table != NULL) {
        free(table->slots);
        buf_release(&table->texts);
        free(table);
    }
}

static struct lookup_table *table_copy(const struct lookup_table *from)
{
    struct lookup_table *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    *copy = (struct lookup_table){ .slot_count = from->slot_count,
                                   .entries = from->entries,
                                   .max_bytes = from->max_bytes,
                                   .slots = calloc(from->slot_count, sizeof *copy->slots) };
    buf_append_slice(&copy->texts, buf_slice(&from->texts));
    if (copy->slots == NULL || copy->texts.failed) {
        lookup_table_free(copy);
        return NULL;
    }
    memcpy(copy->slots, from->slots, from->slot_count * sizeof *copy->slots);
    return copy;
}

/* The text at *at, which moves behind it: of our own making. */
static struct slice text_at(const struct buf *texts, size_t *at)
{
    uint64_t len = 0;
    bool whole = slice_read_varint(buf_slice(texts), at, &len);
    ASSERT(whole && len <= texts->len - *at);
    struct slice text = slice_make(texts->data + *at, (size_t)len);
    *at += (size_t)len;
    return text;
}

static void append_entry(struct buf *out, struct slice key, struct slice value)
{
    buf_append_varint(out, key.len);
    buf_append_slice(out, key);
    buf_append_varint(out, value.len);
    buf_append_slice(out, value);
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *find_slot(const struct lookup_table *table, struct slice key, uint64_t hash)
{
    size_t mask = table->slot_count - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &table->slots[i];
        size_t at = slot->place;
        if (slot->place == 0 ||
            (slot->tag == (uint32_t)(hash >> 32) && at-- != 0 && slice_equal(text_at(&table->texts, &at), key))) {
            return slot;
        }
    }
}

static bool grow(struct lookup_table *table)
{
    struct lookup_table larger = *table;
    ASSERT((table->slot_count & (table->slot_count - 1)) == 0);
    larger.slot_count *= 2;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->slot_count; i++) {
        size_t at = table->slots[i].place;
        if (at-- != 0) {
            struct slice key = text_at(&table->texts, &at);
            *find_slot(&larger, key, hash_seeded_64(key.data, key.len)) = table->slots[i];
        }
    }
    free(table->slots);
    *table = larger;
    return true;
}

bool lookup_table_add(struct lookup_table *table, struct slice key, struct slice value)
{
    uint64_t more = key.len + value.len + 20 + table->slot_count * sizeof(struct slot);
    if (bytes_of(table) + more > table->max_bytes || table->texts.len + more > UINT32_MAX) {
        return false;
    }
    if ((table->entries + 1) * 3 > table->slot_count * 2 && !grow(table)) {
        return false;
    }
    size_t place = table->texts.len;
    append_entry(&table->texts, key, value);
    if (table->texts.failed) {
        table->texts.failed = false;
        table->texts.len = place;
        return false;
    }
    uint64_t hash = hash_seeded_64(key.data, key.len);
    struct slot *slot = find_slot(table, key, hash);
    table->entries += slot->place == 0;
    *slot = (struct slot){ (uint32_t)(hash >> 32), (uint32_t)place + 1 };
    ASSERT_AT_MOST(bytes_of(table), table->max_bytes);
    ASSERT_BELOW(table->entries, table->slot_count);
    return true;
}

static bool table_find(const struct lookup_table *table, struct slice key, struct buf *out)
{
    const struct slot *slot = find_slot(table, key, hash_seeded_64(key.data, key.len));
    size_t at = slot->place;
    if (at-- == 0) {
        return false;
    }
    (void)text_at(&table->texts, &at);
    buf_append_slice(out, text_at(&table->texts, &at));
    return !out->failed;
}

/* --- two copies --- */

struct lookup *lookup_new(uint64_t max_bytes)
{
    struct lookup *lookup = aligned_alloc(64, sizeof *lookup);
    if (lookup == NULL) {
        return NULL;
    }
    memset(lookup, 0, sizeof *lookup);
    lookup->max_bytes = max_bytes;
    lookup->copies[0] = lookup_table_new(lookup);
    lookup->copies[1] = lookup_table_new(lookup);
    if (lookup->copies[0] == NULL || lookup->copies[1] == NULL) {
        lookup_table_free(lookup->copies[0]);
        lookup_table_free(lookup->copies[1]);
        free(lookup);
        return NULL;
    }
    pthread_mutex_init(&lookup->writers, NULL);
    return lookup;
}

void lookup_free(struct lookup *lookup)
{
    if (lookup != NULL) {
        lookup_table_free(lookup->copies[0]);
        lookup_table_free(lookup->copies[1]);
        buf_release(&lookup->puts);
        pthread_mutex_destroy(&lookup->writers);
        free(lookup);
    }
}

/* A quarter is left for what was put, and as much for the table that is being filled beside the copies. */
struct lookup_table *lookup_table_new(const struct lookup *lookup)
{
    return table_new(lookup->max_bytes / 4);
}

bool lookup_find(struct lookup *lookup, struct slice key, struct buf *out)
{
    int turn = atomic_load(&lookup->turn);
    ASSERT(turn == 0 || turn == 1);
    atomic_long *in = &lookup->readers[turn].count;
    atomic_fetch_add(in, 1);
    bool found = table_find(lookup->copies[atomic_load(&lookup->side)], key, out);
    atomic_fetch_sub(in, 1);
    return found;
}

static void await_readers(struct lookup *lookup, int turn)
{
    while (atomic_load(&lookup->readers[turn].count) != 0) {
        sched_yield();
    }
}

/* Readers go to the other copy; when it returns none is left in the one that they were in. Returns that. */
static int change_sides(struct lookup *lookup)
{
    int side = atomic_load(&lookup->side), turn = atomic_load(&lookup->turn);
    ASSERT(lookup->copies[0] != lookup->copies[1]);
    atomic_store(&lookup->side, !side);
    await_readers(lookup, !turn); /* late ones of the turn before */
    atomic_store(&lookup->turn, !turn);
    await_readers(lookup, turn);
    return side;
}

static int idle_side(struct lookup *lookup)
{
    return !atomic_load(&lookup->side);
}

bool lookup_put(struct lookup *lookup, struct slice key, struct slice value, int64_t wall_ns)
{
    pthread_mutex_lock(&lookup->writers);
    size_t before = lookup->puts.len;
    bool fits = before + key.len + value.len + 32 <= lookup->max_bytes / 4;
    if (fits) {
        buf_append(&lookup->puts, &wall_ns, sizeof wall_ns);
        append_entry(&lookup->puts, key, value);
    }
    bool added = fits && !lookup->puts.failed && lookup_table_add(lookup->copies[idle_side(lookup)], key, value);
    if (added) {
        /* Both copies are alike: what had room in one has it in the other, but for memory. */
        added = lookup_table_add(lookup->copies[change_sides(lookup)], key, value);
    } else {
        lookup->puts.failed = false;
        lookup->puts.len = before;
    }
    pthread_mutex_unlock(&lookup->writers);
    return added;
}

/* What was put since then over the table; what was put before is forgotten. False: the puts are as they were. */
static bool put_over(struct lookup *lookup, struct lookup_table *table, int64_t since_ns)
{
    struct buf kept = { 0 };
    bool fits = true;
    for (size_t at = 0; fits && at < lookup->puts.len;) {
        size_t begin = at;
        int64_t wall_ns;
        memcpy(&wall_ns, lookup->puts.data + at, sizeof wall_ns);
        at += sizeof wall_ns;
        struct slice key = text_at(&lookup->puts, &at);
        struct slice value = text_at(&lookup->puts, &at);
        if (wall_ns >= since_ns) {
            buf_append(&kept, lookup->puts.data + begin, at - begin);
            fits = lookup_table_add(table, key, value) && !kept.failed;
        }
    }
    struct buf *unused = fits ? &lookup->puts : &kept;
    buf_release(unused);
    if (fits) {
        lookup->puts = kept;
    }
    return fits;
}

bool lookup_replace(struct lookup *lookup, struct lookup_table *table, int64_t since_ns)
{
    pthread_mutex_lock(&lookup->writers);
    bool whole = put_over(lookup, table, since_ns);
    struct lookup_table *copy = whole ? table_copy(table) : NULL;
    if (copy != NULL) {
        struct lookup_table **idle = &lookup->copies[idle_side(lookup)];
        lookup_table_free(*idle);
        *idle = table;
        struct lookup_table **left = &lookup->copies[change_sides(lookup)];
        lookup_table_free(*left);
        *left = copy;
    } else {
        lookup_table_free(table);
    }
    pthread_mutex_unlock(&lookup->writers);
    return copy != NULL;
}

struct lookup_size lookup_size(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->writers);
    const struct lookup_table *table = lookup->copies[idle_side(lookup)];
    struct lookup_size size = { table->entries, bytes_of(table) };
    pthread_mutex_unlock(&lookup->writers);
    return size;
}
