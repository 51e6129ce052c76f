/* What people see of a gateway: lines of status and of live, numbers, results of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspect/gateway_look.h"
#include "inspect/live_line.h"
#include "inspect/number_text.h"
#include "inspect/result_table.h"
#include "inspect/status_lines.h"
#include "pipeline/json/json.h"

#include <stdio.h>
#include <string.h>

static void numbers_are_short_and_exact_where_they_can_be(void **state)
{
    static const struct {
        double value;
        const char *number, *bytes, *seconds, *age;
    } rows[] = {
        { 0, "0", "0 B", "0.0 s", "0.0s" },
        { 0.04, "0", "0 B", "0.0 s", "0.0s" },
        { 2.25, "2.2", "2 B", "2.2 s", "2.2s" },
        { 59, "59", "59 B", "59 s", "59s" },
        { 184, "184", "184 B", "3 min 4 s", "184s" },
        { 999.6, "1,000", "1000 B", "16 min 39 s", "1000s" },
        { 7500, "7,500", "7.32 KiB", "2 h 5 min", "125m" },
        { 99999.9, "100,000", "97.7 KiB", "1 d 3 h", "28h" },
        { 1234567, "1.23M", "1.18 MiB", "14 d 6 h", "343h" },
        { 5e12, "5.00T", "4.55 TiB", "1157407 d 9 h", "9259d" },
        { -3, "0", "0 B", "0.0 s", "0.0s" },
    };
    char out[NUMBER_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_string_equal(number_text(rows[i].value, out), rows[i].number);
        assert_string_equal(number_text_bytes(rows[i].value, out), rows[i].bytes);
        assert_string_equal(number_text_seconds(rows[i].value, out), rows[i].seconds);
        assert_string_equal(number_text_age(rows[i].value, out), rows[i].age);
    }
}

static void a_look_at(struct gateway_look *look, const char *metrics, const char *health)
{
    struct buf page = { 0 };
    assert_true(gateway_look_init(look));
    assert_true(gateway_numbers_read(&look->now, slice_from_string(metrics), 1));
    buf_append_string(&page, health);
    assert_true(gateway_health_read(&look->health, look->parser, &page));
    look->fate = LOOK_SEEN;
    buf_release(&page);
}

static const char metrics[] =
    "process_start_time_seconds 100\n"
    "sluice_events_received_total{protocol=\"http\",stream=\"quiet\"} 1\n"
    "sluice_events_received_total{protocol=\"http\",stream=\"busy\"} 9\n"
    "sluice_events_received_total{protocol=\"http\",stream=\"\"} 0\n"
    "sluice_events_rejected_total{protocol=\"http\",stream=\"busy\",reason=\"\\\\[2J\x1b]0;x\x07\"} 2\n"
    "sluice_dead_letter_rows{stream=\"quiet\"} 3\n";
static const char health[] =
    "{\"status\":\"degraded\",\"parts\":[{\"name\":\"gateway\",\"status\":\"ok\",\"since\":\"t\",\"reason\":\"\"},"
    "{\"name\":\"stream:a\",\"status\":\"degraded\",\"since\":\"t\",\"reason\":\"held\\u001b[2J\"},"
    "{\"name\":\"journal\",\"status\":\"down\",\"since\":\"t\",\"reason\":\"full\"}]}";

static void status_says_what_is_not_well_first_and_nothing_that_a_terminal_obeys(void **state)
{
    struct gateway_look look;
    struct status_lines lines = { 0 };
    struct slice rest, line;
    enum line_style style;
    char text[8192] = "";
    (void)state;
    a_look_at(&look, metrics, health);
    status_lines_head(&lines, &look, "http://x", 161 * INT64_C(1000000000));
    status_lines_parts(&lines, &look, 9);
    status_lines_streams(&lines, &look, 9, 0);
    status_lines_protocols(&lines, &look, 80);
    status_lines_reasons(&lines, &look, 9);
    status_lines_places(&lines, &look);
    rest = buf_slice(&lines.text);
    size_t count = 0;
    for (; status_lines_next(&rest, &style, &line); count++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s\n", (int)line.len, line.data);
    }
    assert_int_equal(count, lines.count);
    assert_int_equal(strncmp(text, "sluice at http://x, up 1 min 1 s: not healthy", 45), 0);
    assert_true(strstr(text, "journal is down") < strstr(text, "stream:a is degraded"));
    assert_true(strstr(text, "\nbusy") < strstr(text, "\nquiet"));
    assert_non_null(strstr(text, "\nall "));
    assert_null(strstr(text, "(none)"));
    assert_non_null(strstr(text, "3 rows"));
    for (const char *at = text; *at != '\0'; at++) {
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
    }
    status_lines_release(&lines);
    gateway_look_release(&look);
}

static void streams_are_cut_to_the_room_there_is_and_the_table_to_80_columns(void **state)
{
    struct gateway_look look;
    struct status_lines lines = { 0 };
    struct slice rest, line;
    enum line_style style;
    (void)state;
    a_look_at(&look, metrics, health);
    status_lines_streams(&lines, &look, 1, 80);
    rest = buf_slice(&lines.text);
    static const char *const begins[] = { "STREAM ", "busy ", "and 1 streams more", "all " };
    for (size_t i = 0; i < ARRAY_LENGTH(begins); i++) {
        assert_true(status_lines_next(&rest, &style, &line));
        assert_true(slice_starts_with(line, slice_from_string(begins[i])));
        assert_true(line.len <= 80);
    }
    assert_false(status_lines_next(&rest, &style, &line));
    status_lines_release(&lines);
    gateway_look_release(&look);
}

static void status_as_json_is_json(void **state)
{
    struct gateway_look look;
    struct buf out = { 0 };
    struct json_document document;
    (void)state;
    a_look_at(&look, metrics, health);
    status_json(&out, &look, "http://x", 161 * INT64_C(1000000000));
    assert_true(buf_reserve(&out, JSON_PADDING));
    assert_int_equal(json_parse(look.parser, buf_slice(&out), &document), OK);
    assert_non_null(strstr(buf_c_string(&out), "\"received\":9,\"received_per_second\":0.0"));
    assert_non_null(strstr(out.data, "\"uptime_seconds\":61"));
    look.fate = LOOK_NOT_UP;
    strcpy(look.problem, "\"quoted\"");
    buf_clear(&out);
    status_json(&out, &look, "http://x", 0);
    assert_string_equal(buf_c_string(&out),
                        "{\"url\":\"http://x\",\"state\":\"not up\",\"healthy\":false,\"ready\":false,"
                        "\"problem\":\"\\\"quoted\\\"\"}\n");
    buf_release(&out);
    gateway_look_release(&look);
}

static void live_events_become_lines(void **state)
{
    static const struct {
        const char *name, *data, *line;
    } rows[] = {
        { "refused",
          "{\"time\":\"2026-11-30T16:40:00.123Z\",\"protocol\":\"http\",\"stream\":\"a\",\"fate\":\"rejected\","
          "\"code\":"
          "\"missing_field\",\"field\":\"x\",\"message\":\"is\\u001b[2J required\",\"key\":\"\",\"events\":1}",
          "16:40:00.123 rejected http a missing_field: x: is [2J required" },
        { "refused", "{\"time\":\"now\",\"events\":12,\"fate\":\"dropped\",\"code\":7}",
          "now dropped - - - (12 events): " },
        { "accepted",
          "{\"time\":\"2026-11-30T16:40:00.123Z\",\"protocol\":\"ws\",\"stream\":\"a\",\"event\":{\"n\":[1,"
          "\"\\u009b2J\"]},"
          "\"hidden\":[\"email\"]}",
          "16:40:00.123 accepted ws a {\"n\":[1,\" 2J\"]} hidden: [\"email\"]" },
        { "accepted", "{}", " accepted - - " },
        { "numbers", "{}", NULL },
        { "later", "not read", NULL },
    };
    struct json_parser *parser = json_parser_new();
    struct buf out = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buf_clear(&out);
        enum live_line_result result = live_line(parser, rows[i].name, slice_from_string(rows[i].data), &out);
        assert_int_equal(result, rows[i].line != NULL ? LIVE_LINE : LIVE_NOTHING);
        assert_string_equal(buf_c_string(&out), rows[i].line != NULL ? rows[i].line : "");
    }
    assert_int_equal(live_line(parser, "refused", SLICE("[1"), &out), LIVE_BROKEN);
    assert_int_equal(live_line_json(parser, "accepted", SLICE("{\"a\":\"\xc2\x9b\"}"), &out), LIVE_LINE);
    assert_string_equal(buf_c_string(&out), "{\"kind\":\"accepted\",\"event\":{\"a\":\" \"}}");
    buf_release(&out);
    json_parser_free(parser);
}

static void results_become_tables_and_json(void **state)
{
    static const char result[] = "name\tdisk_bytes\tratio\tquery\n"
                                 "String\tUInt64\tFloat64\tString\n"
                                 "a\t2048\tnan\tSELECT\\n'\\t\\\\'\x1b[2J\n"
                                 "\xc3\xa4long\t5\t0.5\t\n";
    struct buf out = { 0 };
    (void)state;
    assert_int_equal(result_table_text(SLICE(result), &out), 2);
    assert_string_equal(buf_c_string(&out), "  name   disk_bytes  ratio  query\n"
                                            "  a        2.00 KiB    nan  SELECT ' \\' [2J\n"
                                            "  \xc3\xa4long         5 B    0.5  \n");
    buf_clear(&out);
    assert_int_equal(result_table_json(SLICE(result), &out), 2);
    assert_string_equal(buf_c_string(&out),
                        "[{\"name\":\"a\",\"disk_bytes\":2048,\"ratio\":null,\"query\":\"SELECT ' \\\\' [2J\"},"
                        "{\"name\":\"\xc3\xa4long\",\"disk_bytes\":5,\"ratio\":0.5,\"query\":\"\"}]");
    buf_clear(&out);
    assert_int_equal(result_table_text(SLICE("a\nString\n"), &out), 0);
    assert_int_equal(result_table_text(SLICE(""), &out), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(result_table_json(SLICE(""), &out), 0);
    assert_string_equal(buf_c_string(&out), "[]");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short_and_exact_where_they_can_be),
        cmocka_unit_test(status_says_what_is_not_well_first_and_nothing_that_a_terminal_obeys),
        cmocka_unit_test(streams_are_cut_to_the_room_there_is_and_the_table_to_80_columns),
        cmocka_unit_test(status_as_json_is_json),
        cmocka_unit_test(live_events_become_lines),
        cmocka_unit_test(results_become_tables_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
