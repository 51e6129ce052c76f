/* A whole HTTP connection: any bytes, in any pieces, on a socket that is full at times, while answers come in any order and
 * time passes. Promises: a request means the same in whatever pieces it comes, and nothing is written behind the end. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define assert_true(promise) must(promise)
#define assert_non_null(pointer) must((pointer) != NULL)

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

#include "fuzz/cost.h"
#include "http_wire.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define LONGEST ((size_t)8 << 10)
#define PACKET_BYTES 60      /* what a packet weighs beside its payload */
#define CONNECTION_BYTES 500 /* what a connection weighs, however little it sends */

/* Bytes above 0x7F stand for these, so that most inputs are requests. */
static const char *const snippets[] = {
    POST,
    GET_PING,
    "POST /events HTTP/1.1\r\nHost: x\r\n",
    "POST /events/bulk?ids=0 HTTP/1.1\r\nHost: x\r\n",
    "GET /later HTTP/1.1\r\nHost: x\r\n",
    "HEAD /ping HTTP/1.1\r\nHost: x\r\n",
    "OPTIONS /events HTTP/1.1\r\nHost: x\r\n",
    "GET /ws HTTP/1.1\r\nHost: x\r\n",
    "PUT /events HTTP/1.0\r\n",
    "Content-Length: 7\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 1\r\n",
    "Content-Length: 1001\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "Content-Encoding: gzip\r\n",
    "Content-Encoding: zstd\r\n",
    "Content-Encoding: lz4\r\n",
    "Content-Encoding: deflate\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Type: application/json\r\n",
    "Origin: https://shop.example\r\n",
    "Access-Control-Request-Method: POST\r\n",
    "Access-Control-Request-Headers: traceparent, baggage\r\n",
    "X-Forwarded-For: 1.2.3.4, 10.0.0.1\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    "Host: y\r\n",
    "\r\n",
    "\r\n\r\n",
    "{\"a\":1}",
    "7\r\n{\"a\":1}\r\n",
    "0\r\n\r\n",
    "0\r\nTrailer: x\r\n\r\n",
    "3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "!",
    "?",
    "~",
    "\x1f\x8b\x08",
    "\x28\xb5\x2f\xfd",
    "\x04\x22\x4d\x18",
};

static void spell_out(const uint8_t *data, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size && out->len < LONGEST; i++) {
        if (data[i] < 0x80 || data[0] % 8 == 0) {
            buf_append_byte(out, data[i]);
        } else {
            buf_append_string(out, snippets[(size_t)(data[i] - 0x80) % ARRAY_LENGTH(snippets)]);
        }
    }
}

static void complete_all(struct wire *wire, size_t *completed)
{
    while (*completed < world.count) {
        complete(wire, (*completed)++, 1, 0, OK);
    }
}

static void answer_page(struct wire *wire)
{
    struct page_reply reply = { .status = 200, .content_type = "text/plain" };
    buf_append_string(&reply.body, "later");
    http_session_ops.page(&wire->session, later_token, &reply);
    buf_release(&reply.body);
    flush(wire);
}

static bool is_over(const struct wire *wire)
{
    return wire->closed || http_session_has_upgraded(&wire->session);
}

/* The bytes in pieces as `cuts` says, all answered at once: what comes of it, without the 100s, which hang on the pieces. */
static void play(struct slice bytes, const uint8_t *cuts, size_t cut_count, struct buf *written)
{
    struct wire *wire = wire_new();
    cost_weighs(CONNECTION_BYTES);
    size_t completed = 0;
    for (size_t step = 0; bytes.len != 0 && !is_over(wire); step++) {
        size_t piece = cut_count == 0 ? bytes.len : (size_t)cuts[step % cut_count] % 97 + 1;
        piece = piece < bytes.len ? piece : bytes.len;
        cost_weighs(PACKET_BYTES + piece);
        send_slice(wire, slice_make(bytes.data, piece));
        complete_all(wire, &completed);
        answer_page(wire);
        bytes = slice_after(bytes, piece);
    }
    for (size_t before = SIZE_MAX; before != wire->written.len;) { /* what waited for room */
        before = wire->written.len;
        complete_all(wire, &completed);
        answer_page(wire);
    }
    struct slice rest = buf_slice(&wire->written);
    while (rest.len != 0) {
        bool is_continue = slice_starts_with(rest, SLICE(CONTINUE));
        size_t length = is_continue ? sizeof CONTINUE - 1 : 1;
        buf_append(written, rest.data, is_continue ? 0 : length);
        rest = slice_after(rest, length);
    }
    wire_free(wire);
}

/* Three digits each, one behind the other. */
static void statuses_of(struct slice written, struct buf *out)
{
    const struct slice mark = SLICE("HTTP/1.1 ");
    const char *found;
    while (written.len >= mark.len + 3 &&
           (found = memmem(written.data, written.len - 3, mark.data, mark.len)) != NULL) {
        written = slice_after(written, (size_t)(found - written.data) + mark.len);
        buf_append(out, written.data, 3);
    }
}

/* A refused request whose body is not there yet ends the connection, which goes on where it is: so one may answer fewer, and
 * then says so. */
static void pieces_change_nothing(struct slice bytes, const uint8_t *data, size_t size)
{
    struct buf whole = { 0 }, parts = { 0 }, whole_statuses = { 0 }, part_statuses = { 0 };
    play(bytes, NULL, 0, &whole);
    play(bytes, data, size, &parts);
    must(whole.len == 0 || slice_starts_with(buf_slice(&whole), SLICE("HTTP/1.1 ")));
    statuses_of(buf_slice(&whole), &whole_statuses);
    statuses_of(buf_slice(&parts), &part_statuses);
    bool fewer = part_statuses.len < whole_statuses.len;
    if (!slice_starts_with(buf_slice(&whole_statuses), buf_slice(&part_statuses)) ||
        (fewer && memmem(parts.data, parts.len, "Connection: close", 17) == NULL)) {
        fprintf(stderr, "--- whole:\n%.*s\n--- in pieces:\n%.*s\n", (int)whole.len, whole.data, (int)parts.len,
                parts.data);
        abort();
    }
    buf_release(&whole);
    buf_release(&parts);
    buf_release(&whole_statuses);
    buf_release(&part_statuses);
}

/* One step of the world, as the byte says. */
static void stir(struct wire *wire, uint8_t how, size_t *completed)
{
    static const enum error fates[] = { OK, ERROR_JOURNAL_FAILED, ERROR_QUEUE_FULL, ERROR_OUT_OF_MEMORY };
    switch (how % 8) {
    case 0: wire->block = !wire->block; break;
    case 1:
        wire->block = false;
        http_session_ops.writable(&wire->session);
        break;
    case 2: pass_seconds(wire, how / 8); break;
    case 3: answer_page(wire); break;
    case 4:
        if (how == 252) {
            wire->context.draining = true;
            http_session_ops.drain(&wire->session);
        }
        break;
    case 5:
        if (how == 253) {
            http_session_ops.end_of_input(&wire->session);
        }
        break;
    default:
        if (*completed < world.count) {
            complete(wire, (*completed)++, 1, 0, fates[how / 8 % ARRAY_LENGTH(fates)]);
        }
        break;
    }
    flush(wire);
}

static void nothing_is_written_behind_the_end(struct slice bytes, const uint8_t *data, size_t size)
{
    struct wire *wire = wire_new();
    cost_weighs(CONNECTION_BYTES);
    size_t completed = 0;
    size_t ended = SIZE_MAX;
    for (size_t step = 0; bytes.len != 0 && !is_over(wire); step++) {
        size_t piece = data[step % size] % 64 + 1u;
        piece = piece < bytes.len ? piece : bytes.len;
        cost_weighs(PACKET_BYTES + piece);
        send_slice(wire, slice_make(bytes.data, piece));
        bytes = slice_after(bytes, piece);
        stir(wire, data[(step * 7 + 3) % size], &completed);
        must(ended == SIZE_MAX || wire->written.len == ended);
        ended = wire->finished ? wire->written.len : SIZE_MAX;
    }
    wire_free(wire);
}

static void take(const uint8_t *data, size_t size)
{
    struct buf bytes = { 0 };
    if (size == 0) {
        return;
    }
    spell_out(data, size, &bytes);
    bool later = memmem(bytes.data, bytes.len, "/later", 6) != NULL; /* of several, http_wire.h knows the last alone */
    if (!later) {
        pieces_change_nothing(buf_slice(&bytes), data, size);
    }
    nothing_is_written_behind_the_end(buf_slice(&bytes), data, size);
    buf_release(&bytes);
}

/* Of bytes in packets of some 32, each with an answer, and played three times. */
COST_FUZZER(take, 400)
