/* Content encodings: compressed bodies in, plain bytes out, capped before anything is allocated for them; and back. The only
 * place that knows zlib and zstd. One decoder per I/O thread. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "proto/front/encoding.h"

struct decoder;

struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Appends to `out` at most `max` bytes. ERROR_BAD_COMPRESSION (damaged, cut off, or bytes behind the end),
 * ERROR_DECOMPRESSED_TOO_LARGE (whatever a header claims), ERROR_UNSUPPORTED_ENCODING, ERROR_OUT_OF_MEMORY.
 *   lz4      frames, or a block behind its 4-byte little-endian size, told apart by the magic. A size that so few bytes
 *            cannot hold is bad compression.
 *   deflate  zlib (RFC 1950), as RFC 9110 says, or raw (RFC 1951), as some clients send.
 *   gzip     one member or several. */
MUST_CHECK enum error decode_body(struct decoder *decoder, enum encoding encoding, struct slice in, size_t max,
                                  struct buf *out);

/* Appends `in` as one member of gzip (RFC 1952), made quickly rather than small. False: memory is short, or it is more than 4 GiB; then
 * nothing is appended. Any thread. */
MUST_CHECK bool encode_gzip(struct slice in, struct buf *out);
