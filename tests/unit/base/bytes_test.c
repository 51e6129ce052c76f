/* What base/bytes.h promises. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void u64_takes_digits_only_and_never_wraps(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } rows[] = {
        { "0", true, 0 },
        { "007", true, 7 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999", false, 0 },
        { "", false, 0 },
        { "-1", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "0x1", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t value = 0;
        assert_int_equal(slice_to_u64(slice_from_string(rows[i].text), &value), rows[i].good);
        assert_int_equal(value, rows[i].value);
    }
}

static void i64_takes_both_ends_of_its_range(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(slice_to_i64(SLICE("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_true(slice_to_i64(SLICE("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_false(slice_to_i64(SLICE("9223372036854775808"), &value));
    assert_false(slice_to_i64(SLICE("-9223372036854775809"), &value));
    assert_false(slice_to_i64(SLICE("-"), &value));
}

static void split_yields_every_piece_and_the_empty_last_one(void **state)
{
    (void)state;
    struct slice rest = SLICE("a,,b,");
    struct slice piece;
    const char *const expected[] = { "a", "", "b", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_true(slice_split(&rest, ',', &piece));
        assert_true(slice_equal(piece, slice_from_string(expected[i])));
    }
    assert_false(slice_split(&rest, ',', &piece));
}

static void varint_reads_back_at_every_length(void **state)
{
    (void)state;
    struct buf b = { 0 };
    for (unsigned bits = 0; bits < 64; bits++) {
        uint64_t value = UINT64_C(1) << bits;
        buf_clear(&b);
        buf_append_varint(&b, value);
        size_t at = 0;
        uint64_t back = 0;
        assert_true(slice_read_varint(buf_slice(&b), &at, &back));
        assert_true(back == value && at == b.len);
        at = 0;
        assert_false(slice_read_varint(slice_make(b.data, b.len - 1), &at, &back));
    }
    buf_release(&b);
}

static void varint_over_64_bits_is_refused(void **state)
{
    (void)state;
    size_t at = 0;
    uint64_t value;
    assert_false(slice_read_varint(SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), &at, &value));
    at = 0;
    assert_false(slice_read_varint(SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), &at, &value));
}

static void json_string_escapes_what_must_be(void **state)
{
    (void)state;
    struct buf b = { 0 };
    buf_append_json_string(&b, slice_make("a\"\\\n\x01\x00z\xc3\xa4", 9));
    assert_string_equal(buf_c_string(&b), "\"a\\\"\\\\\\n\\u0001\\u0000z\xc3\xa4\"");
    buf_release(&b);
}

static void a_failed_buffer_stays_failed_until_cleared(void **state)
{
    (void)state;
    struct buf b = { 0 };
    buf_append_string(&b, "kept");
    assert_false(buf_reserve(&b, SIZE_MAX - 2));
    buf_append_string(&b, "lost");
    assert_true(b.failed && b.len == 4);
    buf_clear(&b);
    buf_append_string(&b, "again");
    assert_true(!b.failed && b.len == 5);
    buf_release(&b);
}

static void consume_keeps_the_rest(void **state)
{
    (void)state;
    struct buf b = { 0 };
    buf_printf(&b, "%s-%d", "abc", 42);
    buf_consume(&b, 4);
    assert_true(slice_equal(buf_slice(&b), SLICE("42")));
    buf_release(&b);
}

/* As RFC 8259 wants it, in the shortest way. */
static struct slice in_json(int c, char space[8])
{
    static const char brief[] = "\"\"\\\\\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof brief; i += 2) {
        if (brief[i] == c) {
            space[0] = '\\';
            space[1] = brief[i + 1];
            return slice_make(space, 2);
        }
    }
    return slice_make(space, (size_t)snprintf(space, 8, c < 0x20 ? "\\u%04x" : "%c", c));
}

static void json_string_finds_what_to_escape_wherever_it_stands(void **state)
{
    (void)state;
    struct buf b = { 0 };
    for (size_t len = 1; len <= 20; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c <= 0xff; c++) {
                char text[20], expected[32], space[8];
                struct slice written = in_json(c, space);
                memset(text, 'x', sizeof text);
                text[at] = (char)c;
                memset(expected, 'x', sizeof expected);
                expected[0] = '"';
                memcpy(expected + 1 + at, written.data, written.len);
                expected[len + written.len] = '"';
                buf_clear(&b);
                buf_append_json_string(&b, slice_make(text, len));
                assert_int_equal(b.len, len + written.len + 1);
                assert_memory_equal(b.data, expected, b.len);
            }
        }
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64_takes_digits_only_and_never_wraps),
        cmocka_unit_test(i64_takes_both_ends_of_its_range),
        cmocka_unit_test(split_yields_every_piece_and_the_empty_last_one),
        cmocka_unit_test(varint_reads_back_at_every_length),
        cmocka_unit_test(varint_over_64_bits_is_refused),
        cmocka_unit_test(json_string_escapes_what_must_be),
        cmocka_unit_test(json_string_finds_what_to_escape_wherever_it_stands),
        cmocka_unit_test(a_failed_buffer_stays_failed_until_cleared),
        cmocka_unit_test(consume_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
