/* A stream, a validator and a chunk for tests: an event goes in as text, rows come out as JSON. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/options/stream_options.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/segment/native.h"
#include "event/stream.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/validate/validate.h"
#include "pipeline/validate/validate_plan.h"

#define FIELD(field_name, field_type, ...)                                                                             \
    {                                                                                                                  \
        .line = 1, .name = (field_name), .type = (field_type), .max_past_ns = -1, .max_future_ns = -1, __VA_ARGS__     \
    }
#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        .items = (const char *[]){ __VA_ARGS__ },                                                                      \
        .count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)                                        \
    }

/* 2024-11-22 00:00:00 UTC */
#define FIXTURE_NOW_NS (INT64_C(1732233600) * NS_PER_SECOND)

struct fixture {
    struct stream *stream;
    struct chunk *chunk;
    struct validate_plans *plans;
    struct validator *validator;
    struct json_parser *parser;
    struct event_context context;
    struct event_error error;
    struct buf text;
    struct buf out;
};

static inline struct stream *fixture_compile(const struct stream_options *options)
{
    struct buf problems = { 0 };
    struct stream *stream = stream_compile(options, 0, &problems);
    if (stream == NULL) {
        printf("%s\n", buf_c_string(&problems));
    }
    buf_release(&problems);
    return stream;
}

/* From now on the validator takes events of these streams, by their index. */
static inline void fixture_know(struct fixture *fixture, struct stream *const *streams, size_t count)
{
    validator_free(fixture->validator);
    validate_plans_free(fixture->plans);
    fixture->plans = validate_plans_new(streams, count);
    fixture->validator = validator_new(fixture->plans);
}

static inline void fixture_init(struct fixture *fixture, const struct stream_options *options)
{
    *fixture = (struct fixture){ .stream = fixture_compile(options) };
    if (fixture->stream == NULL) {
        fflush(stdout);
        abort();
    }
    fixture->chunk = chunk_new(fixture->stream);
    fixture_know(fixture, &fixture->stream, 1);
    fixture->parser = json_parser_new();
    fixture->context = (struct event_context){ .received_wall_ns = FIXTURE_NOW_NS,
                                               .client_ip = SLICE("192.0.2.77"),
                                               .user_agent = SLICE("curl/8") };
}

static inline void fixture_release(struct fixture *fixture)
{
    chunk_free(fixture->chunk);
    validator_free(fixture->validator);
    validate_plans_free(fixture->plans);
    json_parser_free(fixture->parser);
    stream_free(fixture->stream);
    buf_release(&fixture->text);
    buf_release(&fixture->out);
}

/* OK, or the code of the error. */
static inline enum error fixture_event(struct fixture *fixture, const char *json)
{
    struct json_document document;
    buf_clear(&fixture->text);
    buf_append_string(&fixture->text, json);
    buf_append_fill(&fixture->text, 0, JSON_PADDING);
    enum error error = json_parse(fixture->parser, slice_make(fixture->text.data, strlen(json)), &document);
    if (error != OK) {
        return error;
    }
    fixture->error = (struct event_error){ 0 };
    bool fine =
        validate_event(fixture->validator, &document, JSON_ROOT, &fixture->context, fixture->chunk, &fixture->error) &&
        validate_finish(fixture->validator, &fixture->context, fixture->chunk) == OK;
    return fine ? OK : fixture->error.code;
}

static inline void fixture_write(void *context, const void *data, size_t len)
{
    buf_append(context, data, len);
}

/* The row as JSON, through the Native encoding; valid until the next call. */
/* The name of the column that was at fault; "" if none was. */
static inline const char *fixture_column(const struct fixture *fixture)
{
    size_t column = fixture->error.column;
    return column < fixture->stream->column_count ? fixture->stream->columns[column].name : "";
}

static inline const char *fixture_row(struct fixture *fixture, uint64_t row)
{
    struct buf block = { 0 };
    struct native_block read = { 0 };
    if (!chunk_seal(fixture->chunk)) {
        return "could not be sealed";
    }
    native_encode(fixture->chunk, NULL, fixture->chunk->rows, (struct native_sink){ fixture_write, &block });
    struct slice rest = buf_slice(&block);
    buf_clear(&fixture->out);
    if (native_read(&read, &rest) && rest.len == 0 && row < read.rows) {
        native_row_to_json(&read, row, &fixture->out);
    }
    native_block_release(&read);
    buf_release(&block);
    return buf_c_string(&fixture->out);
}
