/* Turns messages into masked frames on a socket, and the socket's bytes into frames. */
#include "ws_connection.h"

#include "fail.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The key is the RFC's example; so is the answer. */
static void shake_hands(int fd, const struct options *options)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: %s:%llu\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                          options->path, options->host, (unsigned long long)options->port);
    if ((size_t)length >= sizeof text) {
        fail("--path is longer than %zu bytes", sizeof text / 2);
    }
    if (write(fd, text, (size_t)length) != length) {
        fail_errno("handshake");
    }
    size_t have = 0;
    do {
        ssize_t n = read(fd, text + have, sizeof text - 1 - have);
        if (n <= 0) {
            fail_errno("handshake");
        }
        have += (size_t)n;
        text[have] = '\0';
    } while (strstr(text, "\r\n\r\n") == NULL && have < sizeof text - 1);
    if (strncmp(text, "HTTP/1.1 101 ", 13) != 0 || strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) {
        fail("the handshake was refused: %s", text);
    }
}

void ws_open(struct ws_connection *c, const struct options *options, struct in_addr from, size_t in_capacity,
             size_t out_capacity)
{
    *c = (struct ws_connection){ .fd = loop_connect(options, from),
                                 .in = must_allocate(in_capacity),
                                 .in_capacity = in_capacity,
                                 .out = must_allocate(out_capacity),
                                 .out_capacity = out_capacity };
    if (c->fd < 0) {
        fail_errno("connect");
    }
    shake_hands(c->fd, options);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static size_t put_header(char *at, enum ws_opcode opcode, size_t length, uint32_t mask)
{
    size_t n = 0;
    int bytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
    at[n++] = (char)(0x80 | opcode);
    at[n++] = (char)(0x80 | (bytes == 0 ? (int)length : bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; i--) {
        at[n++] = (char)(length >> (8 * i));
    }
    memcpy(at + n, &mask, sizeof mask);
    return n + sizeof mask;
}

/* `word` is eight bytes of the payload at once: on big and little endian alike the mask repeats every four. */
static void put_masked(char *at, const char *payload, size_t length, uint32_t mask)
{
    uint64_t twice = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, payload + i, sizeof word);
        word ^= twice;
        memcpy(at + i, &word, sizeof word);
    }
    char bytes[sizeof mask];
    memcpy(bytes, &mask, sizeof mask);
    for (; i < length; i++) {
        at[i] = (char)(payload[i] ^ bytes[i % 4]);
    }
}

void ws_put_frame(struct ws_connection *c, enum ws_opcode opcode, const char *payload, size_t length)
{
    if (c->out_length + WS_HEADER_MAX + length > c->out_capacity) {
        return;
    }
    uint32_t mask = (uint32_t)random();
    c->out_length += put_header(c->out + c->out_length, opcode, length, mask);
    put_masked(c->out + c->out_length, payload, length, mask);
    c->out_length += length;
}

bool ws_send(struct ws_connection *c)
{
    size_t sent = 0;
    while (sent < c->out_length) {
        ssize_t n = send(c->fd, c->out + sent, c->out_length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return false;
        }
        sent += (size_t)n;
    }
    c->out_length -= sent;
    memmove(c->out, c->out + sent, c->out_length);
    return true;
}

/* Bytes of the whole frame at the front of `in`, its payload's place and length; 0: more are needed. */
static size_t whole_frame(const struct ws_connection *c, size_t at, size_t *payload, size_t *length)
{
    const uint8_t *header = (const uint8_t *)c->in + at;
    size_t have = c->in_length - at;
    if (have < 2) {
        return 0;
    }
    size_t wide = header[1] < 126 ? 0 : header[1] == 126 ? 2 : 8;
    if (have < 2 + wide) {
        return 0;
    }
    *length = wide == 0 ? header[1] : 0;
    for (size_t i = 0; i < wide; i++) {
        *length = *length << 8 | header[2 + i];
    }
    if (*length >= c->in_capacity - WS_HEADER_MAX) {
        fail("a frame of %zu bytes is larger than expected", *length);
    }
    *payload = at + 2 + wide;
    return have < 2 + wide + *length ? 0 : 2 + wide + *length;
}

static bool take_frames(struct ws_connection *c, ws_frame_handler *handler, void *context)
{
    size_t at = 0;
    for (size_t size, payload, length; (size = whole_frame(c, at, &payload, &length)) != 0; at += size) {
        if (!handler(context, c, c->in[at] & 0xF, slice_make(c->in + payload, length))) {
            return false;
        }
    }
    c->in_length -= at;
    memmove(c->in, c->in + at, c->in_length);
    return true;
}

bool ws_receive(struct ws_connection *c, bool hung_up, ws_frame_handler *handler, void *context, bool *ended)
{
    *ended = false;
    for (bool more = true; more;) {
        size_t room = c->in_capacity - c->in_length;
        ssize_t n = read(c->fd, c->in + c->in_length, room);
        if (n <= 0) {
            *ended = n == 0 || errno != EAGAIN;
            return !*ended;
        }
        c->in_length += (size_t)n;
        more = (size_t)n == room || hung_up;
        if (!take_frames(c, handler, context)) {
            return false;
        }
    }
    return true;
}

void ws_close(struct ws_connection *c)
{
    close(c->fd);
    c->fd = -1;
}
