/* What is shown of events, and what is hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/live_options.h"
#include "event/ticket.h"
#include "pipeline/refusal_sink.h"
#include "proto/live/live_hide.h"
#include "proto/live/live_text.h"
#include "schema_fixture.h"

#include <stdio.h>

static const char *const personal[] = {
    "ip",        "client_ip", "clientIp",     "ClientIP",   "remote-addr", "email",    "e-mail",    "user.email",
    "userEmail", "user_id",   "userId",       "USER_ID",    "userid",      "uid",      "name",      "first_name",
    "lastName",  "phone",     "mobile",       "user_agent", "userAgent",   "ua",       "session",   "token",
    "password",  "lat",       "lng",          "birthDate",  "address",     "order_id", "device_id", "geo",
    "postcode",  "zip_code",  "customer_key", "x_ip_y",
};

static const char *const plain[] = {
    "event_name", "channel", "price",  "quantity", "timestamp", "received_at", "country", "browser_version", "status",
    "amount",     "width",   "recipe", "slip",     "tips",      "platform",    "paid",    "valid",           "language",
};

static void names_that_look_personal_are_known_however_they_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(personal); i++) {
        assert_true(live_name_is_personal(slice_from_string(personal[i])) ||
                    (print_message("%s\n", personal[i]), false));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
        assert_false(live_name_is_personal(slice_from_string(plain[i])) && (print_message("%s\n", plain[i]), true));
    }
}

static const struct {
    const char *message, *told;
} messages[] = {
    { "", "" },
    { "a required field is missing", "a required field is missing" },
    { "channel: \"ann@example.org\" is not one of web, app", "channel: \"…\" is not one of web, app" },
    { "channel: \"a\"nn: \"\" is not one of web", "channel: \"…\" is not one of web" },
    { "channel: \"cut off", "channel: \"…\"" },
    { "amount: 12.5 is greater than 10", "amount: … is greater than 10" },
    { "amount: -1e+9 is less than 0", "amount: … is less than 0" },
    { "paid: true is not a number", "paid: … is not a number" },
    { "42 is not text", "… is not text" },
    { "user: a required field is missing", "user: a required field is missing" },
    { "invalid JSON at byte 17: a string that does not end", "invalid JSON at byte 17: a string that does not end" },
};

static void a_message_says_what_was_wrong_without_what_the_event_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        struct buf out = { 0 };
        live_append_masked(slice_from_string(messages[i].message), &out);
        assert_string_equal(out.len == 0 ? "" : buf_c_string(&out), messages[i].told);
        buf_release(&out);
    }
}

static struct field_options fields[] = {
    FIELD("event_name", "LowCardinality(String)", .required = true),
    FIELD("kind", "Enum8('a' = 1, 'b' = 2)"),
    FIELD("price", "Float64"),
    FIELD("when", "DateTime64(3)"),
    FIELD("paid", "Nullable(Bool)"),
    FIELD("comment_text", "String"),
    FIELD("title", "String"),
    FIELD("words", "Array(LowCardinality(String))"),
    FIELD("map", "Map(String, String)"),
    FIELD("user_id", "UInt64"),
    FIELD("session_kind", "LowCardinality(String)"),
    FIELD("ip", "String", .fill = FILL_CLIENT_IP),
    FIELD("browser", "LowCardinality(String)", .fill = FILL_USER_AGENT),
};
static const struct stream_options options = {
    .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields), .dedup_key = LIST("event_name")
};

static const char *row_text(struct fixture *f, const struct live_options *live, uint32_t row)
{
    buf_clear(&f->out);
    struct live_rows *rows = live_rows_new(f->chunk);
    assert_non_null(rows);
    live_append_row(live, rows, row, FIXTURE_NOW_NS, &f->out);
    live_rows_free(rows);
    return buf_c_string(&f->out);
}

static void begin(struct fixture *f, const char *event)
{
    fixture_init(f, &options);
    assert_int_equal(fixture_event(f, event), OK);
    assert_true(chunk_seal(f->chunk));
    struct ticket *ticket = chunk_add_ticket(f->chunk);
    *ticket = (struct ticket){ .protocol = PROTOCOL_WS, .rows = 1 };
}

#define EVENT                                                                                                          \
    "{\"event_name\":\"buy\",\"kind\":\"b\",\"price\":1.5,\"when\":\"2024-11-22T00:00:00Z\",\"paid\":true,"            \
    "\"comment_text\":\"I am Ann\",\"title\":\"<b>x</b>\",\"words\":[\"v\",\"w\"],\"map\":{\"k\":\"v\"},"              \
    "\"user_id\":7,\"session_kind\":\"s\"}"

static void of_an_event_numbers_times_and_words_are_shown_and_the_rest_is_named(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, EVENT);
    const char *text = row_text(&f, &(struct live_options){ .enabled = true }, 0);
    const char *shown = "{\"time\":\"2024-11-22T00:00:00.000Z\",\"protocol\":\"ws\",\"stream\":\"s\",\"event\":{"
                        "\"event_name\":\"buy\",\"kind\":\"b\",\"price\":1.5,\"when\":\"2024-11-22 00:00:00.000\","
                        "\"paid\":1,\"event_id\":\"";
    const char *hidden = "\"},\"hidden\":[\"comment_text\",\"title\",\"words\",\"map\",\"user_id\",\"session_kind\","
                         "\"ip\",\"browser\"]}";
    assert_memory_equal(text, shown, strlen(shown));
    assert_string_equal(strstr(text, "\"},\"hidden\""), hidden);
    fixture_release(&f);
}

static void the_configuration_shows_and_hides_more_and_to_hide_wins(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, EVENT);
    const struct live_options some = { .show = LIST("title", "words", "ip", "price"), .hide = LIST("price", "kind") };
    const char *text = row_text(&f, &some, 0);
    assert_non_null(strstr(text, "\"title\":\"<b>x</b>\",\"words\":[\"v\",\"w\"],\"ip\":\"192.0.2.77\""));
    assert_null(strstr(text, "1.5"));
    assert_non_null(strstr(text, "\"hidden\":[\"kind\",\"price\","));
    const struct live_options all = { .show = LIST("*"), .hide = LIST("map") };
    assert_non_null(strstr(row_text(&f, &all, 0), "\"hidden\":[\"map\"]}"));
    const struct live_options none = { .show = LIST("*"), .hide = LIST("*") };
    assert_non_null(strstr(row_text(&f, &none, 0), "\"event\":{},"));
    fixture_release(&f);
}

static void long_values_are_cut_where_a_character_ends_and_empty_ones_left_out(void **state)
{
    (void)state;
    struct fixture f;
    struct buf event = { 0 };
    buf_append_string(&event, "{\"event_name\":\"b\",\"title\":\"x");
    for (int i = 0; i < 5000; i++) {
        buf_append_string(&event, "é");
    }
    buf_append_string(&event, "\",\"words\":[");
    for (int i = 0; i < 5000; i++) {
        buf_append_string(&event, i == 0 ? "\"w\"" : ",\"w\"");
    }
    buf_append_string(&event, "]}");
    begin(&f, buf_c_string(&event));
    const char *text = row_text(&f, &(struct live_options){ .show = LIST("*") }, 0);
    assert_true(strlen(text) < 1000);
    assert_non_null(strstr(text, "éé…\",\"words\":\"…\","));
    assert_null(strstr(text, "comment_text"));
    assert_true(json_is_utf8(slice_from_string(text)));
    buf_release(&event);
    fixture_release(&f);
}

static const char *refused_text(const struct live_options *live, const char *stream, const char *field,
                                const char *message, struct buf *out)
{
    const struct refusal refusal = { PROTOCOL_UDP, stream, field, ERROR_NOT_ALLOWED };
    const struct refused_input input = { .events = 3, .key_name = SLICE("k\"1") };
    buf_clear(out);
    live_append_refused(live, &refusal, &input, slice_from_string(message), FIXTURE_NOW_NS, out);
    return buf_c_string(out);
}

static void a_refusal_is_told_with_its_reason_and_the_value_only_where_it_is_to_be_shown(void **state)
{
    (void)state;
    struct buf out = { 0 };
    const struct live_options usual = { .enabled = true }, shows = { .show = LIST("channel") };
    const char *message = "channel: \"</script>\\\" is not one of web";
    assert_string_equal(
        refused_text(&usual, "s", "channel", message, &out),
        "{\"time\":\"2024-11-22T00:00:00.000Z\",\"protocol\":\"udp\",\"stream\":\"s\",\"fate\":\"rejected\","
        "\"code\":\"not_allowed\",\"field\":\"channel\",\"message\":\"channel: \\\"…\\\" is not one of web\","
        "\"key\":\"k\\\"1\",\"events\":3}");
    assert_non_null(strstr(refused_text(&shows, "s", "channel", message, &out), "\\\"</script>\\\\\\\" is not"));
    assert_non_null(strstr(refused_text(&shows, "", "", message, &out), "\\\"…\\\" is not"));
    assert_non_null(strstr(refused_text(&shows, "", "", "", &out), "\"message\":\"the value is not one of those"));
    assert_non_null(strstr(refused_text(&shows, "s", "channel", "two\nlines \xFF", &out), "two\\nlines \xEF\xBF\xBD"));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_look_personal_are_known_however_they_are_written),
        cmocka_unit_test(a_message_says_what_was_wrong_without_what_the_event_held),
        cmocka_unit_test(of_an_event_numbers_times_and_words_are_shown_and_the_rest_is_named),
        cmocka_unit_test(the_configuration_shows_and_hides_more_and_to_hide_wins),
        cmocka_unit_test(long_values_are_cut_where_a_character_ends_and_empty_ones_left_out),
        cmocka_unit_test(a_refusal_is_told_with_its_reason_and_the_value_only_where_it_is_to_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
