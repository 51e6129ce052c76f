/* Server-sent events, however their bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remote/event_stream.h"

#include <string.h>

struct seen {
    struct buf text;
    int most;
};

static bool note(void *context, const char *name, struct slice data)
{
    struct seen *seen = context;
    buf_printf(&seen->text, "%s=%.*s;", name, (int)data.len, data.data);
    return --seen->most != 0;
}

static const char stream_text[] = "\xEF\xBB\xBF: a comment\n\n"
                                  "event: one\ndata: 1\n\n"
                                  "data:a\r\ndata:\r\ndata: b\r\n\r\n"
                                  "event: two\rdata: 2\r\r"
                                  "event: lost\n\n"
                                  "id: 7\nretry: 5\ndata\nunknown: x\ndata: y:z\n\n"
                                  "data: never ended\n";
static const char expected[] = "one=1;message=a\n\nb;two=2;message=\ny:z;";

static void events_are_whole_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < sizeof stream_text; cut++) {
        struct event_stream stream = { 0 };
        struct seen seen = { 0 };
        struct slice rest = SLICE(stream_text);
        while (rest.len != 0) {
            size_t len = rest.len < cut ? rest.len : cut;
            assert_true(event_stream_take(&stream, slice_make(rest.data, len), note, &seen));
            rest = slice_after(rest, len);
        }
        assert_string_equal(buf_c_string(&seen.text), expected);
        event_stream_release(&stream);
        buf_release(&seen.text);
    }
}

static void who_has_enough_is_told_nothing_more(void **state)
{
    struct event_stream stream = { 0 };
    struct seen seen = { .most = 2 };
    (void)state;
    assert_false(event_stream_take(&stream, SLICE(stream_text), note, &seen));
    assert_string_equal(buf_c_string(&seen.text), "one=1;message=a\n\nb;");
    event_stream_release(&stream);
    buf_release(&seen.text);
}

static void what_is_too_long_is_left_out_and_nothing_else(void **state)
{
    static char block[1 << 16];
    struct event_stream stream = { 0 };
    struct seen seen = { 0 };
    (void)state;
    memset(block, 'x', sizeof block);
    assert_true(event_stream_take(&stream, SLICE("data: "), note, &seen));
    for (size_t i = 0; i <= EVENT_STREAM_DATA_MAX / sizeof block; i++) {
        assert_true(event_stream_take(&stream, slice_make(block, sizeof block), note, &seen));
    }
    assert_true(event_stream_take(&stream, SLICE("\n\ndata: short\n\n"), note, &seen));
    assert_string_equal(buf_c_string(&seen.text), "message=short;");
    event_stream_release(&stream);
    buf_release(&seen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_whole_however_they_are_cut),
        cmocka_unit_test(who_has_enough_is_told_nothing_more),
        cmocka_unit_test(what_is_too_long_is_left_out_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
