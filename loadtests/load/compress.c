/* Turns bodies into LZ4 frames, LZ4 blocks, gzip and zstd, each body on its own. */
#include "compress.h"

#include "fail.h"

#include <lz4.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_LEVEL 1 /* the generator should not be what is measured */
#define ZSTD_LEVEL 1
#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip */

struct method {
    size_t (*bound)(const struct compressor *, size_t length);
    size_t (*run)(struct compressor *, const char *plain, size_t length, char *out, size_t capacity);
};

struct compressor {
    const struct method *method;
    z_stream gzip;
    ZSTD_CCtx *zstd;
};

static size_t lz4_bound(const struct compressor *c, size_t length)
{
    (void)c;
    return LZ4F_compressFrameBound(length, NULL);
}

static size_t lz4_run(struct compressor *c, const char *plain, size_t length, char *out, size_t capacity)
{
    (void)c;
    size_t written = LZ4F_compressFrame(out, capacity, plain, length, NULL);
    return LZ4F_isError(written) ? 0 : written;
}

static size_t block_bound(const struct compressor *c, size_t length)
{
    (void)c;
    return sizeof(uint32_t) + (size_t)LZ4_compressBound((int)length);
}

static size_t block_run(struct compressor *c, const char *plain, size_t length, char *out, size_t capacity)
{
    (void)c;
    uint32_t size = (uint32_t)length;
    memcpy(out, &size, sizeof size);
    int written = LZ4_compress_default(plain, out + sizeof size, (int)length, (int)(capacity - sizeof size));
    return written <= 0 ? 0 : sizeof size + (size_t)written;
}

static size_t gzip_bound(const struct compressor *c, size_t length)
{
    return deflateBound((z_stream *)&c->gzip, length);
}

static size_t gzip_run(struct compressor *c, const char *plain, size_t length, char *out, size_t capacity)
{
    deflateReset(&c->gzip);
    c->gzip.next_in = (Bytef *)plain;
    c->gzip.avail_in = (uInt)length;
    c->gzip.next_out = (Bytef *)out;
    c->gzip.avail_out = (uInt)capacity;
    return deflate(&c->gzip, Z_FINISH) == Z_STREAM_END ? (size_t)c->gzip.total_out : 0;
}

static size_t zstd_bound(const struct compressor *c, size_t length)
{
    (void)c;
    return ZSTD_compressBound(length);
}

static size_t zstd_run(struct compressor *c, const char *plain, size_t length, char *out, size_t capacity)
{
    size_t written = ZSTD_compressCCtx(c->zstd, out, capacity, plain, length, ZSTD_LEVEL);
    return ZSTD_isError(written) ? 0 : written;
}

static const struct method methods[] = {
    [COMPRESS_LZ4] = { lz4_bound, lz4_run },
    [COMPRESS_GZIP] = { gzip_bound, gzip_run },
    [COMPRESS_ZSTD] = { zstd_bound, zstd_run },
    [COMPRESS_LZ4_BLOCK] = { block_bound, block_run },
};

struct compressor *compressor_new(enum compression compression)
{
    struct compressor *c = must_allocate(sizeof *c);
    c->method = &methods[compression];
    c->zstd = ZSTD_createCCtx();
    if (c->zstd == NULL || deflateInit2(&c->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        fail("out of memory for a compressor");
    }
    return c;
}

size_t compressor_bound(const struct compressor *c, size_t length)
{
    return c->method->bound(c, length);
}

size_t compressor_run(struct compressor *c, const char *plain, size_t length, char *out, size_t capacity)
{
    size_t written = c->method->run(c, plain, length, out, capacity);
    if (written == 0) {
        fail("a body of %zu bytes could not be compressed", length);
    }
    return written;
}
