/* A connection that speaks HTTP while memory is short: each request is answered, or its connection closed. None is left to
 * wait for an answer that never comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "http_wire.h"

#define CHUNKED                                                                                                        \
    "POST /events/bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"

/* True: none was left to fail. */
static bool serve_with(const char *script, size_t first, size_t span)
{
    struct wire *wire = wire_new();
    malloc_fail(first, span);
    send_text(wire, script);
    bool failed = malloc_has_failed();
    if (world.count != 0) {
        complete(wire, 0, 1, 0, OK);
    }
    assert_true(wire->closed || wire->finished || wire->writes != 0);
    assert_true(failed || strcmp(statuses(wire), "") != 0);
    wire_free(wire);
    return !failed;
}

static void each_request_is_answered_or_its_connection_closed(void **state)
{
    static const char *const scripts[] = { POST, GET_PING, CHUNKED };
    static const size_t spans[] = { 1, 1000 };
    (void)state;
#ifdef MALLOC_CANNOT_FAIL
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LENGTH(scripts) * ARRAY_LENGTH(spans); i++) {
        for (size_t first = 0; !serve_with(scripts[i / 2], first, spans[i % 2]); first++) {
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_answered_or_its_connection_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
