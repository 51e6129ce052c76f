/* Turns any bytes into LZ4 frames, read by walking and by decoding, which must agree on where a frame ends; and into a
 * frame and back. */
#include <stdlib.h>

#include "base/lz4.h"
#include "fuzz/cost.h"

#define MAX_PLAIN 65536

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static size_t skippable_frames(struct slice in)
{
    size_t at = 0;
    while (in.len - at >= 4 && (load_u32(in.data + at) & ~0x0Fu) == LZ4_SKIPPABLE_MAGIC) {
        size_t length = lz4_frame_length(slice_after(in, at));
        if (length == 0) {
            break;
        }
        at += length;
    }
    return at;
}

static void check_decode(struct lz4_decoder *decoder, struct slice in)
{
    struct buf out = { 0 };
    size_t used = 0;
    must(lz4_frame_length(in) <= in.len);
    if (lz4_frame_decode(decoder, in, &used, &out, MAX_PLAIN) == OK) {
        size_t skipped = skippable_frames(in);
        must(used == skipped + lz4_frame_length(slice_after(in, skipped)));
    } else {
        must(out.len == 0);
    }
    must(out.len <= MAX_PLAIN && out.cap <= 2 * MAX_PLAIN);
    buf_release(&out);
}

static void check_round_trip(struct lz4_encoder *encoder, struct lz4_decoder *decoder, struct slice in)
{
    struct buf packed = { 0 }, out = { 0 };
    size_t cut = in.len != 0 ? (uint8_t)in.data[0] % in.len : 0;
    lz4_frame_begin(encoder, &packed, in.len);
    lz4_frame_write(encoder, in.data, cut);
    lz4_frame_write(encoder, in.data + cut, in.len - cut);
    must(lz4_frame_end(encoder) && lz4_frame_length(buf_slice(&packed)) == packed.len);
    must(lz4_frames_decode(decoder, buf_slice(&packed), &out, in.len) == OK && slice_equal(buf_slice(&out), in));
    buf_release(&packed);
    buf_release(&out);
}

static void take(const uint8_t *data, size_t size)
{
    static struct lz4_decoder *decoder;
    static struct lz4_encoder *encoder;
    if (decoder == NULL) {
        decoder = lz4_decoder_new();
        encoder = lz4_encoder_new();
    }
    struct slice in = slice_make(data, size);
    struct buf out = { 0 };
    check_decode(decoder, in);
    check_round_trip(encoder, decoder, in);
    must(lz4_sized_block_decode(in, &out, MAX_PLAIN) == OK || out.len == 0);
    (void)lz4_is_bare_block(in);
    buf_release(&out);
}

COST_FUZZER(take, 100)
