/* A connection driven without sockets, for the tests: bytes in, fates in any order, bytes out. The pipeline is played by
 * this file. Behind cmocka.h. */
#pragma once

#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "pipeline/json/json.h"
#include "proto/front/decode.h"
#include "proto/front/page.h"
#include "proto/front/session.h"
#include "proto/front/transport.h"
#include "proto/gate/connection_limits.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_events.h"
#include "proto/http/http_session_private.h"
#include "proto/http/io_context.h"
#include "proto/route/route_table.h"

#include <stdio.h>
#include <stdlib.h>

#define POST_HEAD "POST /events HTTP/1.1\r\nHost: x\r\n"
#define POST POST_HEAD "Content-Length: 7\r\n\r\n{\"a\":1}"
#define GET_PING "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
#define SUBMITTED_MAX 256

/* The pipeline's part. A payload that starts with '!' is refused, one that starts with '?' is rejected as an event; with
 * '~' it is accepted, with too little memory for its lists. */
struct pipeline {
    enum error admits;
    struct token submitted[SUBMITTED_MAX];
    size_t count;
    size_t refused[ERROR_COUNT];
    size_t hidden; /* replies that say nothing of refused events */
    struct buf last_payload;
    struct buf last_client_ip;
    bool last_wait;
    enum payload_form last_form;
};

struct pipeline_io {
    int unused;
};

static struct pipeline world;

enum error pipeline_admits(const struct pipeline *pipeline)
{
    return pipeline->admits;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)stream;
    return pipeline->admits;
}

const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name)
{
    static const struct stream stream = { .name = "events" };
    (void)pipeline;
    return name.len == 0 || slice_equal(name, SLICE("events")) ? &stream : NULL;
}

void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out)
{
    (void)pipeline;
    buf_printf(out, "there is no stream \"%.*s\"; there is: events", (int)name.len, name.data);
}

void pipeline_count_key_refusal(struct pipeline_io *io, uint32_t key, enum error error)
{
    (void)io, (void)key, (void)error;
}

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    (void)io, (void)protocol, (void)stream;
    world.refused[error]++;
}

void pipeline_refuse(struct pipeline_io *io, const struct payload *payload, const struct stream *blamed,
                     enum error error)
{
    pipeline_count_refusal(io, payload->protocol, blamed, error);
}

void pipeline_count_hidden_refusal(struct pipeline_io *io, const struct stream *stream)
{
    (void)io, (void)stream;
    world.hidden++;
}

void submission_release(struct submission *submission)
{
    buf_release(&submission->detail);
    buf_release(&submission->ids);
    buf_release(&submission->errors);
    buf_release(&submission->refused);
}

static inline void note(const struct payload *payload)
{
    buf_clear(&world.last_payload);
    buf_append_slice(&world.last_payload, payload->bytes);
    buf_clear(&world.last_client_ip);
    buf_append_slice(&world.last_client_ip, payload->client_ip);
    world.last_wait = payload->wait_stored;
    world.last_form = payload->form;
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    (void)io;
    char padding = 0;
    for (size_t i = 0; i < JSON_PADDING; i++) {
        padding = (char)(padding ^ payload->bytes.data[payload->bytes.len + i]); /* readable, or a sanitizer says so */
    }
    (void)padding;
    note(payload);
    char first = payload->bytes.len == 0 ? '!' : payload->bytes.data[0];
    buf_clear(&submission->detail);
    buf_clear(&submission->ids);
    buf_clear(&submission->errors);
    submission->error = first == '!' ? ERROR_INVALID_JSON : OK;
    submission->first_error = first == '?' ? ERROR_MISSING_FIELD : OK;
    submission->events = first == '#' ? HTTP_IDS_MAX + 1 : 1;
    submission->rejected = first == '?';
    submission->pending = first != '!' && first != '?';
    submission->first = (struct first_refused){ .index = 0, .field = "name", .message = "the \"name\" is missing" };
    buf_append_string(&submission->detail, first == '!' ? "invalid JSON at byte 0" : "");
    buf_append_string(&submission->errors, first == '?' ? "{\"index\":0}" : "");
    buf_append_fill(&submission->ids, submission->pending ? 0x11 : 0, sizeof(struct event_id));
    if (first == '~') {
        submission->ids.len = 3;
        submission->ids.failed = submission->errors.failed = true;
    }
    if (submission->pending) {
        assert_true(world.count < SUBMITTED_MAX);
        world.submitted[world.count++] = payload->token;
    }
}

/* The connection's part. */
struct wire {
    struct transport transport;
    struct http_session session;
    struct io_context context;
    struct gatekeeper gatekeeper;
    struct http_options options;
    struct route_list rows;
    struct route_table routes;
    struct address_ranges trusted;
    struct metrics *metrics;
    struct buf written;
    bool block;  /* write takes nothing */
    size_t most; /* what one write takes; 0: all */
    bool wants_flush, wants_turn, reading, finished, closed;
    size_t untaken; /* by the client, of what the socket took */
    bool has_input; /* at the socket, not received */
    size_t writes;
};

static inline ssize_t wire_write(struct transport *connection, struct slice bytes)
{
    struct wire *wire = (struct wire *)connection;
    size_t most = wire->most != 0 && wire->most < bytes.len ? wire->most : bytes.len;
    struct slice taken = slice_make(bytes.data, wire->block ? 0 : most);
    buf_append_slice(&wire->written, taken);
    wire->writes++;
    return (ssize_t)taken.len;
}

static inline void wire_set_reading(struct transport *connection, bool on)
{
    ((struct wire *)connection)->reading = on;
}

static inline void wire_finish(struct transport *connection)
{
    ((struct wire *)connection)->finished = true;
}

static inline void wire_close(struct transport *connection)
{
    ((struct wire *)connection)->closed = true;
}

static inline void wire_want_flush(struct transport *connection)
{
    ((struct wire *)connection)->wants_flush = true;
}

/* No request waits for room: it is answered 503. */
static inline void wire_want_room(struct transport *connection)
{
    (void)connection;
    abort();
}

static inline bool wire_has_input(struct transport *connection)
{
    return ((struct wire *)connection)->has_input;
}

static inline void wire_want_turn(struct transport *connection)
{
    ((struct wire *)connection)->wants_turn = true;
}

static inline size_t wire_untaken(struct transport *connection)
{
    return ((struct wire *)connection)->untaken;
}

static const struct transport_ops wire_transport = {
    .write = wire_write,
    .set_reading = wire_set_reading,
    .finish = wire_finish,
    .has_input = wire_has_input,
    .untaken = wire_untaken,
    .close = wire_close,
    .want_flush = wire_want_flush,
    .want_room = wire_want_room,
    .want_turn = wire_want_turn,
};

static struct token later_token;

static inline enum page_result serve_ping(void *context, const struct page_request *request, struct page_reply *reply,
                                          struct page_later later)
{
    (void)context, (void)request, (void)later;
    reply->content_type = "text/plain";
    buf_append_string(&reply->body, "pong");
    return PAGE_READY;
}

static inline enum page_result serve_script(void *context, const struct page_request *request, struct page_reply *reply,
                                            struct page_later later)
{
    reply->cache_control = "max-age=60";
    return serve_ping(context, request, reply, later);
}

static inline enum page_result serve_later(void *context, const struct page_request *request, struct page_reply *reply,
                                           struct page_later later)
{
    (void)context, (void)request, (void)reply;
    later_token = later.token;
    return PAGE_LATER;
}

static const struct page pages[] = {
    { .path = "/ping", .methods = METHOD_BIT(HTTP_GET), .handle = serve_ping },
    { .path = "/later", .methods = METHOD_BIT(HTTP_GET), .handle = serve_later },
    { .path = "/script.js", .methods = METHOD_BIT(HTTP_GET), .handle = serve_script, .any_origin = true },
};

static inline struct wire *wire_new(void)
{
    static const char *origins[] = { "https://shop.example" };
    static const char *proxies[] = { "10.0.0.0/8" };
    static const char *stream_names[] = { "events" };
    struct string_list proxy_list = { proxies, 1 };
    struct buf problem = { 0 };
    struct wire *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    wire->options = (struct http_options){
        .max_body_bytes = 1000,
        .max_decompressed_bytes = 1000,
        .max_header_bytes = 500,
        .header_timeout_ns = 5 * NS_PER_SECOND,
        .body_timeout_ns = 10 * NS_PER_SECOND,
        .idle_timeout_ns = 60 * NS_PER_SECOND,
        .wait_timeout_ns = 3 * NS_PER_SECOND,
        .max_per_address = 1000,
        .cors_origins = { origins, 1 },
    };
    assert_true(route_list_add_own(&wire->rows));
    assert_true(route_list_add_pages(&wire->rows, pages, ARRAY_LENGTH(pages)));
    assert_true(route_table_init(&wire->routes, &wire->rows, SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN, &problem));
    assert_true(address_ranges_init(&wire->trusted, &proxy_list, "http.trusted_proxies", &problem));
    wire->metrics = metrics_new(&(struct metrics_labels){ .streams = { stream_names, 1 } });
    const struct websocket_options websocket = { .max_connections = 1, .max_per_address = 1 };
    assert_true(gatekeeper_init(&wire->gatekeeper, &world, &wire->options, &websocket));
    wire->context = (struct io_context){
        .options = &wire->options,
        .trusted = &wire->trusted,
        .gatekeeper = &wire->gatekeeper,
        .vary_origin = true,
        .intake.pipeline = &world,
        .intake.cells = metrics_thread(wire->metrics),
        .intake.decoder = decoder_new(),
    };
    wire->context.keep_alive_length = http_reply_keep_alive(wire->context.keep_alive, wire->options.idle_timeout_ns);
    wire->transport.ops = &wire_transport;
    wire->reading = true;
    io_context_set_time(&wire->context, NS_PER_SECOND, NS_PER_SECOND);
    struct client_address peer;
    assert_true(client_address_parse(&peer, SLICE("10.1.2.3")));
    http_session_open(&wire->session, &wire->context, &wire->routes, &wire->transport, (struct token){ .slot = 3 },
                      peer);
    world.count = 0;
    world.admits = OK;
    memset(world.refused, 0, sizeof world.refused);
    world.hidden = 0;
    return wire;
}

static inline void wire_free(struct wire *wire)
{
    http_session_ops.close(&wire->session);
    http_session_release(&wire->session);
    route_table_release(&wire->routes);
    route_list_release(&wire->rows);
    address_ranges_release(&wire->trusted);
    decoder_free(wire->context.intake.decoder);
    submission_release(&wire->context.intake.submission);
    buf_release(&wire->context.intake.decoded);
    buf_release(&wire->context.text);
    buf_release(&wire->context.path);
    gatekeeper_release(&wire->gatekeeper);
    buf_release(&wire->written);
    buf_release(&world.last_payload);
    buf_release(&world.last_client_ip);
    metrics_free(wire->metrics);
    free(wire);
}

static inline void flush(struct wire *wire)
{
    while (wire->wants_flush) {
        wire->wants_flush = false;
        http_session_ops.flush(&wire->session);
    }
}

static inline void send_slice(struct wire *wire, struct slice bytes)
{
    http_session_ops.receive(&wire->session, bytes);
    flush(wire);
}

static inline void send_text(struct wire *wire, const char *text)
{
    send_slice(wire, slice_from_string(text));
}

static inline void complete(struct wire *wire, size_t index, uint32_t accepted, uint32_t duplicate, enum error error)
{
    struct ticket ticket = {
        .token = world.submitted[index], .accepted = accepted, .duplicate = duplicate, .error = error
    };
    http_session_ops.complete(&wire->session, &ticket);
    flush(wire);
}

static inline void pass_seconds(struct wire *wire, int64_t seconds)
{
    int64_t now_ns = wire->context.now_ns + seconds * NS_PER_SECOND;
    io_context_set_time(&wire->context, now_ns, now_ns);
    http_session_ops.tick(&wire->session);
    flush(wire);
}

/* The statuses of the replies written, as text: "202 404". */
static inline const char *statuses(struct wire *wire)
{
    static char text[1024];
    const char *at = buf_c_string(&wire->written);
    text[0] = '\0';
    while (at != NULL && (at = strstr(at, "HTTP/1.1 ")) != NULL) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%.3s", len == 0 ? "" : " ", at + 9);
        at += 9;
    }
    return text;
}

static inline bool wrote(struct wire *wire, const char *part)
{
    const char *text = buf_c_string(&wire->written);
    return text != NULL && strstr(text, part) != NULL;
}
