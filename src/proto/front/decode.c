/* Turns compressed bodies into plain bytes under a limit, and plain ones into compressed. */
#include "proto/front/decode.h"

#include "base/assert.h"

#define ZLIB_CONST
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/lz4.h"

/* RFC 9659: no window of more than 8 MB for the content encoding zstd. */
#define ZSTD_WINDOW_LOG_MAX 23
/* A claimed size is believed, and its room made at once, if the body would have to grow at most so many times. */
#define LIKELY_RATIO 64
/* Values of inflateReset2 beside the window's 15 bits. */
#define WINDOW_ZLIB 15
#define WINDOW_RAW (-15)
#define WINDOW_GZIP (15 + 16)

struct decoder {
    z_stream inflate;
    ZSTD_DCtx *zstd;
    struct lz4_decoder *lz4;
};

/* Where plain bytes go. With `max` of them out, one more goes to `beyond` and proves that there is too much. */
struct sink {
    struct buf *out;
    size_t start;
    size_t max;
    size_t first_room;
    char beyond;
};

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL) {
        return NULL;
    }
    if (inflateInit2(&decoder->inflate, WINDOW_ZLIB) != Z_OK) {
        free(decoder);
        return NULL;
    }
    decoder->zstd = ZSTD_createDCtx();
    decoder->lz4 = lz4_decoder_new();
    if (decoder->zstd == NULL || decoder->lz4 == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX))) {
        decoder_free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder != NULL) {
        inflateEnd(&decoder->inflate);
        ZSTD_freeDCtx(decoder->zstd);
        lz4_decoder_free(decoder->lz4);
        free(decoder);
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Room for the next bytes, at *into: never 0, unless memory is short. */
static size_t sink_room(struct sink *sink, char **into)
{
    struct buf *out = sink->out;
    size_t produced = out->len - sink->start;
    ASSERT_AT_MOST(produced, sink->max);
    size_t left = sink->max - produced;
    if (left == 0) {
        *into = &sink->beyond;
        return 1;
    }
    size_t wanted = produced == 0 ? sink->first_room : produced;
    bool tight = produced == 0 ? out->cap - out->len < smaller(wanted, left) : out->cap == out->len;
    if (tight && !buf_reserve(out, smaller(wanted, left))) {
        return 0;
    }
    *into = out->data + out->len;
    return smaller(out->cap - out->len, left);
}

static bool sink_take(struct sink *sink, size_t len)
{
    bool full = sink->out->len - sink->start == sink->max;
    sink->out->len += full ? 0 : len;
    return !full || len == 0;
}

static enum error decode_inflate(z_stream *stream, int window, struct slice in, struct sink *sink)
{
    if (in.len > UINT_MAX || inflateReset2(stream, window) != Z_OK) {
        return ERROR_BAD_COMPRESSION;
    }
    stream->next_in = (const Bytef *)in.data;
    stream->avail_in = (uInt)in.len;
    for (;;) {
        char *into;
        size_t room = smaller(sink_room(sink, &into), UINT_MAX);
        if (room == 0) {
            return ERROR_OUT_OF_MEMORY;
        }
        stream->next_out = (Bytef *)into;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        if (!sink_take(sink, room - stream->avail_out)) {
            return ERROR_DECOMPRESSED_TOO_LARGE;
        }
        if (result == Z_STREAM_END && stream->avail_in == 0) {
            return OK;
        }
        bool another_member = result == Z_STREAM_END && window == WINDOW_GZIP && inflateReset(stream) == Z_OK;
        if (result != Z_OK && !another_member) {
            return result == Z_MEM_ERROR ? ERROR_OUT_OF_MEMORY : ERROR_BAD_COMPRESSION;
        }
    }
}

/* A zlib header is method 8, a window of at most 32 KiB, and a multiple of 31; raw deflate hardly ever looks so. */
static int deflate_window(struct slice in)
{
    if (in.len < 2) {
        return WINDOW_ZLIB;
    }
    unsigned head = (unsigned)(uint8_t)in.data[0] << 8 | (uint8_t)in.data[1];
    return (head >> 8 & 0x0F) == 8 && head >> 12 <= 7 && head % 31 == 0 ? WINDOW_ZLIB : WINDOW_RAW;
}

static enum error zstd_error(size_t result)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation: return ERROR_OUT_OF_MEMORY;
    case ZSTD_error_frameParameter_windowTooLarge: return ERROR_DECOMPRESSED_TOO_LARGE;
    default: return ERROR_BAD_COMPRESSION;
    }
}

/* The frame at the front of what is left of `source`. */
static enum error decode_zstd_frame(ZSTD_DCtx *context, ZSTD_inBuffer *source, struct sink *sink)
{
    for (;;) {
        ZSTD_outBuffer target = { 0 };
        char *into;
        target.size = sink_room(sink, &into);
        target.dst = into;
        if (target.size == 0) {
            return ERROR_OUT_OF_MEMORY;
        }
        size_t result = ZSTD_decompressStream(context, &target, source);
        if (ZSTD_isError(result)) {
            return zstd_error(result);
        }
        if (!sink_take(sink, target.pos)) {
            return ERROR_DECOMPRESSED_TOO_LARGE;
        }
        if (result == 0) {
            return OK;
        }
        if (source->pos == source->size && target.pos < target.size) {
            return ERROR_BAD_COMPRESSION;
        }
    }
}

static enum error decode_zstd(ZSTD_DCtx *context, struct slice in, struct sink *sink)
{
    ZSTD_inBuffer source = { in.data, in.len, 0 };
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    do {
        struct slice rest = slice_after(in, source.pos);
        unsigned long long claimed = ZSTD_getFrameContentSize(rest.data, rest.len);
        if (claimed == ZSTD_CONTENTSIZE_ERROR) {
            return ERROR_BAD_COMPRESSION;
        }
        if (claimed != ZSTD_CONTENTSIZE_UNKNOWN) {
            if (claimed > sink->max - (sink->out->len - sink->start)) {
                return ERROR_DECOMPRESSED_TOO_LARGE;
            }
            if (claimed / LIKELY_RATIO < in.len) {
                sink->first_room = (size_t)claimed + 1; /* never 0, as a skippable frame claims */
            }
        }
        enum error error = decode_zstd_frame(context, &source, sink);
        if (error != OK) {
            return error;
        }
    } while (source.pos < source.size);
    return OK;
}

static enum error decode_lz4(struct lz4_decoder *lz4, struct slice in, struct sink *sink)
{
    uint32_t magic = in.len >= 4 ? load_u32(in.data) : 0;
    if (magic == LZ4_FRAME_MAGIC || (magic & ~0x0Fu) == LZ4_SKIPPABLE_MAGIC) {
        return lz4_frames_decode(lz4, in, sink->out, sink->max);
    }
    return lz4_sized_block_decode(in, sink->out, sink->max);
}

static enum error decode_identity(struct slice in, struct sink *sink)
{
    if (in.len > sink->max) {
        return ERROR_DECOMPRESSED_TOO_LARGE;
    }
    buf_append_slice(sink->out, in);
    return sink->out->failed ? ERROR_OUT_OF_MEMORY : OK;
}

static enum error decode_any(struct decoder *decoder, enum encoding encoding, struct slice in, struct sink *sink)
{
    switch (encoding) {
    case ENCODING_IDENTITY: return decode_identity(in, sink);
    case ENCODING_GZIP: return decode_inflate(&decoder->inflate, WINDOW_GZIP, in, sink);
    case ENCODING_DEFLATE: return decode_inflate(&decoder->inflate, deflate_window(in), in, sink);
    case ENCODING_LZ4: return decode_lz4(decoder->lz4, in, sink);
    case ENCODING_ZSTD: return decode_zstd(decoder->zstd, in, sink);
    case ENCODING_OTHER: break;
    }
    return ERROR_UNSUPPORTED_ENCODING;
}

enum error decode_body(struct decoder *decoder, enum encoding encoding, struct slice in, size_t max, struct buf *out)
{
    struct sink sink = {
        .out = out,
        .start = out->len,
        .max = max,
        .first_room = smaller(in.len, SIZE_MAX / 8) * 4 + 64,
    };
    enum error error = decode_any(decoder, encoding, in, &sink);
    ASSERT(error != OK || out->len - sink.start <= max);
    if (error != OK) {
        out->len = sink.start;
    }
    return error;
}

bool encode_gzip(struct slice in, struct buf *out)
{
    z_stream stream = { 0 };
    size_t before = out->len;
    if (in.len > UINT_MAX ||
        deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    size_t room = deflateBound(&stream, in.len);
    bool done = room <= UINT_MAX && buf_reserve(out, room);
    if (done) {
        stream.next_in = (const Bytef *)in.data;
        stream.avail_in = (uInt)in.len;
        stream.next_out = (Bytef *)(out->data + before);
        stream.avail_out = (uInt)room;
        done = deflate(&stream, Z_FINISH) == Z_STREAM_END; /* there is room for all of it */
    }
    deflateEnd(&stream);
    out->len = done ? before + (room - stream.avail_out) : before;
    ASSERT_AT_MOST(out->len, out->cap);
    return done;
}
