#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/system/huge_pages.h"
#include "pipeline/dedup/id_window.h"

#define GROUP 4096u

static struct event_id id_of(uint64_t number)
{
    struct hash128 hash = hash_xxh3_128(&number, sizeof number);
    struct event_id id;
    memcpy(id.bytes, &hash, sizeof id.bytes);
    return id;
}

static bool has(const struct id_window *window, uint64_t number)
{
    struct event_id id = id_of(number);
    uint8_t seen = 0;
    id_window_look_up(window, &id, 1, &seen);
    return seen != 0;
}

static void add_range(struct id_window *window, uint64_t first, size_t count)
{
    static struct event_id ids[GROUP];
    assert_true(count <= GROUP);
    for (size_t i = 0; i < count; i++) {
        ids[i] = id_of(first + i);
    }
    id_window_add(window, ids, count);
}

static void remembers_two_generations(void **state)
{
    (void)state;
    struct id_window window;
    assert_true(id_window_init(&window, 16 * ID_SET_HUGE_PAGE_IDS));
    add_range(&window, 0, 1000);
    id_window_turn(&window);
    add_range(&window, 1000, 1000);
    assert_true(has(&window, 0) && has(&window, 999) && has(&window, 1000) && !has(&window, 2000));
    id_window_turn(&window);
    assert_true(!has(&window, 0) && !has(&window, 999) && has(&window, 1999));
    id_window_release(&window);
}

static void an_id_of_the_generation_before_goes_with_it(void **state)
{
    (void)state;
    struct id_window window;
    struct event_id id = id_of(7);
    assert_true(id_window_init(&window, 16 * ID_SET_HUGE_PAGE_IDS));
    id_window_add_previous(&window, &id);
    assert_true(has(&window, 7));
    id_window_turn(&window);
    assert_false(has(&window, 7));
    id_window_release(&window);
}

static void keeps_both_generations_whole_while_either_grows(void **state)
{
    (void)state;
    enum { BEFORE = 300000, NOW = 100000, LATER = 200000 };
    struct id_window window;
    assert_true(id_window_init(&window, 16 * ID_SET_HUGE_PAGE_IDS));
    for (uint64_t number = 0; number < BEFORE; number += 4000) {
        add_range(&window, number, 4000);
    }
    id_window_turn(&window);
    for (uint64_t number = BEFORE; number < BEFORE + NOW; number += 4000) {
        add_range(&window, number, 4000);
    }
    assert_true(window.previous.cell_count != window.current.cell_count);
    for (uint64_t number = BEFORE + NOW; number < BEFORE + NOW + LATER; number++) {
        struct event_id id = id_of(number);
        id_window_add_previous(&window, &id);
    }
    for (uint64_t number = 0; number < BEFORE + NOW + LATER; number++) {
        assert_true(has(&window, number));
    }
    id_window_turn(&window);
    for (uint64_t number = 0; number < BEFORE + NOW + LATER; number++) {
        assert_int_equal(has(&window, number), number >= BEFORE && number < BEFORE + NOW);
    }
    id_window_release(&window);
}

static void looks_up_add_to_what_is_seen_already(void **state)
{
    (void)state;
    struct id_window window;
    struct event_id ids[100];
    uint8_t seen[100] = { [7] = 1 };
    assert_true(id_window_init(&window, 16 * ID_SET_HUGE_PAGE_IDS));
    for (size_t i = 0; i < 100; i++) {
        ids[i] = id_of(i);
        if (i % 3 == 0) {
            id_window_add(&window, &ids[i], 1);
        }
    }
    id_window_look_up(&window, ids, 0, seen);
    id_window_look_up(&window, ids, 100, seen);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(seen[i], i % 3 == 0 || i == 7);
    }
    id_window_release(&window);
}

static void forgets_the_oldest_when_full_and_stays_within_the_bytes(void **state)
{
    (void)state;
    enum { MAX_IDS = 4 * ID_SET_HUGE_PAGE_IDS };
    struct id_window window;
    assert_true(id_window_init(&window, MAX_IDS));
    assert_true(window.most_cells > 1);
    uint64_t next = 0;
    while (next < 4 * MAX_IDS) {
        add_range(&window, next, GROUP);
        next += GROUP;
        uint64_t spare = id_set_bytes(&window.spare);
        assert_true(id_window_count(&window) <= 2 * MAX_IDS);
        assert_true(id_window_bytes(&window) <= 2 * window.most_cells * HUGE_PAGE + spare);
    }
    assert_false(has(&window, 0));
    for (uint64_t number = next - MAX_IDS * 9 / 10; number < next; number += 97) {
        assert_true(has(&window, number));
    }
    id_window_release(&window);
}

/* A table that doubles would move half a million ids at once, and hold up a group meanwhile. */
static void grows_a_cell_at_a_time_and_loses_nothing(void **state)
{
    (void)state;
    enum { MAX_IDS = 16 * ID_SET_HUGE_PAGE_IDS };
    struct id_window window;
    assert_true(id_window_init(&window, MAX_IDS));
    size_t before = window.current.cell_count;
    uint64_t next = 0;
    for (; next < MAX_IDS * 15 / 16; next += GROUP) {
        add_range(&window, next, GROUP);
        assert_true(window.current.cell_count - before <= 1);
        before = window.current.cell_count;
    }
    assert_int_equal(before, window.most_cells);
    assert_int_equal(window.current.ids, next);
    for (uint64_t number = 0; number < next; number++) {
        assert_true(has(&window, number));
    }
    assert_false(has(&window, next));
    id_window_release(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_two_generations),
        cmocka_unit_test(an_id_of_the_generation_before_goes_with_it),
        cmocka_unit_test(keeps_both_generations_whole_while_either_grows),
        cmocka_unit_test(looks_up_add_to_what_is_seen_already),
        cmocka_unit_test(forgets_the_oldest_when_full_and_stays_within_the_bytes),
        cmocka_unit_test(grows_a_cell_at_a_time_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
