/* Turns any bytes, the first of which chooses the encoding, into a body: never more than the limit, nor much memory. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "proto/front/decode.h"

#define MAX_BODY 65536

static void take(const uint8_t *data, size_t size)
{
    static struct decoder *decoder; /* kept, as an I/O thread keeps it: a bad body must not spoil the next */
    if (decoder == NULL) {
        decoder = decoder_new();
    }
    if (size == 0) {
        return;
    }
    struct buf out = { 0 };
    enum encoding encoding = (enum encoding)(data[0] % (ENCODING_OTHER + 1));
    enum error error = decode_body(decoder, encoding, slice_make(data + 1, size - 1), MAX_BODY, &out);
    cost_weighs(error == ERROR_DECOMPRESSED_TOO_LARGE ? MAX_BODY : out.len);
    if (out.len > MAX_BODY || out.cap > 2 * MAX_BODY || (error != OK && out.len != 0)) {
        abort();
    }
    buf_release(&out);
}

COST_FUZZER(take, 60)
