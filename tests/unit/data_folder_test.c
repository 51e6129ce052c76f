/* What base/data_folder.h promises: rule 1 of the journal. */
#include "base/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/sluice-folder-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void rule_1_refuses_a_folder_that_another_gateway_uses(void **state)
{
    struct data_folder first, second;
    struct buf problem = { 0 };
    char alias[160];
    (void)state;
    snprintf(alias, sizeof alias, "%s/../%s/.", root, strrchr(root, '/') + 1);
    assert_true(data_folder_take(&first, root, true, &problem));
    assert_false(data_folder_take(&second, alias, true, &problem));
    char expected[64];
    snprintf(expected, sizeof expected, "in use by another gateway (pid %ld)", (long)getpid());
    assert_non_null(strstr(buf_c_string(&problem), expected));
    data_folder_release(&second);
    data_folder_release(&first);
    buf_release(&problem);
    assert_true(data_folder_take(&second, alias, true, &problem)); /* the lock went with the first */
    assert_string_equal(second.path, root);
    data_folder_release(&second);
}

static void makes_a_missing_folder_only_when_asked(void **state)
{
    struct data_folder folder;
    struct buf problem = { 0 };
    char deep[128];
    (void)state;
    snprintf(deep, sizeof deep, "%s/a/b/c", root);
    assert_false(data_folder_take(&folder, deep, false, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "No such file"));
    data_folder_release(&folder);
    assert_true(data_folder_take(&folder, deep, true, &problem));
    data_folder_release(&folder);
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_1_refuses_a_folder_that_another_gateway_uses),
        cmocka_unit_test(makes_a_missing_folder_only_when_asked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
