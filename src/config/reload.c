/* Turns two configurations into their differences, and the newer one into what can be served without a restart. */
#include "config/reload.h"

#include "base/assert.h"
#include "base/hash.h"
#include "config/option_value.h"
#include "config/yaml/memory.h"

#include <inttypes.h>
#include <stdio.h>

/* Where an option is, from the inside out. */
struct place {
    const struct place *outer; /* NULL: this is a section */
    const char *key;           /* "": what an included file gives to its own */
    const char *item;          /* of a list, by its name; NULL: by its index, or no list */
    size_t index;              /* SIZE_MAX: no item of a list */
};

struct walk {
    bool keeps; /* what takes a restart is put back; else it is told like the rest */
    struct config_memory *memory;
    struct buf *lines;
};

/* Two structs of the same table, and whether all in them reloads. */
struct pair {
    const char *before;
    char *now;
    bool reloads;
};

static void walk_table(struct walk *walk, const struct option_table *table, const struct place *outer,
                       const struct pair *pair);

static void print_place(struct buf *out, const struct place *place)
{
    if (place->outer != NULL) {
        print_place(out, place->outer);
        buf_append_byte(out, '.');
    }
    buf_append_string(out, place->key[0] == '\0' ? "(include)" : place->key);
    if (place->item != NULL) {
        buf_printf(out, "[%s]", place->item);
    } else if (place->index != SIZE_MAX) {
        buf_printf(out, "[%zu]", place->index);
    }
}

static void begin_line(const struct walk *walk, const struct place *place)
{
    print_place(walk->lines, place);
    buf_append_string(walk->lines, ": ");
}

static void end_line(const struct walk *walk)
{
    buf_append_string(walk->lines, walk->keeps ? "; takes a restart\n" : "\n");
}

static void tell(const struct walk *walk, const struct place *place, const char *what)
{
    begin_line(walk, place);
    buf_append_string(walk->lines, what);
    end_line(walk);
}

static void tell_value(const struct walk *walk, const struct option *option, const struct place *place,
                       const struct pair *pair)
{
    begin_line(walk, place);
    if (option->secret) {
        buf_append_string(walk->lines, "is another one");
    } else {
        buf_append_string(walk->lines, "was ");
        option_value_print(walk->lines, option, pair->before + option->offset);
        buf_append_string(walk->lines, ", is ");
        option_value_print(walk->lines, option, pair->now + option->offset);
    }
    end_line(walk);
}

/* Items. */

struct items {
    char *first;
    size_t count;
    size_t size;
    const struct option *name; /* NULL: they have none */
};

static const struct option *name_of(const struct option *list)
{
    const char *const names[] = { list->named_by, "name", "listen" };
    for (size_t n = 0; n < ARRAY_LENGTH(names); n++) {
        for (size_t i = 0; names[n] != NULL && i < list->table->count; i++) {
            const struct option *row = &list->table->rows[i];
            if (strcmp(row->key, names[n]) == 0 && (row->type == OPTION_NAME || row->type == OPTION_STRING)) {
                return row;
            }
        }
    }
    return NULL;
}

static struct items items_of(const struct option *list, const char *owner)
{
    struct items items = { .size = list->item_size, .name = name_of(list) };
    memcpy(&items.first, owner + list->offset, sizeof items.first);
    memcpy(&items.count, owner + list->count_offset, sizeof items.count);
    return items;
}

static char *item_at(const struct items *items, size_t index)
{
    ASSERT_BELOW(index, items->count);
    return items->first + index * items->size;
}

static const char *item_name(const struct items *items, size_t index)
{
    const char *name = NULL;
    if (items->name != NULL) {
        memcpy(&name, item_at(items, index) + items->name->offset, sizeof name);
    }
    return name;
}

static bool is_named(const struct items *items, size_t index, const char *name)
{
    const char *own = index < items->count ? item_name(items, index) : NULL;
    return own != NULL && name != NULL && strcmp(own, name) == 0;
}

/* The item of `items` that is item `index` of `of`; SIZE_MAX: it is not there. */
static size_t find_item(const struct items *items, const struct items *of, size_t index)
{
    const char *name = item_name(of, index);
    if (items->name == NULL || is_named(items, index, name)) {
        return index < items->count ? index : SIZE_MAX;
    }
    for (size_t i = 0; i < items->count; i++) {
        if (is_named(items, i, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* The same items in the same order, as far as names say. */
static bool match_in_order(const struct items *before, const struct items *now)
{
    bool match = before->count == now->count;
    for (size_t i = 0; match && i < before->count; i++) {
        match = before->name == NULL || is_named(before, i, item_name(now, i));
    }
    return match;
}

static struct place place_of_item(const struct place *list, const struct items *items, size_t index)
{
    return (struct place){ list->outer, list->key, item_name(items, index), index };
}

static void tell_items(const struct walk *walk, const struct place *place, const struct items *items,
                       const struct items *others, const char *what)
{
    for (size_t i = 0; i < items->count; i++) {
        if (find_item(others, items, i) == SIZE_MAX) {
            struct place at = place_of_item(place, items, i);
            tell(walk, &at, what);
        }
    }
}

static bool has_others(const struct items *items, const struct items *than)
{
    bool others = false;
    for (size_t i = 0; !others && i < items->count; i++) {
        others = find_item(than, items, i) == SIZE_MAX;
    }
    return others;
}

/* How two lists differ that do not match in order. */
static void tell_lists(const struct walk *walk, const struct place *place, const struct items *before,
                       const struct items *now, bool grows)
{
    if (before->name == NULL) {
        begin_line(walk, place);
        buf_printf(walk->lines, "was a list of %zu, is one of %zu", before->count, now->count);
        end_line(walk);
        return;
    }
    size_t at = walk->lines->len;
    bool news = has_others(now, before);
    if (!walk->keeps || !grows) {
        tell_items(walk, place, now, before, "is new");
    }
    tell_items(walk, place, before, now, "is gone");
    if (walk->lines->len == at && !news) {
        tell(walk, place, "is in another order");
    }
}

/* Those that are in both. */
static void walk_items(struct walk *walk, const struct option *list, const struct place *place,
                       const struct items *before, const struct items *now, bool reloads)
{
    for (size_t i = 0; i < now->count; i++) {
        size_t old = find_item(before, now, i);
        if (old != SIZE_MAX) {
            struct place at = place_of_item(place, now, i);
            const struct pair pair = { item_at(before, old), item_at(now, i), reloads };
            walk_table(walk, list->table, &at, &pair);
        }
    }
}

/* The items of `before`, in their order, those that are still there with what the file says of them now; behind them new ones,
 * if the list grows. False: memory is short, which memory_failed says as well. */
static bool take_items(const struct walk *walk, const struct items *before, const struct items *now, bool grows,
                       struct items *taken)
{
    *taken = (struct items){ .size = before->size, .name = before->name };
    taken->first = memory_take(walk->memory, before->count + (grows ? now->count : 0), before->size);
    if (taken->first == NULL) {
        return false;
    }
    taken->count = before->count;
    for (size_t i = 0; i < before->count; i++) {
        size_t index = before->name == NULL ? SIZE_MAX : find_item(now, before, i);
        memcpy(item_at(taken, i), index == SIZE_MAX ? item_at(before, i) : item_at(now, index), before->size);
    }
    for (size_t i = 0; grows && i < now->count; i++) {
        if (find_item(before, now, i) == SIZE_MAX) {
            taken->count++;
            memcpy(item_at(taken, taken->count - 1), item_at(now, i), before->size);
        }
    }
    return true;
}

static void put_items(const struct option *list, char *owner, const struct items *items)
{
    memcpy(owner + list->offset, &items->first, sizeof items->first);
    memcpy(owner + list->count_offset, &items->count, sizeof items->count);
}

static void walk_list(struct walk *walk, const struct option *list, const struct place *place, const struct pair *pair)
{
    struct items before = items_of(list, pair->before);
    struct items now = items_of(list, pair->now);
    if (!match_in_order(&before, &now)) {
        tell_lists(walk, place, &before, &now, list->grows);
        struct items taken = now;
        if (walk->keeps && !take_items(walk, &before, &now, list->grows, &taken)) {
            return;
        }
        if (walk->keeps) {
            put_items(list, pair->now, &taken);
        }
        now = taken;
    }
    walk_items(walk, list, place, &before, &now, pair->reloads);
}

/* Options. */

static void walk_value(struct walk *walk, const struct option *option, const struct place *place,
                       const struct pair *pair)
{
    if (option_value_same(option, pair->before + option->offset, pair->now + option->offset)) {
        return;
    }
    tell_value(walk, option, place, pair);
    if (walk->keeps) {
        option_value_copy(option, pair->now + option->offset, pair->before + option->offset);
    }
}

static void walk_table(struct walk *walk, const struct option_table *table, const struct place *outer,
                       const struct pair *pair)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        const struct place place = { outer, option->key, NULL, SIZE_MAX };
        struct pair inner = { pair->before, pair->now, pair->reloads || option->reloads };
        if (inner.reloads && walk->keeps) {
            continue;
        }
        if (option->type == OPTION_LIST) {
            walk_list(walk, option, &place, &inner);
        } else if (option->type == OPTION_GROUP) {
            inner.before += option->offset;
            inner.now += option->offset;
            walk_table(walk, option->table, &place, &inner);
        } else {
            walk_value(walk, option, &place, &inner);
        }
    }
}

bool config_keep(const struct option_table *table, void *next, const void *start, struct config_memory *memory,
                 struct buf *restarts)
{
    ASSERT(next != start);
    struct walk walk = { .keeps = true, .memory = memory, .lines = restarts };
    const struct pair pair = { start, next, false };
    walk_table(&walk, table, NULL, &pair);
    return !memory_failed(memory) && !restarts->failed;
}

void config_tell_changes(const struct option_table *table, const void *before, const void *now, struct buf *lines)
{
    struct walk walk = { .lines = lines };
    const struct pair pair = { before, (char *)(uintptr_t)now, false }; /* it is only read */
    walk_table(&walk, table, NULL, &pair);
}

/* Fingerprints. */

static void print_table(struct buf *out, const struct option_table *table, const char *options);

static void print_list(struct buf *out, const struct option *list, const char *options)
{
    const char *items;
    size_t count;
    ASSERT(list->item_size != 0);
    memcpy(&items, options + list->offset, sizeof items);
    memcpy(&count, options + list->count_offset, sizeof count);
    ASSERT(count == 0 || items != NULL);
    buf_printf(out, "[%zu]\n", count);
    for (size_t i = 0; i < count; i++) {
        print_table(out, list->table, items + i * list->item_size);
    }
}

static void print_table(struct buf *out, const struct option_table *table, const char *options)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        buf_printf(out, "%s: ", option->key);
        if (option->type == OPTION_LIST) {
            print_list(out, option, options);
        } else if (option->type == OPTION_GROUP) {
            print_table(out, option->table, options + option->offset);
        } else if (!option->secret) {
            option_value_print(out, option, options + option->offset);
        }
        buf_append_byte(out, '\n');
    }
}

bool config_fingerprint(const struct option_table *table, const void *options, char text[CONFIG_FINGERPRINT_SIZE])
{
    struct buf all = { 0 };
    print_table(&all, table, options);
    bool made = !all.failed;
    if (made) {
        snprintf(text, CONFIG_FINGERPRINT_SIZE, "%016" PRIx64, hash_xxh3_64(all.data, all.len));
    }
    buf_release(&all);
    return made;
}
