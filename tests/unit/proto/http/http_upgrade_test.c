#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/stream.h"
#include "proto/gate/connection_limits.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/route/route.h"

#include <stdio.h>

/* The key and its answer are those of RFC 6455, 1.3. */
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define WHOLE UPGRADE KEY VERSION
#define HOST "Host: sluice.example:8080\r\n"

/* The pipeline's part. */
struct pipeline {
    int unused;
};

enum error pipeline_admits(const struct pipeline *pipeline)
{
    (void)pipeline;
    return OK;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)pipeline, (void)stream;
    return OK;
}

void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out)
{
    (void)pipeline;
    buf_printf(out, "there is no stream \"%.*s\"; there is: events", (int)name.len, name.data);
}

const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name)
{
    static const struct stream events = { .name = "events" }, clicks = { .name = "clicks" };
    (void)pipeline;
    if (slice_equal(name, SLICE("clicks"))) {
        return &clicks;
    }
    return name.len == 0 || slice_equal(name, SLICE("events")) ? &events : NULL;
}

struct door {
    struct http_options options;
    struct gatekeeper gatekeeper;
    struct io_context context;
    struct ws_terms terms;
    struct buf out;
    struct slice detail;
};

static void door_open(struct door *door)
{
    static const char *origins[] = { "https://shop.example", "null", "https://*.wild.example" };
    *door = (struct door){ .options = { .cors_origins = { origins, ARRAY_LENGTH(origins) } } };
    door->context.options = &door->options;
    const struct websocket_options websocket = { .max_connections = 2, .max_per_address = 1 };
    assert_true(gatekeeper_init(&door->gatekeeper, NULL, &door->options, &websocket));
    door->context.gatekeeper = &door->gatekeeper;
}

static void door_close(struct door *door)
{
    ws_terms_release(&door->terms);
    gatekeeper_release(&door->gatekeeper);
    buf_release(&door->context.text);
    buf_release(&door->context.intake.submission.detail);
    buf_release(&door->out);
}

static enum error knock_from(struct door *door, struct client_address client, bool acks, const char *line,
                             const char *fields)
{
    char head[1024];
    struct http_request request;
    enum error error;
    const char *reason;
    snprintf(head, sizeof head, "GET %s\r\n%s\r\n", line, fields);
    assert_int_equal(http_parse_head(slice_from_string(head), 4096, &request, &error, &reason), HTTP_DONE);
    buf_clear(&door->out);
    door->detail = SLICE("");
    static const struct event_route many = { .form = PAYLOAD_MANY };
    const struct route route = { .kind = ROUTE_WEBSOCKET, .events = &many, .acks = acks };
    return http_upgrade(&door->context, &request, &route, client, &door->terms, &door->out, &door->detail);
}

static enum error knock(struct door *door, const char *line, const char *fields)
{
    struct client_address client = { .bytes = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7 } };
    return knock_from(door, client, true, line, fields);
}

static void answers_the_key_of_the_rfc(void **state)
{
    (void)state;
    struct door door;
    door_open(&door);
    assert_int_equal(knock(&door, "/ws HTTP/1.1", HOST WHOLE "User-Agent: me\r\n"), OK);
    assert_string_equal(buf_c_string(&door.out),
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    assert_string_equal(door.terms.stream->name, "events");
    assert_true(door.terms.acks);
    assert_true(slice_equal(slice_make(door.terms.client_ip, door.terms.client_ip_length), SLICE("192.0.2.7")));
    assert_true(slice_equal(buf_slice(&door.terms.user_agent), SLICE("me")));
    door_close(&door);
}

static void names_the_subprotocol_only_if_it_is_offered(void **state)
{
    (void)state;
    static const struct {
        const char *offer;
        bool named;
    } rows[] = {
        { "Sec-WebSocket-Protocol: sluice.v1\r\n", true },  { "Sec-WebSocket-Protocol: chat,  sluice.v1 \r\n", true },
        { "Sec-WebSocket-Protocol: chat\r\n", false },      { "Sec-WebSocket-Protocol: sluice.v12\r\n", false },
        { "Sec-WebSocket-Protocol: SLUICE.V1\r\n", false }, { "Sec-WebSocket-Protocol:\r\n", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct door door;
        char fields[512];
        door_open(&door);
        snprintf(fields, sizeof fields, HOST WHOLE "%s", rows[i].offer);
        assert_int_equal(knock(&door, "/ws HTTP/1.1", fields), OK);
        const char *named = strstr(buf_c_string(&door.out), "\r\nSec-WebSocket-Protocol: sluice.v1\r\n\r\n");
        assert_int_equal(named != NULL, rows[i].named);
        assert_int_equal(strstr(door.out.data, "Protocol:") != NULL, rows[i].named);
        door_close(&door);
    }
}

static void refuses_what_is_no_handshake(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *fields;
        enum error error;
    } rows[] = {
        { "/ws HTTP/1.1", HOST, ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.1", HOST UPGRADE KEY, ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.1", HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.1", HOST KEY VERSION "Upgrade: websocket\r\n", ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.1", HOST KEY VERSION "Connection: upgrade\r\n", ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.1", HOST KEY VERSION "Connection: upgrade\r\nUpgrade: h2c\r\n", ERROR_UPGRADE_REQUIRED },
        { "/ws HTTP/1.0", HOST WHOLE, ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST WHOLE "Content-Length: 1\r\n", ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST WHOLE "Transfer-Encoding: chunked\r\n", ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST WHOLE "Content-Length: 0\r\n", OK },
        { "/ws HTTP/1.1", HOST UPGRADE VERSION, ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n", ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2=jZQ==\r\n", ERROR_BAD_REQUEST },
        { "/ws HTTP/1.1", HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAAAA==\r\n",
          ERROR_BAD_REQUEST },
        { "/ws?stream=none HTTP/1.1", HOST WHOLE, ERROR_UNKNOWN_STREAM },
        { "/ws?stream=%zz HTTP/1.1", HOST WHOLE, ERROR_UNKNOWN_STREAM },
        { "/ws?ack=2 HTTP/1.1", HOST WHOLE, ERROR_BAD_ARGUMENT },
        { "/ws?ack HTTP/1.1", HOST WHOLE, ERROR_BAD_ARGUMENT },
        { "/ws?ack=1&x=y HTTP/1.1", HOST WHOLE, OK },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct door door;
        door_open(&door);
        assert_int_equal(knock(&door, rows[i].line, rows[i].fields), rows[i].error);
        assert_int_equal(door.terms.entered != NULL, rows[i].error == OK);
        door_close(&door);
    }
}

static void lets_in_the_origins_it_should(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *origin; /* NULL: none */
        bool allowed;
    } rows[] = {
        { "a.example", NULL, true },
        { "a.example", "https://a.example", true },
        { "a.example:443", "https://a.example", true },
        { "a.example", "http://a.example:80", true },
        { "A.example", "http://a.EXAMPLE", true },
        { "a.example:8080", "http://a.example:8080", true },
        { "[::1]:8080", "http://[::1]:8080", true },
        { "a.example:8080", "http://a.example", false },
        { "a.example", "http://a.example:8080", false },
        { "a.example", "https://a.example.evil", false },
        { "a.example", "https://evil/a.example", false },
        { "a.example", "ftp://a.example", false },
        { "a.example", "https://shop.example", true },
        { "a.example", "http://shop.example", false },
        { "a.example", "null", true }, /* in the list */
        { "a.example", "https://www.wild.example", true },
        { "a.example", "https://wild.example", false },
        { "a.example", "http://www.wild.example", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct door door;
        char fields[512];
        door_open(&door);
        snprintf(fields, sizeof fields, "Host: %s\r\n" WHOLE "%s%s%s", rows[i].host,
                 rows[i].origin == NULL ? "" : "Origin: ", rows[i].origin == NULL ? "" : rows[i].origin,
                 rows[i].origin == NULL ? "" : "\r\n");
        assert_int_equal(knock(&door, "/ws HTTP/1.1", fields), rows[i].allowed ? OK : ERROR_ORIGIN_NOT_ALLOWED);
        door_close(&door);
    }
}

static void the_query_and_the_route_settle_stream_and_acks(void **state)
{
    (void)state;
    static const struct {
        bool route_acks;
        const char *line;
        const char *stream;
        bool acks;
    } rows[] = {
        { true, "/ws?stream=clicks HTTP/1.1", "clicks", true },
        { true, "/ws?ack=0&stream=clicks HTTP/1.1", "clicks", false },
        { true, "/ws?ack=1 HTTP/1.1", "events", true },
        { false, "/tr/v1/ws HTTP/1.1", "events", false },
        { false, "/tr/v1/ws?ack=1 HTTP/1.1", "events", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct door door;
        door_open(&door);
        struct client_address client = { { 0 } };
        assert_int_equal(knock_from(&door, client, rows[i].route_acks, rows[i].line, HOST WHOLE), OK);
        assert_string_equal(door.terms.stream->name, rows[i].stream);
        assert_int_equal(door.terms.acks, rows[i].acks);
        door_close(&door);
    }
}

static void is_counted_until_its_terms_are_released(void **state)
{
    (void)state;
    struct door door;
    door_open(&door);
    assert_int_equal(knock(&door, "/ws HTTP/1.1", HOST WHOLE), OK);
    struct ws_terms first = door.terms;
    assert_int_equal(knock(&door, "/ws HTTP/1.1", HOST WHOLE), ERROR_TOO_MANY_OF_ADDRESS);
    assert_null(door.terms.entered);
    ws_terms_release(&first);
    ws_terms_release(&first); /* empty now */
    assert_int_equal(knock(&door, "/ws HTTP/1.1", HOST WHOLE), OK);
    door_close(&door);
}

static void a_gateway_that_drains_opens_no_more(void **state)
{
    (void)state;
    struct door door;
    door_open(&door);
    door.context.draining = true;
    assert_int_equal(knock(&door, "/ws HTTP/1.1", HOST WHOLE), ERROR_DRAINING);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_the_key_of_the_rfc),
        cmocka_unit_test(names_the_subprotocol_only_if_it_is_offered),
        cmocka_unit_test(refuses_what_is_no_handshake),
        cmocka_unit_test(lets_in_the_origins_it_should),
        cmocka_unit_test(the_query_and_the_route_settle_stream_and_acks),
        cmocka_unit_test(is_counted_until_its_terms_are_released),
        cmocka_unit_test(a_gateway_that_drains_opens_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
