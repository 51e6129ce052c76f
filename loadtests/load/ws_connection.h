/* The client's side of one WebSocket, as little of it as a load generator needs: it trusts the server to keep to
 * RFC 6455. Buffers have fixed sizes; one thread; what cannot work ends the program with a message. */
#pragma once

#include "options.h"

#include <netinet/in.h>

#define WS_HEADER_MAX 14
#define WS_CONTROL_ROOM 256 /* for a ping, a pong and a close */

enum ws_opcode { WS_TEXT = 0x1, WS_BINARY = 0x2, WS_CLOSE = 0x8, WS_PING = 0x9, WS_PONG = 0xA };

struct ws_connection {
    int fd;    /* non-blocking, watched by its owner edge-triggered; -1: closed */
    char *out; /* bytes [0, out_length) wait for the socket */
    size_t out_length, out_capacity;
    char *in; /* the start of a frame that is not whole */
    size_t in_length, in_capacity;
};

/* Of a whole frame; false to stop. */
typedef bool ws_frame_handler(void *context, struct ws_connection *c, enum ws_opcode opcode, struct slice payload);

/* Connects from that address (INADDR_ANY: the system's choice) and shakes hands, blocking. */
void ws_open(struct ws_connection *c, const struct options *options, struct in_addr from, size_t in_capacity,
             size_t out_capacity);

/* Appends a masked frame; without room, nothing. */
void ws_put_frame(struct ws_connection *c, enum ws_opcode opcode, const char *payload, size_t length);

/* Sends what the socket takes; the rest waits for it to be writable. False: the connection is broken. */
bool ws_send(struct ws_connection *c);

/* Reads what there is, to the end if the server has hung up, and hands over each whole frame. False: the handler stopped it, or
 * (*ended) the connection has ended. */
bool ws_receive(struct ws_connection *c, bool hung_up, ws_frame_handler *handler, void *context, bool *ended);

void ws_close(struct ws_connection *c);
