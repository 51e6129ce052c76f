/* How many servers answer at one address: stories of probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/delivery/identities.h"

/* A letter a probe: upper case and lower case are servers of one name, started at different times; `A` restarted is 1. */
static size_t servers(const char *probes, int *news)
{
    struct identities identities = { 0 };
    int64_t now_ns = 1000 * NS_PER_SECOND;
    *news = 0;
    for (; *probes != '\0'; probes++, now_ns += NS_PER_SECOND) {
        char name[2] = { *probes >= 'a' ? (char)(*probes - 'a' + 'A') : *probes == '1' ? 'A' : *probes, '\0' };
        int64_t up_since_ns = *probes >= 'a' ? 500 * NS_PER_SECOND : *probes == '1' ? 700 * NS_PER_SECOND : 0;
        *news += identities_note(&identities, name, up_since_ns + (now_ns / NS_PER_SECOND) % 2 * NS_PER_SECOND, now_ns);
    }
    return identities_are_several(&identities, now_ns) ? 2 : 1;
}

static void servers_that_take_turns_are_several(void **state)
{
    static const struct {
        const char *probes;
        size_t servers;
    } rows[] = {
        { "", 1 },        { "A", 1 },       { "AAAA", 1 },    { "AAB", 1 },                /* it took over the name */
        { "AA1", 1 },                                                                      /* it restarted */
        { "AA11111", 1 }, { "ABA", 2 },     { "AAABBBA", 2 }, { "ABCA", 2 }, { "AaA", 2 }, /* two of one name */
        { "A1B1", 2 },    { "ABCDEFG", 1 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int news;
        if (servers(rows[i].probes, &news) != rows[i].servers || news != (rows[i].servers == 2)) {
            fail_msg("%s", rows[i].probes);
        }
    }
}

static void several_are_forgotten_once_one_alone_answers(void **state)
{
    struct identities identities = { 0 };
    (void)state;
    identities_note(&identities, "A", 1, 10);
    identities_note(&identities, "B", 1, 20);
    assert_true(identities_note(&identities, "A", 1, 30));
    assert_string_equal(identities.other, "B");
    assert_false(identities_note(&identities, "B", 1, 40)); /* no news */
    assert_true(identities_are_several(&identities, 40 + IDENTITIES_MEMORY_NS - 1));
    assert_false(identities_are_several(&identities, 40 + IDENTITIES_MEMORY_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_take_turns_are_several),
        cmocka_unit_test(several_are_forgotten_once_one_alone_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
