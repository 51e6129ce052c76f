#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "store/codes.h"
#include "store/store.h"

static bool is_silent(enum store_outcome outcome, int code)
{
    struct store_reply reply = { .outcome = outcome, .code = code };
    return code_is_silent(&reply);
}

static void what_is_wrong_with_the_server_or_with_our_rights_says_nothing_of_a_table(void **state)
{
    static const int silent[] = { 81,  159, 164, 192, 193, 194, 195, 201, 202, 209, 210, 225, 241,
                                  242, 252, 285, 291, 319, 394, 396, 452, 473, 497, 516, 999, 1002 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(silent); i++) {
        assert_true(is_silent(STORE_ANSWERED, silent[i]));
    }
    assert_true(is_silent(STORE_ANSWERED, 0)); /* a proxy's */
    assert_true(is_silent(STORE_UNREACHABLE, 60));
    assert_true(is_silent(STORE_UNKNOWN, 60));
}

static void what_is_wrong_with_the_table_says_so(void **state)
{
    static const int says[] = { 8, 16, 44, 46, 47, 50, 60, 62, 218, 117, 4711 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(says); i++) {
        assert_false(is_silent(STORE_ANSWERED, says[i]));
    }
}

static void codes_have_clickhouse_s_own_names(void **state)
{
    (void)state;
    assert_string_equal(code_name(CODE_UNKNOWN_TABLE), "UNKNOWN_TABLE");
    assert_string_equal(code_name(CODE_TOO_MANY_ROWS_OR_BYTES), "TOO_MANY_ROWS_OR_BYTES");
    assert_string_equal(code_name(516), "AUTHENTICATION_FAILED");
    assert_string_equal(code_name(4711), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_the_server_or_with_our_rights_says_nothing_of_a_table),
        cmocka_unit_test(what_is_wrong_with_the_table_says_so),
        cmocka_unit_test(codes_have_clickhouse_s_own_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
