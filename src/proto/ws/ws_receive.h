/* Turns the bytes of a WebSocket into frames, frames into messages, and messages into submissions, and says what that
 * means for the connection: the reading half of ws_session, not for others. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct large_payload;
struct ws_end;
struct ws_session;

enum ws_received {
    WS_NOTHING,       /* nothing more can be done with the bytes that are here */
    WS_TAKEN,         /* a frame; there may be more */
    WS_ANSWERED,      /* the same, and there is something to write */
    WS_CLIENT_CLOSES, /* the client's close frame */
    WS_BREAKS,        /* the connection cannot go on */
};

/* Takes the next frame, if it is here and there is room for what it ends. WS_CLIENT_CLOSES, WS_BREAKS: *why. If the phase takes
 * no message, it is dropped, and a message that begins with it is counted as lost. */
enum ws_received ws_receive_frame(struct ws_session *session, struct ws_end *why);

/* What became of the large message. As above: WS_ANSWERED or WS_BREAKS. */
enum ws_received ws_receive_submitted(struct ws_session *session, struct large_payload *large, struct ws_end *why);

/* May the connection's key still be used? Cheap while nothing has changed. Else why not, counted. */
MUST_CHECK enum error ws_receive_ask_key(struct ws_session *session);

/* The message that has begun, or waits, is lost: counts it once. */
void ws_receive_refuse(struct ws_session *session, enum error error);
