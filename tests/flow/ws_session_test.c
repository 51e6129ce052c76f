/* A WebSocket driven without sockets: frames in, fates in any order, frames out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "proto/ws/ws_session_private.h"
#include "ws_wire.h"

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8A
#define TEXT_BEGINS 0x01
#define BINARY_BEGINS 0x02
#define GOES_ON 0x00
#define ENDS 0x80

#define ACK(n, a, d, r, errors)                                                                                        \
    "{\"ack\":" #n ",\"accepted\":" #a ",\"duplicate\":" #d ",\"rejected\":" #r ",\"errors\":[" errors "]}\n"

static void send_frame(struct wire *wire, uint8_t first, struct slice payload)
{
    struct buf bytes = { 0 };
    wire_frame(&bytes, first, payload);
    wire_receive(wire, buf_slice(&bytes));
    buf_release(&bytes);
}

static void send_text(struct wire *wire, uint8_t first, const char *text)
{
    send_frame(wire, first, slice_from_string(text));
}

static void send_close(struct wire *wire, unsigned code)
{
    uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };
    send_frame(wire, CLOSE, slice_make(payload, code == 0 ? 0 : sizeof payload));
}

static void complete(struct wire *wire, size_t index, uint32_t accepted, uint32_t duplicate, enum error error)
{
    wire_complete(wire, index, accepted, duplicate, error);
    wire_flush(wire);
}

/* What was written, a line a frame: the text of acknowledgements, "ping …", "pong …", "close 1000 …". */
static const char *said(const struct wire *wire)
{
    static struct buf text;
    buf_clear(&text);
    for (size_t at = 0; at < wire->written.len;) {
        const uint8_t *head = (const uint8_t *)wire->written.data + at;
        size_t header = head[1] == 127 ? 10 : head[1] == 126 ? 4 : 2;
        size_t length = header == 2 ? head[1] : 0;
        for (size_t i = 2; i < header; i++) {
            length = length << 8 | head[i];
        }
        struct slice payload = slice_make(head + header, length);
        if (head[0] == CLOSE && length >= 2) {
            buf_printf(&text, "close %u ", (unsigned)head[header] << 8 | head[header + 1]);
            payload = slice_after(payload, 2);
        } else if (head[0] != TEXT) {
            buf_append_string(&text, head[0] == CLOSE ? "close" : head[0] == PING ? "ping " : "pong ");
        }
        buf_append_slice(&text, payload);
        buf_append_byte(&text, '\n');
        at += header + length;
    }
    const char *line = buf_c_string(&text);
    assert_non_null(line);
    return line;
}

static bool said_close(const struct wire *wire, unsigned code)
{
    char close[16];
    snprintf(close, sizeof close, "close %u ", code);
    return strstr(said(wire), close) != NULL;
}

static int64_t closed_by_us(const struct wire *wire, enum error error)
{
    return metric_read(wire->metrics, METRIC_WEBSOCKETS_CLOSED, 0, error, OK);
}

static size_t refused_in_all(void)
{
    size_t all = 0;
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        all += world.refused[i];
    }
    return all;
}

/* Acknowledgements. */

static void acknowledges_a_message_when_it_is_committed(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "{\"a\":1}");
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    assert_true(slice_equal(buf_slice(&world.last_client_ip), SLICE("10.1.2.3")));
    assert_true(slice_equal(buf_slice(&world.last_user_agent), SLICE("agent")));
    assert_int_equal(world.submitted[0].slot, 7);
    assert_int_equal(world.submitted[0].generation, 3);
    assert_int_equal(world.submitted[0].sequence, 1);
    assert_int_equal(wire->written.len, 0);
    assert_true(ws_session_ops.owes(wire->session));
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(said(wire), ACK(1, 1, 0, 0, ""));
    assert_false(ws_session_ops.owes(wire->session));
    assert_int_equal(metric_read(wire->metrics, METRIC_WEBSOCKET_MESSAGES, 0, 0, OK), 1);
    assert_int_equal(metric_read(wire->metrics, METRIC_RECEIVED_BYTES, PROTOCOL_WS, 0, OK), 7);
    assert_int_equal(metric_read(wire->metrics, METRIC_WEBSOCKET_ACKS, 0, 0, OK), 1);
    assert_int_equal(metric_read(wire->metrics, METRIC_WEBSOCKETS, 0, 0, OK), 1);
    assert_int_equal(metric_read(wire->metrics, METRIC_WEBSOCKETS_OPENED, 0, 0, OK), 1);
    wire_free(wire);
}

static void acknowledges_in_order_and_together(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    for (size_t i = 0; i < 4; i++) {
        send_text(wire, TEXT, "x");
    }
    complete(wire, 2, 0, 1, OK);
    complete(wire, 1, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    complete(wire, 3, 1, 0, OK);
    assert_string_equal(said(wire), ACK(3, 2, 1, 0, "") ACK(4, 1, 0, 0, ""));
    wire_free(wire);
}

static void merges_what_is_decided_before_one_flush(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    for (size_t i = 0; i < 3; i++) {
        send_text(wire, TEXT, "x");
    }
    for (size_t i = 0; i < 3; i++) {
        wire_complete(wire, i, 1, 0, OK);
    }
    wire_flush(wire);
    assert_string_equal(said(wire), ACK(3, 3, 0, 0, ""));
    wire_free(wire);
}

#define REFUSED(frame, code, message)                                                                                  \
    "{\"frame\":" #frame ",\"index\":null,\"field\":\"\",\"code\":\"" code "\",\"message\":\"" message "\"}"

static void names_the_frame_of_each_error(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "?");
    send_text(wire, TEXT, "!");
    send_text(wire, TEXT, "");
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(
        said(wire), ACK(4, 1, 0, 3,
                        "{\"frame\":2,\"index\":0,\"message\":\"}\\\"{\"}," REFUSED(
                            3, "invalid_json", "invalid JSON at byte 0") "," REFUSED(4, "empty_payload",
                                                                                     "the payload holds no event")));
    assert_int_equal(world.refused[ERROR_EMPTY_PAYLOAD], 1);
    assert_int_equal(refused_in_all(), 1);
    wire_free(wire);
}

static void keeps_errors_for_the_ack_of_their_message(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "?");
    struct buf both = { 0 };
    wire_frame(&both, TEXT, SLICE("x"));
    wire_frame(&both, TEXT, SLICE("?"));
    wire_receive(wire, buf_slice(&both));
    buf_release(&both);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(said(wire), ACK(1, 0, 0, 1, "{\"frame\":1,\"index\":0,\"message\":\"}\\\"{\"}")
                                        ACK(3, 1, 0, 1, "{\"frame\":3,\"index\":0,\"message\":\"}\\\"{\"}"));
    wire_free(wire);
}

static void names_every_refused_message_though_their_errors_have_no_room(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    for (size_t i = 0; i < 1000; i++) {
        send_text(wire, TEXT, "!");
    }
    complete(wire, 0, 1, 0, OK);
    assert_non_null(strstr(said(wire), "{\"ack\":1001,\"accepted\":1,\"duplicate\":0,\"rejected\":1000,"));
    assert_true(wire->written.len > 60000 && wire->written.len < 120000);
    for (int frame = 2; frame <= 1001; frame++) {
        char listed[64], refused[64];
        snprintf(listed, sizeof listed, "{\"frame\":%d,\"index\":null", frame);
        snprintf(refused, sizeof refused, "{\"frame\":%d,\"codes\":{\"invalid_json\":null}}", frame);
        assert_true((strstr(said(wire), listed) != NULL) != (strstr(said(wire), refused) != NULL));
    }
    send_text(wire, TEXT, "!");
    assert_non_null(strstr(said(wire), "\"frame\":1002"));
    wire_free(wire);
}

static void stays_silent_without_acks(void **state)
{
    (void)state;
    struct wire *wire = wire_new(false);
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "!");
    assert_false(ws_session_ops.owes(wire->session));
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    send_text(wire, PING, "hi");
    assert_string_equal(said(wire), "pong hi\n");
    wire_free(wire);
}

static void drops_completions_of_another_generation(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    world.submitted[0].generation++;
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    wire_free(wire);
}

/* Framing. */

static void takes_frames_in_any_split(void **state)
{
    (void)state;
    struct buf script = { 0 };
    char *large = calloc(1, 70000);
    assert_non_null(large);
    memset(large, 'x', 70000);
    wire_frame(&script, TEXT, SLICE("one"));
    wire_frame(&script, TEXT_BEGINS, SLICE("tw"));
    wire_frame(&script, PING, SLICE("p"));
    wire_frame(&script, GOES_ON, SLICE(""));
    wire_frame(&script, ENDS, SLICE("o"));
    wire_frame(&script, TEXT, slice_make(large, 200));
    wire_frame(&script, PONG, SLICE(""));
    wire_frame(&script, TEXT, SLICE("last"));
    for (size_t split = 0; split <= script.len; split++) {
        struct wire *wire = wire_new(true);
        wire_receive(wire, slice_make(script.data, split));
        wire_receive(wire, slice_after(buf_slice(&script), split));
        assert_int_equal(world.count, 4);
        assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("last")));
        for (size_t i = 0; i < 4; i++) {
            wire_complete(wire, i, 1, 0, OK);
        }
        wire_flush(wire);
        assert_string_equal(said(wire), "pong p\n" ACK(4, 4, 0, 0, ""));
        wire_free(wire);
    }
    wire_frame(&script, TEXT, slice_make(large, 70000));
    struct wire *wire = wire_new(true);
    for (size_t i = 0; i < script.len; i++) {
        wire_receive(wire, slice_make(script.data + i, 1));
    }
    assert_int_equal(world.count, 5);
    assert_int_equal(world.last_payload.len, 70000);
    wire_free(wire);
    free(large);
    buf_release(&script);
}

static void joins_fragments_with_control_frames_between(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT_BEGINS, "{\"a\"");
    send_text(wire, PING, "1");
    assert_string_equal(said(wire), "pong 1\n");
    send_text(wire, GOES_ON, ":");
    send_text(wire, PONG, "unasked");
    assert_int_equal(world.calls, 0);
    send_text(wire, ENDS, "1}");
    assert_int_equal(world.calls, 1);
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    wire_free(wire);
}

/* A block of one byte more than may come out, and bytes enough to hold it. */
static const char over_limit[1000] = "\x41\x0d\x03\x00x";

/* What ends a connection: the frames, the close code, and what is counted. */
static const struct {
    uint8_t first[3]; /* 0xFF: no more */
    struct slice payload[3];
    unsigned code;
    enum error counted; /* OK: nothing */
    size_t late;        /* messages that begin behind the end; there are none once framing is lost */
} endings[] = {
    { { 0xC1, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { 0xA1, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { 0x91, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { 0x83, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { 0x8B, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { 0x09, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 0 },
    { { ENDS, 0xFF, 0 }, { { "x", 1 } }, 1002, OK, 1 },
    { { GOES_ON, ENDS, 0xFF }, { { "x", 1 }, { "x", 1 } }, 1002, OK, 1 },
    { { TEXT_BEGINS, TEXT, 0xFF }, { { "x", 1 }, { "x", 1 } }, 1002, ERROR_BAD_FRAME, 2 },
    { { TEXT_BEGINS, BINARY_BEGINS, ENDS }, { { "x", 1 }, { "x", 1 }, { "x", 1 } }, 1002, ERROR_BAD_FRAME, 2 },
    { { TEXT_BEGINS, 0x83, 0xFF }, { { "x", 1 }, { "x", 1 } }, 1002, ERROR_BAD_FRAME, 0 },
    { { TEXT_BEGINS, ENDS, 0xFF }, { { "\xc3", 1 }, { "x", 1 } }, 1007, ERROR_INVALID_UTF8, 1 },
    { { TEXT_BEGINS, GOES_ON, ENDS }, { { "a\xed", 2 }, { "\xa0", 1 }, { "\x80", 1 } }, 1007, ERROR_INVALID_UTF8, 1 },
    { { TEXT, 0xFF, 0 }, { { "\xce\xba\xff", 3 } }, 1007, ERROR_INVALID_UTF8, 1 },
    { { TEXT, 0xFF, 0 }, { { "\xf4\x90\x80\x80", 4 } }, 1007, ERROR_INVALID_UTF8, 1 },
    { { BINARY, 0xFF, 0 }, { { "{\"a\":1}", 7 } }, 1003, ERROR_UNSUPPORTED_DATA, 1 },
    { { BINARY, 0xFF, 0 }, { { "[{\"a\":1}]", 9 } }, 1003, ERROR_UNSUPPORTED_DATA, 1 },
    { { BINARY, 0xFF, 0 }, { { " \t\r\n{}", 6 } }, 1003, ERROR_UNSUPPORTED_DATA, 1 },
    { { BINARY, 0xFF, 0 }, { { "abc", 3 } }, 1003, ERROR_UNSUPPORTED_DATA, 1 },
    { { BINARY, 0xFF, 0 }, { { "\0\0\0\0", 4 } }, 1003, ERROR_UNSUPPORTED_DATA, 1 },
    { { BINARY, 0xFF, 0 }, { { over_limit, sizeof over_limit } }, 1009, ERROR_DECOMPRESSED_TOO_LARGE, 1 },
    { { BINARY_BEGINS, ENDS, 0xFF },
      { { over_limit, 3 }, { over_limit + 3, sizeof over_limit - 3 } },
      1009,
      ERROR_DECOMPRESSED_TOO_LARGE,
      1 },
    { { CLOSE, 0xFF, 0 }, { { "\x03", 1 } }, 1002, OK, 0 },
    { { CLOSE, 0xFF, 0 }, { { "\x03\xed", 2 } }, 1002, OK, 0 },
    { { CLOSE, 0xFF, 0 }, { { "\x03\xe8\xff", 3 } }, 1002, OK, 0 },
    { { TEXT_BEGINS, CLOSE, 0xFF }, { { "x", 1 }, { "\x03\xe8", 2 } }, 1000, ERROR_CONNECTION_CLOSED, 0 },
};

static void ends_after_the_ack_of_all_before_with_the_right_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        struct wire *wire = wire_new(true);
        send_text(wire, TEXT, "x");
        for (size_t k = 0; k < 3 && endings[i].first[k] != 0xFF; k++) {
            send_frame(wire, endings[i].first[k], endings[i].payload[k]);
        }
        send_text(wire, TEXT, "never taken");
        assert_int_equal(wire->written.len, 0);
        assert_true(ws_session_ops.owes(wire->session));
        complete(wire, 0, 1, 0, OK);
        if (strncmp(said(wire), ACK(1, 1, 0, 0, ""), strlen(ACK(1, 1, 0, 0, ""))) != 0 ||
            !said_close(wire, endings[i].code)) {
            fail_msg("ending %zu: %s", i, said(wire));
        }
        assert_int_equal(world.calls, 1);
        size_t counted = endings[i].counted != OK;
        size_t of_its_kind = endings[i].counted == ERROR_CONNECTION_CLOSED ? endings[i].late : 0;
        assert_int_equal(world.refused[endings[i].counted], counted + of_its_kind);
        assert_int_equal(refused_in_all(), counted + endings[i].late);
        ws_session_ops.close(wire->session);
        assert_int_equal(refused_in_all(), counted + endings[i].late);
        wire_free(wire);
    }
}

static void takes_utf8_split_across_fragments(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT_BEGINS, "\xf0\x9f");
    send_text(wire, GOES_ON, "\x98");
    send_text(wire, ENDS, "\x80");
    assert_int_equal(world.calls, 1);
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("\xf0\x9f\x98\x80")));
    wire_free(wire);
}

/* Limits. */

static void judges_a_size_by_the_header_alone(void **state)
{
    (void)state;
    static const uint64_t claims[] = { 100001, UINT64_C(2) << 30, INT64_MAX };
    for (size_t i = 0; i < ARRAY_LENGTH(claims); i++) {
        struct wire *wire = wire_new(true);
        struct buf bytes = { 0 };
        wire_frame_claiming(&bytes, TEXT, SLICE("xx"), claims[i]);
        wire_receive(wire, buf_slice(&bytes));
        assert_true(said_close(wire, 1009));
        assert_int_equal(world.refused[ERROR_MESSAGE_TOO_LARGE], 1);
        assert_int_equal(refused_in_all(), 1);
        assert_int_equal(closed_by_us(wire, ERROR_MESSAGE_TOO_LARGE), 1);
        assert_true(wire->session->input.bytes.cap < 1000);
        wire_free(wire);
        buf_release(&bytes);
    }
}

static void bounds_a_message_over_all_its_fragments(void **state)
{
    (void)state;
    char *half = malloc(50000);
    assert_non_null(half);
    memset(half, 'x', 50000);
    struct wire *wire = wire_new(true);
    send_frame(wire, TEXT_BEGINS, slice_make(half, 50000));
    send_frame(wire, ENDS, slice_make(half, 50000));
    assert_int_equal(world.calls, 1);
    send_frame(wire, TEXT_BEGINS, slice_make(half, 50000));
    send_frame(wire, GOES_ON, slice_make(half, 50000));
    send_frame(wire, ENDS, SLICE("y"));
    complete(wire, 0, 1, 0, OK);
    assert_true(said_close(wire, 1009));
    assert_int_equal(world.refused[ERROR_MESSAGE_TOO_LARGE], 1);
    assert_int_equal(world.calls, 1);
    free(half);
    wire_free(wire);
}

static void drops_the_rest_of_a_message_too_large_and_hears_the_close(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    struct buf bytes = { 0 };
    wire_frame_claiming(&bytes, TEXT, SLICE(""), 200000);
    buf_append_fill(&bytes, 'x', 200000);
    wire_frame(&bytes, CLOSE, SLICE("\x03\xf1"));
    for (size_t at = 0; at < bytes.len; at += 1000) {
        struct slice rest = slice_after(buf_slice(&bytes), at);
        wire_receive(wire, slice_make(rest.data, rest.len < 1000 ? rest.len : 1000));
    }
    assert_true(said_close(wire, 1009));
    assert_true(wire->finished);
    buf_release(&bytes);
    wire_free(wire);
}

static void takes_a_million_fragments_of_a_byte(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->websocket.max_message_bytes = 2000000;
    struct buf bytes = { 0 };
    wire_frame(&bytes, TEXT_BEGINS, SLICE("x"));
    for (size_t i = 0; i < 1000000; i++) {
        wire_frame(&bytes, GOES_ON, SLICE("x"));
    }
    wire_frame(&bytes, ENDS, SLICE(""));
    for (size_t at = 0; at < bytes.len; at += 65536) {
        struct slice rest = slice_after(buf_slice(&bytes), at);
        wire_receive(wire, slice_make(rest.data, rest.len < 65536 ? rest.len : 65536));
    }
    assert_int_equal(world.calls, 1);
    assert_int_equal(world.last_payload.len, 1000001);
    assert_true(wire->session->input.bytes.cap <= 131072 && wire->session->input.message.cap <= 2097152);
    buf_release(&bytes);
    wire_free(wire);
}

/* LZ4. */

static void compress(struct slice plain, struct buf *out)
{
    struct lz4_encoder *encoder = lz4_encoder_new();
    lz4_frame_begin(encoder, out, plain.len);
    lz4_frame_write(encoder, plain.data, plain.len);
    assert_true(lz4_frame_end(encoder));
    lz4_encoder_free(encoder);
}

#define SIZED_BLOCK "\x07\x00\x00\x00\x70{\"a\":1}" /* a token of 7 literals */

static void unpacks_both_forms_of_lz4(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    struct buf packed = { 0 };
    compress(SLICE("{\"a\":1}"), &packed);
    send_frame(wire, BINARY, buf_slice(&packed));
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    buf_clear(&world.last_payload);
    send_frame(wire, BINARY, slice_make(SIZED_BLOCK, sizeof SIZED_BLOCK - 1));
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    buf_clear(&world.last_payload);
    send_frame(wire, BINARY_BEGINS, slice_make(packed.data, 5));
    send_frame(wire, ENDS, slice_after(buf_slice(&packed), 5));
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    assert_int_equal(metric_read(wire->metrics, METRIC_RECEIVED_BYTES, PROTOCOL_WS, 0, OK),
                     (int64_t)(2 * packed.len + sizeof SIZED_BLOCK - 1));
    buf_release(&packed);
    wire_free(wire);
}

static void rejects_damaged_lz4_in_the_ack_and_goes_on(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_frame(wire, BINARY, SLICE("\x07\x00\x00\x00\x70{\"a\""));
    send_frame(wire, BINARY, SLICE("\x04\x22\x4d\x18garbage"));
    assert_int_equal(world.refused[ERROR_BAD_COMPRESSION], 2);
    send_text(wire, TEXT, "x");
    complete(wire, 0, 1, 0, OK);
    assert_non_null(strstr(said(wire), "{\"frame\":2,\"index\":null,\"field\":\"\",\"code\":\"bad_compression\""));
    assert_non_null(strstr(said(wire), ACK(3, 1, 0, 0, "")));
    wire_free(wire);
}

static void closes_on_a_bomb_without_the_memory_it_claims(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    struct buf plain = { 0 }, packed = { 0 };
    buf_append_fill(&plain, 'x', 20000000);
    compress(buf_slice(&plain), &packed);
    assert_true(packed.len < wire->websocket.max_message_bytes);
    send_frame(wire, BINARY, buf_slice(&packed));
    assert_true(said_close(wire, 1009));
    assert_int_equal(world.refused[ERROR_DECOMPRESSED_TOO_LARGE], 1);
    assert_int_equal(refused_in_all(), 1);
    assert_true(wire->context.intake.decoded.cap <= 4 * wire->websocket.max_decompressed_bytes);
    buf_release(&plain);
    buf_release(&packed);
    wire_free(wire);
}

/* Back-pressure. */

static void stops_reading_at_the_events_in_flight_and_goes_on(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "n600");
    assert_true(wire->reading);
    send_text(wire, TEXT, "n500");
    assert_true(wire->reading);
    send_text(wire, TEXT, "n1");
    assert_false(wire->reading);
    assert_int_equal(world.calls, 2);
    complete(wire, 0, 600, 0, OK);
    assert_true(wire->reading);
    assert_int_equal(world.calls, 3);
    complete(wire, 1, 500, 0, OK);
    complete(wire, 2, 1, 0, OK);
    assert_string_equal(said(wire), ACK(1, 600, 0, 0, "") ACK(2, 500, 0, 0, "") ACK(3, 1, 0, 0, ""));
    wire_free(wire);
}

static void stops_reading_at_the_messages_owed(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->websocket.max_in_flight = 1000000;
    struct buf bytes = { 0 };
    for (size_t i = 0; i < 2000; i++) {
        wire_frame(&bytes, TEXT, SLICE("x"));
    }
    wire_receive(wire, buf_slice(&bytes));
    assert_false(wire->reading);
    assert_int_equal(world.calls, 1024);
    for (size_t i = 0; i < 2000; i++) {
        complete(wire, i, 1, 0, OK);
    }
    assert_int_equal(world.calls, 2000);
    assert_true(wire->reading);
    assert_non_null(strstr(said(wire), "{\"ack\":2000,"));
    buf_release(&bytes);
    wire_free(wire);
}

static void stops_reading_while_the_socket_is_blocked(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->block = true;
    send_text(wire, PING, "1");
    assert_false(wire->reading);
    send_text(wire, PING, "2");
    send_text(wire, PING, "3");
    send_text(wire, TEXT, "x");
    assert_int_equal(world.calls, 0);
    wire->block = false;
    ws_session_ops.writable(wire->session);
    wire_flush(wire);
    assert_string_equal(said(wire), "pong 1\npong 2\npong 3\n");
    assert_int_equal(world.calls, 1);
    assert_true(wire->reading);
    wire_free(wire);
}

static void answers_every_ping_while_fewer_than_sixteen_wait(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 40; count++) {
        struct wire *wire = wire_new(true);
        struct buf bytes = { 0 }, wanted = { 0 };
        for (unsigned i = 1; i <= count; i++) {
            char payload[8];
            int len = snprintf(payload, sizeof payload, "%u", i);
            wire_frame(&bytes, PING, slice_make(payload, (size_t)len));
            if (i < 16 || i == count) { /* the newest in the last place */
                buf_printf(&wanted, "pong %u\n", i);
            }
        }
        wire_receive(wire, buf_slice(&bytes));
        assert_string_equal(said(wire), buf_c_string(&wanted));
        send_text(wire, PING, "again");
        assert_non_null(strstr(said(wire), "pong again\n"));
        buf_release(&bytes);
        buf_release(&wanted);
        wire_free(wire);
    }
}

/* Where each text shows that it is none: no fragment behind that is taken. */
static void ends_at_the_fragment_that_shows_that_a_text_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *fragments[4]; /* the last of them shows it */
    } rows[] = {
        { { "{\"a\":\"\xff" } },
        { { "{\"a\":\"", "\xc0\xaf" } },
        { { "caf\xc3", "\xa9", "\xe9 " } },
        { { "\xc3", "x" } },
        { { "\xed", "\xa0" } }, /* half of a surrogate pair */
        { { "\xf4", "\x90" } }, /* above U+10FFFF */
        { { "\xe0\x80" } },     /* overlong, though not whole */
        { { "\xf0\x9f", "\x98", "", "\xff" } },
        { { "\xf5" } },
        { { "\x80" } },
        { { "\xe2\x82\xac\xe2", "\x82", "\x41" } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new(true);
        for (size_t f = 0; f < 4 && rows[i].fragments[f] != NULL; f++) {
            assert_string_equal(said(wire), "");
            send_text(wire, f == 0 ? TEXT_BEGINS : GOES_ON, rows[i].fragments[f]);
        }
        assert_true(said_close(wire, 1007));
        assert_int_equal(world.refused[ERROR_INVALID_UTF8], 1);
        assert_int_equal(refused_in_all(), 1);
        assert_int_equal(world.calls, 0);
        wire_free(wire);
    }
}

static void gives_up_on_a_client_that_takes_nothing(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->block = true;
    send_text(wire, PING, "1");
    wire_pass_seconds(wire, 39);
    assert_false(wire->closed);
    wire_pass_seconds(wire, 1);
    assert_true(wire->closed);
    wire_free(wire);
}

static void waits_for_a_full_gateway_and_goes_on(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    world.admits = ERROR_JOURNAL_FULL;
    send_text(wire, TEXT, "x");
    assert_false(wire->reading);
    wire_pass_seconds(wire, 4);
    assert_int_equal(world.calls, 0);
    world.admits = OK;
    wire_pass_seconds(wire, 1);
    assert_int_equal(world.calls, 1);
    assert_int_equal(refused_in_all(), 0);
    assert_true(wire->reading);
    wire_free(wire);
}

static void asks_to_be_called_when_the_gateway_has_room(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->websocket.max_in_flight = 1;
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "its own bound: its own completion goes on");
    assert_false(wire->wants_room);
    world.admits = ERROR_QUEUE_FULL;
    complete(wire, 0, 1, 0, OK);
    assert_true(wire->wants_room && !wire->reading);
    wire->wants_room = false;
    ws_session_ops.flush(wire->session); /* too early */
    assert_true(wire->wants_room && world.calls == 1);
    world.admits = OK;
    ws_session_ops.flush(wire->session);
    assert_true(wire->reading && world.calls == 2);
    wire_free(wire);
}

static void a_connection_whose_stream_alone_is_full_stands_in_nobodys_way(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    world.admits_stream = ERROR_JOURNAL_FULL;
    send_text(wire, TEXT, "x");
    assert_false(wire->reading || wire->wants_room);
    wire_pass_seconds(wire, 4);
    assert_int_equal(world.calls, 0);
    world.admits_stream = OK;
    wire_pass_seconds(wire, 1);
    assert_true(world.calls == 1 && wire->reading);
    world.admits_stream = ERROR_JOURNAL_FULL;
    send_text(wire, TEXT, "y");
    wire_pass_seconds(wire, 5);
    assert_int_equal(world.refused[ERROR_JOURNAL_FULL], 1);
    wire_free(wire);
}

static void closes_with_1013_after_full_timeout_and_counts_what_waited(void **state)
{
    (void)state;
    static const uint8_t ways[] = { TEXT, ENDS };
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct wire *wire = wire_new(true);
        send_text(wire, TEXT, "x");
        world.admits = ERROR_JOURNAL_FULL;
        if (ways[i] == ENDS) {
            send_text(wire, TEXT_BEGINS, "x");
        }
        send_text(wire, ways[i], "y");
        send_text(wire, TEXT, "z");
        wire_pass_seconds(wire, 4);
        complete(wire, 0, 1, 0, OK);
        assert_int_equal(refused_in_all(), 0);
        wire_pass_seconds(wire, 1);
        assert_int_equal(world.refused[ERROR_JOURNAL_FULL], 2);
        assert_int_equal(refused_in_all(), 2);
        assert_int_equal(world.calls, 1);
        assert_string_equal(said(wire),
                            ACK(1, 1, 0, 0, "") "close 1013 the journal has reached its limit; try again\n");
        assert_int_equal(closed_by_us(wire, ERROR_JOURNAL_FULL), 1);
        wire_free(wire);
    }
}

static void closes_with_1013_if_submit_drops_a_message(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "D");
    send_text(wire, TEXT, "y");
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(world.calls, 2);
    assert_int_equal(refused_in_all(), 1); /* "y"; submit counted "D" */
    assert_int_equal(world.refused[ERROR_QUEUE_FULL], 1);
    assert_non_null(strstr(said(wire), ACK(1, 1, 0, 0, "") "close 1013 "));
    wire_free(wire);
}

/* A failed group. */

static void acknowledges_nothing_from_a_failed_group_on(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    for (size_t i = 0; i < 4; i++) {
        send_text(wire, TEXT, "x");
    }
    complete(wire, 1, 0, 0, ERROR_JOURNAL_FAILED);
    complete(wire, 2, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    send_text(wire, TEXT, "not taken");
    assert_int_equal(world.calls, 4);
    complete(wire, 0, 1, 0, OK);
    complete(wire, 3, 1, 0, OK);
    assert_string_equal(said(wire),
                        ACK(1, 1, 0, 0, "") "close 1013 the journal could not be written, the event's fate is "
                                            "unknown; try again\n");
    assert_int_equal(closed_by_us(wire, ERROR_JOURNAL_FAILED), 1);
    wire_free(wire);
}

static void tells_of_a_failed_group_rather_than_of_what_came_later(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    send_close(wire, 1000);
    complete(wire, 0, 0, 0, ERROR_DEDUP_FAILED);
    assert_true(said_close(wire, 1013));
    assert_false(said_close(wire, 1000));
    assert_true(wire->finished);
    wire_free(wire);
}

/* Closing. */

static void echoes_the_clients_close_after_the_acks_and_lingers(void **state)
{
    (void)state;
    static const unsigned codes[] = { 1000, 1001, 1014, 3000, 4999 };
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        struct wire *wire = wire_new(true);
        char want[100];
        snprintf(want, sizeof want, ACK(1, 1, 0, 0, "") "close %u \n", codes[i]);
        send_text(wire, TEXT, "x");
        send_close(wire, codes[i]);
        send_text(wire, TEXT, "behind the close");
        assert_int_equal(wire->written.len, 0);
        complete(wire, 0, 1, 0, OK);
        assert_string_equal(said(wire), want);
        assert_true(wire->finished && !wire->closed && world.calls == 1);
        wire_pass_seconds(wire, 1);
        assert_false(wire->closed);
        wire_pass_seconds(wire, 1);
        assert_true(wire->closed);
        assert_int_equal(closed_by_us(wire, OK), 0);
        wire_free(wire);
    }
}

static void answers_an_empty_close_with_an_empty_one(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_close(wire, 0);
    assert_string_equal(said(wire), "close\n");
    assert_true(wire->finished);
    ws_session_ops.end_of_input(wire->session);
    assert_true(wire->closed);
    wire_free(wire);
}

static void waits_two_seconds_for_the_clients_close(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, ENDS, "stray");
    assert_true(said_close(wire, 1002));
    assert_true(ws_session_ops.owes(wire->session));
    assert_false(wire->finished);
    send_text(wire, TEXT, "dropped");
    send_text(wire, PING, "not answered");
    wire_pass_seconds(wire, 1);
    assert_false(wire->closed);
    send_close(wire, 1002);
    assert_true(wire->finished && !wire->closed);
    assert_false(ws_session_ops.owes(wire->session));
    wire_free(wire);

    wire = wire_new(true);
    send_text(wire, ENDS, "stray");
    wire_pass_seconds(wire, 2);
    assert_true(wire->finished && wire->closed);
    assert_null(strstr(said(wire), "pong"));
    wire_free(wire);
}

static void sends_fin_only_when_the_close_frame_is_out(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->block = true;
    send_close(wire, 1000);
    assert_false(wire->finished);
    wire->block = false;
    ws_session_ops.writable(wire->session);
    assert_true(wire->finished);
    wire_free(wire);
}

static void drains_with_1012_after_the_acks(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "x");
    wire->context.draining = true;
    ws_session_ops.drain(wire->session);
    wire_flush(wire);
    assert_int_equal(wire->written.len, 0);
    send_text(wire, TEXT, "y");
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(said(wire), ACK(1, 1, 0, 0, "") "close 1012 the gateway is shutting down; try another\n");
    assert_int_equal(world.calls, 1);
    assert_int_equal(closed_by_us(wire, ERROR_DRAINING), 1);
    wire_free(wire);
}

/* One is held by the bound of the connection, two are behind it, one is cut; more come until the client has understood.
 * Nobody is told of them where acknowledgements are off. */
static void counts_what_a_drain_cuts_off(void **state)
{
    (void)state;
    static const enum error whys[] = { ERROR_DRAINING, ERROR_JOURNAL_FAILED };
    for (size_t i = 0; i < ARRAY_LENGTH(whys); i++) {
        struct wire *wire = wire_new(false);
        struct buf bytes = { 0 };
        wire->websocket.max_in_flight = 1;
        send_text(wire, TEXT, "x");
        wire_frame(&bytes, TEXT, SLICE("held"));
        wire_frame(&bytes, TEXT_BEGINS, SLICE("be"));
        wire_frame(&bytes, PING, SLICE(""));
        wire_frame(&bytes, ENDS, SLICE("hind"));
        wire_frame(&bytes, BINARY, SLICE("cut"));
        wire_receive(wire, slice_make(bytes.data, bytes.len - 1));
        if (whys[i] == ERROR_DRAINING) {
            ws_session_ops.drain(wire->session);
        }
        complete(wire, 0, whys[i] == ERROR_DRAINING, 0, whys[i] == ERROR_DRAINING ? OK : whys[i]);
        assert_int_equal(world.refused[whys[i]], 3);
        wire_receive(wire, slice_after(buf_slice(&bytes), bytes.len - 1));
        send_text(wire, TEXT, "late");
        assert_int_equal(world.refused[whys[i]], 4);
        ws_session_ops.close(wire->session);
        assert_int_equal(refused_in_all(), 4);
        assert_int_equal(world.calls, 1);
        buf_release(&bytes);
        wire_free(wire);
    }
}

static void counts_what_came_before_it_could_say_goodbye(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->websocket.max_in_flight = 1;
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "held");
    send_text(wire, TEXT, "behind");
    ws_session_ops.drain(wire->session);
    ws_session_ops.close(wire->session); /* before the flush */
    assert_int_equal(world.refused[ERROR_DRAINING], 2);
    assert_int_equal(refused_in_all(), 2);
    wire_free(wire);
}

static void a_drain_waits_for_no_client_that_does_not_read(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->block = true;
    send_text(wire, PING, "1");
    send_text(wire, TEXT, "waits");
    assert_false(wire->reading);
    wire->context.draining = true;
    ws_session_ops.drain(wire->session);
    wire_flush(wire);
    assert_true(wire->reading); /* to hear it leave */
    assert_int_equal(world.refused[ERROR_DRAINING], 1);
    assert_true(ws_session_ops.owes(wire->session));
    wire_pass_seconds(wire, 1);
    assert_false(wire->closed);
    wire_pass_seconds(wire, 1);
    assert_true(wire->closed);
    wire_free(wire);
}

static void commits_what_came_whole_when_the_client_vanishes(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT, "n1000");
    struct buf bytes = { 0 };
    wire_frame(&bytes, TEXT, SLICE("second"));
    wire_frame(&bytes, TEXT, SLICE("third"));
    wire_frame(&bytes, TEXT, SLICE("cut"));
    wire_receive(wire, slice_make(bytes.data, bytes.len - 1));
    assert_int_equal(world.calls, 1);
    assert_false(ws_session_ops.outlives_fin(wire->session));
    ws_session_ops.end_of_input(wire->session);
    assert_true(wire->closed);
    ws_session_ops.close(wire->session);
    assert_int_equal(world.calls, 3);
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("third")));
    assert_int_equal(world.refused[ERROR_CONNECTION_CLOSED], 1);
    assert_int_equal(refused_in_all(), 1);
    complete(wire, 0, 1000, 0, OK);
    assert_int_equal(wire->written.len, 0);
    buf_release(&bytes);
    wire_free(wire);
}

static void counts_what_waited_for_a_full_gateway_when_the_client_vanishes(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    world.admits = ERROR_QUEUE_FULL;
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "y");
    ws_session_ops.close(wire->session);
    assert_int_equal(world.calls, 0);
    assert_int_equal(world.refused[ERROR_QUEUE_FULL], 2);
    assert_int_equal(refused_in_all(), 2);
    wire_free(wire);
}

static void counts_a_message_cut_between_fragments(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, TEXT_BEGINS, "x");
    ws_session_ops.close(wire->session);
    assert_int_equal(world.refused[ERROR_CONNECTION_CLOSED], 1);
    assert_int_equal(refused_in_all(), 1);
    wire_free(wire);
}

/* Time. */

static void pings_the_silent_and_gives_up_on_the_dead(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire_pass_seconds(wire, 29);
    assert_int_equal(wire->written.len, 0);
    wire_pass_seconds(wire, 1);
    assert_string_equal(said(wire), "ping \n");
    wire_pass_seconds(wire, 5);
    send_text(wire, PONG, "");
    wire_pass_seconds(wire, 29);
    assert_string_equal(said(wire), "ping \n");
    wire_pass_seconds(wire, 1);
    assert_string_equal(said(wire), "ping \nping \n");
    wire_pass_seconds(wire, 9);
    assert_false(wire->closed);
    wire_pass_seconds(wire, 1);
    assert_true(wire->closed);
    wire_free(wire);
}

/* A busy loop looks at its timers before it reads. */
static void a_pong_that_is_not_read_yet_is_a_sign_of_life(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire_pass_seconds(wire, 30);
    wire->has_input = true;
    wire_pass_seconds(wire, 12);
    assert_false(wire->closed);
    send_text(wire, PONG, "");
    wire->has_input = false;
    wire_pass_seconds(wire, 30);
    wire_pass_seconds(wire, 9);
    assert_false(wire->closed);
    wire_pass_seconds(wire, 1);
    assert_true(wire->closed);
    wire_free(wire);
}

static void ends_a_message_that_takes_too_long(void **state)
{
    (void)state;
    static const uint8_t ways[] = { TEXT, TEXT_BEGINS };
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct wire *wire = wire_new(true);
        struct buf bytes = { 0 };
        wire_frame(&bytes, ways[i], SLICE("slow"));
        wire_receive(wire, slice_make(bytes.data, bytes.len - (ways[i] == TEXT)));
        for (size_t k = 0; k < 14; k++) {
            wire_pass_seconds(wire, 1);
            if (ways[i] != TEXT) {
                send_text(wire, GOES_ON, ".");
                send_text(wire, PING, "");
            }
        }
        assert_false(said_close(wire, 1008));
        wire_pass_seconds(wire, 1);
        assert_true(said_close(wire, 1008));
        assert_int_equal(world.refused[ERROR_TIMEOUT], 1);
        assert_int_equal(refused_in_all(), 1);
        buf_release(&bytes);
        wire_free(wire);
    }
}

static void blames_no_client_for_the_time_it_was_not_read(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->websocket.max_in_flight = 1;
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT_BEGINS, "y");
    send_text(wire, ENDS, "z");
    assert_false(wire->reading);
    wire_pass_seconds(wire, 100);
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(world.calls, 2);
    wire_free(wire);
}

static void ends_at_once_when_framing_is_lost(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    send_text(wire, 0xC1, "x");
    assert_true(said_close(wire, 1002));
    assert_true(wire->finished && !wire->closed);
    wire_free(wire);
}

static void keeps_no_buffer_when_idle(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    const struct ws_session *session = wire->session;
    send_text(wire, TEXT, "x");
    send_text(wire, TEXT, "!");
    send_text(wire, TEXT_BEGINS, "y");
    send_text(wire, ENDS, "z");
    send_text(wire, PING, "p");
    wire_pass_seconds(wire, 1);
    assert_true(session->acks.size != 0); /* not idle: it is owed */
    complete(wire, 0, 1, 0, OK);
    complete(wire, 1, 1, 0, OK);
    assert_true(session->input.bytes.cap != 0 && session->out.bytes.cap != 0 && session->input.message.cap != 0);
    wire_pass_seconds(wire, 1);
    assert_true(session->input.bytes.cap == 0 && session->out.bytes.cap == 0 && session->input.message.cap == 0);
    assert_true(session->pings.pongs.cap == 0 && session->acks.size == 0 && session->acks.errors.cap == 0);
    assert_true(sizeof *session < 1024);
    send_text(wire, TEXT, "x");
    complete(wire, 2, 1, 0, OK);
    assert_non_null(strstr(said(wire), ACK(4, 1, 0, 0, "")));
    wire_free(wire);
}

static void gives_back_what_a_huge_message_took_though_it_is_busy(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    const struct ws_session *session = wire->session;
    struct buf huge = { 0 };
    assert_true(buf_reserve(&huge, 1 << 20));
    memset(huge.data, 'x', 1 << 20);
    wire->websocket.max_message_bytes = 1 << 20;
    for (int i = 0; i < 2; i++) {
        send_frame(wire, i == 0 ? TEXT : TEXT_BEGINS, slice_make(huge.data, (1 << 20) - 1));
        if (i == 1) {
            send_text(wire, ENDS, "");
        }
        assert_true(i == 0 ? session->input.bytes.cap > 1 << 20 : session->input.message.cap >= 1 << 20);
        send_text(wire, TEXT, "x"); /* owed: not idle */
        wire_pass_seconds(wire, 1);
        assert_true(session->input.bytes.cap < 1 << 19 && session->input.message.cap < 1 << 19);
        send_text(wire, TEXT, "y");
    }
    assert_int_equal(world.calls, 6);
    buf_release(&huge);
    wire_free(wire);
}

static void ends_a_session_that_begins_in_a_drain(void **state)
{
    (void)state;
    struct wire *wire = wire_new(true);
    wire->context.draining = true;
    struct ws_terms terms = { .stream = &wire_stream, .acks = true };
    struct ws_session *late = ws_session_new(&wire->context, &wire->transport, (struct token){ 8, 1, 0 }, &terms);
    assert_non_null(late);
    assert_true(wire->wants_flush);
    ws_session_ops.flush(late);
    assert_true(said_close(wire, 1012));
    ws_session_ops.close(late);
    ws_session_free(late);
    world.terms_released = 0;
    wire_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledges_a_message_when_it_is_committed),
        cmocka_unit_test(acknowledges_in_order_and_together),
        cmocka_unit_test(merges_what_is_decided_before_one_flush),
        cmocka_unit_test(names_the_frame_of_each_error),
        cmocka_unit_test(keeps_errors_for_the_ack_of_their_message),
        cmocka_unit_test(names_every_refused_message_though_their_errors_have_no_room),
        cmocka_unit_test(stays_silent_without_acks),
        cmocka_unit_test(drops_completions_of_another_generation),
        cmocka_unit_test(takes_frames_in_any_split),
        cmocka_unit_test(joins_fragments_with_control_frames_between),
        cmocka_unit_test(ends_after_the_ack_of_all_before_with_the_right_code),
        cmocka_unit_test(takes_utf8_split_across_fragments),
        cmocka_unit_test(judges_a_size_by_the_header_alone),
        cmocka_unit_test(bounds_a_message_over_all_its_fragments),
        cmocka_unit_test(drops_the_rest_of_a_message_too_large_and_hears_the_close),
        cmocka_unit_test(takes_a_million_fragments_of_a_byte),
        cmocka_unit_test(unpacks_both_forms_of_lz4),
        cmocka_unit_test(rejects_damaged_lz4_in_the_ack_and_goes_on),
        cmocka_unit_test(closes_on_a_bomb_without_the_memory_it_claims),
        cmocka_unit_test(stops_reading_at_the_events_in_flight_and_goes_on),
        cmocka_unit_test(stops_reading_at_the_messages_owed),
        cmocka_unit_test(stops_reading_while_the_socket_is_blocked),
        cmocka_unit_test(answers_every_ping_while_fewer_than_sixteen_wait),
        cmocka_unit_test(ends_at_the_fragment_that_shows_that_a_text_is_none),
        cmocka_unit_test(gives_up_on_a_client_that_takes_nothing),
        cmocka_unit_test(waits_for_a_full_gateway_and_goes_on),
        cmocka_unit_test(asks_to_be_called_when_the_gateway_has_room),
        cmocka_unit_test(a_connection_whose_stream_alone_is_full_stands_in_nobodys_way),
        cmocka_unit_test(closes_with_1013_after_full_timeout_and_counts_what_waited),
        cmocka_unit_test(closes_with_1013_if_submit_drops_a_message),
        cmocka_unit_test(acknowledges_nothing_from_a_failed_group_on),
        cmocka_unit_test(tells_of_a_failed_group_rather_than_of_what_came_later),
        cmocka_unit_test(echoes_the_clients_close_after_the_acks_and_lingers),
        cmocka_unit_test(answers_an_empty_close_with_an_empty_one),
        cmocka_unit_test(waits_two_seconds_for_the_clients_close),
        cmocka_unit_test(sends_fin_only_when_the_close_frame_is_out),
        cmocka_unit_test(drains_with_1012_after_the_acks),
        cmocka_unit_test(counts_what_a_drain_cuts_off),
        cmocka_unit_test(counts_what_came_before_it_could_say_goodbye),
        cmocka_unit_test(a_drain_waits_for_no_client_that_does_not_read),
        cmocka_unit_test(commits_what_came_whole_when_the_client_vanishes),
        cmocka_unit_test(counts_what_waited_for_a_full_gateway_when_the_client_vanishes),
        cmocka_unit_test(counts_a_message_cut_between_fragments),
        cmocka_unit_test(pings_the_silent_and_gives_up_on_the_dead),
        cmocka_unit_test(a_pong_that_is_not_read_yet_is_a_sign_of_life),
        cmocka_unit_test(ends_a_message_that_takes_too_long),
        cmocka_unit_test(blames_no_client_for_the_time_it_was_not_read),
        cmocka_unit_test(ends_at_once_when_framing_is_lost),
        cmocka_unit_test(keeps_no_buffer_when_idle),
        cmocka_unit_test(gives_back_what_a_huge_message_took_though_it_is_busy),
        cmocka_unit_test(ends_a_session_that_begins_in_a_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
