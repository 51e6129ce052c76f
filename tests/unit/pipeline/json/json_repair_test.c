#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "pipeline/json/json_repair.h"
#include "pipeline/validate/json_write.h"

#define X "\xEF\xBF\xBD"

struct setup {
    struct json_parser *parser;
    struct json_repair repair;
    struct json_document document;
    struct buf text, out;
};

static int start(void **state)
{
    static struct setup setup;
    setup = (struct setup){ .parser = json_parser_new() };
    *state = &setup;
    return setup.parser == NULL;
}

static int end(void **state)
{
    struct setup *setup = *state;
    json_parser_free(setup->parser);
    json_repair_release(&setup->repair);
    buf_release(&setup->text);
    buf_release(&setup->out);
    return 0;
}

/* As a payload is parsed: as it is, or else repaired. */
static enum error parse(struct setup *setup, struct slice text)
{
    buf_clear(&setup->text);
    buf_append_slice(&setup->text, text);
    buf_append_fill(&setup->text, '}', JSON_PADDING);
    struct slice padded = slice_make(setup->text.data, text.len);
    enum error error = json_parse(setup->parser, padded, &setup->document);
    setup->repair.repaired = 0;
    return error != ERROR_INVALID_JSON ? error
                                       : json_repair_parse(setup->parser, &setup->repair, padded, &setup->document);
}

static const char *written(struct setup *setup)
{
    struct buf path = { 0 };
    struct json_extent extent = { 0 };
    buf_clear(&setup->out);
    assert_int_equal(json_write(&setup->document, JSON_ROOT, false, &setup->out, &path, &extent), OK);
    buf_release(&path);
    return buf_c_string(&setup->out);
}

static const struct {
    struct slice text;
    const char *expected; /* NULL: refused all the same */
    uint64_t repaired;
} texts[] = {
    { SLICE("{\"title\":\"Sale now \\ud83c\"}"), "{\"title\":\"Sale now " X "\"}", 1 },
    { SLICE("[\"\\udf89\",\"\\ud83c\",\"\\uD83C\\uDF89\"]"), "[\"" X "\",\"" X "\",\"\xf0\x9f\x8e\x89\"]", 2 },
    { SLICE("\"\\ud83c\\ud83c\\udf89\""), "\"" X "\xf0\x9f\x8e\x89\"", 1 },
    { SLICE("\"\\udf89\\ud83c\""), "\"" X X "\"", 1 },
    { SLICE("\"\\ud83cA\\n\\ud83c\\u0041\\ud83c\\\\udf89\""), "\"" X "A\\n" X "A" X "\\\\udf89\"", 1 },
    { SLICE("\"\\\\ud83c\\ud83c\""), "\"\\\\ud83c" X "\"", 1 },
    { SLICE("{\"\\ud83c\":{\"\\udfff\":1}}"), "{\"" X "\":{\"" X "\":1}}", 2 },
    { SLICE("\"\\ud83c\xed\xbe\x89\""), "\"" X X X X "\"", 1 },
    { SLICE("{\"city\":\"K\xf6ln\",\"k\xf6\":\"\x80 5\"}"), "{\"city\":\"K" X "ln\",\"k" X "\":\"" X " 5\"}", 3 },
    { SLICE("\"\xe9\""), "\"" X "\"", 1 },
    { SLICE("\"\xe2\x82\""), "\"" X "\"", 1 },
    { SLICE("\"\\\xe9\""), NULL, 1 },
    { SLICE("\"a\xe9"), NULL, 1 },
    { SLICE("\"\\ud83c"), NULL, 1 },
    { SLICE("\"\\ud83c\\"), NULL, 1 },
    { SLICE("\"\\ud83\""), NULL, 0 },
    { SLICE("\"\\ud83c\\u12\""), NULL, 1 },
    { SLICE("\xe9"), NULL, 0 },
    { SLICE("{\xe9:\"\xe9\"}"), NULL, 1 },
    { SLICE("\"\xe9\x01\""), NULL, 1 },
    { SLICE("[1 \"\xe9\"]"), NULL, 1 },
    { SLICE("18446744073709551616"), "18446744073709551616", 0 },
    { SLICE("[-9223372036854775809 , 1e400,0.1e-400,\"1\",[1E+999]]"), "[-9223372036854775809,1e400,0,\"1\",[1E+999]]",
      0 },
    { SLICE("{\"a\":\"\xe9\",\"18446744073709551616\":18446744073709551616}"),
      "{\"a\":\"" X "\",\"18446744073709551616\":18446744073709551616}", 1 },
    { SLICE("[-1e999,1e99999999999999999999,-0e99999999999999999999]"), "[-1e999,1e99999999999999999999,-0]", 0 },
    { SLICE("{18446744073709551616:1}"), NULL, 0 },
    { SLICE("{1e999 \n:1}"), NULL, 0 },
    { SLICE("[018446744073709551616]"), NULL, 0 },
    { SLICE("[18446744073709551616 1]"), NULL, 0 },
    { SLICE("[18446744073709551616\"a\"]"), NULL, 0 },
    { SLICE("[+18446744073709551616]"), NULL, 0 },
    { SLICE("[1e999a]"), NULL, 0 },
    { SLICE("[--1e999]"), NULL, 0 },
    { SLICE("[1e999.5]"), NULL, 0 },
};

static void repairs_characters_and_keeps_large_numbers_and_nothing_else(void **state)
{
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const char *reason;
        enum error error = parse(setup, texts[i].text);
        if ((error == OK) != (texts[i].expected != NULL)) {
            fail_msg("%.*s: %s", (int)texts[i].text.len, texts[i].text.data, error_info(error)->code);
        }
        size_t at = json_locate(texts[i].text, true, &reason);
        assert_int_equal(at == texts[i].text.len && strcmp(reason, "no fault") == 0, error == OK);
        if (error == OK) {
            assert_string_equal(written(setup), texts[i].expected);
            assert_int_equal(setup->repair.repaired, texts[i].repaired);
        }
    }
}

/* A lone surrogate, its halves, and quotes everywhere in a text, cut anywhere. */
static void agrees_with_the_locator_wherever_a_text_is_cut(void **state)
{
    static const char good[] =
        "{\"a\":[\"\\ud83c\\udf89\xf0\x9f\x98\x80\",1e999,18446744073709551616],\"\xe9\":\"\\ud83c\"}";
    struct setup *setup = *state;
    for (size_t at = 0; at < sizeof good - 1; at++) {
        char text[sizeof good];
        const char *reason;
        for (size_t len = 1; len < 8 && at + len < sizeof good; len++) {
            memcpy(text, good, at);
            memcpy(text + at, good + at + len, sizeof good - 1 - at - len);
            struct slice cut = slice_make(text, sizeof good - 1 - len);
            bool fine = parse(setup, cut) == OK;
            (void)json_locate(cut, true, &reason);
            if (fine != (strcmp(reason, "no fault") == 0)) {
                fail_msg("%.*s: %s", (int)cut.len, cut.data, reason);
            }
        }
    }
}

static void what_is_no_text_at_all_is_not_made_three_times_as_large(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    buf_append_byte(&text, '"');
    buf_append_fill(&text, 0xFF, (size_t)8 << 20);
    buf_append_byte(&text, '"');
    assert_int_equal(parse(setup, buf_slice(&text)), ERROR_INVALID_JSON);
    text.len = 1;
    buf_append_fill(&text, 0xFF, (size_t)1 << 20); /* an event's worth is */
    buf_append_byte(&text, '"');
    assert_int_equal(parse(setup, buf_slice(&text)), OK);
    assert_int_equal(json_string(&setup->document, JSON_ROOT).len, (size_t)3 << 20);
    buf_release(&text);
}

/* It took the square of the digits: 6 s for these. */
static void what_is_no_number_costs_what_it_weighs(void **state)
{
    static const char *const pieces[] = { "0", "00,", "0.", "-0", "1.", "1e", "00e1 ", "1e999 " };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
        struct buf text = { 0 };
        struct timespec before, after;
        while (text.len < 200000) {
            buf_append_string(&text, pieces[i]);
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        assert_int_equal(parse(setup, buf_slice(&text)), ERROR_INVALID_JSON);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
        if (seconds > 0.5) {
            fail_msg("200,000 bytes of %s take %.2f s", pieces[i], seconds);
        }
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(repairs_characters_and_keeps_large_numbers_and_nothing_else, start, end),
        cmocka_unit_test_setup_teardown(agrees_with_the_locator_wherever_a_text_is_cut, start, end),
        cmocka_unit_test_setup_teardown(what_is_no_text_at_all_is_not_made_three_times_as_large, start, end),
        cmocka_unit_test_setup_teardown(what_is_no_number_costs_what_it_weighs, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
