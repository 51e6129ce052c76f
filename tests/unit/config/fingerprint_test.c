/* Which configurations are alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/reload.h"
#include "config/tables/option_table.h"

#define STREAM "streams:\n- { name: events, fields: [{ name: id, type: String }] }\n"

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static bool alike(const char *one, const char *other)
{
    const char *const texts[] = { one, other };
    char hashes[2][CONFIG_FINGERPRINT_SIZE];
    for (size_t i = 0; i < 2; i++) {
        struct config config;
        struct buf problems = { 0 };
        if (!config_parse(&config, i == 0 ? "a.yaml" : "b.yaml", slice_from_string(texts[i]), nothing_set, &problems)) {
            fail_msg("%.*s", (int)problems.len, problems.data);
        }
        assert_true(config_fingerprint(&option_sections, &config, hashes[i]));
        assert_int_equal(strlen(hashes[i]), CONFIG_FINGERPRINT_SIZE - 1);
        config_free(&config);
        buf_release(&problems);
    }
    return strcmp(hashes[0], hashes[1]) == 0;
}

static void how_a_file_is_written_does_not_matter(void **state)
{
    (void)state;
    assert_true(alike(STREAM, "# another file\n" STREAM));
    assert_true(alike(STREAM, "http: { idle_timeout: 75s }\n" STREAM)); /* its default */
    assert_true(alike("http: { idle_timeout: 60s }\n" STREAM, "http:\n  idle_timeout: 1m\n" STREAM));
}

static void each_option_counts(void **state)
{
    (void)state;
    assert_false(alike(STREAM, "http: { idle_timeout: 5s }\n" STREAM));
    assert_false(alike(STREAM, "streams:\n- { name: events, fields: [{ name: id, type: UInt64 }] }\n"));
    assert_false(alike(STREAM, STREAM "- { name: more, fields: [{ name: id, type: String }] }\n"));
    assert_false(alike("http: { hosts: [a.example] }\n" STREAM, "http: { hosts: [b.example] }\n" STREAM));
}

static void a_secret_does_not_count_so_that_nobody_can_try_it(void **state)
{
    (void)state;
    assert_true(alike("store: { password: one }\n" STREAM, "store: { password: two }\n" STREAM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_file_is_written_does_not_matter),
        cmocka_unit_test(each_option_counts),
        cmocka_unit_test(a_secret_does_not_count_so_that_nobody_can_try_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
