/* LZ4, the only place that knows the library: frames for segments and bodies, blocks for browsers. Not thread-safe per
 * object; each thread has its own. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#define LZ4_FRAME_MAGIC 0x184D2204u
#define LZ4_SKIPPABLE_MAGIC 0x184D2A50u

struct lz4_encoder;

struct lz4_encoder *lz4_encoder_new(void);
void lz4_encoder_free(struct lz4_encoder *encoder);

/* One frame of `size` bytes, made from as many pieces as come; appended to `out`. Each of its blocks has a checksum, and
 * its header the size, so that a frame that lost blocks at its end is not whole. */
void lz4_frame_begin(struct lz4_encoder *encoder, struct buf *out, uint64_t size);
void lz4_frame_write(struct lz4_encoder *encoder, const void *data, size_t len);
/* False if memory ran short anywhere in the frame, or it was not `size` bytes; `out` is then cut back to where it began. */
MUST_CHECK bool lz4_frame_end(struct lz4_encoder *encoder);

struct lz4_decoder;

struct lz4_decoder *lz4_decoder_new(void);
void lz4_decoder_free(struct lz4_decoder *decoder);

/* Unpacks the one frame at the front of `in` (skippable frames before it are skipped), appending to `out` at most `max`
 * bytes. *used is how much of `in` it took. ERROR_BAD_COMPRESSION if cut off, damaged or failing its checksum;
 * ERROR_DECOMPRESSED_TOO_LARGE before more than `max` bytes are allocated, whatever the header claims. */
MUST_CHECK enum error lz4_frame_decode(struct lz4_decoder *decoder, struct slice in, size_t *used, struct buf *out,
                                       size_t max);

/* All frames of `in`, as a body may hold several. */
MUST_CHECK enum error lz4_frames_decode(struct lz4_decoder *decoder, struct slice in, struct buf *out, size_t max);

/* The length of the frame at the front of `in` by walking its block headers, without decoding: 0 if it is not whole. */
size_t lz4_frame_length(struct slice in);

/* Where the data of the first block of the frame at the front of `in` begins: 0 if its header is not whole. */
size_t lz4_frame_first_block(struct slice in);

/* Is it a block of JSON without its size: sequences that fit each other, of which the first literals begin a JSON text?
 * Walks them, decodes nothing (lz4_Block_format.md). What is plain JSON never is one. */
bool lz4_is_bare_block(struct slice in);

/* A raw block behind its 4-byte little-endian uncompressed size. A size that so few bytes cannot hold, whatever they are,
 * is ERROR_BAD_COMPRESSION, and so are the first bytes of a bare block read as a size. */
MUST_CHECK enum error lz4_sized_block_decode(struct slice in, struct buf *out, size_t max);
