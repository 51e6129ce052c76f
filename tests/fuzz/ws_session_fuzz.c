/* Turns any bytes, in any splits, into the frames of a WebSocket: whatever comes, what is sent are whole frames with
 * nothing behind a close frame, and no message is submitted while the gateway takes none. */
#include "fuzz/cost.h"
#include "ws_wire.h"

#define PACKET_BYTES 64 /* what a packet weighs, however short it is */

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* Frames of a server: unmasked, final, nothing behind a close. */
static void check_written(const struct buf *written)
{
    size_t at = 0;
    bool closed = false;
    while (at < written->len) {
        const uint8_t *head = (const uint8_t *)written->data + at;
        must(!closed && written->len - at >= 2 && (head[1] & 0x80) == 0);
        size_t length = head[1];
        size_t header = 2;
        if (length == 126) {
            length = (size_t)head[2] << 8 | head[3];
            header = 4;
        }
        if (length == 127) { /* an acknowledgement with the errors of hundreds of messages */
            length = (size_t)head[6] << 24 | (size_t)head[7] << 16 | (size_t)head[8] << 8 | head[9];
            must(head[2] == 0 && head[3] == 0 && head[4] == 0 && head[5] == 0 && length > 65535);
            header = 10;
        }
        must(written->len - at >= header + length);
        must(head[0] == 0x81 || head[0] == 0x8A || head[0] == 0x89 || head[0] == 0x88);
        closed = head[0] == 0x88;
        at += header + length;
    }
}

/* One step of the world, as the byte says. */
static void stir(struct wire *wire, uint8_t how, size_t *completed)
{
    switch (how % 8) {
    case 0: wire->block = !wire->block; break;
    case 1: world.admits = world.admits == OK ? ERROR_JOURNAL_FULL : OK; break;
    case 2: wire_pass_seconds(wire, how / 8); break;
    case 3: ws_session_ops.writable(wire->session); break;
    case 4: ws_session_ops.drain(wire->session); break;
    default:
        if (*completed < world.count && world.count - *completed < WIRE_SUBMITTED_MAX) {
            wire_complete(wire, (*completed)++, 1, 0, how == 255 ? ERROR_JOURNAL_FAILED : OK);
        }
        break;
    }
    wire_flush(wire);
}

/* Raw bytes rarely are frames: most inputs are read as a list of (first byte, length, payload). */
static void as_frames(const uint8_t *data, size_t size, struct buf *out)
{
    size_t at = 0;
    while (size - at >= 2) {
        size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        wire_frame(out, data[at] & 0x8F, slice_make(data + at + 2, length));
        at += 2 + length;
    }
}

static void take(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return;
    }
    struct buf bytes = { 0 };
    struct wire *wire = wire_new((data[0] & 1) != 0);
    wire->websocket.max_message_bytes = 300;
    wire->websocket.max_decompressed_bytes = 1000;
    wire->websocket.max_in_flight = 4;
    if ((data[0] & 6) == 0) {
        buf_append(&bytes, data + 1, size - 1);
    } else {
        as_frames(data + 1, size - 1, &bytes);
    }
    size_t completed = 0;
    size_t at = 0;
    for (size_t step = 0; at < bytes.len && !wire->closed; step++) {
        size_t piece = data[step % size] % 32 + 1u;
        piece = piece < bytes.len - at ? piece : bytes.len - at;
        cost_weighs(PACKET_BYTES);
        wire_receive(wire, slice_make(bytes.data + at, piece));
        at += piece;
        stir(wire, data[(step * 7 + 3) % size], &completed);
    }
    check_written(&wire->written);
    wire_free(wire);
    buf_release(&bytes);
}

COST_FUZZER(take, 400)
