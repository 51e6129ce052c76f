/* Turns known latencies into percentiles that must be within 1 %. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

static struct histogram histogram, other;

static int clear(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    memset(&other, 0, sizeof other);
    return 0;
}

static bool near(double found, double expected)
{
    return fabs(found - expected) <= expected * 0.01;
}

static void every_value_from_a_microsecond_to_100_s_is_found_within_one_percent(void **state)
{
    for (double ns = 1000; ns <= 100e9; ns *= 1.003) {
        clear(state);
        histogram_add(&histogram, (int64_t)ns);
        histogram_add(&histogram, INT64_C(130000000000));
        if (!near(histogram_percentile_ms(&histogram, 0.5), ns / 1e6)) {
            fail_msg("%f: %f", ns / 1e6, histogram_percentile_ms(&histogram, 0.5));
        }
    }
}

static void percentiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    for (int64_t us = 100000; us >= 1; us--) {
        histogram_add(&histogram, us * 1000);
    }
    assert_int_equal(histogram.count, 100000);
    assert_true(near(histogram_percentile_ms(&histogram, 0.5), 50));
    assert_true(near(histogram_percentile_ms(&histogram, 0.9), 90));
    assert_true(near(histogram_percentile_ms(&histogram, 0.999), 99.9));
    assert_true(histogram_percentile_ms(&histogram, 1) == 100);
}

static void the_extremes_have_a_place(void **state)
{
    (void)state;
    assert_true(histogram_percentile_ms(&histogram, 0.5) == 0);
    histogram_add(&histogram, -5);
    histogram_add(&histogram, 0);
    histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.count, 3);
    assert_true(histogram_percentile_ms(&histogram, 0.5) == 0);
    assert_true(near(histogram_percentile_ms(&histogram, 1), (double)INT64_MAX / 1e6));
}

static void a_merge_is_as_if_all_were_added_to_one(void **state)
{
    (void)state;
    static struct histogram all;
    for (int64_t i = 0; i < 10000; i++) {
        int64_t ns = i * i * 37 % 5000000;
        histogram_add(i % 3 == 0 ? &other : &histogram, ns);
        histogram_add(&all, ns);
    }
    histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &all, sizeof all);
}

static void the_text_has_each_value_and_its_count(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    histogram_add(&histogram, 100);
    histogram_add(&histogram, 2000000);
    histogram_add(&histogram, 2000001);
    histogram_print(&histogram, file);
    fclose(file);
    double first, second;
    int one, two;
    assert_int_equal(sscanf(text, "%lf %d\n%lf %d\n", &first, &one, &second, &two), 4);
    assert_true(near(first, 0.0001) && near(second, 2) && one == 1 && two == 2);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_value_from_a_microsecond_to_100_s_is_found_within_one_percent, clear),
        cmocka_unit_test_setup(percentiles_are_those_of_the_sorted_values, clear),
        cmocka_unit_test_setup(the_extremes_have_a_place, clear),
        cmocka_unit_test_setup(a_merge_is_as_if_all_were_added_to_one, clear),
        cmocka_unit_test_setup(the_text_has_each_value_and_its_count, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
