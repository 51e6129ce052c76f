/* A stream and a composer for tests of rejects: bytes go in, a line comes out, which is held to what it promises. */
#pragma once

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/pipeline.h"
#include "rejects/reject.h"
#include "rejects/reject_compose.h"
#include "rejects/reject_rules.h"
#include "rejects/reject_take.h"

#include <stdlib.h>

struct reject_world {
    struct stream *stream;
    struct json_parser *parser;
    struct json_repair repair;
    struct reject_composer *composer;
    struct reject_reader *reader;
    struct reject_rules rules[2]; /* by enum rejects_personal */
    struct buf padded, line, again;
};

static inline void reject_world_init(struct reject_world *world)
{
    static const char *brands[] = { "items[].brand" };
    static struct field_options fields[] = {
        { .line = 1, .name = "number", .type = "UInt64", .max_past_ns = -1, .max_future_ns = -1 },
        { .line = 1, .name = "note", .type = "String", .max_past_ns = -1, .max_future_ns = -1 },
        { .line = 1, .name = "tags", .type = "Array(String)", .max_past_ns = -1, .max_future_ns = -1 },
        { .line = 1,
          .name = "brands",
          .type = "Array(String)",
          .from = { .items = brands, .count = 1 },
          .max_past_ns = -1,
          .max_future_ns = -1 },
        { .line = 1, .name = "address", .type = "IPv4", .max_past_ns = -1, .max_future_ns = -1 },
        { .line = 1, .name = "at", .type = "DateTime64(3)", .max_past_ns = -1, .max_future_ns = -1 },
        { .line = 1, .name = "peer", .type = "String", .fill = FILL_CLIENT_IP, .max_past_ns = -1, .max_future_ns = -1 },
    };
    static const struct stream_options options = { .name = "orders", .fields = fields, .field_count = 7 };
    struct buf problems = { 0 };
    *world = (struct reject_world){ .stream = stream_compile(&options, 0, &problems),
                                    .parser = json_parser_new(),
                                    .composer = reject_composer_new(),
                                    .reader = reject_reader_new() };
    ASSERT(world->stream != NULL && world->parser != NULL && world->composer != NULL && world->reader != NULL);
    for (int personal = PERSONAL_CUT; personal <= PERSONAL_KEEP; personal++) {
        const struct rejects_options rules = { .personal = (enum rejects_personal)personal };
        ASSERT(reject_rules_init(&world->rules[personal], &rules));
    }
    buf_release(&problems);
}

static inline void reject_world_release(struct reject_world *world)
{
    stream_free(world->stream);
    json_parser_free(world->parser);
    json_repair_release(&world->repair);
    reject_composer_free(world->composer);
    reject_reader_free(world->reader);
    reject_rules_release(&world->rules[0]);
    reject_rules_release(&world->rules[1]);
    buf_release(&world->padded);
    buf_release(&world->line);
    buf_release(&world->again);
}

static inline struct slice reject_world_pad(struct reject_world *world, struct slice bytes)
{
    buf_clear(&world->padded);
    buf_append_slice(&world->padded, bytes);
    buf_append_fill(&world->padded, ' ', JSON_PADDING);
    return slice_make(world->padded.data, bytes.len);
}

/* Whatever came, the line is one line of JSON that reads back as it was written. */
static inline void reject_world_check_line(struct reject_world *world)
{
    struct slice line = buf_slice(&world->line);
    struct reject_line read;
    ASSERT(line.len > 2 && memchr(line.data, '\n', line.len) == line.data + line.len - 1);
    ASSERT(json_is_utf8(line));
    ASSERT(reject_read(world->reader, slice_make(line.data, line.len - 1), &read));
    buf_clear(&world->again);
    ASSERT(reject_rewrite(&read, &world->again));
    /* Numbers may be written in another way once: -0.0 as 0. */
    buf_clear(&world->line);
    ASSERT(reject_read(world->reader, slice_make(world->again.data, world->again.len - 1), &read));
    ASSERT(reject_rewrite(&read, &world->line));
    ASSERT(slice_equal(buf_slice(&world->again), buf_slice(&world->line)));
}

/* An event (`read`: as the reader of payloads found it, if it can be read) or a payload that is refused whole. The line is in
 * world->line. */
static inline void reject_world_compose(struct reject_world *world, struct slice bytes, enum rejects_personal personal,
                                        bool read, bool whole, struct slice message)
{
    const struct event_id id = { .bytes = { 1, 2, 3, 4, 5, 6, 0x71, 8, 0x89 } };
    struct json_document document;
    struct slice text = reject_world_pad(world, bytes);
    bool is_read = read && (json_parse(world->parser, text, &document) == OK ||
                            json_repair_parse(world->parser, &world->repair, text, &document) == OK);
    const struct payload payload = { .stream = world->stream,
                                     .bytes = text,
                                     .form = PAYLOAD_MANY,
                                     .protocol = PROTOCOL_HTTP,
                                     .received_wall_ns = INT64_C(1764521240123456789),
                                     .client_ip = SLICE("192.0.2.1"),
                                     .user_agent = bytes };
    const struct refusal refusal = { PROTOCOL_HTTP, "orders", is_read ? "number" : "",
                                     is_read ? ERROR_WRONG_TYPE : ERROR_INVALID_JSON };
    const struct refused_input input = { .stream = world->stream,
                                         .payload = &payload,
                                         .key_name = SLICE("shop"),
                                         .events = 1,
                                         .whole = whole && !is_read,
                                         .document = is_read ? &document : NULL,
                                         .at = JSON_ROOT,
                                         .bytes = text };
    struct taken_reject *taken = reject_take(&refusal, &input, message);
    ASSERT(taken != NULL);
    buf_clear(&world->line);
    ASSERT(reject_compose(world->composer, &world->rules[personal], taken, &id, &world->line));
    free(taken);
    reject_world_check_line(world);
}
