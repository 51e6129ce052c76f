/* Turns bytes that could not be unpacked into a message to their sender. */
#include "proto/front/decode_fault.h"

#include "base/lz4.h"
#include "pipeline/json/json.h"

static const char *const expected[] = {
    [ENCODING_IDENTITY] = "the payload is damaged",
    [ENCODING_GZIP] = "gzip (RFC 1952) was expected",
    [ENCODING_DEFLATE] = "deflate (RFC 1951, or in zlib's frame, RFC 1950) was expected",
    [ENCODING_LZ4] = ("LZ4 was expected: frames (04 22 4D 18), or one block behind its uncompressed size in 4 bytes, "
                      "little-endian"),
    [ENCODING_ZSTD] = "zstd frames (RFC 8878) were expected",
    [ENCODING_OTHER] = "the payload is damaged",
};

/* What the first bytes tell. */
static const struct {
    enum encoding encoding;
    struct slice magic;
    const char *look;
} looks[] = {
    { ENCODING_GZIP, { "\x1F\x8B", 2 }, "gzip: say so" },
    { ENCODING_ZSTD, { "\x28\xB5\x2F\xFD", 4 }, "zstd: say so" },
    { ENCODING_LZ4, { "\x04\x22\x4D\x18", 4 }, "an LZ4 frame: say so" },
};

static bool is_json(struct slice in)
{
    in = json_trim(in);
    return in.len != 0 && (in.data[0] == '{' || in.data[0] == '[');
}

/* NULL: nothing that is known. */
static const char *look_of(enum encoding encoding, struct slice in)
{
    for (size_t i = 0; i < ARRAY_LENGTH(looks); i++) {
        if (looks[i].encoding != encoding && slice_starts_with(in, looks[i].magic)) {
            return looks[i].look;
        }
    }
    if (encoding == ENCODING_LZ4 && lz4_is_bare_block(in)) {
        return "an LZ4 block without its size: put the uncompressed size in front of it";
    }
    return is_json(in) ? "JSON that is not compressed: say so" : NULL;
}

void decode_describe_fault(enum encoding encoding, struct slice in, struct buf *out)
{
    const char *look = look_of(encoding, in);
    buf_append_string(out, expected[encoding]);
    if (look != NULL) {
        buf_printf(out, "; the bytes are %s", look);
    } else if (encoding == ENCODING_LZ4 && in.len >= 4 && load_u32(in.data) != LZ4_FRAME_MAGIC) {
        buf_printf(out, "; the first 4 bytes would say that the %zu behind them hold %u, which they do not", in.len - 4,
                   load_u32(in.data));
    } else {
        buf_append_string(out, in.len == 0 ? "; the payload is empty" : "; the bytes are none, or damaged, or cut off");
    }
}
