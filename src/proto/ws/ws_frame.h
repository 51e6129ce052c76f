/* WebSocket frames (RFC 6455, section 5): bytes in, verdict out. Pure but for ws_unmask.
 *
 * The server's side: frames from clients must be masked, frames to clients are not. No extension is spoken, so the
 * reserved bits must be zero. */
#pragma once

#include "base/bytes.h"

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
};

#define WS_HEADER_MAX 14   /* bytes of a client's frame header */
#define WS_CONTROL_MAX 125 /* payload bytes of a control frame */

struct ws_frame {
    enum ws_opcode opcode;
    bool final;
    uint8_t mask[4];
    uint64_t length;      /* of the payload */
    size_t header_length; /* the payload begins behind it */
};

enum ws_verdict { WS_PARTIAL, WS_DONE, WS_BAD };

static inline bool ws_is_control(enum ws_opcode opcode)
{
    return (opcode & 0x8) != 0;
}

/* Reads the header at the front of `in`. WS_BAD with a short static *reason, as early as it can be told: a reserved bit or
 * opcode, no mask, a control frame that is fragmented or longer than 125. A length not in its shortest form or with its top
 * bit set is bad, too. Fragmentation across frames and sizes are the caller's to judge. */
enum ws_verdict ws_frame_parse(struct slice in, struct ws_frame *frame, const char **reason);

/* Unmasks in place `len` bytes that begin `at` bytes into the payload. */
void ws_unmask(char *bytes, size_t len, const uint8_t mask[4], uint64_t at);

/* Appends a whole unmasked frame: header and payload. */
void ws_frame_write(struct buf *out, enum ws_opcode opcode, struct slice payload);

/* Appends a close frame; `reason` (UTF-8) is cut at a character's border to what fits. Code 0: an empty one. */
void ws_frame_write_close(struct buf *out, unsigned code, struct slice reason);

/* What a client's close frame says: *code, 1005 if it is empty. False: a payload of one byte, a code that must not be
 * sent (RFC 6455, 7.4), a reason that is not UTF-8. */
MUST_CHECK bool ws_close_parse(struct slice payload, unsigned *code);
