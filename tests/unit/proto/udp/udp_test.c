#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "proto/front/encoding.h"
#include "proto/udp/udp.h"
#include "proto/udp/udp_thread.h"

static const struct stream_options streams[] = { { .name = "events" }, { .name = "orders" } };

static void tells_packed_datagrams_by_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        struct slice datagram;
        enum encoding encoding;
    } rows[] = {
        { { "", 0 }, ENCODING_IDENTITY },
        { { "{}", 2 }, ENCODING_IDENTITY },
        { { "\x07\0\0", 3 }, ENCODING_IDENTITY },
        { { "[{}]", 4 }, ENCODING_IDENTITY },
        { { "\x04\x22\x4d\x18", 4 }, ENCODING_LZ4 },
        { { "\x04\x22\x4d\x19", 4 }, ENCODING_IDENTITY },
        { { "\x02\0\0\0\x20{}", 7 }, ENCODING_LZ4 },
        { { "\xff\xff\xff\0\x20{}", 7 }, ENCODING_LZ4 },
        { { "\0\0\0\x01\x20{}", 7 }, ENCODING_IDENTITY },
        { { "{}\0\0\0", 5 }, ENCODING_IDENTITY },
        { { "[]\n\0", 4 }, ENCODING_IDENTITY },
        { { "\0\0\0\0\0\0", 6 }, ENCODING_IDENTITY },
        { { "{}\0\0\x20{}", 7 }, ENCODING_LZ4 }, /* 32,123 bytes, it says */
        { { "{\"a\":1}\0", 8 }, ENCODING_IDENTITY },
        { { "\xf0\x01{\"event_name\":1}", 18 }, ENCODING_LZ4 },
        { { "hello, world", 12 }, ENCODING_IDENTITY },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(udp_packing(rows[i].datagram), rows[i].encoding);
    }
}

static void every_bad_listener_is_a_line(void **state)
{
    (void)state;
    static struct udp_listener_options rows[] = {
        { .line = 3, .listen = ":8125", .stream = "orders" },  { .line = 4, .listen = "off", .stream = "" },
        { .line = 5, .listen = "off", .stream = "" },          { .line = 6, .listen = "8125", .stream = "" },
        { .line = 7, .listen = ":8126", .stream = "nowhere" }, { .line = 8, .listen = ":8125", .stream = "" },
    };
    struct buf problems = { 0 };
    struct udp_options options = { .listeners = rows, .listener_count = 3 };
    assert_true(udp_check(&options, streams, 2, NULL, &problems));
    assert_int_equal(problems.len, 0);

    options.listener_count = ARRAY_LENGTH(rows);
    assert_false(udp_check(&options, streams, 2, NULL, &problems));
    const char *text = buf_c_string(&problems);
    assert_true(strncmp(text, "6: udp.listeners: ", 18) == 0);
    assert_non_null(strstr(text, "\n7: udp.listeners: found stream \"nowhere\""));
    assert_non_null(strstr(text, "\n8: udp.listeners: \":8125\" is listened on by the listener of line 3"));
    buf_release(&problems);
}

static void listeners_that_are_off_have_no_name(void **state)
{
    (void)state;
    static struct udp_listener_options rows[] = { { .listen = "off" }, { .listen = ":1" }, { .listen = ":2" } };
    struct udp_options options = { .listeners = rows, .listener_count = ARRAY_LENGTH(rows) };
    const char *names[ARRAY_LENGTH(rows)];
    assert_int_equal(udp_listener_names(&options, names), 2);
    assert_string_equal(names[0], ":1");
    assert_string_equal(names[1], ":2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_packed_datagrams_by_their_first_bytes),
        cmocka_unit_test(every_bad_listener_is_a_line),
        cmocka_unit_test(listeners_that_are_off_have_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
