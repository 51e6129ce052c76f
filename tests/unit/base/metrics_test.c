/* What base/metrics/metrics.h and base/status.h promise. */
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

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
    metrics_render(metrics, METRICS_TEXT, &page);
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
    metric_count_events(one, 0, 1, &(struct metric_events){ .received = 3, .in_flight = 3 });
    metric_count_events(two, 0, 1, &(struct metric_events){ .received = 4, .in_flight = 4 });
    metric_count_events(two, 1, 1, &(struct metric_events){ .received = 50, .in_flight = 50 });
    assert_int_equal(metric_read(metrics, METRIC_EVENTS_RECEIVED, 0, 1, OK), 7);
    assert_true(page_has(metrics, "sluice_events_received_total{protocol=\"http\",stream=\"clicks\"} 7\n"));
    assert_true(page_has(metrics, "sluice_events_received_total{protocol=\"ws\",stream=\"clicks\"} 50\n"));
    metrics_free(metrics);
}

/* A door of 100000 payloads: what is refused is counted by the thread that receives, what is taken by another, later. */
struct door {
    struct metrics *metrics;
    struct metrics_cells *receiving, *committing;
    _Atomic int64_t pushed; /* events in flight, of which the other thread knows */
};

#define PAYLOADS 100000

static void *receive(void *context)
{
    struct door *door = context;
    for (int i = 0; i < PAYLOADS; i++) {
        const struct metric_events refused = { .received = 2,
                                               .refused = 2,
                                               .reason = i % 3 == 0 ? ERROR_INTERNAL : ERROR_TOO_LONG };
        metric_count_events(door->receiving, 0, 1, &(struct metric_events){ .received = 3, .in_flight = 3 });
        atomic_fetch_add(&door->pushed, 3);
        metric_count_events(door->receiving, 0, 1, &refused);
    }
    return NULL;
}

static void *commit(void *context)
{
    struct door *door = context;
    for (int64_t left = 3 * PAYLOADS; left != 0;) {
        int64_t rows = atomic_exchange(&door->pushed, 0);
        left -= rows;
        metric_count_events(
            door->committing, 0, 1,
            &(struct metric_events){ .accepted = rows - rows / 3, .duplicate = rows / 3, .in_flight = -rows });
    }
    return NULL;
}

static int64_t number_behind(const char *page, const char *series)
{
    const char *at = strstr(page, series);
    assert_non_null(at);
    return strtoll(at + strlen(series), NULL, 10);
}

static int64_t count_on_page(const struct buf *page, const char *name, const char *more)
{
    char series[160];
    snprintf(series, sizeof series, "\nsluice_events_%s{protocol=\"http\",stream=\"clicks\"%s} ", name, more);
    return number_behind((const char *)page->data, series);
}

/* What has come by now. */
static int64_t assert_page_adds_up(struct metrics *metrics)
{
    struct buf page = { 0 };
    metrics_render(metrics, METRICS_TEXT, &page);
    assert_non_null(buf_c_string(&page));
    int64_t received = count_on_page(&page, "received_total", ""), flying = count_on_page(&page, "in_flight", "");
    int64_t gone = count_on_page(&page, "accepted_total", "") + count_on_page(&page, "duplicate_total", "");
    int64_t refused = strstr(buf_c_string(&page), "reason=\"too_long\"} ") == NULL
                          ? 0
                          : count_on_page(&page, "rejected_total", ",reason=\"too_long\"");
    refused += count_on_page(&page, "dropped_total", ",reason=\"internal\"");
    assert_int_equal(received, gone + refused + flying);
    assert_true(flying >= 0);
    buf_release(&page);
    return received;
}

static void each_page_adds_up_while_threads_count(void **state)
{
    (void)state;
    struct door door = { .metrics = make() };
    pthread_t threads[2];
    door.committing = metrics_thread(door.metrics);
    door.receiving = metrics_thread(door.metrics);
    assert_int_equal(pthread_create(&threads[0], NULL, receive, &door), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, commit, &door), 0);
    while (assert_page_adds_up(door.metrics) != 5 * PAYLOADS) {
        struct metric_door now = metrics_read_door(door.metrics, 0, 1);
        assert_int_equal(now.received, now.accepted + now.duplicate + now.rejected + now.dropped + now.in_flight);
        assert_true(now.in_flight >= 0);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    struct metric_door end = metrics_read_door(door.metrics, 0, 1);
    assert_true(end.received == 5 * PAYLOADS && end.in_flight == 0 && end.accepted == 2 * PAYLOADS &&
                end.duplicate == PAYLOADS);
    metrics_free(door.metrics);
}

static void refusals_are_kept_apart_by_reason_and_rare_reasons_left_out(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *cells = metrics_thread(metrics);
    const struct metric_events bad = { .received = 1, .refused = 1, .reason = ERROR_INVALID_JSON },
                               too_long = { .received = 2, .refused = 2, .reason = ERROR_TOO_LONG };
    metric_count_events(cells, 0, metrics_no_stream(metrics), &bad);
    metric_count_events(cells, 2, 0, &too_long);
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
    metrics_render(metrics, METRICS_TEXT, &page);
    size_t len = page.len;
    buf_release(&page);
    metrics_free(metrics);
    return len;
}

static void a_stream_adds_less_than_sixteen_kilobytes_to_the_page(void **state)
{
    (void)state;
    size_t one = page_length(&(struct metrics_labels){ .streams = { streams, 1 }, .servers = { servers, 1 } });
    size_t two = page_length(&(struct metrics_labels){ .streams = { streams, 2 }, .servers = { servers, 1 } });
    assert_in_range(two - one, 1, 16 * 1024);
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

/* Whether the bucket of this bound has the one value that was observed. */
static unsigned bucket_with(struct metrics *metrics, const char *name, const char *labels, int64_t bound, double unit)
{
    char line[160];
    snprintf(line, sizeof line, "%s_bucket{%s,le=\"%.10g\"} 1\n", name, labels, (double)bound / unit);
    return page_has(metrics, line) ? 1 : 0;
}

static void a_value_at_the_bound_of_a_bucket_is_in_it_and_one_beyond_in_the_next(void **state)
{
    (void)state;
    static const struct {
        enum metric metric;
        const char *name, *labels;
        int64_t first;
        unsigned shift, buckets;
        double unit;
    } scales[] = {
        { METRIC_INSERT_SECONDS, "sluice_insert_seconds", "server=\"a:8123\"", 100000, 1, 20, 1e9 },
        { METRIC_STORED_LATENCY, "sluice_stored_latency_seconds", "stream=\"events\"", 1, 1, 22, 1e3 },
        { METRIC_BATCH_ROWS, "sluice_batch_rows", "stream=\"events\"", 1, 2, 12, 1 },
        { METRIC_BATCH_BYTES, "sluice_batch_bytes", "stream=\"events\"", 1024, 2, 11, 1 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(scales); i++) {
        for (unsigned k = 0; k < scales[i].buckets; k++) {
            int64_t bound = scales[i].first << (k * scales[i].shift);
            struct metrics *metrics = make();
            metric_observe(metrics_thread(metrics), scales[i].metric, 0, bound, 1);
            assert_int_equal(bucket_with(metrics, scales[i].name, scales[i].labels, bound, scales[i].unit), 1);
            metrics_free(metrics);
            metrics = make();
            metric_observe(metrics_thread(metrics), scales[i].metric, 0, bound + 1, 1);
            assert_int_equal(bucket_with(metrics, scales[i].name, scales[i].labels, bound, scales[i].unit), 0);
            int64_t next = bound << scales[i].shift;
            bool last = k + 1 == scales[i].buckets;
            assert_int_equal(bucket_with(metrics, scales[i].name, scales[i].labels, next, scales[i].unit), !last);
            metrics_free(metrics);
        }
    }
}

static void many_events_of_one_value_are_observed_at_once(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    metric_observe(metrics_thread(metrics), METRIC_BATCH_ROWS, 1, 10, 5);
    assert_true(page_has(metrics, "sluice_batch_rows_bucket{stream=\"clicks\",le=\"16\"} 5\n"));
    assert_true(page_has(metrics, "sluice_batch_rows_sum{stream=\"clicks\"} 50\n"));
    assert_true(page_has(metrics, "sluice_batch_rows_count{stream=\"clicks\"} 5\n"));
    metrics_free(metrics);
}

static void events_that_waited_for_days_have_a_sum(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct metrics_cells *cells = metrics_thread(metrics);
    for (int day = 0; day < 30; day++) {
        metric_observe(cells, METRIC_STORED_LATENCY, 0, INT64_C(86400) * 1000, 100000000);
    }
    assert_true(page_has(metrics, "sluice_stored_latency_seconds_sum{stream=\"events\"} 259200000000000\n"));
    metrics_free(metrics);
}

static void states_with_labels_come_and_go(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    const struct metric_label odd[] = { { "part", SLICE("a \"b\" \\ \n") } }, other[] = { { "part", SLICE("other") } };
    metric_set_labelled(metrics, METRIC_PART_READY, 0, odd, 1, 1);
    metric_set_labelled(metrics, METRIC_PART_READY, 1, other, 1, 0);
    metric_set_labelled(metrics, METRIC_PART_READY, METRICS_LABELLED, other, 1, 7);
    assert_true(page_has(metrics, "sluice_part_ready{part=\"a \\\"b\\\" \\\\ \\n\"} 1\n"));
    assert_true(page_has(metrics, "sluice_part_ready{part=\"other\"} 0\n"));
    assert_false(page_has(metrics, "} 7\n"));
    metric_end_labelled(metrics, METRIC_PART_READY, 1);
    assert_false(page_has(metrics, "part=\"other\""));
    metric_set_labelled(metrics, METRIC_PART_READY, 0, other, 1, 1);
    assert_true(page_has(metrics, "sluice_part_ready{part=\"other\"} 1\n"));
    assert_false(page_has(metrics, "part=\"a "));
    metrics_free(metrics);
}

static void routes_have_series_of_their_own_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(&(struct metrics_labels){ .streams = { streams, 1 }, .route_room = 2 });
    struct metrics_cells *cells;
    uint32_t one = metrics_take_route(metrics, 0, SLICE("/a"), SLICE("/{x}"));
    uint32_t two = metrics_take_route(metrics, 1, SLICE(""), SLICE("/a/{x}"));
    assert_true(one != 0 && two != 0 && one != two);
    assert_int_equal(metrics_take_route(metrics, 0, SLICE(""), SLICE("/a/{x}")), one);
    assert_int_equal(metrics_take_route(metrics, 0, SLICE(""), SLICE("/b")), 0);
    cells = metrics_thread(metrics);
    metric_observe_ns(cells, METRIC_REPLY_SECONDS, one, NS_PER_MS);
    metric_observe(cells, METRIC_REPLY_SECONDS, two, NS_PER_MS, 3);
    assert_false(page_has(metrics, "route=\"\""));
    metric_observe_ns(cells, METRIC_REPLY_SECONDS, 0, NS_PER_MS);
    assert_true(page_has(metrics, "sluice_reply_seconds_count{protocol=\"http\",route=\"/a/{x}\"} 1\n"));
    assert_true(page_has(metrics, "sluice_reply_seconds_count{protocol=\"ws\",route=\"/a/{x}\"} 3\n"));
    assert_true(page_has(metrics, "sluice_reply_seconds_count{protocol=\"http\",route=\"\"} 1\n"));
    metrics_free(metrics);
}

static void openmetrics_calls_counters_by_their_family_and_ends_with_eof(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    struct buf page = { 0 };
    metric_observe(metrics_thread(metrics), METRIC_BATCH_ROWS, 1, 4, 1);
    metrics_render(metrics, METRICS_OPENMETRICS, &page);
    const char *text = buf_c_string(&page);
    assert_non_null(strstr(text, "# TYPE sluice_events_received counter\n"));
    assert_non_null(strstr(text, "\nsluice_events_received_total{protocol=\"http\",stream=\"events\"} 0\n"));
    assert_non_null(strstr(text, "\nsluice_batch_rows_bucket{stream=\"clicks\",le=\"4.0\"} 1\n"));
    assert_non_null(strstr(text, "le=\"+Inf\"} 1\n"));
    assert_non_null(strstr(text, "le=\"0.0001\"} "));
    assert_string_equal(text + page.len - (sizeof "\n# EOF\n" - 1), "\n# EOF\n");
    buf_release(&page);
    metrics_free(metrics);
}

static void reports_what_the_system_says_of_the_process(void **state)
{
    (void)state;
    struct metrics *metrics = make();
    assert_false(page_has(metrics, "process_resident_memory_bytes 0\n"));
    assert_true(metric_read(metrics, METRIC_PROCESS_RESIDENT, 0, 0, OK) > 64 * 1024);
    assert_true(metric_read(metrics, METRIC_PROCESS_VIRTUAL, 0, 0, OK) >
                metric_read(metrics, METRIC_PROCESS_RESIDENT, 0, 0, OK));
    assert_in_range(metric_read(metrics, METRIC_PROCESS_OPEN_FDS, 0, 0, OK), 2,
                    metric_read(metrics, METRIC_PROCESS_MAX_FDS, 0, 0, OK));
    assert_true(metric_read(metrics, METRIC_PROCESS_THREADS, 0, 0, OK) >= 1);
    int64_t now_s = clock_wall_ns() / NS_PER_SECOND;
    assert_in_range(metric_read(metrics, METRIC_PROCESS_START, 0, 0, OK), now_s - 3600, now_s + 2);
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
        cmocka_unit_test(each_page_adds_up_while_threads_count),
        cmocka_unit_test(refusals_are_kept_apart_by_reason_and_rare_reasons_left_out),
        cmocka_unit_test(what_may_be_watched_for_is_there_at_zero),
        cmocka_unit_test(a_stream_adds_less_than_sixteen_kilobytes_to_the_page),
        cmocka_unit_test(rejections_are_counted_by_field_for_fields_that_are_configured),
        cmocka_unit_test(histogram_buckets_are_cumulative),
        cmocka_unit_test(states_are_set_when_scraped),
        cmocka_unit_test(a_value_at_the_bound_of_a_bucket_is_in_it_and_one_beyond_in_the_next),
        cmocka_unit_test(many_events_of_one_value_are_observed_at_once),
        cmocka_unit_test(events_that_waited_for_days_have_a_sum),
        cmocka_unit_test(states_with_labels_come_and_go),
        cmocka_unit_test(routes_have_series_of_their_own_as_far_as_there_is_room),
        cmocka_unit_test(openmetrics_calls_counters_by_their_family_and_ends_with_eof),
        cmocka_unit_test(reports_what_the_system_says_of_the_process),
        cmocka_unit_test(every_metric_says_what_a_good_and_a_bad_value_means),
        cmocka_unit_test(documents_every_metric),
        cmocka_unit_test(the_board_keeps_since_when_a_level_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
