/* Turns templates into events, and repeats into numbers that were sent before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "body.h"
#include "digits.h"

#define NOW_MS INT64_C(1764158691123)  /* 2025-11-26 12:04:51 UTC */
#define BASE_MS INT64_C(1764111600000) /* an hour before that day */

static struct template template;
static char text[4096];

static void compile(const char *source)
{
    struct buf problem = { 0 };
    load_template_release(&template);
    if (!load_template_compile(&template, slice_from_string(source), NOW_MS, &problem)) {
        fail_msg("%s: %s", source, buf_c_string(&problem));
    }
}

static const char *event(uint64_t number)
{
    memcpy(text, template.text.data, template.text.len);
    text[template.text.len] = '\0';
    load_template_number(&template, text, number);
    return text;
}

static void digits_have_zeros_in_front_and_none_is_lost(void **state)
{
    (void)state;
    for (size_t width = 1; width <= 20; width++) {
        uint64_t value = 12345678901234567890u, range = 1;
        for (size_t i = 0; i < width && i < 19; i++) {
            range *= 10;
        }
        value = width == 20 ? value : value % range;
        char expected[32], found[32] = { 0 };
        snprintf(expected, sizeof expected, "%0*llu", (int)width, (unsigned long long)value);
        digits_put(found, width, value);
        assert_string_equal(found, expected);
    }
    for (uint64_t value = 0; value < 100000000; value += value < 20000 ? 1 : 9973) {
        char expected[16], found[16] = { 0 };
        snprintf(expected, sizeof expected, "%08llu", (unsigned long long)value);
        digits_put(found, 8, value);
        assert_string_equal(found, expected);
    }
}

static void number_and_time_follow_from_the_number(void **state)
{
    (void)state;
    compile("{\"u\":\"u${number}\",\"t\":${time}}\n");
    assert_true(template.has_number);
    char expected[100];
    snprintf(expected, sizeof expected, "{\"u\":\"u000000060007\",\"t\":%lld}", (long long)BASE_MS + 7);
    assert_string_equal(event(60007), expected);
    assert_string_equal(event(0), "{\"u\":\"u000000000000\",\"t\":1764111600000}");
}

static void the_default_event_has_its_length(void **state)
{
    (void)state;
    struct buf problem = { 0 };
    load_template_release(&template);
    assert_true(load_template_compile(&template, load_template_default, NOW_MS, &problem));
    assert_int_equal(template.text.len, 187);
}

static void random_is_the_same_for_the_same_number_only(void **state)
{
    (void)state;
    compile("${number} ${random:6} ${random:18} ${hex:40} ${random:6}");
    char first[4096];
    strcpy(first, event(1));
    assert_string_equal(event(1), first);
    assert_string_not_equal(event(2), first);
    assert_int_equal(strspn(first, "0123456789 "), 13 + 7 + 19 + strspn(first + 39, "0123456789 "));
    assert_int_equal(strspn(first + 39, "0123456789abcdef"), 40);
    assert_memory_not_equal(first + 13, first + 80, 6);
    assert_memory_not_equal(first + 39, first + 39 + 16, 16);
}

static void pick_gives_each_word_its_share(void **state)
{
    (void)state;
    compile("${number} ${pick:red|tan|sky}");
    int red = 0, tan = 0, sky = 0;
    for (uint64_t n = 0; n < 30000; n++) {
        const char *word = event(n) + 13;
        red += strcmp(word, "red") == 0;
        tan += strcmp(word, "tan") == 0;
        sky += strcmp(word, "sky") == 0;
    }
    assert_int_equal(red + tan + sky, 30000);
    assert_in_range(red, 9500, 10500);
    assert_in_range(tan, 9500, 10500);
}

static void line_breaks_become_spaces(void **state)
{
    (void)state;
    compile("{\n \"n\": ${number},\r\n \"x\": \"$ {}\"\n}\n\n");
    assert_string_equal(event(5), "{  \"n\": 000000000005,   \"x\": \"$ {}\" }");
}

static void wrong_templates_are_refused_with_the_placeholder(void **state)
{
    (void)state;
    static const struct {
        const char *source, *problem;
    } rows[] = {
        { "", "empty" },
        { " \n", "empty" },
        { "{${number}", NULL },
        { "{${number", "without its }" },
        { "${numbr}", "${numbr}: no placeholder" },
        { "${}", "no placeholder" },
        { "${number:3}", "${number:3}: expected ${number}" },
        { "${random}", "${random}: expected ${random:N}" },
        { "${random:0}", "from 1 to 18" },
        { "${random:19}", "from 1 to 18" },
        { "${random:x}", "from 1 to 18" },
        { "${hex:65}", "from 1 to 64" },
        { "${pick:a|bc}", "same length" },
        { "${pick:}", "same length" },
        { "${pick:|}", "same length" },
        { "${pick}", "same length" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf problem = { 0 };
        struct template t;
        bool good = load_template_compile(&t, slice_from_string(rows[i].source), NOW_MS, &problem);
        assert_int_equal(good, rows[i].problem == NULL);
        if (!good && strstr(buf_c_string(&problem), rows[i].problem) == NULL) {
            fail_msg("%s: %s", rows[i].source, buf_c_string(&problem));
        }
        load_template_release(&t);
        buf_release(&problem);
    }
}

static void bodies_have_their_shape(void **state)
{
    (void)state;
    static const struct {
        enum body_shape shape;
        size_t events;
        const char *expected;
    } rows[] = {
        { BODY_BARE, 1, "<000000000007>" },
        { BODY_ARRAY, 1, "[<000000000007>]" },
        { BODY_ARRAY, 3, "[<000000000007>,<000000000008>,<000000000009>]" },
        { BODY_NDJSON, 2, "<000000000007>\n<000000000008>" },
        { BODY_OBJECT, 2, "{\"events\":[<000000000007>,<000000000008>]}" },
    };
    compile("<${number}>");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct body body = { &template, rows[i].shape, rows[i].events };
        struct numbers numbers = { .start = 5, .given = 2 };
        assert_int_equal(body_length(&body), strlen(rows[i].expected));
        memset(text, 0, sizeof text);
        body_write(&body, text);
        assert_int_equal(body_number(&body, text, &numbers), 2);
        assert_string_equal(text, rows[i].expected);
        assert_int_equal(numbers.given, 2 + rows[i].events);
    }
}

/* Of 100,000 numbers: how many were not sent before, and the share of the others from the second tenth on. */
static void repeats_are_of_numbers_that_were_sent_before(void **state)
{
    (void)state;
    enum { LIMIT = 123456 };
    static const unsigned shares[] = { 0, 1, 10, 50, 75, 99 };
    static bool sent[LIMIT];
    for (size_t i = 0; i < ARRAY_LENGTH(shares); i++) {
        struct numbers numbers = { .start = 1000, .limit = LIMIT, .repeat = shares[i] };
        uint64_t repeated = 0;
        memset(sent, 0, sizeof sent);
        for (uint64_t sequence = 0; sequence < LIMIT; sequence++) {
            uint64_t number = numbers_at(&numbers, sequence) - 1000;
            assert_in_range(number, 0, sequence);
            assert_true(number == sequence || sent[number]);
            repeated += sent[number];
            sent[number] = true;
        }
        assert_in_range(repeated, LIMIT * 9 / 10 * shares[i] / 100, (LIMIT * 9 / 10 + 200) * shares[i] / 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_have_zeros_in_front_and_none_is_lost),
        cmocka_unit_test(number_and_time_follow_from_the_number),
        cmocka_unit_test(the_default_event_has_its_length),
        cmocka_unit_test(random_is_the_same_for_the_same_number_only),
        cmocka_unit_test(pick_gives_each_word_its_share),
        cmocka_unit_test(line_breaks_become_spaces),
        cmocka_unit_test(wrong_templates_are_refused_with_the_placeholder),
        cmocka_unit_test(bodies_have_their_shape),
        cmocka_unit_test(repeats_are_of_numbers_that_were_sent_before),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    load_template_release(&template);
    return failed;
}
