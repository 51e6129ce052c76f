/* What the arguments of a query are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/page.h"

static void arguments_are_found_and_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *query, *value; /* NULL: absent */
        bool malformed;
    } rows[] = {
        { "a=1&name=x", "x", false },
        { "name=a%20b+c", "a b c", false },
        { "name=", "", false },
        { "name", "", false },
        { "names=x", NULL, false },
        { "", NULL, false },
        { "name=%", "", true },
        { "name=%4", "", true },
        { "name=%zz", "", true },
        { "name=1&name=2", "1", false },
        { "name=%41%c3%A9", "A\xc3\xa9", false },
        { "name=a=b", "a=b", false },
    };
    struct buf out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool malformed;
        bool found = page_argument(slice_from_string(rows[i].query), "name", &out, &malformed);
        assert_int_equal(found, rows[i].value != NULL);
        assert_int_equal(malformed, rows[i].malformed);
        if (rows[i].value != NULL && !malformed) {
            assert_string_equal(buf_c_string(&out), rows[i].value);
        }
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_found_and_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
