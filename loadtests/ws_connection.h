/* The client's side of one WebSocket, as little of it as a load generator needs: it trusts the server to keep to
 * RFC 6455. Buffers have fixed sizes; one thread; what cannot work ends the program with a message. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_HEADER_MAX 14
#define WS_CONTROL_ROOM 256 /* for a ping, a pong and a close */

enum ws_opcode { WS_TEXT = 0x1, WS_BINARY = 0x2, WS_CLOSE = 0x8, WS_PING = 0x9, WS_PONG = 0xA };

struct ws_connection {
    int fd;       /* non-blocking; -1: closed */
    int poller;   /* the epoll that watches it, with itself as data */
    bool blocked; /* waits for EPOLLOUT */
    char *out;    /* bytes [0, out_length) wait for the socket */
    size_t out_length, out_capacity;
    char *in; /* the start of a frame that is not whole */
    size_t in_length, in_capacity;
};

struct ws_address {
    struct in_addr from; /* INADDR_ANY: the system's choice */
    const char *host;    /* IPv4 */
    int port;
    const char *path;
};

/* Connects and shakes hands, blocking. */
void ws_open(struct ws_connection *c, const struct ws_address *address, int poller, size_t in_capacity,
             size_t out_capacity);

/* Appends a masked frame; without room, nothing. */
void ws_put_frame(struct ws_connection *c, enum ws_opcode opcode, const char *payload, size_t length);

/* Sends what the socket takes; the rest waits for EPOLLOUT. False: the connection is broken. */
bool ws_send(struct ws_connection *c);

/* Reads once and hands over each whole frame, its payload followed by a NUL; the handler may answer false to stop. False:
 * it did, or (*ended) the connection has ended. */
bool ws_receive(struct ws_connection *c, bool (*frame)(struct ws_connection *, enum ws_opcode, const char *, size_t),
                bool *ended);

void ws_close(struct ws_connection *c);
