/* Which source the program is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/version.h"

static void the_source_is_unknown_until_main_says_it(void **state)
{
    (void)state;
    assert_string_equal(version_commit(), "unknown");
    assert_string_equal(version_date(), "unknown");
    version_set_source("v1.2.3-4-g0123456789ab", "2026-11-30");
    assert_string_equal(version_commit(), "v1.2.3-4-g0123456789ab");
    assert_string_equal(version_date(), "2026-11-30");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_source_is_unknown_until_main_says_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
