#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/journal/admission.h"

/* 1,600 bytes of journal on a disk that has 10,000 free, 1,000 of which stay so. */
static struct admission roomy(void)
{
    return (struct admission){ .all = { .limit = 1600 }, .min_free = 1000, .free_bytes = 10000 };
}

static void what_fits_is_admitted_up_to_the_last_byte(void **state)
{
    struct admission admission = roomy();
    (void)state;
    assert_int_equal(admission_verdict(&admission, 600, 1000), OK);
    assert_int_equal(admission_verdict(&admission, 600, 1001), ERROR_JOURNAL_FULL);
}

static void with_nothing_waiting_anything_fits_the_bound(void **state)
{
    struct admission admission = roomy();
    (void)state;
    assert_int_equal(admission_verdict(&admission, 0, 5000), OK);
    assert_int_equal(admission_verdict(&admission, 1, 5000), ERROR_JOURNAL_FULL);
}

static void once_full_it_stays_so_until_there_is_room_for_what_was_refused(void **state)
{
    struct admission admission = roomy();
    (void)state;
    assert_int_equal(admission_verdict(&admission, 1500, 400), ERROR_JOURNAL_FULL);
    assert_int_equal(admission_verdict(&admission, 1201, 0), ERROR_JOURNAL_FULL);
    assert_int_equal(admission_verdict(&admission, 1199, 0), OK);
}

static void a_small_refusal_asks_for_a_sixteenth_and_a_large_one_for_half(void **state)
{
    struct bound small = { .limit = 1600 }, large = { .limit = 1600 };
    (void)state;
    assert_true(bound_is_full(&small, 1600, 1));
    assert_true(bound_is_full(&small, 1500, 0));
    assert_false(bound_is_full(&small, 1499, 0));
    assert_true(bound_is_full(&large, 1600, 1600));
    assert_true(bound_is_full(&large, 800, 0));
    assert_false(bound_is_full(&large, 799, 0));
}

static void the_disk_keeps_what_is_to_stay_free(void **state)
{
    struct admission admission = roomy();
    (void)state;
    admission.free_bytes = 1500;
    assert_int_equal(admission_verdict(&admission, 0, 500), OK);
    assert_int_equal(admission_verdict(&admission, 0, 501), ERROR_DISK_FULL);
    admission.free_bytes = 1500;
    assert_int_equal(admission_verdict(&admission, 0, 0), ERROR_DISK_FULL);
    admission.free_bytes = 1501;
    assert_int_equal(admission_verdict(&admission, 0, 0), OK);
    admission.free_bytes = 999;
    assert_int_equal(admission_verdict(&admission, 0, 0), ERROR_DISK_FULL);
}

static void a_journal_in_memory_asks_no_disk(void **state)
{
    struct admission admission = roomy();
    (void)state;
    admission.in_memory = true;
    admission.free_bytes = 0;
    assert_int_equal(admission_verdict(&admission, 0, 500), OK);
}

static void what_failed_is_answered_until_a_file_can_be_written(void **state)
{
    struct admission admission = roomy();
    (void)state;
    admission_failed(&admission, ERROR_JOURNAL_FAILED, 100);
    assert_int_equal(admission_verdict(&admission, 0, 0), ERROR_JOURNAL_FAILED);
    admission.failing = OK;
    assert_int_equal(admission_verdict(&admission, 0, 0), OK);
}

static void a_full_disk_is_asked_at_once_and_wants_room_for_what_failed(void **state)
{
    struct admission admission = roomy();
    (void)state;
    admission.checked_ns = 5 * NS_PER_SECOND;
    admission_failed(&admission, ERROR_DISK_FULL, 9001);
    assert_true(admission_wants_check(&admission, 5 * NS_PER_SECOND + 1));
    admission.failing = OK;
    assert_int_equal(admission_verdict(&admission, 0, 0), ERROR_DISK_FULL);
    admission.free_bytes = 10001;
    assert_int_equal(admission_verdict(&admission, 0, 0), OK);
}

static void the_disk_is_asked_and_tried_at_most_once_a_second(void **state)
{
    struct admission admission = roomy();
    (void)state;
    assert_true(admission_wants_check(&admission, 1));
    admission.checked_ns = NS_PER_SECOND;
    assert_false(admission_wants_check(&admission, 2 * NS_PER_SECOND - 1));
    assert_true(admission_wants_check(&admission, 2 * NS_PER_SECOND));
    assert_false(admission_wants_probe(&admission, 1)); /* nothing has failed */
    admission_failed(&admission, ERROR_JOURNAL_FAILED, 1);
    assert_true(admission_wants_probe(&admission, 1));
    admission.probed_ns = NS_PER_SECOND;
    assert_false(admission_wants_probe(&admission, 2 * NS_PER_SECOND - 1));
    assert_true(admission_wants_probe(&admission, 2 * NS_PER_SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_admitted_up_to_the_last_byte),
        cmocka_unit_test(with_nothing_waiting_anything_fits_the_bound),
        cmocka_unit_test(once_full_it_stays_so_until_there_is_room_for_what_was_refused),
        cmocka_unit_test(a_small_refusal_asks_for_a_sixteenth_and_a_large_one_for_half),
        cmocka_unit_test(the_disk_keeps_what_is_to_stay_free),
        cmocka_unit_test(a_journal_in_memory_asks_no_disk),
        cmocka_unit_test(what_failed_is_answered_until_a_file_can_be_written),
        cmocka_unit_test(a_full_disk_is_asked_at_once_and_wants_room_for_what_failed),
        cmocka_unit_test(the_disk_is_asked_and_tried_at_most_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
