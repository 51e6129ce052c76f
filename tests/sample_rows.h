/* A stream with a column of every shape, chunks of it whose row k is known, and the JSON that row k must become. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/stream.h"
#include "pipeline/pipeline_io.h"

#define SAMPLE_FIELD(column, kind)                                                                                     \
    {                                                                                                                  \
        .name = column, .type = kind, .max_past_ns = -1, .max_future_ns = -1                                           \
    }

static const char *const sample_key[] = { "name", "ts" };

static struct field_options sample_fields[] = {
    SAMPLE_FIELD("name", "LowCardinality(String)"),
    SAMPLE_FIELD("ts", "DateTime64(3)"),
    SAMPLE_FIELD("u8", "UInt8"),
    SAMPLE_FIELD("i32", "Int32"),
    SAMPLE_FIELD("i64", "Int64"),
    SAMPLE_FIELD("u64", "UInt64"),
    SAMPLE_FIELD("f64", "Float64"),
    SAMPLE_FIELD("day", "Date"),
    SAMPLE_FIELD("second", "DateTime"),
    SAMPLE_FIELD("maybe", "Nullable(String)"),
    SAMPLE_FIELD("maybe_number", "Nullable(UInt16)"),
    SAMPLE_FIELD("tags", "Array(String)"),
    SAMPLE_FIELD("numbers", "Array(UInt16)"),
    SAMPLE_FIELD("holes", "Array(Nullable(String))"),
    SAMPLE_FIELD("map", "Map(String, String)"),
};

static struct stream_options sample_options = { .name = "events",
                                                .table = "events",
                                                .dedup_key = { (const char **)(uintptr_t)sample_key, 2 },
                                                .fields = sample_fields,
                                                .field_count = ARRAY_LENGTH(sample_fields) };

static inline struct stream *sample_stream(void)
{
    struct buf problems = { 0 };
    struct stream *stream = stream_compile(&sample_options, 0, &problems);
    if (stream == NULL) {
        fprintf(stderr, "%s\n", buf_c_string(&problems));
        abort();
    }
    buf_release(&problems);
    return stream;
}

static inline void sample_string(struct buf *out, const char *format, unsigned k)
{
    struct buf text = { 0 };
    buf_printf(&text, format, k);
    buf_append_varint(out, text.len);
    buf_append_slice(out, buf_slice(&text));
    buf_release(&text);
}

/* Long every 7th row, so that a length of two bytes occurs. */
static inline void sample_name(struct buf *out, unsigned k)
{
    buf_printf(out, "name %u", k);
    buf_append_fill(out, 'x', k % 7 == 0 ? 200 : 0);
}

static inline struct event_id sample_id(unsigned k)
{
    char key[32];
    int len = snprintf(key, sizeof key, "row %u", k);
    return event_id_from_key(slice_make(key, (size_t)len));
}

static inline void sample_column(struct column *column, size_t index, unsigned k)
{
    struct buf text = { 0 };
    uint16_t small = (uint16_t)k;
    uint32_t word = 1700000000u + k;
    uint64_t items = k % 4;
    int64_t millis = INT64_C(1700000000000) + k;
    int64_t negative = -(int64_t)k;
    int32_t negative32 = -(int32_t)k;
    uint64_t large = UINT64_MAX - k;
    double number = k + 0.5;
    struct event_id id = sample_id(k);
    uint8_t wire[16];
    switch (index) {
    case 0:
        sample_name(&text, k);
        buf_append_varint(&column->data, text.len);
        buf_append_slice(&column->data, buf_slice(&text));
        buf_release(&text);
        break;
    case 1: buf_append(&column->data, &millis, 8); break;
    case 2: buf_append_byte(&column->data, (uint8_t)k); break;
    case 3: buf_append(&column->data, &negative32, 4); break;
    case 4: buf_append(&column->data, &negative, 8); break;
    case 5: buf_append(&column->data, &large, 8); break;
    case 6: buf_append(&column->data, &number, 8); break;
    case 7: buf_append(&column->data, &small, 2); break;
    case 8: buf_append(&column->data, &word, 4); break;
    case 9:
        buf_append_byte(&column->nulls, k % 2 == 0);
        sample_string(&column->data, k % 2 == 0 ? "" : "maybe %u", k);
        break;
    case 10:
        buf_append_byte(&column->nulls, k % 3 == 0);
        buf_append(&column->data, &small, 2);
        break;
    case 15:
        event_id_to_wire(&id, wire);
        buf_append(&column->data, wire, sizeof wire);
        break;
    default:
        for (unsigned item = 0; item < items; item++) {
            if (index == 13) {
                buf_append_byte(&column->nulls, item == 1);
            }
            if (index == 12) {
                buf_append(&column->data, &small, 2);
            } else {
                sample_string(&column->data, index == 13 && item == 1 ? "" : "item %u", k + item);
            }
            if (index == 14) {
                sample_string(&column->keys, "key %u", item);
            }
        }
        column->items += items;
    }
}

/* Appends rows [first, first + count) and seals the chunk; one ticket for all. */
static inline void sample_fill(struct chunk *chunk, unsigned first, unsigned count)
{
    for (unsigned k = first; k < first + count; k++) {
        uint32_t row = chunk->rows;
        if (!chunk_reserve_row(chunk)) {
            abort();
        }
        for (size_t i = 0; i < chunk->stream->column_count; i++) {
            column_begin(&chunk->columns[i], row);
            sample_column(&chunk->columns[i], i, k);
            if (!column_end(&chunk->columns[i])) {
                abort();
            }
        }
        chunk->ids[row] = sample_id(k);
        chunk->rows = row + 1;
        int64_t time_ns = (INT64_C(1700000000000) + k) * NS_PER_MS;
        chunk->min_time_ns = time_ns < chunk->min_time_ns ? time_ns : chunk->min_time_ns;
        chunk->max_time_ns = time_ns > chunk->max_time_ns ? time_ns : chunk->max_time_ns;
    }
    if (!chunk_seal(chunk)) {
        abort();
    }
}

static inline void sample_list(struct buf *out, unsigned k, const char *format)
{
    for (unsigned item = 0; item < k % 4; item++) {
        buf_append_string(out, item == 0 ? "" : ",");
        buf_printf(out, format, k + item);
    }
}

static inline void sample_json(struct buf *out, unsigned k)
{
    char id[EVENT_ID_TEXT];
    struct event_id uuid = sample_id(k);
    event_id_format(&uuid, id);
    buf_append_string(out, "{\"name\":\"");
    sample_name(out, k);
    buf_printf(out, "\",\"ts\":\"2023-11-14 22:13:%02u.%03u\"", 20 + k / 1000, k % 1000);
    buf_printf(out, ",\"u8\":%u,\"i32\":%d,\"i64\":\"%d\",\"u64\":\"%llu\",\"f64\":%u.5", k & 0xff, -(int)k, -(int)k,
               (unsigned long long)UINT64_MAX - k, k);
    buf_printf(out, ",\"day\":\"1970-%02u-%02u\",\"second\":\"2023-11-14 22:13:%02u\"", k < 31 ? 1 : 2, k % 31 + 1,
               20 + k);
    if (k % 2 == 0) {
        buf_append_string(out, ",\"maybe\":null");
    } else {
        buf_printf(out, ",\"maybe\":\"maybe %u\"", k);
    }
    if (k % 3 == 0) {
        buf_append_string(out, ",\"maybe_number\":null");
    } else {
        buf_printf(out, ",\"maybe_number\":%u", k);
    }
    buf_append_string(out, ",\"tags\":[");
    sample_list(out, k, "\"item %u\"");
    buf_append_string(out, "],\"numbers\":[");
    for (unsigned item = 0; item < k % 4; item++) {
        buf_printf(out, item == 0 ? "%u" : ",%u", k);
    }
    buf_append_string(out, "],\"holes\":[");
    for (unsigned item = 0; item < k % 4; item++) {
        buf_append_string(out, item == 0 ? "" : ",");
        if (item == 1) {
            buf_append_string(out, "null");
        } else {
            buf_printf(out, "\"item %u\"", k + item);
        }
    }
    buf_append_string(out, "],\"map\":{");
    for (unsigned item = 0; item < k % 4; item++) {
        buf_printf(out, item == 0 ? "\"key %u\":\"item %u\"" : ",\"key %u\":\"item %u\"", item, k + item);
    }
    buf_printf(out, "},\"event_id\":\"%.*s\"}", EVENT_ID_TEXT, id);
}
