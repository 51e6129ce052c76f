/* What event/segment/receipts.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "event/segment/receipts.h"

static uint64_t rows_of(const struct receipts *receipts)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < receipts->count; i++) {
        assert_true(receipts->items[i].rows != 0);
        rows += receipts->items[i].rows;
    }
    return rows;
}

static void one_group_is_kept_as_it_came(void **state)
{
    (void)state;
    struct receipts receipts = { 0 };
    receipts_add(&receipts, 5 * NS_PER_SECOND, 7);
    assert_int_equal(receipts.count, 1);
    assert_true(receipts.items[0].wall_ns == 5 * NS_PER_SECOND && receipts.items[0].rows == 7);
}

/* However long a batch is open: all rows, in order, and none further from its time than an eighth of the whole. */
static void many_groups_become_a_few_of_about_the_same_time(void **state)
{
    (void)state;
    static const int64_t steps[] = { NS_PER_US, NS_PER_MS, 17 * NS_PER_MS, NS_PER_SECOND };
    for (size_t s = 0; s < ARRAY_LENGTH(steps); s++) {
        for (size_t groups = 1; groups <= 3000; groups = groups * 3 + 1) {
            struct receipts receipts = { 0 };
            double sum = 0, kept = 0;
            int64_t span = (int64_t)groups * steps[s];
            for (size_t i = 0; i < groups; i++) {
                int64_t at = NS_PER_SECOND + (int64_t)i * steps[s];
                receipts_add(&receipts, at, 1 + i % 3);
                sum += (double)at * (double)(1 + i % 3);
            }
            assert_in_range(receipts.count, 1, RECEIPTS_MAX);
            uint64_t rows = rows_of(&receipts);
            assert_int_equal(rows, groups / 3 * 6 + (groups % 3 > 0 ? 1 : 0) + (groups % 3 > 1 ? 2 : 0));
            for (size_t i = 0; i < receipts.count; i++) {
                kept += (double)receipts.items[i].wall_ns * (double)receipts.items[i].rows;
                if (i != 0 && span > 100 * NS_PER_MS) {
                    int64_t gap = receipts.items[i].wall_ns - receipts.items[i - 1].wall_ns;
                    assert_in_range(gap, 1, span / 4 + steps[s]);
                }
            }
            double off = (sum - kept) / (double)rows;
            assert_true(off > -1000000.0 && off < 1000000.0); /* the mean stays */
        }
    }
}

static void a_clock_that_is_set_back_loses_no_row(void **state)
{
    (void)state;
    struct receipts receipts = { 0 };
    for (int i = 0; i < 100; i++) {
        receipts_add(&receipts, (1000 - i * 10) * NS_PER_SECOND, 1);
    }
    assert_int_equal(rows_of(&receipts), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_group_is_kept_as_it_came),
        cmocka_unit_test(many_groups_become_a_few_of_about_the_same_time),
        cmocka_unit_test(a_clock_that_is_set_back_loses_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
