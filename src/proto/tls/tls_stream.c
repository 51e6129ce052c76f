/* Turns records into bytes and back. */
#include "proto/tls/tls_stream.h"

#include "base/assert.h"
#include "proto/tls/tls_acceptor.h"
#include "proto/tls/tls_context.h"
#include "proto/tls/tls_result.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECORD_MAX ((size_t)16 << 10)
#define KEPT_MAX ((size_t)128 << 10) /* of a client that sends on while it takes nothing of the handshake */

/* Invariant: `arrived` is empty, but within tls_stream_receive and while `kept` is not. */
struct tls_stream {
    SSL *ssl;
    struct tls_context *context;
    struct metrics_cells *cells;
    struct slice arrived; /* what the BIO reads next */
    struct buf kept;      /* bytes of the socket that could not be read for want of room to write */
    int fd;
    enum tls_stream_state state;
    bool begun; /* a byte has come */
    bool full;
    bool finished; /* close_notify is out */
    struct buf subject;
};

/* The BIO. */

static int take_arrived(BIO *bio, char *data, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    size_t count = stream->arrived.len < (size_t)size ? stream->arrived.len : (size_t)size;
    BIO_clear_retry_flags(bio);
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, stream->arrived.data, count);
    stream->arrived = slice_after(stream->arrived, count);
    return (int)count;
}

static int send_now(BIO *bio, const char *data, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t taken = stream->fd < 0 ? -1 : send(stream->fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (stream->fd >= 0 && taken < 0 && (errno == EAGAIN || errno == EINTR)) {
        stream->full = true;
        BIO_set_retry_write(bio);
    }
    return (int)taken;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
    if (method != NULL) {
        BIO_meth_set_read(method, take_arrived);
        BIO_meth_set_write(method, send_now);
        BIO_meth_set_ctrl(method, control);
    }
}

static BIO *make_bio(struct tls_stream *stream)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, stream);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* Begin and end. */

struct tls_stream *tls_stream_new(struct tls_acceptor *acceptor, struct metrics_cells *cells)
{
    struct tls_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->fd = -1;
    stream->cells = cells;
    stream->context = tls_acceptor_take(acceptor);
    stream->ssl = tls_context_begin(stream->context);
    BIO *bio = stream->ssl == NULL ? NULL : make_bio(stream);
    if (bio == NULL) {
        tls_stream_free(stream);
        return NULL;
    }
    SSL_set_bio(stream->ssl, bio, bio);
    return stream;
}

static void count(struct tls_stream *stream, enum tls_result result)
{
    metric_add_index(stream->cells, METRIC_TLS_HANDSHAKES, result, 1);
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (stream->state == TLS_STREAM_SHAKES_HANDS && stream->begun) {
        count(stream, TLS_UNFINISHED);
    }
    SSL_free(stream->ssl);
    tls_context_let_go(stream->context);
    buf_release(&stream->kept);
    buf_release(&stream->subject);
    free(stream);
}

void tls_stream_attach(struct tls_stream *stream, int fd)
{
    stream->fd = fd;
}

bool tls_stream_is_full(const struct tls_stream *stream)
{
    return stream->full && stream->fd >= 0;
}

struct slice tls_stream_hsts(const struct tls_stream *stream)
{
    return tls_context_hsts(stream->context);
}

struct slice tls_stream_subject(const struct tls_stream *stream)
{
    return buf_slice(&stream->subject);
}

/* Reading. */

/* The first byte of a method; a record of TLS begins with 22 (RFC 8446, 5.1). */
static bool is_plain_http(struct slice bytes)
{
    return bytes.data[0] >= 'A' && bytes.data[0] <= 'Z';
}

static void read_subject(struct tls_stream *stream)
{
    X509 *own = SSL_get0_peer_certificate(stream->ssl);
    if (own == NULL || SSL_get_verify_result(stream->ssl) != X509_V_OK) {
        return;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(own), 0, XN_FLAG_RFC2253) >= 0) {
        long length = BIO_get_mem_data(bio, &text);
        buf_append(&stream->subject, text, (size_t)length);
    }
    BIO_free(bio);
}

static void note_open(struct tls_stream *stream)
{
    if (stream->state == TLS_STREAM_SHAKES_HANDS && SSL_is_init_finished(stream->ssl)) {
        stream->state = TLS_STREAM_OPEN;
        count(stream, SSL_session_reused(stream->ssl) ? TLS_RESUMED : TLS_OK);
        read_subject(stream);
    }
}

static void fail(struct tls_stream *stream)
{
    enum tls_result why = tls_result_of_error(stream->ssl);
    bool shook_hands = stream->state != TLS_STREAM_SHAKES_HANDS;
    if (!shook_hands) {
        count(stream, why);
    }
    stream->state = shook_hands ? TLS_STREAM_BROKEN : TLS_STREAM_REFUSED;
    stream->arrived = (struct slice){ 0 };
}

/* A record at most. False: there is no more for now. */
static bool read_record(struct tls_stream *stream, struct buf *plain)
{
    size_t taken = 0;
    if (!buf_reserve(plain, RECORD_MAX)) {
        fail(stream);
        return false;
    }
    ERR_clear_error();
    int good = SSL_read_ex(stream->ssl, plain->data + plain->len, RECORD_MAX, &taken);
    note_open(stream);
    if (good == 1) {
        plain->len += taken;
        return true;
    }
    switch (SSL_get_error(stream->ssl, good)) {
    case SSL_ERROR_WANT_READ: ASSERT(stream->arrived.len == 0); return false;
    case SSL_ERROR_WANT_WRITE: return false;
    case SSL_ERROR_ZERO_RETURN:
        stream->state = TLS_STREAM_ENDED;
        stream->arrived = (struct slice){ 0 };
        return false;
    default: fail(stream); return false;
    }
}

/* What is left waits for room at the socket. */
static void keep_rest(struct tls_stream *stream)
{
    struct buf rest = { 0 };
    buf_append_slice(&rest, stream->arrived);
    buf_release(&stream->kept);
    stream->kept = rest;
    stream->arrived = (struct slice){ 0 };
    if (rest.failed || rest.len > KEPT_MAX) {
        stream->state = TLS_STREAM_BROKEN;
    }
}

static bool reads(const struct tls_stream *stream)
{
    return stream->state == TLS_STREAM_SHAKES_HANDS || stream->state == TLS_STREAM_OPEN;
}

enum tls_stream_state tls_stream_receive(struct tls_stream *stream, struct slice bytes, struct buf *plain)
{
    if (!reads(stream)) {
        return stream->state;
    }
    if (!stream->begun && bytes.len != 0) {
        stream->begun = true;
        if (is_plain_http(bytes)) {
            count(stream, TLS_PLAIN_HTTP);
            stream->state = TLS_STREAM_PLAIN_HTTP;
            return stream->state;
        }
    }
    buf_append_slice(&stream->kept, stream->kept.len != 0 ? bytes : (struct slice){ 0 });
    stream->arrived = stream->kept.len != 0 ? buf_slice(&stream->kept) : bytes;
    stream->full = false;
    while (read_record(stream, plain)) {
    }
    if (stream->arrived.len != 0 || stream->kept.len != 0) {
        keep_rest(stream);
    }
    ASSERT(stream->arrived.len == 0);
    return stream->state;
}

/* Writing. */

static bool writes(const struct tls_stream *stream)
{
    return (stream->state == TLS_STREAM_OPEN || stream->state == TLS_STREAM_ENDED) && stream->fd >= 0;
}

ssize_t tls_stream_write(struct tls_stream *stream, struct slice plain)
{
    size_t taken = 0;
    stream->full = false;
    while (writes(stream) && taken != plain.len && !stream->full) {
        size_t part = 0;
        ERR_clear_error();
        int good = SSL_write_ex(stream->ssl, plain.data + taken, plain.len - taken, &part);
        taken += part;
        if (good != 1 && SSL_get_error(stream->ssl, good) != SSL_ERROR_WANT_WRITE) {
            fail(stream);
        }
    }
    ASSERT_AT_MOST(taken, plain.len);
    return writes(stream) ? (ssize_t)taken : -1;
}

bool tls_stream_finish(struct tls_stream *stream)
{
    if (!writes(stream) || stream->finished) {
        return true;
    }
    stream->full = false;
    ERR_clear_error();
    int said = SSL_shutdown(stream->ssl);
    if (said < 0 && SSL_get_error(stream->ssl, said) == SSL_ERROR_WANT_WRITE) {
        return false;
    }
    ERR_clear_error();
    stream->finished = true;
    return true;
}
