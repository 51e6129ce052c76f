/* Records in and out over a socket pair, with OpenSSL's client at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "proto/tls/ticket_keys.h"
#include "proto/tls/tls_acceptor.h"
#include "proto/tls/tls_result.h"
#include "proto/tls/tls_stream.h"
#include "tls_fixture.h"

#define DAY 86400L

static struct issued root, one, two, client;
static struct ticket_keys *tickets;
static struct metrics *metrics;
static struct metrics_cells *cells;

static int make_all(void **state)
{
    (void)state;
    tls_folder_make();
    root = issue("root", NULL, NULL, -DAY, 100 * DAY);
    one = issue("one", "DNS:one.example", &root, -DAY, 90 * DAY);
    two = issue("two", "DNS:*.two.example", &root, -DAY, 90 * DAY);
    client = issue("client", "DNS:client", &root, -DAY, 90 * DAY);
    save_certificate("root.pem", &root);
    save_certificate("one.pem", &one);
    save_key("one.pem", &one, NULL);
    save_certificate("two.pem", &two);
    save_key("two.pem", &two, NULL);
    tickets = ticket_keys_new(0);
    metrics = metrics_new(&(struct metrics_labels){ 0 });
    cells = metrics_thread(metrics);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    ticket_keys_free(tickets);
    metrics_free(metrics);
    issued_free(&root);
    issued_free(&one);
    issued_free(&two);
    issued_free(&client);
    tls_folder_remove();
    return 0;
}

static struct tls_acceptor *make_acceptor(const struct tls_options *options)
{
    struct buf problem = { 0 };
    const struct tls_acceptor_config config = { .options = options, .listener = ":1", .tickets = tickets };
    struct tls_acceptor *acceptor = tls_acceptor_new(&config, &problem);
    assert_non_null(acceptor);
    assert_int_equal(problem.len, 0);
    return acceptor;
}

static int64_t counted(enum tls_result result)
{
    return metric_read(metrics, METRIC_TLS_HANDSHAKES, 0, result, OK);
}

/* Both ends. */
struct pair {
    int fds[2]; /* the client's, the server's */
    SSL_CTX *context;
    SSL *client;
    struct tls_stream *stream;
    struct buf plain; /* what the session was given */
    enum tls_stream_state state;
};

static struct pair connect_pair(struct tls_acceptor *acceptor)
{
    struct pair pair = { .context = SSL_CTX_new(TLS_client_method()) };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.fds), 0);
    assert_int_equal(SSL_CTX_load_verify_locations(pair.context, tls_path("root.pem"), NULL), 1);
    SSL_CTX_set_verify(pair.context, SSL_VERIFY_PEER, NULL);
    pair.client = SSL_new(pair.context);
    SSL_set_fd(pair.client, pair.fds[0]);
    pair.stream = tls_stream_new(acceptor, cells);
    assert_non_null(pair.stream);
    tls_stream_attach(pair.stream, pair.fds[1]);
    return pair;
}

static void disconnect(struct pair *pair)
{
    tls_stream_free(pair->stream);
    SSL_free(pair->client);
    SSL_CTX_free(pair->context);
    close(pair->fds[0]);
    close(pair->fds[1]);
    buf_release(&pair->plain);
}

/* What lies at the server's socket goes into the stream, `step` bytes at a time. */
static void pump(struct pair *pair, size_t step)
{
    char bytes[65536];
    ssize_t count;
    while ((count = recv(pair->fds[1], bytes, step, MSG_DONTWAIT)) > 0) {
        pair->state = tls_stream_receive(pair->stream, slice_make(bytes, (size_t)count), &pair->plain);
    }
}

static int shake_hands(struct pair *pair, size_t step)
{
    int done = -1;
    for (int i = 0; i < 10 && done != 1; i++) {
        done = SSL_connect(pair->client);
        if (done != 1 && SSL_get_error(pair->client, done) == SSL_ERROR_SSL) {
            break;
        }
        pump(pair, step);
    }
    return done;
}

static void bytes_come_through_however_they_are_cut(void **state)
{
    (void)state;
    static const size_t steps[] = { 1, 7, 1000, 65536 };
    const struct tls_options options = { .certificate = tls_path("one.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    char text[100000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct pair pair = connect_pair(acceptor);
        assert_int_equal(shake_hands(&pair, steps[i]), 1);
        assert_int_equal(pair.state, TLS_STREAM_OPEN);
        assert_int_equal(SSL_write(pair.client, text, 60000), 60000);
        pump(&pair, steps[i]);
        assert_int_equal(pair.plain.len, 60000);
        assert_int_equal(tls_stream_write(pair.stream, SLICE("hello")), 5);
        assert_int_equal(SSL_read(pair.client, text, sizeof text), 5);
        assert_memory_equal(text, "hello", 5);
        assert_null(tls_stream_subject(pair.stream).data);
        memset(text, 'x', 5);
        disconnect(&pair);
    }
    tls_acceptor_free(acceptor);
}

static void what_a_full_socket_does_not_take_is_not_taken(void **state)
{
    (void)state;
    const struct tls_options options = { .certificate = tls_path("one.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    struct pair pair = connect_pair(acceptor);
    assert_int_equal(shake_hands(&pair, 65536), 1);
    size_t size = (size_t)8 << 20, sent = 0, got = 0;
    unsigned char *text = malloc(size), *copy = malloc(size);
    for (size_t i = 0; i < size; i++) {
        text[i] = (unsigned char)(i * 7 >> 3);
    }
    while (got < size) {
        ssize_t taken = tls_stream_write(pair.stream, slice_make(text + sent, size - sent));
        assert_true(taken >= 0);
        sent += (size_t)taken;
        assert_true(sent == size || tls_stream_is_full(pair.stream));
        int count;
        while ((count = SSL_read(pair.client, copy + got, 50000)) > 0) {
            got += (size_t)count;
        }
    }
    assert_memory_equal(text, copy, size);
    assert_true(tls_stream_finish(pair.stream));
    assert_int_equal(SSL_read(pair.client, copy, 1), 0);
    assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
    free(text);
    free(copy);
    disconnect(&pair);
    tls_acceptor_free(acceptor);
}

static void a_reply_follows_the_clients_close_notify(void **state)
{
    (void)state;
    char text[16];
    const struct tls_options options = { .certificate = tls_path("one.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    struct pair pair = connect_pair(acceptor);
    assert_int_equal(shake_hands(&pair, 65536), 1);
    assert_int_equal(SSL_write(pair.client, "ask", 3), 3);
    assert_int_equal(SSL_shutdown(pair.client), 0);
    pump(&pair, 65536);
    assert_int_equal(pair.plain.len, 3);
    assert_int_equal(pair.state, TLS_STREAM_ENDED);
    assert_int_equal(tls_stream_write(pair.stream, SLICE("told")), 4);
    assert_true(tls_stream_finish(pair.stream));
    assert_int_equal(SSL_read(pair.client, text, sizeof text), 4);
    disconnect(&pair);
    tls_acceptor_free(acceptor);
}

static void strangers_are_told_apart(void **state)
{
    (void)state;
    const struct tls_options options = { .certificate = tls_path("one.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    static const struct {
        struct slice bytes;
        enum tls_stream_state state;
        enum tls_result result;
    } rows[] = {
        { { "GET / HTTP/1.1\r\n\r\n", 18 }, TLS_STREAM_PLAIN_HTTP, TLS_PLAIN_HTTP },
        { { "POST", 4 }, TLS_STREAM_PLAIN_HTTP, TLS_PLAIN_HTTP },
        { { "\x16\x03\x01\xff\xff garbage", 13 }, TLS_STREAM_REFUSED, TLS_MALFORMED },
        { { "\0\0\0\0\0\0\0\0", 8 }, TLS_STREAM_REFUSED, TLS_MALFORMED },
        { { "\x16\x03", 2 }, TLS_STREAM_SHAKES_HANDS, TLS_UNFINISHED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair pair = connect_pair(acceptor);
        int64_t before = counted(rows[i].result);
        assert_int_equal(tls_stream_receive(pair.stream, rows[i].bytes, &pair.plain), rows[i].state);
        assert_int_equal(pair.plain.len, 0);
        assert_int_equal(tls_stream_write(pair.stream, SLICE("no")), -1);
        disconnect(&pair);
        assert_int_equal(counted(rows[i].result), before + 1);
    }
    struct pair silent = connect_pair(acceptor);
    int64_t unfinished = counted(TLS_UNFINISHED);
    disconnect(&silent);
    assert_int_equal(counted(TLS_UNFINISHED), unfinished); /* who looks whether the port is open shakes no hands */
    tls_acceptor_free(acceptor);
}

static void old_versions_weak_ciphers_and_other_protocols_are_refused(void **state)
{
    (void)state;
    static const unsigned char h2[] = "\x02h2", http[] = "\x02h2\x08http/1.1";
    const struct tls_options options = { .certificate = tls_path("one.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    static const enum tls_result results[] = { TLS_VERSION, TLS_CIPHER, TLS_PROTOCOL, TLS_OK };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        struct pair pair = connect_pair(acceptor);
        int64_t before = counted(results[i]);
        SSL_set_security_level(pair.client, 0);
        if (results[i] == TLS_VERSION) {
            SSL_set_min_proto_version(pair.client, TLS1_VERSION);
            SSL_set_max_proto_version(pair.client, TLS1_1_VERSION);
        } else if (results[i] == TLS_CIPHER) {
            SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
            assert_int_equal(SSL_set_cipher_list(pair.client, "ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256"), 1);
        } else {
            bool of_ours = results[i] == TLS_OK;
            SSL_set_alpn_protos(pair.client, of_ours ? http : h2, (unsigned)(of_ours ? sizeof http : sizeof h2) - 1);
        }
        assert_int_equal(shake_hands(&pair, 65536) == 1, results[i] == TLS_OK);
        disconnect(&pair);
        assert_int_equal(counted(results[i]), before + 1);
    }
    tls_acceptor_free(acceptor);
}

static void assert_shown(struct tls_acceptor *acceptor, const char *name, const struct issued *expected)
{
    struct pair pair = connect_pair(acceptor);
    if (name != NULL) {
        SSL_set_tlsext_host_name(pair.client, name);
    }
    assert_int_equal(shake_hands(&pair, 65536), 1);
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), expected->certificate), 0);
    disconnect(&pair);
}

static void the_name_that_is_asked_for_chooses_the_certificate(void **state)
{
    (void)state;
    struct tls_certificate_options more = { .certificate = tls_path("two.pem") };
    const struct tls_options options = { .certificate = tls_path("one.pem"),
                                         .certificates = &more,
                                         .certificate_count = 1 };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    assert_shown(acceptor, NULL, &one);
    assert_shown(acceptor, "one.example", &one);
    assert_shown(acceptor, "a.two.example", &two);
    assert_shown(acceptor, "A.Two.Example", &two);
    assert_shown(acceptor, "two.example", &one);
    assert_shown(acceptor, "elsewhere", &one);
    tls_acceptor_free(acceptor);
}

static void a_clients_certificate_gives_its_subject(void **state)
{
    (void)state;
    const struct tls_options options = { .certificate = tls_path("one.pem"), .client_ca = tls_path("root.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    struct pair with = connect_pair(acceptor);
    SSL_use_certificate(with.client, client.certificate);
    SSL_use_PrivateKey(with.client, client.key);
    assert_int_equal(shake_hands(&with, 65536), 1);
    SSL_write(with.client, "x", 1);
    pump(&with, 65536);
    assert_int_equal(with.state, TLS_STREAM_OPEN);
    struct slice subject = tls_stream_subject(with.stream);
    assert_true(slice_equal(subject, SLICE("CN=client,O=Shop\\, Inc.")));
    disconnect(&with);
    struct pair without = connect_pair(acceptor);
    int64_t before = counted(TLS_CLIENT_CERTIFICATE);
    shake_hands(&without, 65536);
    pump(&without, 65536);
    assert_int_equal(without.state, TLS_STREAM_REFUSED);
    assert_int_equal(counted(TLS_CLIENT_CERTIFICATE), before + 1);
    disconnect(&without);
    tls_acceptor_free(acceptor);
}

/* Of one listener, by the session that another one, or the same, gave. */
static bool resumes(struct tls_acceptor *from, struct tls_acceptor *to)
{
    char text[8];
    struct pair first = connect_pair(from);
    assert_int_equal(shake_hands(&first, 65536), 1);
    SSL_read(first.client, text, sizeof text); /* the ticket */
    SSL_SESSION *session = SSL_get1_session(first.client);
    SSL_shutdown(first.client);
    disconnect(&first);
    struct pair second = connect_pair(to);
    SSL_set_session(second.client, session);
    assert_int_equal(shake_hands(&second, 65536), 1);
    bool resumed = SSL_session_reused(second.client) == 1;
    SSL_SESSION_free(session);
    disconnect(&second);
    return resumed;
}

static void sessions_are_resumed_where_the_same_is_demanded(void **state)
{
    (void)state;
    const struct tls_options plain = { .certificate = tls_path("one.pem") };
    const struct tls_options asking = { .certificate = tls_path("one.pem"),
                                        .client_ca = tls_path("root.pem"),
                                        .client_certificate = TLS_CLIENT_OPTIONAL };
    struct tls_acceptor *acceptor = make_acceptor(&plain), *again = make_acceptor(&plain);
    struct tls_acceptor *other = make_acceptor(&asking);
    assert_true(resumes(acceptor, acceptor));
    assert_true(resumes(acceptor, again));
    assert_false(resumes(acceptor, other));
    ticket_keys_turn(tickets, (int64_t)TICKET_LIFE_SECONDS * NS_PER_SECOND);
    assert_true(resumes(acceptor, acceptor));
    tls_acceptor_free(acceptor);
    tls_acceptor_free(again);
    tls_acceptor_free(other);
}

static void copy_file(const char *from, const char *to)
{
    char *fresh = strdup(tls_path("fresh"));
    FILE *in = fopen(tls_path(from), "re"), *out = fopen(fresh, "we");
    for (int c; (c = fgetc(in)) != EOF;) {
        fputc(c, out);
    }
    fclose(in);
    fclose(out);
    assert_int_equal(rename(fresh, tls_path(to)), 0);
    free(fresh);
}

static void files_that_change_are_read_and_bad_ones_are_not_taken(void **state)
{
    (void)state;
    copy_file("one.pem", "live.pem");
    const struct tls_options options = { .certificate = tls_path("live.pem") };
    struct tls_acceptor *acceptor = make_acceptor(&options);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    struct pair old = connect_pair(acceptor);
    copy_file("two.pem", "live.pem");
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME); /* it may change on */
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_CHANGED);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    assert_shown(acceptor, NULL, &two);
    assert_int_equal(shake_hands(&old, 65536), 1); /* with what it began with */
    disconnect(&old);
    copy_file("root.pem", "live.pem");
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_FAILED);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    assert_shown(acceptor, NULL, &two);
    unlink(tls_path("live.pem"));
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_FAILED);
    copy_file("one.pem", "live.pem");
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_SAME);
    assert_int_equal(tls_acceptor_look(acceptor, clock_wall_ns()), TLS_LOOK_CHANGED);
    assert_shown(acceptor, NULL, &one);
    tls_acceptor_free(acceptor);
}

static void options_that_lack_something_are_told(void **state)
{
    (void)state;
    static const struct {
        struct tls_options options;
        const char *says;
    } rows[] = {
        { { .key = "k" }, "expected its certificate" },
        { { .client_ca = "c" }, "expected a certificate of the server" },
        { { .certificate = "/nowhere" }, "/nowhere cannot be read" },
    };
    struct buf problem = { 0 }, warnings = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&problem);
        assert_false(tls_check(&rows[i].options, &problem, &warnings));
        assert_non_null(strstr(buf_c_string(&problem), rows[i].says));
    }
    buf_clear(&problem);
    assert_true(tls_check(&(struct tls_options){ 0 }, &problem, &warnings));
    const struct tls_options no_issuers = { .certificate = tls_path("one.pem"), .client_ca = tls_path("nothing.pem") };
    fclose(fopen(tls_path("nothing.pem"), "we"));
    assert_false(tls_check(&no_issuers, &problem, &warnings));
    assert_non_null(strstr(buf_c_string(&problem), "nothing.pem holds no certificate"));
    buf_release(&problem);
    buf_release(&warnings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_through_however_they_are_cut),
        cmocka_unit_test(what_a_full_socket_does_not_take_is_not_taken),
        cmocka_unit_test(a_reply_follows_the_clients_close_notify),
        cmocka_unit_test(strangers_are_told_apart),
        cmocka_unit_test(old_versions_weak_ciphers_and_other_protocols_are_refused),
        cmocka_unit_test(the_name_that_is_asked_for_chooses_the_certificate),
        cmocka_unit_test(a_clients_certificate_gives_its_subject),
        cmocka_unit_test(sessions_are_resumed_where_the_same_is_demanded),
        cmocka_unit_test(files_that_change_are_read_and_bad_ones_are_not_taken),
        cmocka_unit_test(options_that_lack_something_are_told),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
