/* Turns bytes into server-sent events. */
#include "remote/event_stream.h"

#include "base/assert.h"

#include <stdio.h>

static void begin_event(struct event_stream *stream)
{
    buf_clear(&stream->data);
    stream->name[0] = '\0';
    stream->has_data = false;
    stream->too_long = false;
}

void event_stream_release(struct event_stream *stream)
{
    buf_release(&stream->line);
    buf_release(&stream->data);
    *stream = (struct event_stream){ 0 };
}

static void take_field(struct event_stream *stream, struct slice name, struct slice value)
{
    if (slice_equal(name, SLICE("data"))) {
        stream->too_long = stream->too_long || value.len >= EVENT_STREAM_DATA_MAX - stream->data.len;
        if (!stream->too_long) {
            buf_append_slice(&stream->data, value);
            buf_append_byte(&stream->data, '\n');
        }
        stream->has_data = true;
        ASSERT_AT_MOST(stream->data.len, EVENT_STREAM_DATA_MAX);
    } else if (slice_equal(name, SLICE("event"))) {
        snprintf(stream->name, sizeof stream->name, "%.*s", (int)value.len, value.data);
    }
}

/* A line that is empty ends an event. */
static bool take_line(struct event_stream *stream, bool (*each)(void *context, const char *name, struct slice data),
                      void *context)
{
    struct slice value = buf_slice(&stream->line);
    struct slice name;
    bool goes_on = true;
    if (value.len == 0) {
        if (stream->has_data && !stream->too_long && !stream->data.failed) {
            ASSERT(stream->data.len != 0);
            goes_on = each(context, stream->name[0] != '\0' ? stream->name : "message",
                           slice_make(stream->data.data, stream->data.len - 1));
        }
        begin_event(stream);
    } else if (value.data[0] != ':' && slice_split(&value, ':', &name)) {
        value = value.data == NULL ? SLICE("") : value;
        take_field(stream, name, value.len != 0 && value.data[0] == ' ' ? slice_after(value, 1) : value);
    }
    buf_clear(&stream->line);
    return goes_on;
}

static void keep(struct event_stream *stream, struct slice piece)
{
    if (piece.len > EVENT_STREAM_DATA_MAX - stream->line.len) {
        stream->too_long = true;
    } else {
        buf_append_slice(&stream->line, piece);
    }
    ASSERT_AT_MOST(stream->line.len, EVENT_STREAM_DATA_MAX);
}

/* Up to the first end of a line, or all of it. */
static size_t line_length(struct slice bytes)
{
    size_t length = 0;
    while (length < bytes.len && bytes.data[length] != '\n' && bytes.data[length] != '\r') {
        length++;
    }
    return length;
}

bool event_stream_take(struct event_stream *stream, struct slice bytes,
                       bool (*each)(void *context, const char *name, struct slice data), void *context)
{
    while (bytes.len != 0) {
        if (stream->after_cr && bytes.data[0] == '\n') {
            bytes = slice_after(bytes, 1);
            stream->after_cr = false;
            continue;
        }
        size_t length = line_length(bytes);
        keep(stream, slice_make(bytes.data, length));
        stream->after_cr = length < bytes.len && bytes.data[length] == '\r';
        if (length < bytes.len && !take_line(stream, each, context)) {
            return false;
        }
        bytes = slice_after(bytes, length < bytes.len ? length + 1 : length);
    }
    return true;
}
