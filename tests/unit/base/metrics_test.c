/* What base/metrics/metrics.h and base/status.h promise. */
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "project_files.h"

static const char *const streams[] = { "events", "clicks" };
static const char *const servers[] = { "a:8123" };

static const char *const columns[] = { "name", "odd \"name\\" };
static const struct metrics_names fields[] = { { columns, 2 }, { columns, 1 } };

static struct metrics *make(void)
{
    struct metrics *metrics =
        metrics_new(&(struct metrics_labels){ .streams = { streams, 2 }, .servers = { servers, 1 }, .fields = fields });
    assert_non_null(metrics);
    return metrics;
}

static bool page_has(struct metrics *metrics, const char *line)
{
    struct buf page = { 0 };
    metrics_render(metrics, &page);
    bool found = strstr(buf_c_string(&page), line) != NULL;
    buf_release(&page);
    return found;
}

static void cells_of_all_threads_are_summed(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *one = metrics_thread(metrics);
    struct metrics_cells *two = metrics_thread(metrics);
    metric_add_event(one, METRIC_EVENTS_RECEIVED, 0, 1, 3);
    metric_add_event(two, METRIC_EVENTS_RECEIVED, 0, 1, 4);
    metric_add_event(two, METRIC_EVENTS_RECEIVED, 1, 1, 50);
    assert_int_equal(metric_read(metrics, METRIC_EVENTS_RECEIVED, 0, 1, OK), 7);
    assert_true(page_has(metrics, "sluice_events_received_total{protocol=\"http\",stream=\"clicks\"} 7\n"));
    assert_true(page_has(metrics, "sluice_events_received_total{protocol=\"ws\",stream=\"clicks\"} 50\n"));
    metrics_free(metrics);
}

static void refusals_are_kept_apart_by_reason_and_rare_reasons_left_out(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *cells = metrics_thread(metrics);
    metric_add_refusal(cells, METRIC_EVENTS_REJECTED, 0, metrics_no_stream(metrics), ERROR_INVALID_JSON, 1);
    metric_add_refusal(cells, METRIC_EVENTS_REJECTED, 2, 0, ERROR_TOO_LONG, 2);
    assert_true(page_has(metrics, "{protocol=\"http\",stream=\"\",reason=\"invalid_json\"} 1\n"));
    assert_true(page_has(metrics, "{protocol=\"udp\",stream=\"events\",reason=\"too_long\"} 2\n"));
    assert_false(page_has(metrics, "reason=\"http_version\""));
    assert_false(page_has(metrics, "{protocol=\"udp\",stream=\"\""));
    metrics_free(metrics);
}

static void what_may_be_watched_for_is_there_at_zero(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    static const char *const protocols[] = METRICS_PROTOCOLS;
    static const char *const usual[] = { "invalid_json", "missing_field", "wrong_type", "not_allowed", "time_too_old" };
    char line[160];
    for (int reason = OK; reason < ERROR_COUNT; reason++) {
        const struct error_info *info = error_info((enum error)reason);
        for (size_t p = 0; p < METRICS_PROTOCOL_COUNT && info->fate == FATE_DROPPED; p++) {
            for (size_t s = 0; s < 2; s++) {
                snprintf(line, sizeof line,
                         "sluice_events_dropped_total{protocol=\"%s\",stream=\"%s\",reason=\"%s\"} 0\n", protocols[p],
                         streams[s], info->code);
                assert_true(page_has(metrics, line));
            }
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(usual); i++) {
        snprintf(line, sizeof line,
                 "sluice_events_rejected_total{protocol=\"udp\",stream=\"clicks\",reason=\"%s\"} 0\n", usual[i]);
        assert_true(page_has(metrics, line));
    }
    assert_true(
        page_has(metrics, "sluice_events_rejected_total{protocol=\"http\",stream=\"\",reason=\"body_too_large\"} 0\n"));
    assert_true(page_has(metrics, "sluice_websockets_refused_total{reason=\"too_many_of_address\"} 0\n"));
    assert_true(page_has(metrics, "sluice_websockets_closed_total{reason=\"draining\"} 0\n"));
    metrics_free(metrics);
}

static size_t page_length(const struct metrics_labels *labels)
{
    struct buf page = { 0 };
    struct metrics *metrics = metrics_new(labels);
    assert_non_null(metrics);
    metrics_render(metrics, &page);
    size_t len = page.len;
    buf_release(&page);
    metrics_free(metrics);
    return len;
}

static void a_stream_adds_less_than_twelve_kilobytes_to_the_page(void **state)
{
    (void)state;
    size_t one = page_length(&(struct metrics_labels){ .streams = { streams, 1 }, .servers = { servers, 1 } });
    size_t two = page_length(&(struct metrics_labels){ .streams = { streams, 2 }, .servers = { servers, 1 } });
    assert_in_range(two - one, 1, 12 * 1024);
}

static void rejections_are_counted_by_field_for_fields_that_are_configured(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *one = metrics_thread(metrics);
    struct metrics_cells *two = metrics_thread(metrics);
    metric_add_field(one, 0, 0, ERROR_TOO_LONG, 2);
    metric_add_field(two, 0, 0, ERROR_TOO_LONG, 3);
    metric_add_field(one, 0, 1, ERROR_MISSING_FIELD, 1);
    metric_add_field(one, 1, 1, ERROR_TOO_LONG, 7); /* it has one field */
    metric_add_field(one, 2, 0, ERROR_TOO_LONG, 7); /* no stream */
    assert_true(page_has(metrics, "rejected_by_field_total{stream=\"events\",field=\"name\",reason=\"too_long\"} 5\n"));
    assert_true(page_has(metrics, "field=\"odd \\\"name\\\\\",reason=\"missing_field\"} 1\n"));
    assert_false(page_has(metrics, "} 7\n"));
    metrics_free(metrics);
}

static void histogram_buckets_are_cumulative(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *cells = metrics_thread(metrics);
    metric_observe_ns(cells, METRIC_INSERT_SECONDS, 0, 50 * NS_PER_US);
    metric_observe_ns(cells, METRIC_INSERT_SECONDS, 0, 150 * NS_PER_US);
    metric_observe_ns(cells, METRIC_INSERT_SECONDS, 0, 1000 * NS_PER_SECOND);
    assert_true(page_has(metrics, "sluice_insert_seconds_bucket{server=\"a:8123\",le=\"0.0001\"} 1\n"));
    assert_true(page_has(metrics, "sluice_insert_seconds_bucket{server=\"a:8123\",le=\"0.0002\"} 2\n"));
    assert_true(page_has(metrics, "sluice_insert_seconds_bucket{server=\"a:8123\",le=\"+Inf\"} 3\n"));
    assert_true(page_has(metrics, "sluice_insert_seconds_count{server=\"a:8123\"} 3\n"));
    metrics_free(metrics);
}

static void set_scraped(void *context)
{
    metric_set(context, METRIC_DISK_FREE, 0, 1.5e9);
}

static void states_are_set_when_scraped(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    metrics_on_scrape(metrics, set_scraped, metrics);
    assert_true(page_has(metrics, "sluice_data_free_bytes 1500000000\n"));
    metrics_free(metrics);
}

static void reports_the_resident_memory(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    assert_false(page_has(metrics, "sluice_resident_memory_bytes 0\n"));
    assert_true(metric_read(metrics, METRIC_RESIDENT_BYTES, 0, 0, OK) > 64 * 1024);
    metrics_free(metrics);
}

static const struct metric_texts {
    const char *name, *unit, *help, *good, *bad;
} metric_texts[] = {
#define METRIC(kind, id, name, unit, labels, help, good, bad) { name, unit, help, good, bad },
#include "base/metrics/metrics.def"
#undef METRIC
};

static void assert_sentences(const struct metric_texts *texts, const char *text)
{
    size_t words = 1;
    for (const char *at = text; *at != '\0'; at++) {
        bool ends = *at == '.' && (at[1] == ' ' || at[1] == '\0');
        words = ends ? 0 : words + (*at == ' ');
        if (words > 40 || *at == '|') {
            fail_msg("%s: a sentence of over 40 words, or a bar: %s", texts->name, text);
        }
    }
    if (words != 0) {
        fail_msg("%s: no sentence: %s", texts->name, text);
    }
}

static void every_metric_says_what_a_good_and_a_bad_value_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(metric_texts); i++) {
        assert_sentences(&metric_texts[i], metric_texts[i].good);
        assert_sentences(&metric_texts[i], metric_texts[i].bad);
        assert_true(metric_texts[i].unit[0] != '\0');
        assert_true(metric_texts[i].help[0] != '\0' && strchr(metric_texts[i].help, '|') == NULL);
    }
}

static void documents_every_metric(void **state)
{
    (void)state;
    struct buf page = { 0 };
    metrics_describe(&page);
    assert_project_page("docs/metrics.md", &page, "metrics_test");
    buf_release(&page);
}

static void the_board_keeps_since_when_a_level_holds(void **state)
{
    (void)state;
    struct status_board *board = status_board_new();
    struct status_part *store = status_add(board, "store");
    status_set(store, STATUS_DEGRADED, "connection refused (%d)", 1);
    struct status_view before, after;
    assert_int_equal(status_read(board, &before, 1), 1);
    status_set(store, STATUS_DEGRADED, "connection refused (%d)", 2);
    assert_int_equal(status_read(board, &after, 1), 1);
    assert_string_equal(after.reason, "connection refused (2)");
    assert_true(after.since_wall_ns == before.since_wall_ns && after.level == STATUS_DEGRADED);
    status_board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_all_threads_are_summed),
        cmocka_unit_test(refusals_are_kept_apart_by_reason_and_rare_reasons_left_out),
        cmocka_unit_test(what_may_be_watched_for_is_there_at_zero),
        cmocka_unit_test(a_stream_adds_less_than_twelve_kilobytes_to_the_page),
        cmocka_unit_test(rejections_are_counted_by_field_for_fields_that_are_configured),
        cmocka_unit_test(histogram_buckets_are_cumulative),
        cmocka_unit_test(states_are_set_when_scraped),
        cmocka_unit_test(reports_the_resident_memory),
        cmocka_unit_test(every_metric_says_what_a_good_and_a_bad_value_means),
        cmocka_unit_test(documents_every_metric),
        cmocka_unit_test(the_board_keeps_since_when_a_level_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
