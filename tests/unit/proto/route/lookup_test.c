/* Lookups: what is found, what has room, and what stays while the table is filled anew and read by others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/route/lookup.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct slice text(const char *string)
{
    return slice_from_string(string);
}

/* "-": there is none. */
static const char *find(struct lookup *lookup, const char *key)
{
    static char found[64];
    struct buf out = { 0 };
    bool is_there = lookup_find(lookup, text(key), &out);
    snprintf(found, sizeof found, "%.*s", is_there ? (int)out.len : 1, is_there ? (out.len == 0 ? "" : out.data) : "-");
    buf_release(&out);
    return found;
}

static struct lookup_table *table_of(struct lookup *lookup, const char *key, const char *value)
{
    struct lookup_table *table = lookup_table_new(lookup);
    assert_true(lookup_table_add(table, text(key), text(value)));
    return table;
}

static void finds_what_was_added_last(void **state)
{
    (void)state;
    struct lookup *lookup = lookup_new(MIB);
    struct lookup_table *table = table_of(lookup, "a", "1");
    assert_string_equal(find(lookup, "a"), "-");
    assert_true(lookup_table_add(table, text(""), text("empty")));
    assert_true(lookup_table_add(table, text("b"), text("")));
    assert_true(lookup_table_add(table, text("a"), text("2")));
    assert_true(lookup_replace(lookup, table, 0));
    assert_string_equal(find(lookup, "a"), "2");
    assert_string_equal(find(lookup, "b"), "");
    assert_string_equal(find(lookup, ""), "empty");
    assert_string_equal(find(lookup, "aa"), "-");
    assert_int_equal(lookup_size(lookup).entries, 3);
    lookup_free(lookup);
}

static void what_is_gone_from_the_store_is_gone(void **state)
{
    (void)state;
    struct lookup *lookup = lookup_new(MIB);
    assert_true(lookup_replace(lookup, table_of(lookup, "a", "1"), 0));
    assert_true(lookup_replace(lookup, table_of(lookup, "b", "1"), 0));
    assert_string_equal(find(lookup, "a"), "-");
    assert_string_equal(find(lookup, "b"), "1");
    lookup_free(lookup);
}

static void what_was_put_stays_until_the_store_has_it(void **state)
{
    (void)state;
    struct lookup *lookup = lookup_new(MIB);
    assert_true(lookup_put(lookup, text("new"), text("1"), 100));
    assert_string_equal(find(lookup, "new"), "1");
    assert_true(lookup_put(lookup, text("new"), text("2"), 110));
    assert_string_equal(find(lookup, "new"), "2");
    assert_true(lookup_replace(lookup, table_of(lookup, "new", "old"), 105)); /* asked before it was stored */
    assert_string_equal(find(lookup, "new"), "2");
    assert_true(lookup_replace(lookup, table_of(lookup, "new", "other"), 111)); /* the store has it, and a later one */
    assert_string_equal(find(lookup, "new"), "other");
    lookup_free(lookup);
}

static void a_table_is_bounded_and_a_full_one_stays_as_it_was(void **state)
{
    (void)state;
    struct lookup *lookup = lookup_new(MIB);
    struct lookup_table *table = lookup_table_new(lookup);
    char key[32];
    int added = 0;
    do {
        snprintf(key, sizeof key, "/slug/%d", added);
    } while (lookup_table_add(table, text(key), text("https://example.com/a/target/of/some/length")) && ++added);
    assert_in_range(added, 1500, 4000);
    assert_true(lookup_replace(lookup, table, 0));
    assert_string_equal(find(lookup, "/slug/0"), "https://example.com/a/target/of/some/length");
    assert_true(lookup_size(lookup).bytes <= MIB / 4);
    int put = 0;
    do {
        snprintf(key, sizeof key, "/put/%d", put);
    } while (lookup_put(lookup, text(key), text("x"), 100) && ++put);
    assert_string_equal(find(lookup, key), "-");
    assert_true(lookup_replace(lookup, table_of(lookup, "a", "1"), 0)); /* room again, and what was put is there */
    assert_string_equal(find(lookup, "/slug/0"), "-");
    assert_true(lookup_put(lookup, text("b"), text("1"), 100));
    assert_string_equal(find(lookup, "b"), "1");
    lookup_free(lookup);
}

/* --- threads --- */

enum { READERS = 3, KEYS = 200, REPLACEMENTS = 60 };

struct race {
    struct lookup *lookup;
    atomic_bool over;
    atomic_int wrong;
    atomic_long looks;
};

/* Every key is there all the time, and each has a value that begins with it. */
static void *read_all(void *context)
{
    struct race *race = context;
    struct buf out = { 0 };
    while (!atomic_load(&race->over)) {
        for (int i = 0; i < KEYS; i++) {
            char key[16];
            int len = snprintf(key, sizeof key, "k%d:", i);
            buf_clear(&out);
            bool found = lookup_find(race->lookup, text(key), &out);
            bool right = found && out.len > (size_t)len && memcmp(out.data, key, (size_t)len) == 0;
            atomic_fetch_add(&race->wrong, !right);
            atomic_fetch_add(&race->looks, 1);
        }
    }
    buf_release(&out);
    return NULL;
}

static struct lookup_table *all_keys(struct lookup *lookup, int turn)
{
    struct lookup_table *table = lookup_table_new(lookup);
    for (int i = 0; i < KEYS; i++) {
        char key[16], value[32];
        snprintf(key, sizeof key, "k%d:", i);
        snprintf(value, sizeof value, "k%d:%d", i, turn);
        assert_true(lookup_table_add(table, text(key), text(value)));
    }
    return table;
}

static void *put_some(void *context)
{
    struct race *race = context;
    for (int i = 0; !atomic_load(&race->over); i++) {
        char key[16], value[32];
        snprintf(key, sizeof key, "k%d:", i % KEYS);
        snprintf(value, sizeof value, "k%d:put", i % KEYS);
        (void)!lookup_put(race->lookup, text(key), text(value), 1);
    }
    return NULL;
}

static void readers_see_a_whole_table_whatever_writers_do(void **state)
{
    (void)state;
    struct race race = { .lookup = lookup_new(MIB) };
    pthread_t readers[READERS], putter;
    assert_true(lookup_replace(race.lookup, all_keys(race.lookup, 0), 0));
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &race), 0);
    }
    assert_int_equal(pthread_create(&putter, NULL, put_some, &race), 0);
    for (int turn = 1; turn < REPLACEMENTS; turn++) {
        assert_true(lookup_replace(race.lookup, all_keys(race.lookup, turn), turn % 2 == 0 ? 0 : 2));
    }
    while (atomic_load(&race.looks) < 10 * KEYS) {
        sched_yield();
    }
    atomic_store(&race.over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    pthread_join(putter, NULL);
    assert_int_equal(race.wrong, 0);
    lookup_free(race.lookup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_last),
        cmocka_unit_test(what_is_gone_from_the_store_is_gone),
        cmocka_unit_test(what_was_put_stays_until_the_store_has_it),
        cmocka_unit_test(a_table_is_bounded_and_a_full_one_stays_as_it_was),
        cmocka_unit_test(readers_see_a_whole_table_whatever_writers_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
