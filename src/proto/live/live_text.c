/* Turns refusals, and rows of a chunk, into JSON for people. */
#include "proto/live/live_text.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/segment/native.h"
#include "event/stream.h"
#include "pipeline/refusal_sink.h"
#include "proto/live/live_hide.h"
#include "proto/live/live_time.h"

#include <stdlib.h>

#define VALUE_BYTES 160  /* of a text */
#define LIST_BYTES 512   /* of an array, a map */
#define EVENT_BYTES 4096 /* of all values */
#define MESSAGE_BYTES 512

static const char *const protocols[] = METRICS_PROTOCOLS;

struct live_rows {
    const struct chunk *chunk;
    uint32_t ticket; /* of the row that was asked for last */
    struct native_column columns[];
};

static void append_head(int64_t wall_ns, enum protocol protocol, const char *stream, struct buf *out)
{
    ASSERT_BELOW(protocol, METRICS_PROTOCOL_COUNT);
    buf_append_string(out, "{\"time\":\"");
    live_append_time(out, wall_ns);
    buf_printf(out, "\",\"protocol\":\"%s\",\"stream\":", protocols[protocol]);
    buf_append_json_string(out, slice_from_string(stream));
}

void live_append_refused(const struct live_options *options, const struct refusal *refusal,
                         const struct refused_input *input, struct slice message, int64_t wall_ns, struct buf *out)
{
    const struct error_info *info = error_info(refusal->error);
    struct buf told = { 0 };
    struct slice field = slice_from_string(refusal->field);
    message = message.len == 0 ? slice_from_string(info->text) : message;
    message.len = message.len > MESSAGE_BYTES ? MESSAGE_BYTES : message.len;
    if (field.len != 0 && live_shows(options, field)) {
        buf_append_slice(&told, message);
    } else {
        live_append_masked(message, &told);
    }
    append_head(wall_ns, refusal->protocol, refusal->stream, out);
    buf_printf(out, ",\"fate\":\"%s\",\"code\":\"%s\",\"field\":", info->fate == FATE_DROPPED ? "dropped" : "rejected",
               info->code);
    buf_append_json_string(out, field);
    buf_append_string(out, ",\"message\":");
    native_text_to_json(buf_slice(&told), out);
    buf_append_string(out, ",\"key\":");
    native_text_to_json(input->key_name, out);
    buf_printf(out, ",\"events\":%llu}", (unsigned long long)input->events);
    out->failed |= told.failed;
    buf_release(&told);
}

/* Rows. */

struct live_rows *live_rows_new(const struct chunk *chunk)
{
    size_t count = chunk->stream->column_count;
    struct live_rows *rows = calloc(1, sizeof *rows + count * sizeof rows->columns[0]);
    for (size_t i = 0; rows != NULL && i < count; i++) {
        const struct column *column = &chunk->columns[i];
        ASSERT_EQUAL(column->rows, chunk->rows);
        rows->columns[i] = (struct native_column){
            .name = slice_from_string(column->spec->name),
            .type = column->spec->type, /* borrowed: it is not released */
            .offsets = buf_slice(&column->offsets),
            .nulls = buf_slice(&column->nulls),
            .keys = buf_slice(&column->keys),
            .data = buf_slice(&column->data),
        };
    }
    if (rows != NULL) {
        rows->chunk = chunk;
    }
    return rows;
}

void live_rows_free(struct live_rows *rows)
{
    free(rows);
}

/* Of the payload that the row came with. */
static enum protocol protocol_of(struct live_rows *rows, uint32_t row)
{
    const struct chunk *chunk = rows->chunk;
    ASSERT_BELOW(rows->ticket, chunk->ticket_count);
    while (rows->ticket + 1 < chunk->ticket_count && chunk->tickets[rows->ticket + 1].first_row <= row) {
        rows->ticket++;
    }
    return chunk->tickets[rows->ticket].protocol;
}

/* A text that is not long, else its beginning. False: it is none, or none that is long. */
static bool append_beginning(struct native_column *column, uint32_t row, struct buf *out)
{
    bool plain = column->type.shape == SHAPE_SCALAR || column->type.shape == SHAPE_NULLABLE;
    if (!plain || column->type.width != 0 || (column->nulls.len != 0 && column->nulls.data[row] != 0)) {
        return false;
    }
    struct slice value = native_values_cut(column->data, 0, &column->data_cursor, row, (uint64_t)row + 1);
    size_t at = 0;
    uint64_t len = 0;
    if (!slice_read_varint(value, &at, &len) || len <= VALUE_BYTES) {
        return false;
    }
    size_t cut = VALUE_BYTES;
    while (cut != 0 && ((unsigned char)value.data[at + cut] & 0xC0) == 0x80) {
        cut--;
    }
    native_text_to_json(slice_make(value.data + at, cut), out);
    out->len -= out->failed ? 0 : 1; /* its quote */
    buf_append_string(out, "…\"");
    return true;
}

/* The value of a field, or nothing if it is empty. */
static void append_value(struct native_column *column, uint32_t row, struct buf *out)
{
    size_t before = out->len;
    if (append_beginning(column, row, out)) {
        return;
    }
    native_value_to_json(column, row, out);
    struct slice value = slice_after(buf_slice(out), before);
    bool empty = slice_equal(value, SLICE("\"\"")) || slice_equal(value, SLICE("null")) ||
                 slice_equal(value, SLICE("[]")) || slice_equal(value, SLICE("{}"));
    bool cut = value.len > LIST_BYTES;
    if (empty || cut) {
        out->len = before;
        buf_append_string(out, cut ? "\"…\"" : "");
    }
}

static void append_event(const struct live_options *options, struct live_rows *rows, uint32_t row, struct buf *hidden,
                         struct buf *out)
{
    const struct chunk *chunk = rows->chunk;
    struct buf value = { 0 };
    size_t begin = out->len;
    bool any = false;
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        const struct column_spec *spec = chunk->columns[i].spec;
        bool hides = live_hides(options, spec);
        buf_clear(&value);
        append_value(&rows->columns[i], row, &value);
        struct buf *into = hides ? hidden : out;
        if (value.len == 0 || out->len - begin > EVENT_BYTES || hidden->len > EVENT_BYTES) {
            continue;
        }
        bool first = hides ? hidden->len == 0 : !any;
        buf_append_string(into, first ? "" : ",");
        buf_append_json_string(into, slice_from_string(spec->name));
        if (!hides) {
            buf_append_byte(out, ':');
            buf_append_slice(out, buf_slice(&value));
            any = true;
        }
        out->failed |= value.failed;
    }
    buf_release(&value);
}

void live_append_row(const struct live_options *options, struct live_rows *rows, uint32_t row, int64_t wall_ns,
                     struct buf *out)
{
    struct buf hidden = { 0 };
    ASSERT_BELOW(row, rows->chunk->rows);
    append_head(wall_ns, protocol_of(rows, row), rows->chunk->stream->name, out);
    buf_append_string(out, ",\"event\":{");
    append_event(options, rows, row, &hidden, out);
    buf_append_string(out, "},\"hidden\":[");
    buf_append_slice(out, buf_slice(&hidden));
    buf_append_string(out, "]}");
    out->failed |= hidden.failed;
    buf_release(&hidden);
}
