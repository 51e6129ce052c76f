#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/bytes.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void break_equal(void)
{
    size_t rows = 3;
    ASSERT_EQUAL(rows, (size_t)4);
}

static void break_at_most(void)
{
    int64_t length = 8;
    ASSERT_AT_MOST(length, -1);
}

static void break_plain(void)
{
    const char *text = NULL;
    ASSERT(text != NULL);
}

/* What a process that does this says before it aborts. */
static void assert_dies(void (*breaks)(void), const char *words)
{
    int ends[2];
    char said[512] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        breaks();
        _exit(0);
    }
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, words));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void a_broken_invariant_ends_the_process_with_one_line_that_names_it(void **state)
{
    (void)state;
    assert_dies(break_equal, "not true: rows == (size_t)4 (3, 4)");
    assert_dies(break_at_most, "not true: length <= -1 (8, -1)");
    assert_dies(break_plain, "assert_test.c:");
    assert_dies(break_plain, "not true: text != NULL");
}

static void what_holds_does_nothing(void **state)
{
    (void)state;
    ASSERT(true);
    ASSERT_EQUAL(SIZE_MAX, SIZE_MAX);
    ASSERT_AT_MOST((uint64_t)1, UINT64_MAX);
    ASSERT_BELOW(-1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_invariant_ends_the_process_with_one_line_that_names_it),
        cmocka_unit_test(what_holds_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
