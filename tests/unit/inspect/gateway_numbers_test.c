/* A page of metrics, good, odd and hostile, and the numbers that are made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspect/gateway_numbers.h"
#include "inspect/metrics_text.h"

#include <string.h>

static void lines_are_read_and_what_makes_no_sense_is_left_out(void **state)
{
    static const char page[] = "# HELP a b\n"
                               "a 1\n"
                               "\n"
                               "b{x=\"}\\\"\\\\\\n\",y=\"2\"} 2.5\n"
                               "c{x=\"open 3\n"
                               "d\n"
                               "e{} NaN\n"
                               "{x=\"1\"} 4\n"
                               "f{x=\"1\"} 1e3 1700000000\n"
                               "g 12x\n"
                               "h +Inf";
    static const struct {
        const char *name, *labels;
        double value;
    } expected[] = { { "a", "", 1 },
                     { "b", "x=\"}\\\"\\\\\\n\",y=\"2\"", 2.5 },
                     { "e", "", 0 },
                     { "f", "x=\"1\"", 1000 },
                     { "h", "", 0 } };
    struct slice rest = SLICE(page);
    struct metrics_sample sample;
    struct buf value = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_true(metrics_text_next(&rest, &sample));
        assert_true(slice_equal(sample.name, slice_from_string(expected[i].name)));
        assert_true(slice_equal(sample.labels, slice_from_string(expected[i].labels)));
        assert_true(sample.value == expected[i].value);
        if (i == 1) {
            assert_true(metrics_text_label(sample.labels, SLICE("x"), &value));
            assert_string_equal(buf_c_string(&value), "}\"\\\n");
            assert_true(metrics_text_label(sample.labels, SLICE("y"), &value));
            assert_string_equal(buf_c_string(&value), "2");
            assert_false(metrics_text_label(sample.labels, SLICE("z"), &value));
        }
    }
    assert_false(metrics_text_next(&rest, &sample));
    buf_release(&value);
}

static const char first_page[] =
    "sluice_build_info{version=\"0.9\\u001b\",commit=\"x\"} 1\n"
    "process_start_time_seconds 100\n"
    "sluice_events_received_total{protocol=\"http\",stream=\"a\"} 10\n"
    "sluice_events_received_total{protocol=\"ws\",stream=\"a\"} 1\n"
    "sluice_events_received_total{protocol=\"http\",stream=\"b\"} 5\n"
    "sluice_events_rejected_total{protocol=\"http\",stream=\"a\",reason=\"missing_field\"} 3\n"
    "sluice_oldest_unstored_event_age_seconds{stream=\"a\"} 2\n"
    "sluice_oldest_unstored_event_age_seconds{stream=\"b\"} 9\n"
    "sluice_store_breaker_open{server=\"s\"} 1\n";

static const struct numbers_row *row_of(const struct gateway_numbers *numbers, enum numbers_kind kind, const char *name)
{
    for (size_t i = 0; i < numbers->tables[kind].count; i++) {
        if (strcmp(numbers->tables[kind].rows[i].name, name) == 0) {
            return &numbers->tables[kind].rows[i];
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static void series_become_rows_by_stream_protocol_reason_and_server(void **state)
{
    struct gateway_numbers numbers = { 0 };
    (void)state;
    assert_true(gateway_numbers_read(&numbers, SLICE(first_page), 1));
    assert_true(row_of(&numbers, NUMBERS_STREAMS, "a")->values[NUMBER_RECEIVED] == 11);
    assert_true(row_of(&numbers, NUMBERS_PROTOCOLS, "http")->values[NUMBER_RECEIVED] == 15);
    assert_true(row_of(&numbers, NUMBERS_REASONS, "missing_field")->values[NUMBER_REJECTED] == 3);
    assert_true(row_of(&numbers, NUMBERS_SERVERS, "s")->values[NUMBER_BREAKER_OPEN] == 1);
    assert_true(numbers.all.values[NUMBER_RECEIVED] == 16);
    assert_true(numbers.all.values[NUMBER_AGE_S] == 9); /* the most, not the sum */
    assert_true(numbers.whole[WHOLE_STARTED_S] == 100);
    assert_string_equal(numbers.version, "0.9u001b");
    assert_false(gateway_numbers_read(&numbers, SLICE("up 1\n<html>"), 1));
    gateway_numbers_release(&numbers);
}

static void a_rate_is_of_one_process_alone(void **state)
{
    struct gateway_numbers before = { 0 }, now = { 0 };
    (void)state;
    assert_true(gateway_numbers_read(&before, SLICE(first_page), 1000000000));
    assert_true(gateway_numbers_read(&now,
                                     SLICE("process_start_time_seconds 100\n"
                                           "sluice_events_received_total{protocol=\"http\",stream=\"new\"} 4\n"
                                           "sluice_events_received_total{protocol=\"http\",stream=\"a\"} 31\n"),
                                     3000000000));
    assert_true(gateway_numbers_rate(&before, &now, NUMBERS_STREAMS, row_of(&now, NUMBERS_STREAMS, "a"),
                                     NUMBER_RECEIVED) == 10);
    assert_true(gateway_numbers_rate(&before, &now, NUMBERS_STREAMS, row_of(&now, NUMBERS_STREAMS, "new"),
                                     NUMBER_RECEIVED) == 2);
    now.whole[WHOLE_STARTED_S] = 101;
    assert_true(gateway_numbers_rate_all(&before, &now, NUMBER_RECEIVED) == 0);
    gateway_numbers_release(&before);
    assert_true(gateway_numbers_rate_all(&before, &now, NUMBER_RECEIVED) == 0);
    gateway_numbers_release(&now);
}

static void a_page_without_end_of_names_is_cut_and_says_so(void **state)
{
    struct gateway_numbers numbers = { 0 };
    struct buf page = { 0 };
    (void)state;
    for (int i = 0; i < 3 * NUMBERS_ROWS_MAX; i++) {
        buf_printf(&page, "sluice_journal_events{stream=\"s%d\"} 1\n", i);
    }
    assert_true(gateway_numbers_read(&numbers, buf_slice(&page), 1));
    assert_int_equal(numbers.tables[NUMBERS_STREAMS].count, NUMBERS_ROWS_MAX);
    assert_true(numbers.tables[NUMBERS_STREAMS].cut);
    assert_true(numbers.all.values[NUMBER_JOURNAL_EVENTS] == 3 * NUMBERS_ROWS_MAX);
    gateway_numbers_release(&numbers);
    buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_and_what_makes_no_sense_is_left_out),
        cmocka_unit_test(series_become_rows_by_stream_protocol_reason_and_server),
        cmocka_unit_test(a_rate_is_of_one_process_alone),
        cmocka_unit_test(a_page_without_end_of_names_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
