/* Turns plain bytes into LZ4 frames, and LZ4 frames and blocks of unknown origin into plain bytes under a limit. */
#include "base/lz4.h"

#include "base/assert.h"

#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>

/* A token of 4 bits and bytes of 255 each: no LZ4 block grows more than this, whatever its header claims. */
#define LZ4_MAX_RATIO 255
#define SKIPPABLE_MASK 0xFFFFFFF0u
#define SKIPPABLE_HEAD 8

/* Bits of a frame's FLG byte (lz4_Frame_format.md). */
#define FLAG_VERSION 0xC0u
#define FLAG_VERSION_1 0x40u
#define FLAG_BLOCK_CHECKSUM 0x10u
#define FLAG_CONTENT_SIZE 0x08u
#define FLAG_CONTENT_CHECKSUM 0x04u
#define FLAG_RESERVED 0x02u
#define FLAG_DICTIONARY 0x01u

#define BLOCK_BYTES ((size_t)64 * 1024)

struct lz4_encoder {
    LZ4F_cctx *context;
    struct buf *out; /* of the frame that is open */
    size_t start;
    bool failed;
    size_t held;             /* bytes of `block` that are not packed yet */
    char block[BLOCK_BYTES]; /* lz4frame 1.9.4 has one of its own made, and zeroed, for every frame */
};

struct lz4_decoder {
    LZ4F_dctx *context;
};

/* Independent blocks of 64 KiB: the hash table stays in the L1 cache and no history is copied from write to write. The
 * checksum is of the packed bytes: of the plain ones, ten times as many, it took three times as long as the packing. */
static const LZ4F_preferences_t preferences = {
    .frameInfo = { .blockSizeID = LZ4F_max64KB,
                   .blockMode = LZ4F_blockIndependent,
                   .blockChecksumFlag = LZ4F_blockChecksumEnabled },
    .autoFlush = 1, /* it keeps nothing: it is given whole blocks */
};

struct lz4_encoder *lz4_encoder_new(void)
{
    struct lz4_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder != NULL && LZ4F_isError(LZ4F_createCompressionContext(&encoder->context, LZ4F_VERSION))) {
        free(encoder);
        return NULL;
    }
    return encoder;
}

void lz4_encoder_free(struct lz4_encoder *encoder)
{
    if (encoder != NULL) {
        LZ4F_freeCompressionContext(encoder->context);
        free(encoder);
    }
}

/* What the library wrote behind out->len, or its error. */
static void encoder_advance(struct lz4_encoder *encoder, size_t written)
{
    if (LZ4F_isError(written)) {
        encoder->failed = true;
    } else {
        encoder->out->len += written;
        ASSERT_AT_MOST(encoder->out->len, encoder->out->cap);
    }
}

static bool encoder_reserve(struct lz4_encoder *encoder, size_t room)
{
    encoder->failed = encoder->failed || !buf_reserve(encoder->out, room);
    return !encoder->failed;
}

void lz4_frame_begin(struct lz4_encoder *encoder, struct buf *out, uint64_t size)
{
    ASSERT(encoder->out == NULL || encoder->failed); /* no frame is open */
    LZ4F_preferences_t sized = preferences;
    sized.frameInfo.contentSize = size;
    encoder->out = out;
    encoder->start = out->len;
    encoder->failed = false;
    encoder->held = 0;
    if (encoder_reserve(encoder, LZ4F_HEADER_SIZE_MAX)) {
        encoder_advance(encoder,
                        LZ4F_compressBegin(encoder->context, out->data + out->len, out->cap - out->len, &sized));
    }
}

/* Whole blocks, or the last one. */
static void pack(struct lz4_encoder *encoder, const void *data, size_t len)
{
    struct buf *out = encoder->out;
    if (encoder_reserve(encoder, LZ4F_compressBound(len, &preferences))) {
        encoder_advance(
            encoder, LZ4F_compressUpdate(encoder->context, out->data + out->len, out->cap - out->len, data, len, NULL));
    }
}

void lz4_frame_write(struct lz4_encoder *encoder, const void *data, size_t len)
{
    const char *left = data;
    ASSERT(encoder->out != NULL);
    if (encoder->held == 0 && len >= BLOCK_BYTES) {
        size_t whole = len - len % BLOCK_BYTES;
        pack(encoder, left, whole);
        left += whole;
        len -= whole;
    }
    while (len != 0) {
        size_t taken = len < BLOCK_BYTES - encoder->held ? len : BLOCK_BYTES - encoder->held;
        memcpy(encoder->block + encoder->held, left, taken);
        encoder->held += taken;
        left += taken;
        len -= taken;
        if (encoder->held == BLOCK_BYTES) {
            pack(encoder, encoder->block, BLOCK_BYTES);
            encoder->held = 0;
        }
    }
}

bool lz4_frame_end(struct lz4_encoder *encoder)
{
    struct buf *out = encoder->out;
    ASSERT(out != NULL);
    if (encoder->held != 0) {
        pack(encoder, encoder->block, encoder->held);
        encoder->held = 0;
    }
    if (encoder_reserve(encoder, LZ4F_compressBound(0, &preferences))) {
        encoder_advance(encoder, LZ4F_compressEnd(encoder->context, out->data + out->len, out->cap - out->len, NULL));
    }
    if (encoder->failed) {
        out->len = encoder->start;
    }
    encoder->out = NULL;
    return !encoder->failed;
}

static bool decoder_ready(struct lz4_decoder *decoder)
{
    return decoder->context != NULL || !LZ4F_isError(LZ4F_createDecompressionContext(&decoder->context, LZ4F_VERSION));
}

/* LZ4F_resetDecompressionContext of 1.9.4 keeps the rest of a claimed content size, and the next frame, if it claims
 * none, would fail for it. So a context that saw a bad frame is not used again. */
static void decoder_discard(struct lz4_decoder *decoder)
{
    LZ4F_freeDecompressionContext(decoder->context);
    decoder->context = NULL;
}

struct lz4_decoder *lz4_decoder_new(void)
{
    struct lz4_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder != NULL && !decoder_ready(decoder)) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void lz4_decoder_free(struct lz4_decoder *decoder)
{
    if (decoder != NULL) {
        decoder_discard(decoder);
        free(decoder);
    }
}

static bool is_skippable(struct slice in)
{
    return in.len >= 4 && (load_u32(in.data) & SKIPPABLE_MASK) == LZ4_SKIPPABLE_MAGIC;
}

static size_t skippable_length(struct slice in)
{
    if (in.len < SKIPPABLE_HEAD) {
        return 0;
    }
    size_t length = SKIPPABLE_HEAD + (size_t)load_u32(in.data + 4);
    return length <= in.len ? length : 0;
}

/* Magic, FLG, BD, [content size], [dictionary id], checksum byte; 0 if it is cut off or not a frame of version 1. */
static size_t header_length(struct slice in, uint64_t *claimed)
{
    if (in.len < LZ4F_HEADER_SIZE_MIN || load_u32(in.data) != LZ4_FRAME_MAGIC) {
        return 0;
    }
    uint8_t flags = (uint8_t)in.data[4];
    uint8_t block = (uint8_t)in.data[5];
    bool sized = (flags & FLAG_CONTENT_SIZE) != 0;
    size_t length = LZ4F_HEADER_SIZE_MIN + (sized ? 8u : 0u) + ((flags & FLAG_DICTIONARY) ? 4u : 0u);
    if ((flags & FLAG_VERSION) != FLAG_VERSION_1 || (flags & FLAG_RESERVED) || (block & 0x8F) || (block >> 4) < 4) {
        return 0;
    }
    if (in.len < length) {
        return 0;
    }
    *claimed = sized ? load_u64(in.data + 6) : 0;
    return length;
}

size_t lz4_frame_first_block(struct slice in)
{
    uint64_t claimed;
    size_t header = header_length(in, &claimed);
    return header == 0 ? 0 : header + 4;
}

size_t lz4_frame_length(struct slice in)
{
    if (is_skippable(in)) {
        return skippable_length(in);
    }
    uint64_t claimed;
    size_t at = header_length(in, &claimed);
    if (at == 0) {
        return 0;
    }
    uint8_t flags = (uint8_t)in.data[4];
    size_t largest = (size_t)1 << (8 + 2 * ((uint8_t)in.data[5] >> 4));
    size_t block_tail = (flags & FLAG_BLOCK_CHECKSUM) ? 4 : 0;
    size_t frame_tail = (flags & FLAG_CONTENT_CHECKSUM) ? 4 : 0;
    while (in.len - at >= 4) {
        size_t block = load_u32(in.data + at) & 0x7FFFFFFFu; /* the top bit marks a block that is stored plain */
        bool end_mark = load_u32(in.data + at) == 0;
        at += 4;
        if (end_mark) {
            return in.len - at >= frame_tail ? at + frame_tail : 0;
        }
        if (block > largest || in.len - at < block + block_tail) {
            return 0;
        }
        at += block + block_tail;
    }
    return 0;
}

/* How much to make room for next: what was claimed, as far as so few bytes can hold it; else twice what came. */
static size_t room_wanted(uint64_t claimed, size_t in_len, size_t produced, size_t max)
{
    uint64_t possible = (uint64_t)in_len * LZ4_MAX_RATIO;
    uint64_t wanted = claimed > produced ? claimed - produced : (uint64_t)(produced != 0 ? produced : 4 * in_len);
    wanted = wanted < possible ? wanted : possible;
    wanted = wanted > 64 ? wanted : 64;
    return wanted < max - produced ? (size_t)wanted : max - produced;
}

/* The library has no number for its errors that it promises to keep, but their names. A header asks for buffers of up to
 * 4 MiB: that there is no memory for them says nothing of the bytes. */
static RARE enum error decoder_error(size_t result)
{
    return strcmp(LZ4F_getErrorName(result), "ERROR_allocation_failed") == 0 ? ERROR_OUT_OF_MEMORY
                                                                             : ERROR_BAD_COMPRESSION;
}

static enum error decode_frame_body(struct lz4_decoder *decoder, struct slice in, uint64_t claimed, size_t *used,
                                    struct buf *out, size_t max)
{
    size_t produced = 0;
    for (size_t at = 0;;) {
        char beyond; /* with `max` bytes out, one more proves that there is too much */
        size_t room = max - produced;
        if (room > out->cap - out->len) {
            if (out->cap == out->len && !buf_reserve(out, room_wanted(claimed, in.len, produced, max))) {
                return ERROR_OUT_OF_MEMORY;
            }
            room = out->cap - out->len < room ? out->cap - out->len : room;
        }
        size_t taken = in.len - at;
        size_t given = room != 0 ? room : 1;
        size_t hint = LZ4F_decompress(decoder->context, room != 0 ? out->data + out->len : &beyond, &given,
                                      in.data + at, &taken, NULL);
        if (LZ4F_isError(hint)) {
            return decoder_error(hint);
        }
        if (given > room) {
            return ERROR_DECOMPRESSED_TOO_LARGE;
        }
        out->len += given;
        produced += given;
        at += taken;
        if (hint == 0) {
            *used = at;
            return OK;
        }
        if (at == in.len && given < (room != 0 ? room : 1)) {
            return ERROR_BAD_COMPRESSION;
        }
    }
}

enum error lz4_frame_decode(struct lz4_decoder *decoder, struct slice in, size_t *used, struct buf *out, size_t max)
{
    size_t skipped = 0;
    while (is_skippable(slice_after(in, skipped))) {
        size_t length = skippable_length(slice_after(in, skipped));
        if (length == 0) {
            return ERROR_BAD_COMPRESSION;
        }
        skipped += length;
    }
    struct slice frame = slice_after(in, skipped);
    uint64_t claimed;
    if (header_length(frame, &claimed) == 0) {
        return ERROR_BAD_COMPRESSION;
    }
    if (claimed > max) {
        return ERROR_DECOMPRESSED_TOO_LARGE;
    }
    size_t before = out->len;
    if (!decoder_ready(decoder)) {
        return ERROR_OUT_OF_MEMORY;
    }
    enum error error = decode_frame_body(decoder, frame, claimed, used, out, max);
    if (error != OK) {
        out->len = before;
        decoder_discard(decoder);
        return error;
    }
    *used += skipped;
    return OK;
}

enum error lz4_frames_decode(struct lz4_decoder *decoder, struct slice in, struct buf *out, size_t max)
{
    if (in.len == 0) {
        return ERROR_BAD_COMPRESSION;
    }
    size_t before = out->len;
    while (in.len != 0) {
        size_t used = is_skippable(in) ? skippable_length(in) : 0;
        if (used == 0) {
            enum error error = lz4_frame_decode(decoder, in, &used, out, max - (out->len - before));
            if (error != OK) {
                out->len = before;
                return error;
            }
        }
        in = slice_after(in, used);
    }
    return OK;
}

/* A length of which the token says `nibble`; more of it stands in the bytes at *at. False: they are cut off. */
static bool take_length(struct slice in, size_t *at, size_t nibble, size_t *length)
{
    *length = nibble;
    while (nibble == 15 || nibble == 255) {
        if (*at == in.len) {
            return false;
        }
        nibble = (uint8_t)in.data[(*at)++];
        *length += nibble;
        nibble = nibble == 255 ? 255 : 0;
    }
    return true;
}

/* Blank or not, what a JSON text of events begins with. */
static bool begins_json(char c)
{
    return c != '\0' && strchr("{[ \t\r\n", c) != NULL;
}

bool lz4_is_bare_block(struct slice in)
{
    size_t at = 0, produced = 0;
    while (at < in.len) {
        uint8_t token = (uint8_t)in.data[at++];
        size_t literals, match;
        if (!take_length(in, &at, token >> 4, &literals) || literals > in.len - at) {
            return false;
        }
        if (produced == 0 && (literals == 0 || !begins_json(in.data[at]))) {
            return false;
        }
        at += literals;
        produced += literals;
        if (at == in.len) {
            return true; /* the last sequence has no match */
        }
        if (in.len - at < 2) {
            return false;
        }
        size_t offset = (uint8_t)in.data[at] | (size_t)(uint8_t)in.data[at + 1] << 8;
        at += 2;
        if (offset == 0 || offset > produced || !take_length(in, &at, token & 15, &match)) {
            return false;
        }
        produced += match + 4;
    }
    return false;
}

enum error lz4_sized_block_decode(struct slice in, struct buf *out, size_t max)
{
    if (in.len < 5 || in.len - 4 > INT_MAX) {
        return ERROR_BAD_COMPRESSION;
    }
    size_t claimed = load_u32(in.data);
    struct slice block = slice_after(in, 4);
    if (claimed > INT_MAX || claimed / LZ4_MAX_RATIO > block.len) {
        return ERROR_BAD_COMPRESSION;
    }
    if (claimed > max) {
        return lz4_is_bare_block(in) ? ERROR_BAD_COMPRESSION : ERROR_DECOMPRESSED_TOO_LARGE;
    }
    if (!buf_reserve(out, claimed)) {
        return ERROR_OUT_OF_MEMORY;
    }
    char nothing;
    char *into = claimed != 0 ? out->data + out->len : &nothing;
    int produced = LZ4_decompress_safe(block.data, into, (int)block.len, (int)claimed);
    if (produced < 0 || (size_t)produced != claimed) {
        return ERROR_BAD_COMPRESSION;
    }
    out->len += claimed;
    return OK;
}
