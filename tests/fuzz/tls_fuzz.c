/* Strangers' bytes at a TLS port: instead of a hello, in the middle of a handshake, behind it. Whatever they are, the stream
 * says where it stands, gives the session nothing that was not sealed, and keeps little. */
#include <stdlib.h>

#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "fuzz/cost.h"
#include "proto/tls/ticket_keys.h"
#include "proto/tls/tls_acceptor.h"
#include "proto/tls/tls_stream.h"

#define CONNECTION_BYTES 6000 /* what a hello weighs: key agreement and a signature */
#define NS_PER_BYTE 100

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

#define assert_non_null(pointer) must((pointer) != NULL)
#define assert_int_equal(a, b) must((a) == (b))
#define assert_int_not_equal(a, b) must((a) != (b))
#include "tls_fixture.h"

static struct tls_acceptor *acceptor;
static struct metrics_cells *cells;
static SSL_CTX *client_context;

static void set_up(void)
{
    static struct tls_options options;
    struct buf problem = { 0 };
    tls_folder_make();
    struct issued own = issue("one", "DNS:one.example", NULL, -86400, 86400);
    save_certificate("one.pem", &own);
    save_key("one.pem", &own, NULL);
    issued_free(&own);
    options.certificate = strdup(tls_path("one.pem"));
    struct metrics *metrics = metrics_new(&(struct metrics_labels){ 0 });
    cells = metrics_thread(metrics);
    const struct tls_acceptor_config config = { &options, ":1", ticket_keys_new(0), NULL };
    acceptor = tls_acceptor_new(&config, &problem);
    must(acceptor != NULL);
    tls_folder_remove();
    client_context = SSL_CTX_new(TLS_client_method());
}

struct wire {
    int fds[2]; /* the client's, the server's */
    struct tls_stream *stream;
    struct buf plain;
};

static struct wire open_wire(void)
{
    struct wire wire = { .stream = tls_stream_new(acceptor, cells) };
    must(wire.stream != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wire.fds) == 0);
    tls_stream_attach(wire.stream, wire.fds[1]);
    return wire;
}

static void close_wire(struct wire *wire)
{
    tls_stream_free(wire->stream);
    buf_release(&wire->plain);
    close(wire->fds[0]);
    close(wire->fds[1]);
}

/* In pieces, whose lengths follow from what is in them. */
static enum tls_stream_state feed(struct wire *wire, struct slice bytes)
{
    enum tls_stream_state state = TLS_STREAM_SHAKES_HANDS;
    while (bytes.len != 0) {
        size_t piece = 1 + (uint8_t)bytes.data[0] * (size_t)97 % bytes.len;
        state = tls_stream_receive(wire->stream, slice_make(bytes.data, piece), &wire->plain);
        bytes = slice_after(bytes, piece);
    }
    must(wire->plain.len <= (64 << 10));
    return state;
}

/* The bytes of a client's flight, one of them changed: at `at`, to `value`; beyond its end: none is. */
static void pump(struct wire *wire, size_t *at, uint8_t value)
{
    char flight[65536];
    ssize_t count = recv(wire->fds[1], flight, sizeof flight, MSG_DONTWAIT);
    if (count <= 0) {
        return;
    }
    if (*at < (size_t)count) {
        flight[*at] = (char)value;
    }
    *at -= *at < (size_t)count ? 0 : (size_t)count;
    tls_stream_receive(wire->stream, slice_make(flight, (size_t)count), &wire->plain);
}

/* A handshake with a change, then bytes that no client sealed. */
static void shake_hands(struct slice input)
{
    struct wire wire = open_wire();
    SSL *client = SSL_new(client_context);
    size_t at = (uint8_t)input.data[1] * (size_t)256 + (uint8_t)input.data[2];
    SSL_set_fd(client, wire.fds[0]);
    SSL_set_max_proto_version(client, input.data[0] & 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    for (int i = 0; i < 4 && SSL_connect(client) != 1; i++) {
        pump(&wire, &at, (uint8_t)input.data[3]);
    }
    pump(&wire, &at, (uint8_t)input.data[3]);
    size_t before = wire.plain.len;
    feed(&wire, slice_after(input, 4));
    must(wire.plain.len == before);
    (void)tls_stream_write(wire.stream, SLICE("answer"));
    (void)tls_stream_finish(wire.stream);
    SSL_free(client);
    close_wire(&wire);
}

static void speak_first(struct slice input)
{
    struct wire wire = open_wire();
    enum tls_stream_state state = feed(&wire, input);
    must(wire.plain.len == 0 && state != TLS_STREAM_OPEN && state != TLS_STREAM_ENDED);
    must(tls_stream_write(wire.stream, SLICE("answer")) == -1);
    close_wire(&wire);
}

static void take(const uint8_t *data, size_t size)
{
    if (acceptor == NULL) {
        set_up();
    }
    cost_weighs(CONNECTION_BYTES);
#ifndef SLUICE_FUZZ_COST /* the client's half costs, too */
    if (size > 4 && (data[0] & 1) != 0) {
        shake_hands(slice_make(data, size));
        return;
    }
#endif
    (void)shake_hands;
    speak_first(slice_make(data, size));
}

COST_FUZZER(take, NS_PER_BYTE)
