#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/system/huge_pages.h"
#include "pipeline/validate/validate_private.h"

static bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void maps_zeros_and_huge_pages_where_they_may_lie(void **state)
{
    (void)state;
    static const size_t sizes[] = { 4096, 100000, HUGE_PAGE, 3 * HUGE_PAGE };
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        char *memory = huge_pages_map(sizes[i]);
        assert_non_null(memory);
        assert_true(is_zero(memory, sizes[i]));
        assert_true(sizes[i] < HUGE_PAGE || (uintptr_t)memory % HUGE_PAGE == 0);
        memset(memory, 1, sizes[i]);
        huge_pages_unmap(memory, sizes[i]);
    }
    huge_pages_unmap(NULL, HUGE_PAGE);
}

static void *take_within_seconds(struct huge_page_supply *supply)
{
    void *page = NULL;
    for (int attempt = 0; page == NULL && attempt < 5000; attempt++) {
        page = huge_page_supply_take(supply);
        usleep(page == NULL ? 1000 : 0);
    }
    return page;
}

static void has_nothing_ready_until_the_first_was_asked_for(void **state)
{
    (void)state;
    struct huge_page_supply *supply = huge_page_supply_new();
    assert_non_null(supply);
    usleep(20000);
    assert_null(huge_page_supply_take(supply));
    void *page = take_within_seconds(supply);
    assert_non_null(page);
    assert_true(is_zero(page, HUGE_PAGE));
    huge_pages_unmap(page, HUGE_PAGE);
    huge_page_supply_free(supply);
}

static void makes_more_as_long_as_they_are_taken(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    struct huge_page_supply *supply = huge_page_supply_new();
    void *pages[COUNT];
    assert_non_null(supply);
    for (int i = 0; i < COUNT; i++) {
        pages[i] = take_within_seconds(supply);
        assert_non_null(pages[i]);
        memset(pages[i], i + 1, HUGE_PAGE);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(*(char *)pages[i], i + 1);
        huge_pages_unmap(pages[i], HUGE_PAGE);
    }
    huge_page_supply_free(supply);
    huge_page_supply_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_zeros_and_huge_pages_where_they_may_lie),
        cmocka_unit_test(has_nothing_ready_until_the_first_was_asked_for),
        cmocka_unit_test(makes_more_as_long_as_they_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
