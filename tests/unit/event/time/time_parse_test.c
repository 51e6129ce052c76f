#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/time/time_parse.h"

/* 2026-03-02T12:00:00Z, a Monday; 1994-11-06T08:49:37Z, a Sunday. */
#define NOON INT64_C(1772452800)
#define SUNDAY INT64_C(784111777)
#define HOUR 3600

static const struct {
    const char *text;
    int64_t seconds;
    int32_t nanos;
} taken[] = {
    /* RFC 3339 and what was taken always */
    { "2026-03-02T12:00:00Z", NOON, 0 },
    { "2026-03-02t12:00:00z", NOON, 0 },
    { "2026-03-02 12:00:00", NOON, 0 },
    { "2026-03-02T12:00:00.123456789Z", NOON, 123456789 },
    { "2026-03-02T12:00:00.1234567899Z", NOON, 123456789 },
    { "2026-03-02T13:00:00+01:00", NOON, 0 },
    { "2026-03-02T07:30:00-0430", NOON, 0 },
    { "2026-03-02T12:00:60Z", NOON + 60, 0 },
    { "2026-03-02", NOON - 12 * HOUR, 0 },
    { "1969-12-31T23:59:59.5Z", -1, 500000000 },
    { "1772452800", NOON, 0 },
    { "1772452800123", NOON, 123000000 },
    { "1772452800123456", NOON, 123456000 },
    { "1772452800123456789", NOON, 123456789 },
    /* Java leaves zero seconds out; hours alone */
    { "2026-03-02T12:00Z", NOON, 0 },
    { "2026-03-02T12:00+01:00", NOON - HOUR, 0 },
    { "2026-03-02T12", NOON, 0 },
    { "2026-03-02T12Z", NOON, 0 },
    { "2026-03-02T13:00+01:00[Europe/Paris]", NOON, 0 },
    { "2026-03-02T12:00Z[UTC]", NOON, 0 },
    /* Postgres */
    { "2026-03-02 12:00:00+00", NOON, 0 },
    { "2026-03-02 12:00:00.123456+00", NOON, 123456000 },
    { "2026-03-02 17:30:00+05:30", NOON, 0 },
    { "2026-03-02 12:00:00-02", NOON + 2 * HOUR, 0 },
    { "2026-03-02 12:53:28+00:53:28", NOON, 0 },
    /* nginx' $msec */
    { "1772452800.107", NOON, 107000000 },
    { "1772452800.123456789", NOON, 123456789 },
    { "1772452800.1234567891", NOON, 123456789 },
    { "1772452800123.5", NOON, 123500000 },
    { "1772452800123456.25", NOON, 123456250 },
    { "-100000000.25", -100000001, 750000000 },
    /* Ruby, Go, Python's logging and isoformat */
    { "2026-03-02 12:00:00 +0000", NOON, 0 },
    { "2026-03-02 12:00:00 UTC", NOON, 0 },
    { "2026-03-02 12:00:00 gmt", NOON, 0 },
    { "2026-03-02T12:00:00 Z", NOON, 0 },
    { "2026-03-02 12:00:00UTC", NOON, 0 },
    { "2026-03-02 13:00:00.5 +0100 CET", NOON, 500000000 },
    { "2026-03-02 12:00:00 +0000 UTC m=+0.000012", NOON, 0 },
    { "2026-03-02 15:00:00 +0300 +03 m=+0.1", NOON, 0 },
    { "2026-03-02 12:00:00,123", NOON, 123000000 },
    { "2026-03-02 12:00:00.123456+00:00", NOON, 123456000 },
    { "2026/03/02 12:00:00", NOON, 0 },
    /* ISO 8601's basic form, weeks, days of the year, the end of a day */
    { "20260302T120000Z", NOON, 0 },
    { "20260302T120000.5+0100", NOON - HOUR, 500000000 },
    { "20260302T1200", NOON, 0 },
    { "20260302T12Z", NOON, 0 },
    { "20260302120000", NOON, 0 },
    { "20260302120000Z", NOON, 0 },
    { "20260302120000.5Z", NOON, 500000000 },
    { "10020210092000.5", 10020210092, 500000 }, /* milliseconds: no column holds the year 1002 */
    { "18991231235959", 18991231235, 959000000 },
    { "2026-W10-1T12:00:00Z", NOON, 0 },
    { "2026-W10-1", NOON - 12 * HOUR, 0 },
    { "2026-061T12:00Z", NOON, 0 },
    { "2020-W53-7", 1609632000, 0 },
    { "2026-03-01T24:00:00Z", NOON - 12 * HOUR, 0 },
    { "2026-03-01T24:00Z", NOON - 12 * HOUR, 0 },
    { "2026-03-01 24:00:00.000", NOON - 12 * HOUR, 0 },
    /* HTTP, RFC 9110 5.6.7 */
    { "Sun, 06 Nov 1994 08:49:37 GMT", SUNDAY, 0 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", SUNDAY, 0 },
    { "Sun Nov  6 08:49:37 1994", SUNDAY, 0 },
    { "Mon, 02-Mar-26 12:00:00 GMT", NOON, 0 },
    /* mail, RFC 2822 */
    { "Mon, 2 Mar 2026 13:00:00 +0100", NOON, 0 },
    { "2 Mar 2026 12:00 +0000", NOON, 0 },
    { "Mon, 02 Mar 2026 07:00:00 EST", NOON, 0 },
    { "Mon, 02 Mar 2026 12:00:00 -0000 (UTC)", NOON, 0 },
    { "02 Mar 26 12:00 UT", NOON, 0 },
    /* web servers' logs, date(1), Java's and JavaScript's Date */
    { "02/Mar/2026:12:00:00 +0000", NOON, 0 },
    { "02-Mar-2026 12:00:00", NOON, 0 },
    { "Mon Mar  2 12:00:00 UTC 2026", NOON, 0 },
    { "Mon Mar 02 12:00:00 GMT 2026", NOON, 0 },
    { "Mon Mar 02 2026 13:00:00 GMT+0100 (Central European Standard Time)", NOON, 0 },
    { "Mon Mar 02 2026", NOON - 12 * HOUR, 0 },
    { "/Date(1772452800123)/", NOON, 123000000 },
    { "/Date(1772452800123+0100)/", NOON, 123000000 },
    { "/Date(-500)/", -1, 500000000 },
};

static const char *const refused[] = {
    "",
    "now",
    "yesterday",
    "2026-03",
    "2026-13-01",
    "2026-02-29",
    "2026-3-2",
    "02/03/2026",
    "03/02/2026 12:00:00",
    "02.03.2026",
    "26-03-02 12:00:00",
    "2026-03-02T",
    "2026-03-02T1",
    "2026-03-02T12:",
    "2026-03-02T12:0",
    "2026-03-02T12:00:",
    "2026-03-02T12:00:0",
    "2026-03-02T12:00:00.",
    "2026-03-02T12:00.5",
    "2026-03-02T12:00:61Z",
    "2026-03-02T12:60Z",
    "2026-03-02T25:00Z",
    "2026-03-02T24:00:01Z",
    "2026-03-02T24:00:00.1Z",
    "2026-03-02T24:01Z",
    "2026-03-02T12:00:00Zx",
    "2026-03-02T12:00:00ZZ",
    "2026-03-02T12:00:00+",
    "2026-03-02T12:00:00+1",
    "2026-03-02T12:00:00+01:",
    "2026-03-02T12:00:00+24:00",
    "2026-03-02T12:00:00+01:60",
    "2026-03-02T12:00:00 CET", /* which of its two offsets, nobody says */
    "2026-03-02T12:00:00 IST",
    "2026-03-02T12:00:00 UTC+1",
    "2026-03-02T12:00:00[Europe/Paris]",
    "2026-03-02T12:00:00Z[Europe",
    "2026-03-02T12:00:00 PM",
    "2026-03-02 ",
    " 2026-03-02",
    "2026-03-02T12:00:00 ",
    "2026-03-02T12:00:00+01:00 PM",
    "2026-03-02T12:00:00Z x=1",
    "20260302T",
    "2026-W54-1",
    "2026-W10",
    "2026-W10-8",
    "2026-366",
    "2026-000",
    "12:00:00",
    "1234.5",
    "1772452800.",
    "1772452800.x",
    "1.772452800e9",
    "0x69A57B40",
    "Tue, 02 Mar 2026 12:00:00 GMT", /* it was a Monday */
    "Mon, 02-Mar-26",
    "02-Mar-26 12:00:00",
    "Mon, 31 Feb 2026 12:00:00 GMT",
    "Mon, 02 Mrz 2026 12:00:00 GMT",
    "Mon, 02 Mar 2026 12:00:00 CET",
    "Mon, 02 Mar 2026 12:00:00 GMT x",
    "Mar 2 12:00:00",
    "Mon Mar  2 12:00:00 CET 2026",
    "Mon",
    "Mon, ",
    "02/Mar/2026:12:00:00 ",
    "/Date()/",
    "/Date(/",
    "/Date(1772452800123)",
    "/Date(x)/",
};

static void takes_the_forms_that_programs_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
        struct moment moment = { 0 };
        if (!moment_from_text(slice_from_string(taken[i].text), &moment)) {
            fail_msg("\"%s\" is refused", taken[i].text);
        }
        if (moment.seconds != taken[i].seconds || moment.nanos != taken[i].nanos) {
            fail_msg("\"%s\" is %lld.%09d, not %lld.%09d", taken[i].text, (long long)moment.seconds, moment.nanos,
                     (long long)taken[i].seconds, taken[i].nanos);
        }
    }
}

static void refuses_what_is_no_time_or_could_be_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct moment moment;
        if (moment_from_text(slice_from_string(refused[i]), &moment)) {
            fail_msg("\"%s\" is taken as %lld.%09d", refused[i], (long long)moment.seconds, moment.nanos);
        }
    }
}

/* No prefix of a form may read behind its end (asan), and no byte put into one may break the invariants of a moment. */
static void no_text_breaks_a_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
        size_t len = strlen(taken[i].text);
        for (size_t cut = 0; cut <= len; cut++) {
            for (int byte = 0; byte < 256; byte++) {
                char *copy = test_malloc(cut + 1);
                struct moment moment = { 0 };
                memcpy(copy, taken[i].text, cut);
                copy[cut] = (char)byte;
                if (moment_from_text(slice_make(copy, cut + 1), &moment)) {
                    assert_in_range(moment.nanos, 0, 999999999);
                }
                test_free(copy);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_forms_that_programs_write),
        cmocka_unit_test(refuses_what_is_no_time_or_could_be_two),
        cmocka_unit_test(no_text_breaks_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
