/* A WebSocket session without sockets: the transport and the pipeline are played by this file, for the flow test and
 * for the fuzzer. One session at a time. */
#pragma once

#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "pipeline/json/json.h"
#include "proto/front/decode.h"
#include "proto/front/transport.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/io_context.h"
#include "proto/route/event_route.h"
#include "proto/ws/ws_frame.h"
#include "proto/ws/ws_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WIRE_SUBMITTED_MAX 4096
#define WIRE_MASK "\xA1\x02\x73\xF4"
#define WIRE_FINAL 0x80

/* The pipeline's part. What a payload starts with is its fate: '!' refused as not JSON, '?' its event is rejected, 'D'
 * dropped, 'n' and a number: so many events; all others are one event. */
struct pipeline {
    enum error admits;
    enum error admits_stream;
    struct token submitted[WIRE_SUBMITTED_MAX];
    size_t count;
    size_t calls;
    size_t refused[ERROR_COUNT];
    size_t terms_released;
    struct buf last_payload;
    struct buf last_client_ip;
    struct buf last_user_agent;
    struct buf last_key_name;
};

struct pipeline_io {
    int unused;
};

static struct pipeline world;
static const struct stream wire_stream = { .name = "events" };

enum error pipeline_admits(const struct pipeline *pipeline)
{
    return pipeline->admits;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    return stream == &wire_stream ? pipeline->admits_stream : ERROR_INTERNAL;
}

void pipeline_count_key_refusal(struct pipeline_io *io, uint32_t key, enum error error)
{
    (void)io, (void)key, (void)error;
}

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    (void)io;
    if (protocol != PROTOCOL_WS || stream != &wire_stream) {
        abort();
    }
    world.refused[error]++;
}

void pipeline_refuse(struct pipeline_io *io, const struct payload *payload, const struct stream *blamed,
                     enum error error)
{
    pipeline_count_refusal(io, payload->protocol, blamed, error);
}

void submission_release(struct submission *submission)
{
    buf_release(&submission->detail);
    buf_release(&submission->ids);
    buf_release(&submission->errors);
    buf_release(&submission->refused);
}

void ws_terms_release(struct ws_terms *terms)
{
    buf_release(&terms->user_agent);
    world.terms_released++;
}

static void wire_note(const struct payload *payload)
{
    buf_clear(&world.last_payload);
    buf_append_slice(&world.last_payload, payload->bytes);
    buf_clear(&world.last_client_ip);
    buf_append_slice(&world.last_client_ip, payload->client_ip);
    buf_clear(&world.last_user_agent);
    buf_append_slice(&world.last_user_agent, payload->user_agent);
    buf_clear(&world.last_key_name);
    buf_append_slice(&world.last_key_name, payload->request->key_name);
}

static uint32_t wire_events(const struct buf *payload)
{
    uint32_t events = 0;
    for (size_t i = 1; i < payload->len && i < 6; i++) {
        events = events * 10 + (uint32_t)(payload->data[i] - '0');
    }
    return payload->data[0] == 'n' ? events : 1;
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    (void)io;
    char padding = 0;
    for (size_t i = 0; i < JSON_PADDING; i++) {
        padding = (char)(padding ^ payload->bytes.data[payload->bytes.len + i]); /* readable, or a sanitizer says so */
    }
    world.calls += 1 + (size_t)(padding & 0);
    if (world.admits != OK || world.admits_stream != OK || payload->form != PAYLOAD_MANY) {
        abort();
    }
    wire_note(payload);
    char first = payload->bytes.len == 0 ? '!' : payload->bytes.data[0];
    buf_clear(&submission->detail);
    buf_clear(&submission->errors);
    submission->error = first == '!' ? ERROR_INVALID_JSON : first == 'D' ? ERROR_QUEUE_FULL : OK;
    submission->events = first == '!' ? 0 : wire_events(&world.last_payload);
    submission->rejected = first == '?';
    submission->pending = submission->error == OK && first != '?';
    buf_append_string(&submission->detail, first == '!' ? "invalid JSON at byte 0" : "");
    buf_append_string(&submission->errors, first == '?' ? "{\"index\":0,\"message\":\"}\\\"{\"}" : "");
    if (submission->pending) {
        world.submitted[world.count++ % WIRE_SUBMITTED_MAX] = payload->token;
    }
}

/* The connection's part. */
struct wire {
    struct transport transport;
    struct ws_session *session;
    struct io_context context;
    struct gatekeeper gatekeeper;
    struct http_options options;
    struct websocket_options websocket;
    struct metrics *metrics;
    struct buf written;
    size_t write_calls;
    bool block; /* write takes nothing */
    bool wants_flush, wants_room, wants_turn, reading, finished, closed;
    size_t untaken; /* by the client, of what the socket took */
    bool has_input; /* at the socket, not received */
};

static ssize_t wire_write(struct transport *connection, struct slice bytes)
{
    struct wire *wire = (struct wire *)connection;
    struct slice taken = slice_make(bytes.data, wire->block ? 0 : bytes.len);
    buf_append_slice(&wire->written, taken);
    wire->write_calls++;
    return (ssize_t)taken.len;
}

static void wire_set_reading(struct transport *connection, bool on)
{
    ((struct wire *)connection)->reading = on;
}

static void wire_finish(struct transport *connection)
{
    ((struct wire *)connection)->finished = true;
}

static void wire_close(struct transport *connection)
{
    ((struct wire *)connection)->closed = true;
}

static void wire_want_flush(struct transport *connection)
{
    ((struct wire *)connection)->wants_flush = true;
}

static void wire_want_room(struct transport *connection)
{
    ((struct wire *)connection)->wants_room = true;
}

static bool wire_has_input(struct transport *connection)
{
    return ((struct wire *)connection)->has_input;
}

static void wire_want_turn(struct transport *connection)
{
    ((struct wire *)connection)->wants_turn = true;
}

static size_t wire_untaken(struct transport *connection)
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

static const struct websocket_options wire_websocket = {
    .max_message_bytes = 100000,
    .max_decompressed_bytes = 200000,
    .max_in_flight = 1000,
    .ping_interval_ns = 30 * NS_PER_SECOND,
    .pong_timeout_ns = 10 * NS_PER_SECOND,
    .message_timeout_ns = 15 * NS_PER_SECOND,
    .full_timeout_ns = 5 * NS_PER_SECOND,
};

static struct wire *wire_new(bool acks)
{
    static const char *stream_names[] = { "events" };
    struct wire *wire = calloc(1, sizeof *wire);
    memset(&world, 0, sizeof world);
    wire->websocket = wire_websocket;
    wire->metrics = metrics_new(&(struct metrics_labels){ .streams = { stream_names, 1 } });
    wire->gatekeeper = (struct gatekeeper){ .pipeline = &world };
    wire->context = (struct io_context){
        .gatekeeper = &wire->gatekeeper,
        .options = &wire->options,
        .websocket = &wire->websocket,
        .intake.pipeline = &world,
        .intake.cells = metrics_thread(wire->metrics),
        .intake.decoder = decoder_new(),
    };
    io_context_set_time(&wire->context, NS_PER_SECOND, NS_PER_SECOND);
    wire->transport.ops = &wire_transport;
    wire->reading = true;
    static const struct event_route route = { .form = PAYLOAD_MANY };
    struct ws_terms terms = {
        .route = &route, .stream = &wire_stream, .acks = acks, .client_ip = "10.1.2.3", .client_ip_length = 8
    };
    buf_append_string(&terms.user_agent, "agent");
    wire->session = ws_session_new(&wire->context, &wire->transport, (struct token){ 7, 3, 99 }, &terms);
    if (wire->session == NULL) {
        abort();
    }
    return wire;
}

static void wire_free(struct wire *wire)
{
    ws_session_ops.close(wire->session);
    ws_session_free(wire->session);
    if (world.terms_released != 1 || metric_read(wire->metrics, METRIC_WEBSOCKETS, 0, 0, OK) != 0) {
        abort();
    }
    decoder_free(wire->context.intake.decoder);
    submission_release(&wire->context.intake.submission);
    buf_release(&wire->context.intake.decoded);
    buf_release(&wire->context.text);
    buf_release(&wire->written);
    buf_release(&world.last_payload);
    buf_release(&world.last_client_ip);
    buf_release(&world.last_user_agent);
    buf_release(&world.last_key_name);
    metrics_free(wire->metrics);
    free(wire);
}

static void wire_flush(struct wire *wire)
{
    while (wire->wants_flush) {
        wire->wants_flush = false;
        ws_session_ops.flush(wire->session);
    }
}

static void wire_receive(struct wire *wire, struct slice bytes)
{
    ws_session_ops.receive(wire->session, bytes);
    wire_flush(wire);
}

static inline void wire_complete(struct wire *wire, size_t index, uint32_t accepted, uint32_t duplicate,
                                 enum error error)
{
    struct ticket ticket = { .token = world.submitted[index % WIRE_SUBMITTED_MAX],
                             .accepted = accepted,
                             .duplicate = duplicate,
                             .error = error };
    ws_session_ops.complete(wire->session, &ticket);
}

static inline void wire_pass_seconds(struct wire *wire, int64_t seconds)
{
    int64_t now_ns = wire->context.now_ns + seconds * NS_PER_SECOND;
    io_context_set_time(&wire->context, now_ns, now_ns);
    ws_session_ops.tick(wire->session);
    wire_flush(wire);
}

/* Appends a client's frame; its header claims `claimed` bytes. */
static inline void wire_frame_claiming(struct buf *out, uint8_t first, struct slice payload, uint64_t claimed)
{
    buf_append_byte(out, first);
    unsigned extra = claimed < 126 ? 0 : claimed <= UINT16_MAX ? 2 : 8;
    buf_append_byte(out, (uint8_t)(0x80 | (extra == 0 ? claimed : extra == 2 ? 126 : 127)));
    while (extra-- != 0) {
        buf_append_byte(out, (uint8_t)(claimed >> (8 * extra)));
    }
    buf_append(out, WIRE_MASK, 4);
    size_t at = out->len;
    buf_append_slice(out, payload);
    ws_unmask(out->data + at, payload.len, (const uint8_t *)WIRE_MASK, 0);
}

static inline void wire_frame(struct buf *out, uint8_t first, struct slice payload)
{
    wire_frame_claiming(out, first, payload, payload.len);
}
