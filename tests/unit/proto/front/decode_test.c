/* Turns bodies in every encoding, whole, cut, damaged, lying and exploding, into plain bytes or verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/lz4.h"
#include "proto/front/decode.h"

static struct decoder *decoder;

static int set_up(void **state)
{
    (void)state;
    decoder = decoder_new();
    return decoder == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    decoder_free(decoder);
    return 0;
}

static void pack_zlib(struct slice plain, int window, struct buf *out)
{
    z_stream stream = { 0 };
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, deflateBound(&stream, (uLong)plain.len)));
    stream.next_in = (Bytef *)(uintptr_t)plain.data;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)out->data + out->len;
    stream.avail_out = (uInt)(out->cap - out->len);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += stream.total_out;
    deflateEnd(&stream);
}

static void pack_gzip(struct slice plain, struct buf *out)
{
    pack_zlib(plain, 15 + 16, out);
}

static void pack_deflate(struct slice plain, struct buf *out)
{
    pack_zlib(plain, 15, out);
}

static void pack_raw_deflate(struct slice plain, struct buf *out)
{
    pack_zlib(plain, -15, out);
}

static void pack_lz4(struct slice plain, struct buf *out)
{
    struct lz4_encoder *encoder = lz4_encoder_new();
    assert_non_null(encoder);
    lz4_frame_begin(encoder, out, plain.len);
    lz4_frame_write(encoder, plain.data, plain.len);
    assert_true(lz4_frame_end(encoder));
    lz4_encoder_free(encoder);
}

/* One literal run, as every LZ4 block may be. */
static void pack_lz4_block(struct slice plain, struct buf *out)
{
    uint32_t size = (uint32_t)plain.len;
    buf_append(out, &size, sizeof size);
    buf_append_byte(out, plain.len < 15 ? (uint8_t)(plain.len << 4) : 0xF0);
    if (plain.len >= 15) {
        buf_append_fill(out, 255, (plain.len - 15) / 255);
        buf_append_byte(out, (uint8_t)((plain.len - 15) % 255));
    }
    buf_append_slice(out, plain);
}

static void pack_zstd_as(struct slice plain, bool say_size, int window_log, struct buf *out)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, say_size);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    assert_true(buf_reserve(out, ZSTD_compressBound(plain.len)));
    size_t len = ZSTD_compress2(context, out->data + out->len, out->cap - out->len, plain.data, plain.len);
    assert_false(ZSTD_isError(len));
    out->len += len;
    ZSTD_freeCCtx(context);
}

static void pack_zstd(struct slice plain, struct buf *out)
{
    pack_zstd_as(plain, true, 0, out);
}

static void pack_zstd_unsized(struct slice plain, struct buf *out)
{
    pack_zstd_as(plain, false, 0, out);
}

/* `many`: bodies of several members or frames are one body; `checked`: a checksum guards it. */
static const struct packing {
    const char *name;
    enum encoding encoding;
    void (*pack)(struct slice plain, struct buf *out);
    bool many;
    bool checked;
} packings[] = {
    { "gzip", ENCODING_GZIP, pack_gzip, true, true },
    { "deflate", ENCODING_DEFLATE, pack_deflate, false, true },
    { "raw deflate", ENCODING_DEFLATE, pack_raw_deflate, false, false },
    { "lz4 frame", ENCODING_LZ4, pack_lz4, true, true },
    { "lz4 block", ENCODING_LZ4, pack_lz4_block, false, false },
    { "zstd", ENCODING_ZSTD, pack_zstd, true, true },
    { "zstd without a size", ENCODING_ZSTD, pack_zstd_unsized, true, true },
};

static void fill_sample(struct buf *sample, size_t len)
{
    uint32_t seed = 7;
    buf_clear(sample);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        buf_append_byte(sample, (i / 64) % 2 ? (uint8_t)(seed >> 24) : (uint8_t)('a' + i % 5));
    }
}

/* The bytes in memory of exactly their size, so that the sanitizer sees a read behind them. */
static enum error decode_exact(enum encoding encoding, struct slice in, size_t max, struct buf *out)
{
    char *exact = malloc(in.len + (in.len == 0));
    assert_non_null(exact);
    if (in.len != 0) {
        memcpy(exact, in.data, in.len);
    }
    enum error error = decode_body(decoder, encoding, slice_make(exact, in.len), max, out);
    free(exact);
    return error;
}

static void every_encoding_comes_back_the_same(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 190, 65536, 1000000 };
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(packings) * ARRAY_LENGTH(sizes); i++) {
        const struct packing *packing = &packings[i / ARRAY_LENGTH(sizes)];
        fill_sample(&plain, sizes[i % ARRAY_LENGTH(sizes)]);
        buf_clear(&packed);
        packing->pack(buf_slice(&plain), &packed);
        buf_clear(&out);
        buf_append_string(&out, "kept");
        enum error error = decode_exact(packing->encoding, buf_slice(&packed), plain.len, &out);
        if (error != OK || !slice_equal(slice_after(buf_slice(&out), 4), buf_slice(&plain))) {
            fail_msg("%s of %zu bytes: %s", packing->name, plain.len, error_info(error)->code);
        }
    }
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void one_byte_over_the_limit_is_too_large(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 190, 70000 };
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(packings) * ARRAY_LENGTH(sizes); i++) {
        const struct packing *packing = &packings[i / ARRAY_LENGTH(sizes)];
        fill_sample(&plain, sizes[i % ARRAY_LENGTH(sizes)]);
        buf_clear(&packed);
        packing->pack(buf_slice(&plain), &packed);
        buf_clear(&out);
        buf_append_string(&out, "kept");
        enum error error = decode_exact(packing->encoding, buf_slice(&packed), plain.len - 1, &out);
        if (error != ERROR_DECOMPRESSED_TOO_LARGE || out.len != 4) {
            fail_msg("%s of %zu bytes: %s", packing->name, plain.len, error_info(error)->code);
        }
    }
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void a_body_cut_anywhere_is_bad(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, 700);
    for (size_t i = 0; i < ARRAY_LENGTH(packings); i++) {
        buf_clear(&packed);
        packings[i].pack(buf_slice(&plain), &packed);
        for (size_t cut = 0; cut < packed.len; cut++) {
            enum error error = decode_exact(packings[i].encoding, slice_make(packed.data, cut), 1000, &out);
            if (error != ERROR_BAD_COMPRESSION || out.len != 0) {
                fail_msg("%s cut at %zu: %s", packings[i].name, cut, error_info(error)->code);
            }
        }
    }
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void bytes_behind_the_end_are_bad(void **state)
{
    (void)state;
    struct buf packed = { 0 }, out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(packings); i++) {
        buf_clear(&packed);
        packings[i].pack(SLICE("{\"a\":1}"), &packed);
        buf_append_byte(&packed, 0);
        enum error error = decode_exact(packings[i].encoding, buf_slice(&packed), 1000, &out);
        if (error != ERROR_BAD_COMPRESSION) {
            fail_msg("%s: %s", packings[i].name, error_info(error)->code);
        }
    }
    buf_release(&packed);
    buf_release(&out);
}

static void several_members_are_one_body_where_the_format_says_so(void **state)
{
    (void)state;
    struct buf packed = { 0 }, out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(packings); i++) {
        buf_clear(&packed);
        buf_clear(&out);
        packings[i].pack(SLICE("first "), &packed);
        packings[i].pack(SLICE(""), &packed);
        packings[i].pack(SLICE("second"), &packed);
        enum error error = decode_exact(packings[i].encoding, buf_slice(&packed), 12, &out);
        assert_int_equal(error, packings[i].many ? OK : ERROR_BAD_COMPRESSION);
        assert_true(slice_equal(buf_slice(&out), packings[i].many ? SLICE("first second") : SLICE("")));
        if (packings[i].many) {
            error = decode_exact(packings[i].encoding, buf_slice(&packed), 11, &out);
            assert_int_equal(error, ERROR_DECOMPRESSED_TOO_LARGE);
        }
    }
    buf_release(&packed);
    buf_release(&out);
}

static void a_flipped_bit_is_found_or_at_least_survived(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, 300);
    for (size_t i = 0; i < ARRAY_LENGTH(packings); i++) {
        buf_clear(&packed);
        packings[i].pack(buf_slice(&plain), &packed);
        for (size_t bit = 0; bit < packed.len * 8; bit++) {
            buf_clear(&out);
            packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
            enum error error = decode_exact(packings[i].encoding, buf_slice(&packed), 1 << 16, &out);
            bool same = error == OK && slice_equal(buf_slice(&out), buf_slice(&plain));
            if (packings[i].checked && error == OK && !same) {
                fail_msg("%s, bit %zu: other bytes", packings[i].name, bit);
            }
            packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
        }
        buf_clear(&out);
        assert_int_equal(decode_exact(packings[i].encoding, buf_slice(&packed), 300, &out), OK);
    }
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void a_bomb_is_stopped_at_the_limit(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 };
    buf_append_fill(&plain, ' ', 32 << 20);
    for (size_t i = 0; i < ARRAY_LENGTH(packings); i++) {
        struct buf out = { 0 };
        buf_clear(&packed);
        packings[i].pack(buf_slice(&plain), &packed);
        enum error error = decode_exact(packings[i].encoding, buf_slice(&packed), 1 << 20, &out);
        assert_int_equal(error, ERROR_DECOMPRESSED_TOO_LARGE);
        assert_true(out.cap <= 2 << 20);
        buf_release(&out);
    }
    buf_release(&plain);
    buf_release(&packed);
}

static void a_claim_of_a_gigabyte_allocates_nothing(void **state)
{
    (void)state;
    static const struct {
        enum encoding encoding;
        struct slice in;
        enum error error;
    } cases[] = {
        { ENCODING_LZ4, SLICE("\x04\x22\x4d\x18\x68\x40\x00\x00\x00\x40\x00\x00\x00\x00\x61\x01\x00\x00\x80x\0\0\0\0"),
          ERROR_DECOMPRESSED_TOO_LARGE },
        { ENCODING_LZ4, SLICE("\x00\x00\x00\x40\x10x"), ERROR_BAD_COMPRESSION },
        /* single segment, 4-byte size */
        { ENCODING_ZSTD, SLICE("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x40\x01\x00\x00"), ERROR_DECOMPRESSED_TOO_LARGE },
        /* no size, a window of 1 GB */
        { ENCODING_ZSTD, SLICE("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), ERROR_DECOMPRESSED_TOO_LARGE },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 };
        enum error error = decode_exact(cases[i].encoding, cases[i].in, 16 << 20, &out);
        assert_int_equal(error, cases[i].error);
        assert_true(out.cap < 4096);
        buf_release(&out);
    }
}

static void a_window_of_eight_megabytes_is_the_largest(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, (16 << 20) + 1);
    pack_zstd_as(buf_slice(&plain), false, 23, &packed);
    assert_int_equal(decode_body(decoder, ENCODING_ZSTD, buf_slice(&packed), 32 << 20, &out), OK);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&plain)));
    buf_clear(&packed);
    buf_clear(&out);
    pack_zstd_as(buf_slice(&plain), false, 24, &packed);
    enum error error = decode_body(decoder, ENCODING_ZSTD, buf_slice(&packed), 32 << 20, &out);
    assert_int_equal(error, ERROR_DECOMPRESSED_TOO_LARGE);
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void identity_is_copied_and_other_encodings_are_unsupported(void **state)
{
    (void)state;
    struct buf out = { 0 };
    assert_int_equal(decode_body(decoder, ENCODING_IDENTITY, SLICE("plain"), 5, &out), OK);
    assert_true(slice_equal(buf_slice(&out), SLICE("plain")));
    assert_int_equal(decode_body(decoder, ENCODING_IDENTITY, SLICE("plain"), 4, &out), ERROR_DECOMPRESSED_TOO_LARGE);
    assert_int_equal(decode_body(decoder, ENCODING_OTHER, SLICE("x"), 5, &out), ERROR_UNSUPPORTED_ENCODING);
    assert_int_equal(out.len, 5);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_comes_back_the_same),
        cmocka_unit_test(one_byte_over_the_limit_is_too_large),
        cmocka_unit_test(a_body_cut_anywhere_is_bad),
        cmocka_unit_test(bytes_behind_the_end_are_bad),
        cmocka_unit_test(several_members_are_one_body_where_the_format_says_so),
        cmocka_unit_test(a_flipped_bit_is_found_or_at_least_survived),
        cmocka_unit_test(a_bomb_is_stopped_at_the_limit),
        cmocka_unit_test(a_claim_of_a_gigabyte_allocates_nothing),
        cmocka_unit_test(a_window_of_eight_megabytes_is_the_largest),
        cmocka_unit_test(identity_is_copied_and_other_encodings_are_unsupported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
