/* Events of clients whose clocks are wrong: which time they get, which identity, and what refuses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/event_id.h"
#include "pipeline/validate/client_clock.h"
#include "schema_fixture.h"

#define SECOND_NS NS_PER_SECOND
#define MINUTE_NS (60 * NS_PER_SECOND)
#define DAY_NS (24 * 60 * MINUTE_NS)

static struct field_options fields[] = {
    FIELD("name", "String"),
    { .line = 1,
      .name = "at",
      .type = "DateTime64(3)",
      .max_past_ns = 30 * DAY_NS,
      .max_future_ns = 5 * MINUTE_NS,
      .default_value = "now" },
    /* no reading of the client's clock */
    { .line = 1, .name = "until", .type = "DateTime", .max_past_ns = -1, .max_future_ns = 400 * DAY_NS },
};
static struct stream_options options = { .name = "visits",
                                         .fields = fields,
                                         .field_count = 3,
                                         .dedup_key = LIST("name", "at"),
                                         .late_clock = LATE_CLOCK_CLAMP };

static int start(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture, &options);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    fixture_release(*state);
    return 0;
}

static struct client_clock read_clock(struct fixture *fixture, const char *json)
{
    struct json_document document;
    buf_clear(&fixture->text);
    buf_append_string(&fixture->text, json);
    buf_append_fill(&fixture->text, 0, JSON_PADDING);
    assert_int_equal(json_parse(fixture->parser, slice_make(fixture->text.data, strlen(json)), &document), OK);
    return client_clock_read(&document, JSON_ROOT, FIXTURE_NOW_NS);
}

static void a_clock_is_off_by_whole_steps_of_ten_seconds(void **state)
{
    static const struct {
        const char *sent_at;
        int64_t shift_seconds;
        bool known;
    } rows[] = {
        { "1732233600", 0, true },
        { "1732233600000", 0, true },
        { "1732233595.1", 0, true },   /* on its way for 4.9 s */
        { "1732233594.9", 10, true },  /* 5.1 s: the clock is slow */
        { "1732233604900", 0, true },  /* 4.9 s fast */
        { "1732233605.1", -10, true }, /* 5.1 s fast */
        { "1732234200", -600, true },  /* ten minutes fast */
        { "\"2024-11-22T00:10:00Z\"", -600, true },
        { "\"2024-11-21T23:20:00.250Z\"", 2400, true },
        { "1700000000", 32233600, true },
        { "86400", 1732233600 - 86400, true }, /* a battery was empty */
        { "0", 0, false },
        { "-5", 0, false },
        { "\"yesterday\"", 0, false },
        { "\"\"", 0, false },
        { "null", 0, false },
        { "true", 0, false },
        { "{}", 0, false },
        { "[1732234200]", 0, false },
        { "18446744073709551615", 0, false },
        { "9223372036854775807", 0, false },
        { "\"9999-12-31T23:59:59Z\"", 0, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct client_clock clock = read_clock(*state, rows[i].sent_at);
        if (clock.shift_ns != rows[i].shift_seconds * SECOND_NS || (clock.until_ns != 0) != rows[i].known) {
            fail_msg("%s: %lld s", rows[i].sent_at, (long long)(clock.shift_ns / SECOND_NS));
        }
    }
    assert_int_equal(client_clock_read(NULL, 0, FIXTURE_NOW_NS).until_ns, 0);
}

/* The row that an event gave, NULL if it was refused. */
static const char *row_of(struct fixture *fixture, const char *sent_at, const char *json)
{
    chunk_clear(fixture->chunk);
    fixture->context.clock = read_clock(fixture, sent_at);
    return fixture_event(fixture, json) == OK ? fixture_row(fixture, 0) : NULL;
}

static void times_are_moved_by_what_the_clock_is_off(void **state)
{
    static const struct {
        const char *sent_at, *event, *at; /* NULL: refused */
        struct validate_changes changes;
    } rows[] = {
        { "1732234200", "{\"at\":1732234200}", "2024-11-22 00:00:00.000", { 1, 0, 0 } },
        { "1732234200", "{\"at\":\"2024-11-22T00:09:30.125Z\"}", "2024-11-21 23:59:30.125", { 1, 0, 0 } },
        { "1732234200", "{\"at\":1732230600}", "2024-11-21 23:00:00.000", { 1, 0, 0 } }, /* waited for an hour */
        { "1732230000", "{\"at\":1732229990}", "2024-11-21 23:59:50.000", { 1, 0, 0 } }, /* an hour slow */
        { "100000", "{\"at\":99990}", "2024-11-21 23:59:50.000", { 1, 0, 0 } },          /* since 1970 */
        { "1732233601", "{\"at\":1732233590}", "2024-11-21 23:59:50.000", { 0, 0, 0 } },
        { "1732234200", "{\"name\":\"x\"}", "2024-11-22 00:00:00.000", { 0, 0, 0 } }, /* no time: that of receipt */
        { "null", "{\"at\":1732233900}", "2024-11-22 00:05:00.000", { 0, 0, 0 } },
        { "null", "{\"at\":1732233901}", "2024-11-22 00:00:00.000", { 0, 1, 0 } },
        { "null", "{\"at\":1732234200}", "2024-11-22 00:00:00.000", { 0, 1, 0 } },
        { "null", "{\"at\":1732320300}", "2024-11-22 00:00:00.000", { 0, 1, 0 } }, /* a day beyond max_future */
        { "null", "{\"at\":1732320301}", NULL, { 0, 0, 0 } },
        { "1732233600", "{\"at\":1732234200}", "2024-11-22 00:00:00.000", { 0, 1, 0 } }, /* was set meanwhile */
        { "100000", "{\"at\":1732233500}", "2024-11-21 23:58:20.000", { 0, 0, 0 } },     /* is not of that clock */
        { "1732230000", "{\"at\":1729639000}", "2024-10-23 00:16:40.000", { 1, 0, 0 } },
        { "1732237200", "{\"at\":1729642000}", NULL, { 0, 0, 0 } }, /* too old, once moved */
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *row = row_of(fixture, rows[i].sent_at, rows[i].event);
        struct validate_changes changes = validate_take_changes(fixture->validator);
        bool right = rows[i].at == NULL ? row == NULL : row != NULL && strstr(row, rows[i].at) != NULL;
        if (!right || changes.moved != rows[i].changes.moved || changes.clamped != rows[i].changes.clamped) {
            fail_msg("%s at %s: %s, %u moved, %u clamped", rows[i].event, rows[i].sent_at,
                     row != NULL ? row : fixture->error.message, changes.moved, changes.clamped);
        }
    }
}

static void other_times_of_an_event_stay(void **state)
{
    const char *row = row_of(*state, "1732234200", "{\"at\":1732234200,\"until\":1735689600}");
    assert_non_null(row);
    assert_non_null(strstr(row, "2024-11-22 00:00:00.000"));
    assert_non_null(strstr(row, "2025-01-01 00:00:00"));
}

/* It is that of the times that were sent, whatever they became. */
static void the_same_event_has_the_same_id_whenever_it_is_sent(void **state)
{
    static const char *const sent[] = { "null", "1732234200", "1732234215", "1732234800", "100000" };
    struct fixture *fixture = *state;
    struct event_id first = { { 0 } };
    for (size_t i = 0; i < ARRAY_LENGTH(sent); i++) {
        assert_non_null(row_of(fixture, sent[i], "{\"name\":\"a\",\"at\":1732234200}"));
        if (i == 0) {
            first = fixture->chunk->ids[0];
        }
        assert_memory_equal(&fixture->chunk->ids[0], &first, sizeof first);
        assert_true(event_id_is_stable(&first));
    }
    assert_non_null(row_of(fixture, sent[1], "{\"name\":\"a\",\"at\":1732234201}"));
    assert_memory_not_equal(&fixture->chunk->ids[0], &first, sizeof first);
}

static void the_chunk_knows_the_span_of_the_times_as_they_are_stored(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(row_of(fixture, "1732234200", "{\"name\":\"a\",\"at\":1732234200}"));
    assert_int_equal(fixture->chunk->min_time_ns, FIXTURE_NOW_NS);
    assert_int_equal(fixture->chunk->max_time_ns, FIXTURE_NOW_NS);
    assert_non_null(row_of(fixture, "null", "{\"name\":\"a\",\"at\":1732239200}"));
    assert_int_equal(fixture->chunk->max_time_ns, FIXTURE_NOW_NS);
}

static void without_clamp_a_time_too_new_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct stream_options strict = options;
    strict.late_clock = LATE_CLOCK_REJECT;
    fixture_init(&fixture, &strict);
    assert_null(row_of(&fixture, "null", "{\"at\":1732233901}"));
    assert_int_equal(fixture.error.code, ERROR_TIME_TOO_NEW);
    assert_non_null(strstr(fixture.error.message, "sent_at"));
    assert_non_null(row_of(&fixture, "1732234200", "{\"at\":1732234200}"));
    fixture_release(&fixture);
}

/* Every type of a time, at the ends of what it holds. */
static void a_time_that_its_column_cannot_hold_once_moved_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *at, *stored; /* sent an hour fast */
    } rows[] = {
        { "Date", "1732237200", "2024-11-22" },
        { "Date", "\"1970-01-01\"", NULL },
        { "DateTime", "1732237200", "2024-11-22 00:00:00" },
        { "DateTime", "3599", NULL },
        { "DateTime", "3600", "1970-01-01 00:00:00" },
        { "DateTime64(0)", "1732237200", "2024-11-22 00:00:00" },
        { "DateTime64(9)", "\"2024-11-22T01:00:00.123456789Z\"", "2024-11-22 00:00:00.123456789" },
        { "DateTime64(3)", "\"1900-01-01\"", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options field[] = { FIELD("at", rows[i].type) };
        struct stream_options one = { .name = "s", .fields = field, .field_count = 1 };
        struct fixture fixture;
        char event[64];
        fixture_init(&fixture, &one);
        snprintf(event, sizeof event, "{\"at\":%s}", rows[i].at);
        const char *row = row_of(&fixture, "1732237200", event);
        assert_int_equal(row != NULL, rows[i].stored != NULL);
        if (row != NULL) {
            assert_non_null(strstr(row, rows[i].stored));
        } else {
            assert_int_equal(fixture.error.code, ERROR_OUT_OF_RANGE);
        }
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clock_is_off_by_whole_steps_of_ten_seconds, start, end),
        cmocka_unit_test_setup_teardown(times_are_moved_by_what_the_clock_is_off, start, end),
        cmocka_unit_test_setup_teardown(other_times_of_an_event_stay, start, end),
        cmocka_unit_test_setup_teardown(the_same_event_has_the_same_id_whenever_it_is_sent, start, end),
        cmocka_unit_test_setup_teardown(the_chunk_knows_the_span_of_the_times_as_they_are_stored, start, end),
        cmocka_unit_test(without_clamp_a_time_too_new_is_refused),
        cmocka_unit_test(a_time_that_its_column_cannot_hold_once_moved_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
