/* An event loop while memory is short: it waits, and ends the process with a reason only when none comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/system/short_memory.h"
#include "failing_malloc.h"
#include "proto/server/loop.h"

static bool ends(void *context)
{
    (void)context;
    return false;
}

static void nothing(void *context)
{
    (void)context;
}

static void a_shortage_that_passes_is_waited_for(void **state)
{
    struct loop_callbacks callbacks = { .awake = nothing, .tick = nothing, .before_block = ends };
    (void)state;
    for (size_t first = 0; first < 30; first++) {
        malloc_fail(first, 2);
        struct loop *loop = loop_new(&callbacks);
        if (loop != NULL) {
            loop_run(loop);
        }
        (void)malloc_has_failed();
        loop_free(loop);
    }
}

static void a_shortage_that_stays_ends_the_process_with_a_reason(void **state)
{
    int output[2];
    char text[512] = "";
    int status = 0;
    (void)state;
#ifdef MALLOC_CANNOT_FAIL
    skip();
#endif
    assert_int_equal(pipe(output), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(output[1], STDERR_FILENO);
        malloc_fail(0, SIZE_MAX / 2);
        (void)short_memory_wait(NULL, 100, "the event loop");
        _exit(9);
    }
    close(output[1]);
    assert_true(read(output[0], text, sizeof text - 1) > 0);
    close(output[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(text, "the event loop cannot go on without memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shortage_that_passes_is_waited_for),
        cmocka_unit_test(a_shortage_that_stays_ends_the_process_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
