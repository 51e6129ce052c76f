/* Turns payloads that could not be unpacked into what their sender is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/decode_fault.h"

static void says_what_was_expected_and_what_came(void **state)
{
    (void)state;
    static const struct {
        enum encoding encoding;
        struct slice in;
        const char *expected, *found;
    } rows[] = {
        { ENCODING_LZ4, SLICE("\x20{}"), "4 bytes, little-endian", "an LZ4 block without its size" },
        { ENCODING_LZ4, SLICE("\xff\xff\xff\x7fxx"), "LZ4 was expected", "say that the 2 behind them hold 2147483647" },
        { ENCODING_LZ4, SLICE("\x04\x22\x4d\x18\x68"), "frames (04 22 4D 18)", "damaged, or cut off" },
        { ENCODING_LZ4, SLICE("{\"a\":1}"), "LZ4 was expected", "JSON that is not compressed" },
        { ENCODING_LZ4, SLICE("\x1f\x8b\x08"), "LZ4 was expected", "gzip: say so" },
        { ENCODING_GZIP, SLICE("[{}]"), "gzip (RFC 1952)", "JSON that is not compressed" },
        { ENCODING_GZIP, SLICE("\x28\xb5\x2f\xfd"), "gzip (RFC 1952)", "zstd: say so" },
        { ENCODING_GZIP, SLICE("\x1f\x8b\x08"), "gzip (RFC 1952)", "damaged, or cut off" },
        { ENCODING_DEFLATE, SLICE("\x1f\x8b\x08"), "RFC 1950", "gzip: say so" },
        { ENCODING_ZSTD, SLICE("\x04\x22\x4d\x18"), "RFC 8878", "an LZ4 frame: say so" },
        { ENCODING_ZSTD, SLICE(""), "RFC 8878", "empty" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out = { 0 };
        decode_describe_fault(rows[i].encoding, rows[i].in, &out);
        assert_non_null(strstr(buf_c_string(&out), rows[i].expected));
        assert_non_null(strstr(buf_c_string(&out), rows[i].found));
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_was_expected_and_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
