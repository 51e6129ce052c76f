/* Lines of rejects: what they say, what is cut of them, and that they are one line of JSON whatever came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reject_world.h"

#include <stdio.h>

static struct reject_world world;

static int begin(void **state)
{
    (void)state;
    reject_world_init(&world);
    return 0;
}

static int end(void **state)
{
    (void)state;
    reject_world_release(&world);
    return 0;
}

static bool has(const char *part)
{
    return memmem(world.line.data, world.line.len, part, strlen(part)) != NULL;
}

static void assert_has(const char *part)
{
    if (!has(part)) {
        fail_msg("no %s in %.*s", part, (int)world.line.len, world.line.data);
    }
}

/* `event`: as the line has it. */
static const struct {
    struct slice sent;
    const char *event;
    const char *cut;
} events[] = {
    { SLICE("{\"number\":300,\"note\":\"plain\"}"), "\"event\":{\"number\":300,\"note\":\"plain\"}}", NULL },
    { SLICE("{\"number\":\"x\",\"note\":\"to ann@example.org\"}"), "\"event\":{\"number\":\"x\"}}", "\"note\"" },
    { SLICE("{\"tags\":[\"a\",\"10.0.0.1\",\"b\"]}"), "\"event\":{\"tags\":[\"a\",\"b\"]}}", "\"tags\"" },
    { SLICE("{\"items\":[{\"brand\":\"B\",\"owner\":1},{\"brand\":\"ann@example.org\"}]}"),
      "\"event\":{\"items\":[{\"brand\":\"B\"},{}]}}", "\"items.owner\",\"items.brand\"" },
    { SLICE("{\"address\":\"a\",\"at\":\"2026-11-30T16:47:20.123456789Z\"}"),
      "\"event\":{\"at\":\"2026-11-30T16:47:20.123456789Z\"}}", "\"address\"" },
    { SLICE("{\"other\":1,\"flag\":true,\"none\":null,\"deep\":{\"a\":1}}"), "\"event\":{\"flag\":true,\"none\":null}}",
      "\"other\",\"deep\"" },
    { SLICE("{\"ann@example.org\":1}"), "\"event\":{}}", "\"(a name)\"" },
    { SLICE("{\"email\":null,\"number\":1e999}"), "\"event\":{\"email\":null,\"number\":1e999}}", NULL },
};

static void what_is_personal_is_cut_and_its_paths_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        reject_world_compose(&world, events[i].sent, PERSONAL_CUT, true, false, SLICE("number: no"));
        assert_has(events[i].event);
        if (events[i].cut != NULL) {
            assert_has(events[i].cut);
        }
        assert_has("\"@client_ip\"");
        assert_has("\"retry\":\"cut\"");
        assert_false(has("192.0.2.1") || has("ann@example.org") || has("10.0.0.1"));
    }
}

static void what_is_kept_is_what_came(void **state)
{
    (void)state;
    reject_world_compose(&world, SLICE("{ \"number\" : 300, \"email\":\"ann@example.org\" }"), PERSONAL_KEEP, true,
                         false, SLICE("number: 300 is no"));
    assert_has("\"event\":{\"number\":300,\"email\":\"ann@example.org\"}}");
    assert_has("\"message\":\"number: 300 is no\",\"key\":\"shop\",\"client_ip\":\"192.0.2.1\"");
    assert_has("\"received_at\":\"2025-11-30T16:47:20.123456789Z\",\"stream\":\"orders\",\"protocol\":\"http\"");
    assert_has("\"retry\":\"yes\"");
    assert_false(has("\"cut\""));
}

static void a_message_that_may_quote_what_was_cut_is_left_out(void **state)
{
    (void)state;
    reject_world_compose(&world, SLICE("{\"number\":1}"), PERSONAL_CUT, true, false,
                         SLICE("number: \"ann@example.org\" is none"));
    assert_has("\"message\":\"the value has the wrong type\"");
    reject_world_compose(&world, SLICE("{\"number\":1}"), PERSONAL_CUT, true, false, SLICE("number: 300 is none"));
    assert_has("\"message\":\"number: 300 is none\"");
}

static const struct slice hostile[] = {
    SLICE(""),
    SLICE("\0"),
    SLICE("\n\n\n"),
    SLICE("{\"a\":\"\n\"}"),
    SLICE("\xff\xfe"),
    SLICE("\xc3"),
    SLICE("\xed\xa0\x80{"),
    SLICE("\x1b[31m\x07\x7f"),
    SLICE("[1,2"),
    SLICE("\"text\""),
    SLICE("{\"\\u0000\":1}"),
    SLICE("{\"a\":{\"a\":{}}"),
    SLICE("{}"),
    SLICE("null"),
    SLICE("[]"),
    SLICE("{\"a\":1,\"a\":2,\"\":3}"),
    SLICE("{\"number\":\"\\u2028\\u2029\\ud83c\\udf89\\n\\r\\t\\b\"}"),
    SLICE("{\"id\":\"x\",\"event\":1,\"code\":\"\"}"),
    SLICE("{\"n\":-0.0,\"m\":1e400,\"k\":18446744073709551616,\"l\":0.1}"),
};

static void whatever_came_is_one_line_of_json_that_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(hostile) * 8; i++) {
        reject_world_compose(&world, hostile[i / 8], (enum rejects_personal)(i & 1), (i & 2) != 0, (i & 4) != 0,
                             hostile[i / 8]);
    }
}

static void a_deep_event_and_one_of_a_mebibyte_read_back(void **state)
{
    (void)state;
    struct buf text = { 0 };
    for (size_t depth = JSON_MAX_DEPTH - 4; depth <= JSON_MAX_DEPTH; depth++) {
        buf_clear(&text);
        for (size_t i = 0; i < depth; i++) {
            buf_append_string(&text, i + 1 < depth ? "{\"number\":" : "{}");
        }
        buf_append_fill(&text, '}', depth - 1);
        for (int personal = PERSONAL_CUT; personal <= PERSONAL_KEEP; personal++) {
            reject_world_compose(&world, buf_slice(&text), (enum rejects_personal)personal, true, false, SLICE(""));
        }
    }
    buf_clear(&text);
    buf_append_string(&text, "{\"note\":\"");
    buf_append_fill(&text, 1, 200000); /* six bytes each, once they are escaped */
    buf_append_string(&text, "\"}");
    reject_world_compose(&world, buf_slice(&text), PERSONAL_KEEP, true, true, SLICE(""));
    assert_true(world.line.len > 6 * 200000);
    buf_clear(&text);
    buf_append_fill(&text, 'x', 3 << 20);
    reject_world_compose(&world, buf_slice(&text), PERSONAL_KEEP, false, true, SLICE(""));
    assert_has("\"bytes\":3145728");
    assert_has("\"retry\":\"no\"");
    assert_true(world.line.len < (1 << 20) + 4096);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_personal_is_cut_and_its_paths_are_told, begin, end),
        cmocka_unit_test_setup_teardown(what_is_kept_is_what_came, begin, end),
        cmocka_unit_test_setup_teardown(a_message_that_may_quote_what_was_cut_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(whatever_came_is_one_line_of_json_that_reads_back, begin, end),
        cmocka_unit_test_setup_teardown(a_deep_event_and_one_of_a_mebibyte_read_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
