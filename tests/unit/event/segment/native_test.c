/* Native blocks: what is written reads back, whatever was kept; hostile bytes are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "sample_rows.h"
#include "schema_fixture.h"

#define ROWS 39u

static struct stream *stream;
static struct chunk *chunk;

static int set_up(void **state)
{
    (void)state;
    stream = sample_stream();
    chunk = chunk_new(stream);
    sample_fill(chunk, 0, ROWS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chunk_free(chunk);
    stream_free(stream);
    return 0;
}

static void append(void *context, const void *data, size_t len)
{
    buf_append(context, data, len);
}

static struct buf encode(const uint64_t *keep, uint32_t kept)
{
    struct buf out = { 0 };
    native_encode(chunk, keep, kept, (struct native_sink){ append, &out });
    assert_false(out.failed);
    return out;
}

static void assert_row(struct native_block *block, uint64_t row, unsigned k)
{
    struct buf found = { 0 };
    struct buf expected = { 0 };
    native_row_to_json(block, row, &found);
    sample_json(&expected, k);
    assert_string_equal(buf_c_string(&found), buf_c_string(&expected));
    buf_release(&found);
    buf_release(&expected);
}

static void reads_back_every_type(void **state)
{
    (void)state;
    struct buf bytes = encode(NULL, ROWS);
    struct slice rest = buf_slice(&bytes);
    struct native_block block = { 0 };
    assert_true(native_read(&block, &rest));
    assert_int_equal(rest.len, 0);
    assert_int_equal(block.rows, ROWS);
    assert_int_equal(block.column_count, stream->column_count);
    for (unsigned k = 0; k < ROWS; k++) {
        assert_row(&block, k, k);
    }
    assert_row(&block, 3, 3); /* backwards */
    native_block_release(&block);
    buf_release(&bytes);
}

static void leaves_out_rows_that_are_not_kept(void **state)
{
    (void)state;
    static const uint64_t masks[] = { 1, UINT64_C(1) << 38, 0x5555555555, 0x7ffffffffe, 0x3c3c3c3c3c, 0x0000000ff0 };
    for (size_t i = 0; i < ARRAY_LENGTH(masks); i++) {
        uint64_t keep = masks[i] & ((UINT64_C(1) << ROWS) - 1);
        struct buf bytes = encode(&keep, (uint32_t)__builtin_popcountll(keep));
        struct slice rest = buf_slice(&bytes);
        struct native_block block = { 0 };
        assert_true(native_read(&block, &rest));
        assert_int_equal(rest.len, 0);
        assert_int_equal(block.rows, __builtin_popcountll(keep));
        for (unsigned k = 0, row = 0; k < ROWS; k++) {
            if (keep >> k & 1) {
                assert_row(&block, row++, k);
            }
        }
        native_block_release(&block);
        buf_release(&bytes);
    }
}

static void keeps_rows_beyond_the_first_word_of_the_bitmap(void **state)
{
    (void)state;
    struct chunk *large = chunk_new(stream);
    uint64_t keep[4] = { 0, UINT64_C(1) << 63, 1, 1 };
    struct buf bytes = { 0 };
    struct native_block block = { 0 };
    sample_fill(large, 0, 0);
    for (unsigned k = 0; k < 200; k++) {
        sample_fill(large, k % ROWS, 1);
    }
    native_encode(large, keep, 3, (struct native_sink){ append, &bytes });
    struct slice rest = buf_slice(&bytes);
    assert_true(native_read(&block, &rest));
    assert_int_equal(rest.len, 0);
    assert_int_equal(block.rows, 3);
    assert_row(&block, 0, 127 % ROWS);
    assert_row(&block, 1, 128 % ROWS);
    assert_row(&block, 2, 192 % ROWS);
    native_block_release(&block);
    buf_release(&bytes);
    chunk_free(large);
}

static void writes_any_run_of_rows(void **state)
{
    (void)state;
    struct buf bytes = encode(NULL, ROWS);
    struct slice rest = buf_slice(&bytes);
    struct native_block block = { 0 };
    struct native_block part = { 0 };
    assert_true(native_read(&block, &rest));
    for (unsigned first = 0; first < ROWS; first++) {
        struct buf out = { 0 };
        unsigned count = (ROWS - first + 1) / 2;
        native_write_rows(&block, first, count, &out);
        rest = buf_slice(&out);
        assert_true(native_read(&part, &rest));
        assert_int_equal(rest.len, 0);
        assert_int_equal(part.rows, count);
        for (unsigned row = 0; row < count; row++) {
            assert_row(&part, row, first + row);
        }
        buf_release(&out);
    }
    native_block_release(&block);
    native_block_release(&part);
    buf_release(&bytes);
}

static void merges_blocks_into_one(void **state)
{
    (void)state;
    uint64_t front = 0x3ff;
    uint64_t back = ((UINT64_C(1) << ROWS) - 1) & ~front;
    struct buf bytes = encode(&front, 10);
    struct buf second = encode(&back, ROWS - 10);
    struct buf blocks = { 0 };
    struct buf merged = { 0 };
    struct buf whole = encode(NULL, ROWS);
    struct native_merger *merger = native_merger_new();
    struct gather gather;
    buf_append_slice(&bytes, buf_slice(&second));
    for (int again = 0; again < 2; again++) {
        buf_clear(&blocks);
        buf_clear(&merged);
        buf_append_slice(&blocks, buf_slice(&bytes));
        assert_int_equal(native_merge(merger, &blocks, &gather), OK);
        buf_append_gather(&merged, gather);
        assert_int_equal(gather.bytes, whole.len);
        assert_int_equal(merged.len, whole.len);
        assert_memory_equal(merged.data, whole.data, whole.len);
    }
    bytes.len--;
    assert_int_equal(native_merge(merger, &bytes, &gather), ERROR_BAD_COMPRESSION);
    buf_clear(&blocks);
    assert_int_equal(native_merge(merger, &blocks, &gather), ERROR_BAD_COMPRESSION);
    native_merger_free(merger);
    buf_release(&blocks);
    buf_release(&bytes);
    buf_release(&second);
    buf_release(&merged);
    buf_release(&whole);
}

static void json_columns_of_a_merged_block_are_json_if_the_stream_says_so(void **state)
{
    (void)state;
    static const char bytes[] = "\4\1\1a\6String\2{}"
                                "\1j\6String\2{}"
                                "\1l\15Array(String)\1\0\0\0\0\0\0\0\2{}"
                                "\1n\20Nullable(String)\0\2{}";
    static const char marked[] = "\4\1\1a\6String\2{}"
                                 "\1j\4JSON\1\0\0\0\0\0\0\0\2{}"
                                 "\1l\13Array(JSON)\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2{}"
                                 "\1n\16Nullable(JSON)\1\0\0\0\0\0\0\0\0\2{}";
    struct field_options json_fields[] = { FIELD("n", "Nullable(JSON)"), FIELD("a", "String"), FIELD("j", "JSON"),
                                           FIELD("l", "Array(JSON)") };
    struct stream_options json_options = { .name = "s", .table = "t", .fields = json_fields, .field_count = 4 };
    struct buf problems = { 0 }, blocks = { 0 }, merged = { 0 };
    struct stream *json_stream = stream_compile(&json_options, 0, &problems);
    struct native_merger *merger = native_merger_new();
    struct gather gather;
    assert_non_null(json_stream);
    buf_append(&blocks, bytes, sizeof bytes - 1);
    for (int mark = 0; mark < 3; mark++) {
        native_merger_mark_json(merger, mark == 1 ? json_stream : NULL);
        assert_int_equal(native_merge(merger, &blocks, &gather), OK);
        buf_clear(&merged);
        buf_append_gather(&merged, gather);
        assert_int_equal(merged.len, mark == 1 ? sizeof marked - 1 : sizeof bytes - 1);
        assert_memory_equal(merged.data, mark == 1 ? marked : bytes, merged.len);
    }
    native_merger_free(merger);
    stream_free(json_stream);
    buf_release(&blocks);
    buf_release(&merged);
    buf_release(&problems);
}

static void does_not_merge_blocks_of_other_columns(void **state)
{
    (void)state;
    static const char bytes[] = "\1\1\1a\5UInt8\7"
                                "\1\1\1b\5UInt8\7";
    struct buf blocks = { 0 };
    struct gather merged;
    struct native_merger *merger = native_merger_new();
    buf_append(&blocks, bytes, sizeof bytes - 1);
    assert_int_equal(native_merge(merger, &blocks, &merged), ERROR_BAD_COMPRESSION);
    native_merger_free(merger);
    buf_release(&blocks);
}

/* In memory of its own, so that a byte read too far is found by ASan. */
static bool reads(struct native_block *block, struct slice bytes)
{
    char *copy = malloc(bytes.len + 1);
    assert_non_null(copy);
    char *exact = realloc(copy, bytes.len == 0 ? 1 : bytes.len);
    if (bytes.len != 0) {
        memcpy(exact, bytes.data, bytes.len);
    }
    struct slice rest = slice_make(exact, bytes.len);
    struct buf line = { 0 };
    bool whole = native_read(block, &rest);
    for (uint64_t row = 0; whole && row < block->rows && row < 1000; row++) {
        buf_clear(&line);
        native_row_to_json(block, row, &line);
    }
    buf_release(&line);
    free(exact);
    return whole;
}

static void refuses_a_block_cut_anywhere(void **state)
{
    (void)state;
    struct native_block block = { 0 };
    struct buf bytes = encode(NULL, ROWS);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_false(reads(&block, slice_make(bytes.data, len)));
    }
    assert_true(reads(&block, buf_slice(&bytes)));
    native_block_release(&block);
    buf_release(&bytes);
}

static void survives_any_byte_changed(void **state)
{
    (void)state;
    static const uint8_t changes[] = { 0x01, 0x80, 0xff, 0x7f };
    struct native_block block = { 0 };
    uint64_t keep = 0x1f;
    struct buf bytes = encode(&keep, 5);
    size_t refused = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        for (size_t i = 0; i < sizeof changes; i++) {
            bytes.data[at] = (char)(bytes.data[at] ^ (char)changes[i]);
            refused += !reads(&block, buf_slice(&bytes));
            bytes.data[at] = (char)(bytes.data[at] ^ (char)changes[i]);
        }
    }
    assert_true(refused > 100);
    native_block_release(&block);
    buf_release(&bytes);
}

static void refuses_hostile_counts(void **state)
{
    (void)state;
#define HUGE_VARINT "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    static const struct slice cases[] = {
        { NULL, 0 },
        { "\0\0", 2 },                             /* no column */
        { HUGE_VARINT "\1", 11 },                  /* columns */
        { "\1" HUGE_VARINT "\1a\5UInt8\1", 19 },   /* rows of a byte */
        { "\1" HUGE_VARINT "\1a\6UInt64\1", 20 },  /* rows × width overflows */
        { "\1\1\1a\6String" HUGE_VARINT "x", 21 }, /* a string's length */
        { "\1\1" HUGE_VARINT "a", 13 },            /* a name's length */
        { "\1\1\1a\7Strange\1", 13 },              /* a type unknown */
        { "\1\1\1a\x0c"
          "Array(UInt8)\xff\xff\xff\xff\xff\xff\xff\xff\1",
          26 }, /* an offset */
        { "\1\2\1a\x0c"
          "Array(UInt8)\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\1",
          35 }, /* offsets that fall */
    };
    struct native_block block = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_false(reads(&block, cases[i]));
    }
    native_block_release(&block);
}

static void mends_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "plain", "\"plain\"" },
        { "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"" },
        { "a\xff"
          "b",
          "\"a\xef\xbf\xbd"
          "b\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* too long a form */
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
        { "cut\xe2\x82", "\"cut\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "q\"\n\xfe", "\"q\\\"\\n\xef\xbf\xbd\"" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 };
        native_text_to_json(slice_from_string(cases[i].text), &out);
        assert_string_equal(buf_c_string(&out), cases[i].json);
        buf_release(&out);
    }
}

static void tells_the_range_of_times(void **state)
{
    (void)state;
    struct native_block block = { 0 };
    struct buf bytes = encode(NULL, ROWS);
    struct slice rest = buf_slice(&bytes);
    assert_true(native_read(&block, &rest));
    static const struct {
        const char *column;
        int64_t min_ns, max_ns;
    } cases[] = {
        { "ts", INT64_C(1700000000000) * NS_PER_MS, (INT64_C(1700000000000) + ROWS - 1) * NS_PER_MS },
        { "second", INT64_C(1700000000) * NS_PER_SECOND, (INT64_C(1700000000) + ROWS - 1) * NS_PER_SECOND },
        { "day", 0, (ROWS - 1) * INT64_C(86400) * NS_PER_SECOND },
        { "i64", INT64_MAX, INT64_MIN },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int64_t min_ns = INT64_MAX;
        int64_t max_ns = INT64_MIN;
        native_time_range(native_find(&block, slice_from_string(cases[i].column)), block.rows, &min_ns, &max_ns);
        assert_int_equal(min_ns, cases[i].min_ns);
        assert_int_equal(max_ns, cases[i].max_ns);
    }
    native_block_release(&block);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_every_type),
        cmocka_unit_test(leaves_out_rows_that_are_not_kept),
        cmocka_unit_test(keeps_rows_beyond_the_first_word_of_the_bitmap),
        cmocka_unit_test(writes_any_run_of_rows),
        cmocka_unit_test(merges_blocks_into_one),
        cmocka_unit_test(json_columns_of_a_merged_block_are_json_if_the_stream_says_so),
        cmocka_unit_test(does_not_merge_blocks_of_other_columns),
        cmocka_unit_test(refuses_a_block_cut_anywhere),
        cmocka_unit_test(survives_any_byte_changed),
        cmocka_unit_test(refuses_hostile_counts),
        cmocka_unit_test(mends_bytes_that_are_not_utf8),
        cmocka_unit_test(tells_the_range_of_times),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
