#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/dedup/id_set.h"

static struct event_id id_of(uint64_t number)
{
    struct event_id id = { { 0 } };
    uint64_t first = number + 1;
    memcpy(id.bytes, &first, sizeof first);
    id.bytes[8] = 0x80;
    return id;
}

static void finds_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct id_set set;
    id_set_init(&set, 100000);
    for (uint64_t i = 0; i < 50000; i++) {
        struct event_id id = id_of(i);
        assert_int_equal(id_set_add(&set, &id), ID_SET_ADDED);
        assert_int_equal(id_set_add(&set, &id), ID_SET_PRESENT);
    }
    assert_int_equal(set.count, 50000);
    for (uint64_t i = 0; i < 100000; i++) {
        struct event_id id = id_of(i);
        assert_int_equal(id_set_contains(&set, &id), i < 50000);
    }
    id_set_release(&set);
}

static void says_full_at_its_bound(void **state)
{
    (void)state;
    struct id_set set;
    id_set_init(&set, 3);
    struct event_id ids[4] = { id_of(1), id_of(2), id_of(3), id_of(4) };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(id_set_add(&set, &ids[i]), ID_SET_ADDED);
    }
    assert_int_equal(id_set_add(&set, &ids[3]), ID_SET_FULL);
    assert_int_equal(id_set_add(&set, &ids[0]), ID_SET_PRESENT);
    id_set_clear(&set);
    assert_false(id_set_contains(&set, &ids[0]));
    assert_int_equal(id_set_add(&set, &ids[3]), ID_SET_ADDED);
    id_set_release(&set);
}

static void forgets_all_when_prepared_for_a_group_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 10, 70000, 1, 2000, 70000, 0 };
    struct id_set set;
    id_set_init(&set, 70000);
    uint64_t next = 0;
    for (size_t round = 0; round < ARRAY_LENGTH(sizes); round++) {
        assert_true(id_set_prepare(&set, sizes[round]));
        assert_int_equal(set.count, 0);
        struct event_id before = id_of(next == 0 ? 0 : next - 1);
        assert_false(id_set_contains(&set, &before));
        for (size_t i = 0; i < sizes[round]; i++) {
            struct event_id id = id_of(next++);
            assert_int_equal(id_set_add(&set, &id), ID_SET_ADDED);
        }
    }
    assert_false(id_set_prepare(&set, 70001));
    id_set_release(&set);
}

/* Equal ids but for the bits that make neither bucket nor tag, and a bucket that goes on in the next ones. */
static void tells_apart_ids_of_one_bucket_and_tag(void **state)
{
    (void)state;
    enum { IDS = 600 };
    struct id_set set;
    id_set_init(&set, 672);
    set.factors[0] = 1;
    set.factors[1] = UINT64_C(1) << 32; /* the last four bytes choose the bucket, and the first the tag */
    for (uint64_t i = 0; i < IDS; i++) {
        struct event_id id = {
            .bytes = { [0] = (uint8_t)i, [1] = (uint8_t)(i >> 8), [8] = 0xff, [9] = 0xff, [10] = 0xff, [11] = 0xff }
        };
        assert_false(id_set_contains(&set, &id));
        assert_int_equal(id_set_add(&set, &id), ID_SET_ADDED);
        assert_int_equal(id_set_add(&set, &id), ID_SET_PRESENT);
    }
    size_t walked = 0;
    struct id_set_cursor cursor = { 0 };
    for (const struct event_id *id = id_set_next(&set, &cursor); id != NULL; id = id_set_next(&set, &cursor)) {
        assert_true(id_set_contains(&set, id));
        walked++;
    }
    assert_int_equal(walked, IDS);
    id_set_release(&set);
}

static void counts_fit_the_bytes(void **state)
{
    (void)state;
    static const uint64_t bytes[] = { 0, 16384, 30000, 100000, 2 << 20, 64 << 20, UINT64_C(1) << 32 };
    for (size_t i = 0; i < ARRAY_LENGTH(bytes); i++) {
        size_t count = id_set_count_for_bytes(bytes[i]);
        struct id_set set;
        id_set_init(&set, count);
        assert_true(id_set_prepare(&set, count < ID_SET_HUGE_PAGE_IDS ? count : ID_SET_HUGE_PAGE_IDS));
        uint64_t cells = count < ID_SET_HUGE_PAGE_IDS ? 1 : count / ID_SET_HUGE_PAGE_IDS;
        assert_true(count >= 1228);
        assert_true(count == 1228 || id_set_bytes(&set) * cells <= bytes[i]);
        id_set_release(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_and_nothing_else),
        cmocka_unit_test(says_full_at_its_bound),
        cmocka_unit_test(forgets_all_when_prepared_for_a_group_of_any_size),
        cmocka_unit_test(tells_apart_ids_of_one_bucket_and_tag),
        cmocka_unit_test(counts_fit_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
