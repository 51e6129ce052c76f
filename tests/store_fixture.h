/* Streams and segments for the tests of the stores: made as schema and journal make them, with rows that can be counted.
 * Row n has amount n / 4, event_id n, and "purchase" as its name if n is odd. */
#pragma once

#include "base/lz4.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/pipeline_io.h"

#include <stdio.h>
#include <stdlib.h>

#define BLOCK_ROWS 4096u

static const char *const key_fields[] = { "event_name", "user_id", "timestamp" };

/* Types that 18.16 has, then those that it lacks. */
static struct field_options fields[] = {
    { .name = "event_name", .type = "LowCardinality(String)", .required = true, .comment = "what it's called" },
    { .name = "user_id", .type = "String", .required = true },
    { .name = "timestamp", .type = "DateTime", .required = true },
    { .name = "amount", .type = "Float64" },
    { .name = "big", .type = "Int64" },
    { .name = "tags", .type = "Array(String)" },
    { .name = "day", .type = "Date" },
    { .name = "maybe", .type = "Nullable(String)" },
    { .name = "metadata", .type = "JSON" },
    { .name = "received_at", .type = "DateTime64(3)", .fill = FILL_RECEIVED_AT },
    { .name = "labels", .type = "Map(String, String)" },
    { .name = "level", .type = "Enum8('low' = 1, 'high' = 2)", .default_value = "low" },
    { .name = "price", .type = "Decimal(18, 4)" },
    { .name = "ip", .type = "IPv6" },
    { .name = "flag", .type = "Bool" },
};
#define OLD_FIELDS 8u

static struct stream *make_stream(struct stream_options *options, const char *table, size_t field_count)
{
    struct buf problems = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        fields[i].max_past_ns = fields[i].max_future_ns = -1;
    }
    *options = (struct stream_options){ .name = table,
                                        .table = table,
                                        .dedup_key = { (const char **)(void *)key_fields, ARRAY_LENGTH(key_fields) },
                                        .fields = fields,
                                        .field_count = field_count };
    struct stream *stream = stream_compile(options, 0, &problems);
    if (stream == NULL) {
        fprintf(stderr, "%s\n", buf_c_string(&problems));
        exit(1);
    }
    buf_release(&problems);
    return stream;
}

static void sink_to_buf(void *context, const void *data, size_t len)
{
    buf_append(context, data, len);
}

static struct column *find_column(struct chunk *chunk, const char *name)
{
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        if (strcmp(chunk->columns[i].spec->name, name) == 0) {
            return &chunk->columns[i];
        }
    }
    return NULL;
}

static void put_text(struct column *column, uint32_t row, const char *text)
{
    column_begin(column, row);
    buf_append_varint(&column->data, strlen(text));
    buf_append_string(&column->data, text);
    if (!column_end(column)) {
        abort();
    }
}

static void put_bytes(struct column *column, uint32_t row, const void *bytes, size_t len)
{
    column_begin(column, row);
    buf_append(&column->data, bytes, len);
    if (!column_end(column)) {
        abort();
    }
}

static void fill_chunk(struct chunk *chunk, uint64_t first, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t number = first + row;
        uint32_t time = 1732233600u + (uint32_t)(number % 3600);
        uint64_t id[2] = { 7, number };
        double amount = (double)number / 4;
        char user[32];
        snprintf(user, sizeof user, "user-%llu", (unsigned long long)(number % 1000));
        if (!chunk_reserve_row(chunk)) {
            abort();
        }
        put_text(find_column(chunk, "event_name"), row, number % 2 ? "purchase" : "page_view");
        put_text(find_column(chunk, "user_id"), row, user);
        put_bytes(find_column(chunk, "timestamp"), row, &time, sizeof time);
        put_bytes(find_column(chunk, "amount"), row, &amount, sizeof amount);
        put_bytes(find_column(chunk, "event_id"), row, id, sizeof id);
        chunk->rows = row + 1;
    }
    if (!chunk_seal(chunk)) {
        abort();
    }
}

/* A segment in memory, as the journal would have written it. */
static void make_segment(const struct stream *stream, const char *name, uint64_t first, uint64_t rows,
                         struct segment *segment, struct buf *bytes)
{
    struct lz4_encoder *encoder = lz4_encoder_new();
    struct chunk *chunk = chunk_new(stream);
    struct buf block = { 0 };
    size_t header_length;
    *segment = (struct segment){ .fd = -1, .rows = rows };
    snprintf(segment->name, sizeof segment->name, "%s", name);
    buf_clear(bytes);
    segment_header_write(stream, name, "", bytes);
    for (uint64_t done = 0; done < rows; done += BLOCK_ROWS) {
        uint32_t count = rows - done < BLOCK_ROWS ? (uint32_t)(rows - done) : BLOCK_ROWS;
        chunk_clear(chunk);
        fill_chunk(chunk, first + done, count);
        buf_clear(&block);
        native_encode(chunk, NULL, count, (struct native_sink){ sink_to_buf, &block });
        lz4_frame_begin(encoder, bytes, block.len);
        lz4_frame_write(encoder, block.data, block.len);
        if (!lz4_frame_end(encoder)) {
            abort();
        }
    }
    if (!segment_header_read(&segment->header, buf_slice(bytes), &header_length)) {
        abort();
    }
    buf_release(&block);
    lz4_encoder_free(encoder);
    chunk_free(chunk);
}
