/* WebSocket frames, case by case: what is read, what is refused and how early, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ws/ws_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MASK "\x01\x02\x03\x04"
#define BYTES(literal) (literal), sizeof(literal) - 1

/* A header that is read. */
static const struct {
    const char *bytes;
    size_t len;
    enum ws_opcode opcode;
    bool final;
    uint64_t length;
} accepts[] = {
    { BYTES("\x81\x80" MASK), WS_TEXT, true, 0 },
    { BYTES("\x82\x85" MASK), WS_BINARY, true, 5 },
    { BYTES("\x01\xfd" MASK), WS_TEXT, false, 125 },
    { BYTES("\x00\x81" MASK), WS_CONTINUATION, false, 1 },
    { BYTES("\x80\x81" MASK), WS_CONTINUATION, true, 1 },
    { BYTES("\x81\xfe\x00\x7e" MASK), WS_TEXT, true, 126 },
    { BYTES("\x81\xfe\xff\xff" MASK), WS_TEXT, true, 65535 },
    { BYTES("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00" MASK), WS_TEXT, true, 65536 },
    { BYTES("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK), WS_TEXT, true, INT64_MAX },
    { BYTES("\x88\x80" MASK), WS_CLOSE, true, 0 },
    { BYTES("\x89\xfd" MASK), WS_PING, true, 125 },
    { BYTES("\x8a\x80" MASK), WS_PONG, true, 0 },
};

/* A header that is refused as soon as these bytes are here, and not before. */
static const struct {
    const char *bytes;
    size_t len;
    const char *word; /* in the reason */
} rejects[] = {
    { BYTES("\xc1"), "reserved bit" },
    { BYTES("\xa1"), "reserved bit" },
    { BYTES("\x91"), "reserved bit" },
    { BYTES("\xf9"), "reserved bit" },
    { BYTES("\x83"), "opcode" },
    { BYTES("\x84"), "opcode" },
    { BYTES("\x85"), "opcode" },
    { BYTES("\x86"), "opcode" },
    { BYTES("\x87"), "opcode" },
    { BYTES("\x8b"), "opcode" },
    { BYTES("\x8c"), "opcode" },
    { BYTES("\x8d"), "opcode" },
    { BYTES("\x8e"), "opcode" },
    { BYTES("\x8f"), "opcode" },
    { BYTES("\x08"), "fragmented" },
    { BYTES("\x09"), "fragmented" },
    { BYTES("\x0a"), "fragmented" },
    { BYTES("\x81\x05"), "masked" },
    { BYTES("\x89\x00"), "masked" },
    { BYTES("\x88\xfe"), "longer than 125" },
    { BYTES("\x89\xff"), "longer than 125" },
    { BYTES("\x81\xff\x80"), "top bit" },
    { BYTES("\x81\xfe\x00\x7d" MASK), "shortest" },
    { BYTES("\x81\xfe\x00\x00" MASK), "shortest" },
    { BYTES("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" MASK), "shortest" },
    { BYTES("\x81\xff\x00\x00\x00\x00\x00\x00\x00\x00" MASK), "shortest" },
};

/* Puts the bytes just before a page that cannot be read. */
static struct slice guarded(const char *bytes, size_t len)
{
    static char *page;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    if (page == NULL) {
        page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(page != MAP_FAILED);
        assert_int_equal(mprotect(page + size, size, PROT_NONE), 0);
    }
    memcpy(page + size - len, bytes, len);
    return slice_make(page + size - len, len);
}

static enum ws_verdict verdict(const char *bytes, size_t len, struct ws_frame *frame, const char **reason)
{
    *reason = NULL;
    return ws_frame_parse(guarded(bytes, len), frame, reason);
}

static void reads_headers_and_calls_every_prefix_partial(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(accepts); i++) {
        struct ws_frame frame;
        const char *reason;
        for (size_t len = 0; len < accepts[i].len; len++) {
            assert_int_equal(verdict(accepts[i].bytes, len, &frame, &reason), WS_PARTIAL);
        }
        assert_int_equal(verdict(accepts[i].bytes, accepts[i].len, &frame, &reason), WS_DONE);
        assert_int_equal(frame.opcode, accepts[i].opcode);
        assert_int_equal(frame.final, accepts[i].final);
        assert_true(frame.length == accepts[i].length);
        assert_int_equal(frame.header_length, accepts[i].len);
        assert_memory_equal(frame.mask, MASK, 4);
    }
}

static void refuses_what_rfc_6455_forbids_as_soon_as_it_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rejects); i++) {
        struct ws_frame frame;
        const char *reason;
        for (size_t len = 0; len < rejects[i].len; len++) {
            assert_int_equal(verdict(rejects[i].bytes, len, &frame, &reason), WS_PARTIAL);
        }
        assert_int_equal(verdict(rejects[i].bytes, rejects[i].len, &frame, &reason), WS_BAD);
        assert_non_null(reason);
        assert_non_null(strstr(reason, rejects[i].word));
    }
}

static void unmasks_any_length_from_any_offset(void **state)
{
    (void)state;
    static const uint8_t mask[4] = { 0xA1, 0x02, 0x73, 0xF4 };
    for (size_t len = 0; len <= 40; len++) {
        for (uint64_t at = 0; at < 9; at++) {
            char bytes[40];
            for (size_t i = 0; i < len; i++) {
                bytes[i] = (char)((uint8_t)(i * 7) ^ mask[(at + i) & 3]);
            }
            ws_unmask(bytes, len, mask, at);
            for (size_t i = 0; i < len; i++) {
                assert_int_equal((uint8_t)bytes[i], (uint8_t)(i * 7));
            }
        }
    }
}

static void writes_lengths_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *head;
        size_t head_len;
    } cases[] = {
        { 0, BYTES("\x81\x00") },
        { 125, BYTES("\x81\x7d") },
        { 126, BYTES("\x81\x7e\x00\x7e") },
        { 65535, BYTES("\x81\x7e\xff\xff") },
        { 65536, BYTES("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00") },
    };
    char *payload = calloc(1, 65536);
    assert_non_null(payload);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 };
        ws_frame_write(&out, WS_TEXT, slice_make(payload, cases[i].len));
        assert_int_equal(out.len, cases[i].head_len + cases[i].len);
        assert_memory_equal(out.data, cases[i].head, cases[i].head_len);
        buf_release(&out);
    }
    free(payload);
}

static void writes_close_frames_whose_reason_fits_and_is_utf8(void **state)
{
    (void)state;
    struct buf out = { 0 };
    ws_frame_write_close(&out, 0, SLICE("not said"));
    ws_frame_write_close(&out, 1000, SLICE("bye"));
    assert_int_equal(out.len, 2 + 7);
    assert_memory_equal(out.data,
                        "\x88\x00\x88\x05\x03\xe8"
                        "bye",
                        9);
    buf_clear(&out);
    char reason[200];
    for (size_t i = 0; i + 2 <= sizeof reason; i += 2) {
        memcpy(reason + i, "\xc3\xa4", 2);
    }
    ws_frame_write_close(&out, 1001, slice_make(reason, sizeof reason));
    assert_int_equal(out.len, 2 + 2 + 122); /* 123 would cut a character */
    assert_int_equal(out.data[1], 124);
    buf_clear(&out);
    ws_frame_write_close(&out, 1001, slice_make(reason, 122));
    assert_int_equal(out.len, 2 + 2 + 122);
    buf_release(&out);
}

static bool close_is_valid(unsigned code)
{
    uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };
    unsigned said;
    bool valid = ws_close_parse(slice_make(payload, sizeof payload), &said);
    assert_true(!valid || said == code);
    return valid;
}

static void takes_exactly_the_close_codes_that_may_be_sent(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool protocol = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
        bool valid = protocol || (code >= 3000 && code <= 4999);
        if (close_is_valid(code) != valid) {
            fail_msg("close code %u", code);
        }
    }
}

static void reads_close_payloads(void **state)
{
    (void)state;
    unsigned code = 0;
    assert_true(ws_close_parse(SLICE(""), &code));
    assert_int_equal(code, 1005);
    assert_false(ws_close_parse(SLICE("\x03"), &code));
    assert_true(ws_close_parse(SLICE("\x03\xe8h\xc3\xa9"), &code));
    assert_int_equal(code, 1000);
    assert_false(ws_close_parse(SLICE("\x03\xe8h\xc3"), &code));
    assert_false(ws_close_parse(SLICE("\x03\xe8\xed\xa0\x80"), &code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers_and_calls_every_prefix_partial),
        cmocka_unit_test(refuses_what_rfc_6455_forbids_as_soon_as_it_shows),
        cmocka_unit_test(unmasks_any_length_from_any_offset),
        cmocka_unit_test(writes_lengths_in_their_shortest_form),
        cmocka_unit_test(writes_close_frames_whose_reason_fits_and_is_utf8),
        cmocka_unit_test(takes_exactly_the_close_codes_that_may_be_sent),
        cmocka_unit_test(reads_close_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
