/* Turns frames that are whole, cut, damaged or lying into verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lz4.h>
#include <stdlib.h>

#include "base/lz4.h"

static struct lz4_encoder *encoder;
static struct lz4_decoder *decoder;

static int set_up(void **state)
{
    (void)state;
    encoder = lz4_encoder_new();
    decoder = lz4_decoder_new();
    return encoder == NULL || decoder == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    lz4_encoder_free(encoder);
    lz4_decoder_free(decoder);
    return 0;
}

/* Half text-like, half noise, always the same. */
static void fill_sample(struct buf *sample, size_t len)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        bool noise = (i / 1000) % 2 == 1;
        buf_append_byte(sample, noise ? (uint8_t)(seed >> 24) : (uint8_t)('a' + (i % 7)));
    }
}

static void encode(struct slice plain, size_t piece, struct buf *out)
{
    lz4_frame_begin(encoder, out, plain.len);
    for (size_t at = 0; at < plain.len; at += piece) {
        size_t len = plain.len - at < piece ? plain.len - at : piece;
        lz4_frame_write(encoder, plain.data + at, len);
    }
    assert_true(lz4_frame_end(encoder));
}

static void append_skippable(struct buf *out, struct slice content)
{
    uint32_t head[2] = { LZ4_SKIPPABLE_MAGIC + 7, (uint32_t)content.len };
    buf_append(out, head, sizeof head);
    buf_append_slice(out, content);
}

static void a_frame_in_pieces_of_any_size_comes_back_the_same(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 100, 65535, 65536, 65537, 700000 };
    static const size_t pieces[] = { 7, 4096, 100000, 1000000 };
    for (size_t s = 0; s < ARRAY_LENGTH(sizes); s++) {
        for (size_t p = 0; p < ARRAY_LENGTH(pieces); p++) {
            struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
            fill_sample(&plain, sizes[s]);
            buf_append_string(&packed, "before");
            encode(buf_slice(&plain), pieces[p], &packed);
            buf_append_string(&packed, "behind");
            struct slice frame = slice_after(buf_slice(&packed), 6);
            assert_int_equal(lz4_frame_length(frame), frame.len - 6);
            size_t used = 0;
            assert_int_equal(lz4_frame_decode(decoder, frame, &used, &out, sizes[s]), OK);
            assert_int_equal(used, frame.len - 6);
            assert_true(slice_equal(buf_slice(&out), buf_slice(&plain)));
            buf_release(&plain);
            buf_release(&packed);
            buf_release(&out);
        }
    }
}

static void a_frame_cut_anywhere_is_not_whole(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, 3000);
    encode(buf_slice(&plain), 500, &packed);
    for (size_t cut = 0; cut < packed.len; cut++) {
        char *exact = malloc(cut + 1); /* so that the sanitizer sees a read behind the end */
        assert_non_null(exact);
        memcpy(exact, packed.data, cut);
        size_t used;
        struct slice in = slice_make(exact, cut);
        assert_int_equal(lz4_frame_length(in), 0);
        assert_int_equal(lz4_frame_decode(decoder, in, &used, &out, 1 << 20), ERROR_BAD_COMPRESSION);
        assert_int_equal(lz4_frames_decode(decoder, in, &out, 1 << 20), ERROR_BAD_COMPRESSION);
        assert_int_equal(out.len, 0);
        free(exact);
    }
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void a_flipped_bit_anywhere_is_found(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, 1500);
    encode(buf_slice(&plain), 1500, &packed);
    for (size_t bit = 0; bit < 8 * packed.len; bit++) {
        size_t used;
        packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
        assert_int_not_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 1 << 20), OK);
        packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
    }
    size_t used;
    assert_int_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 1 << 20), OK);
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

/* As after a power cut, when zeros were written ahead: they read as the mark of a frame's end. */
static void a_frame_that_lost_blocks_to_zeros_is_not_whole(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    fill_sample(&plain, 3 << 16);
    encode(buf_slice(&plain), 1 << 16, &packed);
    size_t first = lz4_frame_first_block(buf_slice(&packed));
    size_t second = first + load_u32(packed.data + first - 4) + 4;
    memset(packed.data + second, 0, packed.len - second);
    size_t used;
    assert_int_not_equal(lz4_frame_length(buf_slice(&packed)), 0);
    assert_int_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 1 << 20), ERROR_BAD_COMPRESSION);
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

static void one_byte_over_the_limit_is_too_large_and_appends_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 64, 65536, 65537, 300000 };
    for (size_t s = 0; s < ARRAY_LENGTH(sizes); s++) {
        struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
        fill_sample(&plain, sizes[s]);
        encode(buf_slice(&plain), 4096, &packed);
        size_t used;
        enum error error = lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, sizes[s] - 1);
        assert_int_equal(error, ERROR_DECOMPRESSED_TOO_LARGE);
        assert_int_equal(out.len, 0);
        assert_int_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, sizes[s]), OK);
        buf_release(&plain);
        buf_release(&packed);
        buf_release(&out);
    }
}

static void a_bomb_is_stopped_at_the_limit(void **state)
{
    (void)state;
    struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
    buf_append_fill(&plain, 'x', 32 << 20);
    encode(buf_slice(&plain), 1 << 20, &packed);
    size_t used;
    enum error error = lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 1 << 20);
    assert_int_equal(error, ERROR_DECOMPRESSED_TOO_LARGE);
    assert_true(out.cap <= 2 << 20);
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&out);
}

/* FLG 0x68: version 1, independent blocks, content size; BD 0x40; then the size, a checksum byte, one stored block. */
static void a_claim_of_a_gigabyte_allocates_nothing(void **state)
{
    (void)state;
    struct buf out = { 0 };
    size_t used;
    static const char frame[] = "\x04\x22\x4d\x18\x68\x40\x00\x00\x00\x40\x00\x00\x00\x00\x61\x01\x00\x00\x80x\0\0\0";
    struct slice in = slice_make(frame, sizeof frame);
    assert_int_equal(lz4_frame_decode(decoder, in, &used, &out, 1 << 20), ERROR_DECOMPRESSED_TOO_LARGE);
    assert_int_equal(out.cap, 0);
    /* Within the limit it is believed only as far as so few bytes can grow. */
    assert_int_equal(lz4_frame_decode(decoder, in, &used, &out, (size_t)2 << 30), ERROR_BAD_COMPRESSION);
    assert_true(out.cap < 1 << 20);
    static const char block[] = "\x00\x00\x00\x40\x10x";
    in = slice_make(block, sizeof block - 1);
    assert_int_equal(lz4_sized_block_decode(in, &out, 1 << 20), ERROR_BAD_COMPRESSION);
    assert_int_equal(lz4_sized_block_decode(in, &out, (size_t)2 << 30), ERROR_BAD_COMPRESSION);
    assert_true(out.cap < 1 << 20);
    buf_release(&out);
}

/* As liblz4 makes them of events of all sizes. */
static void a_block_without_its_size_is_known_for_one(void **state)
{
    (void)state;
    struct buf plain = { 0 };
    buf_append_byte(&plain, '[');
    for (int i = 0; i < 300; i++) {
        buf_printf(&plain, "%s{\"event_name\":\"view\",\"user_id\":\"u%d\"}", i == 0 ? "" : ",", i * 7919);
        struct slice texts[] = { buf_slice(&plain), slice_after(buf_slice(&plain), 1) }; /* "[{…" and "{…" */
        for (size_t t = 0; t < ARRAY_LENGTH(texts); t++) {
            char packed[32768];
            int len = LZ4_compress_default(texts[t].data, packed, (int)texts[t].len, sizeof packed);
            struct slice block = slice_make(packed, (size_t)len);
            struct buf out = { 0 };
            assert_true(len > 0 && lz4_is_bare_block(block));
            assert_int_equal(lz4_sized_block_decode(block, &out, 1 << 20), ERROR_BAD_COMPRESSION);
            assert_false(lz4_is_bare_block(slice_make(packed, (size_t)len - 1)) || lz4_is_bare_block(texts[t]));
            buf_release(&out);
        }
    }
    buf_release(&plain);
}

static void what_is_no_block_is_none(void **state)
{
    (void)state;
    static const struct slice texts[] = {
        { "", 0 },
        { "{}", 2 },
        { "{\"a\":12}", 8 },
        { "[{\"a\":1}]", 9 },
        { "\xf0", 1 },
        { "\xf0\xff\xff", 3 },
        { "\x10[", 1 },
        { "\x20{}\0\0", 5 },        /* an offset of 0 */
        { "\x20{}\x03\0\x10x", 7 }, /* an offset before the beginning */
        { "\x0f\x01\0", 3 },
        { "\x20xy", 3 }, /* no JSON in it */
        { "\x02\0\0\0\x20{}", 7 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        assert_false(lz4_is_bare_block(texts[i]));
    }
    assert_true(lz4_is_bare_block(SLICE("\x20{}")));
    assert_true(lz4_is_bare_block(SLICE("\x22{ \x01\0\x10}")));
}

static void a_bad_frame_does_not_spoil_the_next(void **state)
{
    (void)state;
    static const char lies[] = "\x04\x22\x4d\x18\x68\x40\x00\x00\x00\x40\x00\x00\x00\x00\x61\x01\x00\x00\x80x\0\0\0";
    struct buf packed = { 0 }, out = { 0 };
    size_t used;
    enum error error = lz4_frame_decode(decoder, slice_make(lies, sizeof lies), &used, &out, (size_t)2 << 30);
    assert_int_equal(error, ERROR_BAD_COMPRESSION);
    encode(SLICE("good"), 4, &packed);
    assert_int_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 4), OK);
    assert_true(slice_equal(buf_slice(&out), SLICE("good")));
    buf_release(&packed);
    buf_release(&out);
}

static void several_frames_and_skippable_ones_are_one_body(void **state)
{
    (void)state;
    struct buf packed = { 0 }, out = { 0 };
    append_skippable(&packed, SLICE("a header"));
    size_t head = packed.len;
    assert_int_equal(lz4_frame_length(buf_slice(&packed)), head);
    encode(SLICE("one "), 4, &packed);
    size_t first = packed.len;
    encode(SLICE(""), 1, &packed);
    encode(SLICE("two"), 1, &packed);
    append_skippable(&packed, SLICE(""));
    size_t used;
    assert_int_equal(lz4_frame_decode(decoder, buf_slice(&packed), &used, &out, 100), OK);
    assert_int_equal(used, first);
    buf_clear(&out);
    assert_int_equal(lz4_frames_decode(decoder, buf_slice(&packed), &out, 7), OK);
    assert_true(slice_equal(buf_slice(&out), SLICE("one two")));
    buf_clear(&out);
    assert_int_equal(lz4_frames_decode(decoder, buf_slice(&packed), &out, 6), ERROR_DECOMPRESSED_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_append_byte(&packed, 'x');
    assert_int_equal(lz4_frames_decode(decoder, buf_slice(&packed), &out, 100), ERROR_BAD_COMPRESSION);
    assert_int_equal(out.len, 0);
    buf_release(&packed);
    buf_release(&out);
}

static void a_sized_block_must_be_as_long_as_it_says(void **state)
{
    (void)state;
    static const struct {
        struct slice in;
        enum error error;
        const char *text;
    } cases[] = {
        { SLICE("\x03\0\0\0\x30"
                "abc"),
          OK, "abc" },
        { SLICE("\x00\0\0\0\0"), OK, "" },
        { SLICE("\x04\0\0\0\x30"
                "abc"),
          ERROR_BAD_COMPRESSION, "" },
        { SLICE("\x02\0\0\0\x30"
                "abc"),
          ERROR_BAD_COMPRESSION, "" },
        { SLICE("\x03\0\0\0\x30"
                "ab"),
          ERROR_BAD_COMPRESSION, "" },
        { SLICE("\x03\0\0\0"), ERROR_BAD_COMPRESSION, "" },
        { SLICE("\x03\0\0"), ERROR_BAD_COMPRESSION, "" },
        { SLICE(""), ERROR_BAD_COMPRESSION, "" },
        { SLICE("\x11\0\0\0\xf0"
                "abc"),
          ERROR_DECOMPRESSED_TOO_LARGE, "" },
        { SLICE("\x11\x11\0\0\xf0"
                "abc"),
          ERROR_BAD_COMPRESSION, "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 };
        assert_int_equal(lz4_sized_block_decode(cases[i].in, &out, 16), cases[i].error);
        assert_true(slice_equal(buf_slice(&out), slice_from_string(cases[i].text)));
        buf_release(&out);
    }
}

static void a_frame_that_runs_out_of_room_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf out = { 0 };
    buf_append_string(&out, "kept");
    lz4_frame_begin(encoder, &out, 20);
    lz4_frame_write(encoder, "some bytes", 10);
    out.failed = true; /* as after a realloc that failed */
    lz4_frame_write(encoder, "more bytes", 10);
    assert_false(lz4_frame_end(encoder));
    assert_true(slice_equal(buf_slice(&out), SLICE("kept")));
    buf_clear(&out);
    encode(SLICE("again"), 5, &out);
    struct buf plain = { 0 };
    assert_int_equal(lz4_frames_decode(decoder, buf_slice(&out), &plain, 5), OK);
    assert_true(slice_equal(buf_slice(&plain), SLICE("again")));
    buf_release(&plain);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_in_pieces_of_any_size_comes_back_the_same),
        cmocka_unit_test(a_frame_cut_anywhere_is_not_whole),
        cmocka_unit_test(a_flipped_bit_anywhere_is_found),
        cmocka_unit_test(a_frame_that_lost_blocks_to_zeros_is_not_whole),
        cmocka_unit_test(one_byte_over_the_limit_is_too_large_and_appends_nothing),
        cmocka_unit_test(a_bomb_is_stopped_at_the_limit),
        cmocka_unit_test(a_claim_of_a_gigabyte_allocates_nothing),
        cmocka_unit_test(a_block_without_its_size_is_known_for_one),
        cmocka_unit_test(what_is_no_block_is_none),
        cmocka_unit_test(a_bad_frame_does_not_spoil_the_next),
        cmocka_unit_test(several_frames_and_skippable_ones_are_one_body),
        cmocka_unit_test(a_sized_block_must_be_as_long_as_it_says),
        cmocka_unit_test(a_frame_that_runs_out_of_room_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
