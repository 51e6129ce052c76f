#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <lz4.h>
#include <zlib.h>

#include "base/metrics/metrics.h"
#include "proto/front/intake.h"

#define MIB ((size_t)1 << 20)

static struct metrics *metrics;

static int start(void **state)
{
    static struct intake intake;
    metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    *state = &intake;
    return metrics == NULL || !intake_init(&intake, NULL, metrics);
}

static int end(void **state)
{
    intake_release(*state);
    metrics_free(metrics);
    return 0;
}

static struct buf zeros_in_gzip(size_t count)
{
    struct buf plain = { 0 }, packed = { 0 };
    z_stream stream = { 0 };
    buf_append_fill(&plain, '0', count);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(&packed, deflateBound(&stream, count)));
    stream.next_in = (Bytef *)plain.data;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)packed.data;
    stream.avail_out = (uInt)packed.cap;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.len = stream.total_out;
    deflateEnd(&stream);
    buf_release(&plain);
    return packed;
}

/* A block behind its size. */
static struct buf zeros_in_lz4(size_t count)
{
    struct buf plain = { 0 }, packed = { 0 };
    uint32_t size = (uint32_t)count;
    buf_append_fill(&plain, '0', count);
    buf_append(&packed, &size, sizeof size);
    assert_true(buf_reserve(&packed, (size_t)LZ4_compressBound((int)count)));
    packed.len +=
        (size_t)LZ4_compress_default(plain.data, packed.data + packed.len, (int)count, (int)(packed.cap - packed.len));
    buf_release(&plain);
    return packed;
}

static void what_unpacks_to_more_than_a_mebibyte_has_a_bound_of_ratio(void **state)
{
    const struct {
        size_t plain;
        uint64_t ratio;
        uint64_t max;
        enum error gzip; /* some 1,000 : 1 */
        enum error lz4;  /* some 250 : 1 */
    } rows[] = {
        { MIB, 100, 64 * MIB, OK, OK },
        { MIB + 1, 100, 64 * MIB, ERROR_RATIO_TOO_HIGH, ERROR_RATIO_TOO_HIGH },
        { 4 * MIB, 500, 64 * MIB, ERROR_RATIO_TOO_HIGH, OK },
        { 4 * MIB, 2000, 64 * MIB, OK, OK },
        { 4 * MIB, 0, 64 * MIB, OK, OK },
        { 4 * MIB, 1, 64 * MIB, ERROR_RATIO_TOO_HIGH, ERROR_RATIO_TOO_HIGH },
        { 4 * MIB, 2000, 2 * MIB, ERROR_DECOMPRESSED_TOO_LARGE, ERROR_DECOMPRESSED_TOO_LARGE },
        { 2 * MIB, UINT64_MAX, 64 * MIB, OK, OK },
    };
    struct intake *intake = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf gzip = zeros_in_gzip(rows[i].plain), lz4 = zeros_in_lz4(rows[i].plain);
        struct slice from_gzip = buf_slice(&gzip), from_lz4 = buf_slice(&lz4);
        intake->max_ratio = rows[i].ratio;
        enum error error = intake_unpack(intake, ENCODING_GZIP, rows[i].max, &from_gzip);
        if (error != rows[i].gzip || (error == OK && from_gzip.len != rows[i].plain)) {
            fail_msg("row %zu, gzip: %s", i, error_info(error)->code);
        }
        error = intake_unpack(intake, ENCODING_LZ4, rows[i].max, &from_lz4);
        if (error != rows[i].lz4 || (error == OK && from_lz4.len != rows[i].plain)) {
            fail_msg("row %zu, lz4: %s", i, error_info(error)->code);
        }
        buf_release(&gzip);
        buf_release(&lz4);
    }
}

static void what_is_not_compressed_has_none(void **state)
{
    struct intake *intake = *state;
    struct slice plain = SLICE("{}");
    intake->max_ratio = 1;
    assert_int_equal(intake_unpack(intake, ENCODING_IDENTITY, 1, &plain), OK);
    assert_int_equal(plain.len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_unpacks_to_more_than_a_mebibyte_has_a_bound_of_ratio, start, end),
        cmocka_unit_test_setup_teardown(what_is_not_compressed_has_none, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
