/* Does the store keep up? As rates and backlogs go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "store/delivery/pace.h"

/* So many rows a second come and go, from a backlog on. */
static const struct {
    const char *what;
    uint64_t in, out, backlog;
    int64_t seconds;
    int lines; /* that say so */
    const char *text;
} cases[] = {
    { "keeps up", 5000, 5000, 0, 600, 0, "5000 events/s come, 5000 are stored, 0 wait: the backlog grows" },
    { "a few seconds' work waits", 5000, 5000, 100000, 600, 0, NULL },
    { "too little is known yet", 5000, 100, 0, 14, 0, NULL },
    { "falls behind", 5000, 3000, 0, 120, 2, "5000 events/s come, 3000 are stored, 240000 wait: the backlog grows" },
    { "says so once a minute", 5000, 3000, 300000, 200, 4, NULL },
    { "drains", 0, 1000, 600000, 100, 2, "0 events/s come, 1000 are stored, 500000 wait: gone in 500 s" },
    { "stores nothing at all", 10, 0, 0, 60, 1, "10 events/s come, 0 are stored, 600 wait: the backlog grows" },
    { "is quiet", 0, 0, 0, 600, 0, NULL },
};

static void says_when_the_store_does_not_keep_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct pace pace = { 0 };
        int lines = 0;
        for (int64_t second = 0; second <= cases[i].seconds; second++) {
            uint64_t in = cases[i].in * (uint64_t)second;
            uint64_t out = cases[i].out * (uint64_t)second;
            enum pace_news news = pace_note(&pace, second * NS_PER_SECOND, in, out, cases[i].backlog + in - out);
            lines += news == PACE_BEHIND ? 1 : 0;
        }
        char text[128];
        pace_describe(&pace, text, sizeof text);
        if (lines != cases[i].lines || pace.behind != (lines != 0) ||
            (cases[i].text != NULL && strcmp(text, cases[i].text) != 0)) {
            fail_msg("%s: %d lines, %s", cases[i].what, lines, text);
        }
    }
}

static void says_once_that_it_keeps_up_again(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t in = 0, out = 0;
    int behind = 0, keeps_up = 0;
    for (int64_t second = 0; second < 600; second++) {
        in += second < 100 ? 5000 : 1000;
        out = out + 3000 < in ? out + 3000 : in;
        enum pace_news news = pace_note(&pace, second * NS_PER_SECOND, in, out, in - out);
        behind += news == PACE_BEHIND ? 1 : 0;
        keeps_up += news == PACE_KEEPS_UP ? 1 : 0;
    }
    assert_true(behind >= 1 && behind <= 3);
    assert_int_equal(keeps_up, 1);
    assert_false(pace.behind);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    const struct pace pace = { .in = 1e15, .out = 1e15, .backlog = UINT64_MAX };
    char text[20];
    pace_describe(&pace, text, sizeof text);
    assert_true(strlen(text) < sizeof text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_when_the_store_does_not_keep_up),
        cmocka_unit_test(says_once_that_it_keeps_up_again),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
