#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "pipeline/json/json.h"
#include "pipeline/json/json_number.h"

static struct json_parser *parser;

static int start(void **state)
{
    (void)state;
    parser = json_parser_new();
    return parser == NULL;
}

static int end(void **state)
{
    (void)state;
    json_parser_free(parser);
    return 0;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* What simdjson makes of the number as an item, and json_number_double of it alone, is what strtod says. */
static void must_be_exact(const char *number)
{
    char text[2048];
    struct json_document document;
    int len = snprintf(text, sizeof text - JSON_PADDING, "[%s]", number);
    double expected = strtod(number, NULL), alone = json_number_double(slice_from_string(number));
    bool finite = expected - expected == 0;
    enum error error = json_parse(parser, slice_make(text, (size_t)len), &document);
    if (bits_of(alone) != bits_of(expected) || (error == OK) != finite ||
        (finite && bits_of(json_double(&document, json_first(JSON_ROOT))) != bits_of(expected))) {
        fail_msg("%s is %a, not %a; error %d", number, expected, alone, (int)error);
    }
}

static void numbers_of_many_digits_are_the_nearest_doubles(void **state)
{
    static const char *const numbers[] = {
        "1.23456789012345678903e300",
        "-1.23456789012345678903e300",
        "9007199254740993.00000000000000000000000000000000001", /* just above the middle of two */
        "9007199254740993.00000000000000000000000000000000000",
        "9007199254740992.99999999999999999999999999999999999",
        "1."
        "79769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416"
        "69"
        "28879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700698555713669596"
        "2284"
        "291481986083493647529271907416844436551070434271155969950809304288017790417449779e308",
        "1."
        "79769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416"
        "69"
        "28879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700698555713669596"
        "2284"
        "2914819860834936475292719074168444365510704342711559699508093042880177904174497791e308",
        "1.234567890123456789012e400",
        "-1.234567890123456789012e400",
        "1.234567890123456789012e-400",
        "-1.234567890123456789012e-400",
        "0.00000000000000000000000000000000000000000000012345678901234567890123e-300",
        "0.00000000000000000000000000000000000000000000012345678901234567890123e353",
        "0.00000000000000000000000000000000000000000000012345678901234567890123e354",
        "12345678901234567890123456789012345678901234567890e258",
        "12345678901234567890123456789012345678901234567890e260",
        "12345678901234567890123456789012345678901234567890E-400",
        "0.000000000000000000000000000000e999999999999999999999",
        "-0.0000000000000000000000000000000",
        "1.234567890123456789012e99999999999999999999",
        "1.234567890123456789012e-99999999999999999999",
        "4."
        "94065645841246544176568792868221372365059802614324764425585682500675507270208751865299836361635992379796564695"
        "44571773092665671035593979639877479601078187812630071319031140452784581716784898210368871863605699873072305000"
        "6"
        "38740915356498438731247339727316961514003171538539807412623856559117102665855668676818703956031062493194527159"
        "1"
        "49245532930545654440112748012970999954193198940908041656332452475714786901472678015935523861155013480352649347"
        "20"
        "1934e-324",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        must_be_exact(numbers[i]);
    }
}

/* Digits at random, a point somewhere, and an exponent that reaches beyond both ends. */
static void made_up_numbers_are_the_nearest_doubles(void **state)
{
    uint64_t bits = 88172645463325252u;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char number[128];
        size_t len = 0, digits = 1 + (size_t)(i % 50);
        for (size_t digit = 0; digit < digits; digit++) {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            number[len++] = (char)('0' + (digit == 0 ? 1 + bits % 9 : bits % 10));
            if (digit == (bits >> 20) % digits && memchr(number, '.', len) == NULL) {
                number[len++] = '.';
                number[len++] = (char)('0' + bits % 7);
            }
        }
        snprintf(number + len, sizeof number - len, "e%d", (int)((bits >> 32) % 760) - 400);
        must_be_exact(number);
    }
}

/* CPU time of parsing an array of the number, some 1 MB of it: the least of a few times. */
static int64_t cost(const char *number)
{
    struct buf text = { 0 };
    struct json_document document;
    int64_t least = INT64_MAX;
    buf_append_byte(&text, '[');
    while (text.len < 1000000) {
        buf_append_string(&text, number);
        buf_append_byte(&text, ',');
    }
    text.data[text.len - 1] = ']';
    buf_append_fill(&text, ' ', JSON_PADDING);
    for (int i = 0; i < 5; i++) {
        struct timespec before, after;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        assert_int_equal(json_parse(parser, slice_make(text.data, text.len - JSON_PADDING), &document), OK);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        int64_t ns = (after.tv_sec - before.tv_sec) * 1000000000 + (after.tv_nsec - before.tv_nsec);
        least = ns < least ? ns : least;
    }
    buf_release(&text);
    return least;
}

/* The same bytes, so the same time but for a factor: it was 150 where simdjson fell back to its slow way. It is 10 now, and up to 72 under a
 * sanitizer. */
static void a_number_costs_what_it_weighs(void **state)
{
    static const char *const numbers[] = {
        "1.23456789012345678903e300",
        "1.23456789012345678903e-300",
        "12345678901234567890.5",
        "4.940656458412465441765687928e-324",
        "2.4703282292062327208e-324",
        "9007199254740993e0",
        "8.5e-324",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000123456789012345678901e-200",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207.0e200",
    };
    (void)state;
    int64_t plain = cost("1234567.125");
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        int64_t ns = cost(numbers[i]);
        if (ns > 100 * plain) {
            fail_msg("1 MB of %s takes %lld us, of 1234567.125 %lld us", numbers[i], (long long)ns / 1000,
                     (long long)plain / 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_many_digits_are_the_nearest_doubles),
        cmocka_unit_test(made_up_numbers_are_the_nearest_doubles),
        cmocka_unit_test(a_number_costs_what_it_weighs),
    };
    return cmocka_run_group_tests(tests, start, end);
}
