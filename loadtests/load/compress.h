/* Turns a body into its compressed form, as each protocol wants it. */
#pragma once

#include <stddef.h>

enum compression { COMPRESS_NONE, COMPRESS_LZ4, COMPRESS_GZIP, COMPRESS_ZSTD, COMPRESS_LZ4_BLOCK };

struct compressor;

struct compressor *compressor_new(enum compression compression);

/* The most bytes that `length` may become. */
size_t compressor_bound(const struct compressor *compressor, size_t length);

/* Writes to `out`, which has room for the bound; the bytes written. COMPRESS_LZ4 is a frame, COMPRESS_LZ4_BLOCK a block
 * behind its plain size in four bytes. */
size_t compressor_run(struct compressor *compressor, const char *plain, size_t length, char *out, size_t capacity);
