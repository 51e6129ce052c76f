/* Turns any bytes into events of a stream that has every type: a refused event leaves the chunk as it was, and what was
 * taken is a block that reads back with as many rows. */
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "event/native.h"
#include "event/stream.h"
#include "pipeline/json_repair.h"
#include "pipeline/validate.h"

#define RECEIVED_NS INT64_C(1732233600000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = "streams:\n"
                           "  - name: s\n"
                           "    dedup_key: [k, t]\n"
                           "    unknown_fields: collect\n"
                           "    collect_into: rest\n"
                           "    max_keys: 20\n"
                           "    max_paths: 10\n"
                           "    max_event: 600\n"
                           "    fields:\n"
                           "      - { name: k, type: String, required: true, max_length: 16 }\n"
                           "      - { name: t, type: DateTime64(3), default: now, max_future: 5m }\n"
                           "      - { name: c, type: LowCardinality(String), one_of: [a, b] }\n"
                           "      - { name: u8, type: UInt8 }\n"
                           "      - { name: u64, type: UInt64 }\n"
                           "      - { name: i32, type: Int32, min: -5, max: 5 }\n"
                           "      - { name: i64, type: Nullable(Int64) }\n"
                           "      - { name: f, type: Float32 }\n"
                           "      - { name: d, type: 'Decimal(18, 4)' }\n"
                           "      - { name: day, type: Date }\n"
                           "      - { name: dt, type: DateTime }\n"
                           "      - { name: id, type: UUID }\n"
                           "      - { name: ip, type: IPv4 }\n"
                           "      - { name: ip6, type: IPv6 }\n"
                           "      - { name: b, type: Bool }\n"
                           "      - { name: m, type: 'Map(String, String)' }\n"
                           "      - { name: a, type: Array(String), from: 'items[].id' }\n"
                           "      - { name: p, type: Array(Float64), from: 'items[].price' }\n"
                           "      - { name: n, type: Array(Nullable(Int32)) }\n"
                           "      - { name: e, type: \"Enum8('x' = 1, 'y' = 2)\" }\n"
                           "      - { name: fs, type: FixedString(4) }\n"
                           "      - { name: j, type: JSON }\n"
                           "      - { name: rest, type: String }\n";

static struct stream *stream;
static struct validator *validator;
static struct chunk *chunk;
static struct json_parser *parser;

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void set_up(void)
{
    static struct config config; /* the stream borrows from it */
    struct buf problems = { 0 };
    if (config_parse(&config, "fuzz", SLICE(yaml), nothing_set, &problems)) {
        stream = stream_compile(&config.streams[0], 0, &problems);
    }
    if (stream == NULL) {
        fprintf(stderr, "%s\n", buf_c_string(&problems));
        abort();
    }
    validator = validator_new();
    chunk = chunk_new(stream);
    parser = json_parser_new();
    must(validator != NULL && chunk != NULL && parser != NULL);
}

static void submit(const struct json_document *document, json_at at)
{
    const struct event_context context = { .received_wall_ns = RECEIVED_NS,
                                           .client_ip = SLICE("::1"),
                                           .user_agent = SLICE("fuzz") };
    struct event_error error = { 0 };
    uint32_t before = chunk->rows;
    bool taken = validate_event(validator, document, at, &context, chunk, &error);
    must(validate_finish(validator, &context, chunk));
    must(taken ? chunk->rows == before + 1 : chunk->rows == before && error.code != OK);
    must(memchr(error.field, 0, sizeof error.field) != NULL && memchr(error.message, 0, sizeof error.message) != NULL);
}

static void append(void *context, const void *data, size_t len)
{
    buf_append(context, data, len);
}

static void read_back(void)
{
    struct buf bytes = { 0 };
    struct native_block block = { 0 };
    must(chunk_seal(chunk));
    native_encode(chunk, NULL, chunk->rows, (struct native_sink){ append, &bytes });
    struct slice rest = buf_slice(&bytes);
    must(native_read(&block, &rest) && rest.len == 0 && block.rows == chunk->rows);
    for (uint64_t row = 0; row < block.rows; row++) {
        struct buf line = { 0 };
        native_row_to_json(&block, row, &line);
        struct slice text = buf_slice(&line);
        struct json_document document;
        buf_append_fill(&line, 0, JSON_PADDING);
        text.data = line.data;
        must(json_parse(parser, text, &document) == OK);
        buf_release(&line);
    }
    native_block_release(&block);
    buf_release(&bytes);
}

/* As a payload is: repaired if it has to be. */
static enum error parse(struct slice text, struct json_document *document)
{
    static struct json_repair repair;
    enum error error = json_parse(parser, text, document);
    return error == ERROR_INVALID_JSON ? json_repair_parse(parser, &repair, text, document) : error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (stream == NULL) {
        set_up();
    }
    struct buf padded = { 0 };
    struct json_document document;
    buf_append(&padded, data, size);
    buf_append_fill(&padded, 0, JSON_PADDING);
    chunk_clear(chunk);
    if (parse(slice_make(padded.data, size), &document) == OK) {
        if (json_type(&document, JSON_ROOT) == '[') {
            for (json_at m = json_first(JSON_ROOT); !json_at_end(&document, m); m = json_skip(&document, m)) {
                submit(&document, m);
            }
        } else {
            submit(&document, JSON_ROOT);
        }
        if (chunk->rows != 0) {
            read_back();
        }
    }
    buf_release(&padded);
    return 0;
}
