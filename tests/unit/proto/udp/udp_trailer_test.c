#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "proto/front/encoding.h"
#include "proto/udp/udp_thread.h"
#include "signed_datagram.h"

static const uint8_t hash[DIGEST_SHA256_SIZE] = { 1, 2, 3 };

static void a_trailer_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct buf datagram = { 0 };
    uint64_t id;
    sign_datagram(&datagram, SLICE("{\"n\":1}"), hash, 1234567890123456789);
    assert_int_equal(datagram.len, 7 + UDP_TRAILER_SIZE);
    assert_true(udp_trailer_is_there(buf_slice(&datagram)));
    struct udp_trailer trailer = udp_trailer_of(buf_slice(&datagram));
    assert_true(slice_equal(trailer.payload, SLICE("{\"n\":1}")));
    assert_int_equal(trailer.covered.len, 7 + 16);
    assert_int_equal(trailer.signed_ns, 1234567890123456789);
    assert_true(udp_trailer_key_id(slice_make(hash, sizeof hash), &id));
    assert_int_equal(trailer.key_id, id);
    buf_release(&datagram);
}

static void an_empty_payload_may_be_signed(void **state)
{
    (void)state;
    struct buf datagram = { 0 };
    sign_datagram(&datagram, SLICE(""), hash, 1);
    assert_int_equal(datagram.len, UDP_TRAILER_SIZE);
    assert_int_equal(udp_trailer_of(buf_slice(&datagram)).payload.len, 0);
    assert_false(udp_trailer_is_there(slice_after(buf_slice(&datagram), 1)));
    buf_release(&datagram);
}

/* The payload is packed as it was without the trailer. */
static void what_is_signed_is_told_apart_as_before(void **state)
{
    (void)state;
    static const struct {
        struct slice payload;
        enum encoding encoding;
    } rows[] = {
        { { "", 0 }, ENCODING_IDENTITY },
        { { "{\"a\":1}", 7 }, ENCODING_IDENTITY },
        { { "{}\n{}", 5 }, ENCODING_IDENTITY },
        { { "\x04\x22\x4d\x18", 4 }, ENCODING_LZ4 },
        { { "\x02\0\0\0\x20{}", 7 }, ENCODING_LZ4 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf datagram = { 0 };
        sign_datagram(&datagram, rows[i].payload, hash, UINT64_C(1800000000000000000));
        struct udp_trailer trailer = udp_trailer_of(buf_slice(&datagram));
        assert_int_equal(udp_packing(trailer.payload), rows[i].encoding);
        assert_false(udp_trailer_is_there(trailer.payload));
        buf_release(&datagram);
    }
}

/* Not even one whose text is the mark. */
static void no_frame_ends_like_a_trailer(void **state)
{
    (void)state;
    struct lz4_encoder *encoder = lz4_encoder_new();
    struct buf frame = { 0 };
    static const char text[] = "{\"s\":\"SluiceH SluiceH SluiceH SluiceH SluiceH SluiceH SluiceH SluiceH\"}";
    lz4_frame_begin(encoder, &frame, sizeof text - 1);
    lz4_frame_write(encoder, text, sizeof text - 1);
    assert_true(lz4_frame_end(encoder));
    assert_false(udp_trailer_is_there(buf_slice(&frame)));
    buf_release(&frame);
    lz4_encoder_free(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trailer_is_read_as_it_was_written),
        cmocka_unit_test(an_empty_payload_may_be_signed),
        cmocka_unit_test(what_is_signed_is_told_apart_as_before),
        cmocka_unit_test(no_frame_ends_like_a_trailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
