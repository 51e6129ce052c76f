/* Turns any bytes into events of a stream that has every type: a refused event leaves the chunk as it was, and what was
 * taken is a block that reads back with as many rows. */
#include "event/chunk.h"
#include "event/segment/native.h"
#include "fuzz/cost.h"
#include "fuzz/every_type.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/pipeline_io.h"

#define EVENT_BYTES 500 /* an event weighs so much, however short it is: its row is written and read back */

static void submit(const struct json_document *document, json_at at)
{
    static const struct request_fields request = { .host = { "a", 1 },
                                                   .referer = { "http://b@c:1/d?e", 16 },
                                                   .accept_language = { "", 0 },
                                                   .key_name = { "shop", 4 } };
    const struct event_context context = {
        .received_wall_ns = RECEIVED_NS, .client_ip = SLICE("::1"), .user_agent = SLICE("fuzz"), .request = &request
    };
    struct event_error error = { 0 };
    uint32_t before = every_type.chunk->rows;
    cost_weighs(EVENT_BYTES);
    bool taken = validate_event(every_type.validator, document, at, &context, every_type.chunk, &error);
    must(validate_finish(every_type.validator, &context, every_type.chunk) == OK);
    struct validate_changes changes = validate_take_changes(every_type.validator);
    uint32_t defaulted = 0;
    for (size_t i = 0; i < every_type.stream->column_count; i++) {
        defaulted += validate_take_defaulted(every_type.validator, i);
    }
    must(changes.defaulted == defaulted && (taken || defaulted == 0));
    must(taken ? every_type.chunk->rows == before + 1 : every_type.chunk->rows == before && error.code != OK);
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
    must(chunk_seal(every_type.chunk));
    native_encode(every_type.chunk, NULL, every_type.chunk->rows, (struct native_sink){ append, &bytes });
    struct slice rest = buf_slice(&bytes);
    must(native_read(&block, &rest) && rest.len == 0 && block.rows == every_type.chunk->rows);
    for (uint64_t row = 0; row < block.rows; row++) {
        struct buf line = { 0 };
        native_row_to_json(&block, row, &line);
        struct slice text = buf_slice(&line);
        struct json_document document;
        buf_append_fill(&line, 0, JSON_PADDING);
        text.data = line.data;
        must(json_parse(every_type.parser, text, &document) == OK);
        buf_release(&line);
    }
    native_block_release(&block);
    buf_release(&bytes);
}

/* As a payload is: repaired if it has to be. */
static enum error parse(struct slice text, struct json_document *document)
{
    static struct json_repair repair;
    enum error error = json_parse(every_type.parser, text, document);
    return error == ERROR_INVALID_JSON ? json_repair_parse(every_type.parser, &repair, text, document) : error;
}

static void take(const uint8_t *data, size_t size)
{
    if (every_type.stream == NULL) {
        every_type_set_up();
    }
    struct buf padded = { 0 };
    struct json_document document;
    buf_append(&padded, data, size);
    buf_append_fill(&padded, 0, JSON_PADDING);
    chunk_clear(every_type.chunk);
    if (parse(slice_make(padded.data, size), &document) == OK) {
        if (json_type(&document, JSON_ROOT) == '[') {
            for (json_at m = json_first(JSON_ROOT); !json_at_end(&document, m); m = json_skip(&document, m)) {
                submit(&document, m);
            }
        } else {
            submit(&document, JSON_ROOT);
        }
        if (every_type.chunk->rows != 0) {
            read_back();
        }
    }
    buf_release(&padded);
}

COST_FUZZER(take, 100)
