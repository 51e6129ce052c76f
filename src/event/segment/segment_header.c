/* Turns a stream into the header of a segment, a sealed segment into its seal, and their bytes back into what they
 * say. */
#include "event/segment/segment.h"

#include "base/assert.h"
#include "base/lz4.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_HEAD 8
#define MAX_HEADER ((size_t)16 << 20)
#define MAX_SEAL 1024u

/* The tail of the text: its hash, so that a flipped bit cannot send rows to another table. */
#define CHECK_HEAD ",\"check\":\""
#define CHECK_TAIL "\"}"
#define CHECK_LENGTH (sizeof CHECK_HEAD - 1 + EVENT_ID_TEXT + sizeof CHECK_TAIL - 1)

static void begin(struct buf *out, size_t *start)
{
    uint32_t head[2] = { LZ4_SKIPPABLE_MAGIC, 0 };
    *start = out->len;
    buf_append(out, head, sizeof head);
}

static void end(struct buf *out, size_t start)
{
    char check[EVENT_ID_TEXT];
    if (out->failed) {
        return;
    }
    ASSERT_AT_MOST(start + FRAME_HEAD, out->len);
    struct event_id hash = event_id_from_key(slice_after(buf_slice(out), start + FRAME_HEAD));
    event_id_format(&hash, check);
    buf_append_string(out, CHECK_HEAD);
    buf_append(out, check, sizeof check);
    buf_append_string(out, CHECK_TAIL);
    if (!out->failed) {
        uint32_t length = (uint32_t)(out->len - start - FRAME_HEAD);
        memcpy(out->data + start + 4, &length, sizeof length);
    }
}

/* The same bytes once more. */
static void end_header(struct buf *out, size_t start)
{
    buf_append_byte(out, ']');
    end(out, start);
    size_t length = out->len - start;
    if (!out->failed && buf_reserve(out, length)) {
        memcpy(out->data + out->len, out->data + start, length);
        out->len += length;
    }
}

static void put_pair(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    buf_append_json_string(out, slice_from_string(value));
}

static void put_column(struct buf *out, bool first, struct slice name, struct slice wire_name)
{
    buf_append_string(out, first ? "[" : ",[");
    buf_append_json_string(out, name);
    buf_append_byte(out, ',');
    buf_append_json_string(out, wire_name);
    buf_append_byte(out, ']');
}

/* All but the columns. */
static void put_strings(struct buf *out, const struct segment_header *header)
{
    buf_printf(out, "{\"format\":%d", SEGMENT_FORMAT);
    put_pair(out, "stream", header->stream);
    put_pair(out, "table", header->table);
    put_pair(out, "name", header->name);
    put_pair(out, "event_id", header->event_id_column);
    put_pair(out, "time", header->time_column);
    if (header->version_column[0] != '\0') {
        put_pair(out, "version", header->version_column);
    }
    put_pair(out, "parent", header->parent);
    buf_append_string(out, ",\"columns\":[");
}

static char *borrowed(const char *text)
{
    return (char *)(uintptr_t)text;
}

void segment_header_write(const struct stream *stream, const char *name, const char *parent, struct buf *out)
{
    ASSERT(stream->column_count != 0);
    size_t start;
    int id = stream->event_id_column;
    int version = stream->version_column;
    int time = stream->time_column;
    struct segment_header header = { .stream = borrowed(stream->name),
                                     .table = borrowed(stream->table),
                                     .name = borrowed(name),
                                     .parent = borrowed(parent),
                                     .event_id_column = borrowed(id < 0 ? "" : stream->columns[id].name),
                                     .time_column = borrowed(time < 0 ? "" : stream->columns[time].name),
                                     .version_column = borrowed(version < 0 ? "" : stream->columns[version].name) };
    begin(out, &start);
    put_strings(out, &header);
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[i];
        put_column(out, i == 0, slice_from_string(column->name), slice_from_string(column->type.wire_name));
    }
    end_header(out, start);
}

void segment_header_rename(const struct segment_header *header, const char *name, const char *parent, struct buf *out)
{
    size_t start;
    struct segment_header renamed = *header;
    renamed.name = borrowed(name);
    renamed.parent = borrowed(parent);
    begin(out, &start);
    put_strings(out, &renamed);
    for (size_t i = 0; i < header->column_count; i++) {
        put_column(out, i == 0, header->columns[i].name, header->columns[i].wire_name);
    }
    end_header(out, start);
}

/* Reads the text in place: a string is unescaped where it stands and ended with a NUL. */
struct reader {
    char *at;
    char *end;
};

static bool skip(struct reader *reader, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, text, len) != 0) {
        return false;
    }
    reader->at += len;
    return true;
}

/* The character behind a backslash; -1: not one that buf_append_json_string writes. */
static int unescape(struct reader *reader)
{
    if (reader->at == reader->end) {
        return -1;
    }
    switch (*reader->at++) {
    case '"': return '"';
    case '\\': return '\\';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return -1;
    }
    if (!skip(reader, "00") || reader->end - reader->at < 2) {
        return -1;
    }
    int high = hex_digit(reader->at[0]);
    int low = hex_digit(reader->at[1]);
    reader->at += 2;
    return high < 0 || low < 0 || high * 16 + low == 0 ? -1 : high * 16 + low;
}

static bool read_string(struct reader *reader, struct slice *value)
{
    if (!skip(reader, "\"")) {
        return false;
    }
    char *start = reader->at;
    char *to = start;
    while (reader->at < reader->end && *reader->at != '"') {
        int c = (unsigned char)*reader->at++;
        if (c == '\\') {
            c = unescape(reader);
        }
        if (c <= 0) {
            return false;
        }
        *to++ = (char)c;
    }
    if (!skip(reader, "\"")) {
        return false;
    }
    *to = '\0';
    *value = slice_make(start, (size_t)(to - start));
    return true;
}

static bool read_pair(struct reader *reader, const char *key, char **value)
{
    struct slice text;
    if (!skip(reader, ",\"") || !skip(reader, key) || !skip(reader, "\":") || !read_string(reader, &text)) {
        return false;
    }
    *value = borrowed(text.data);
    return true;
}

/* Only of updates. */
static bool read_version(struct reader *reader, struct segment_header *header)
{
    static const char head[] = ",\"version\":";
    size_t left = (size_t)(reader->end - reader->at);
    header->version_column = borrowed("");
    bool is_there = left >= sizeof head - 1 && memcmp(reader->at, head, sizeof head - 1) == 0;
    return !is_there || read_pair(reader, "version", &header->version_column);
}

static bool read_columns(struct reader *reader, struct segment_header *header)
{
    size_t most = 0;
    for (const char *at = reader->at; at < reader->end; at++) {
        most += *at == '[';
    }
    header->columns = calloc(most + 1, sizeof *header->columns);
    if (header->columns == NULL || !skip(reader, ",\"columns\":[")) {
        return false;
    }
    do {
        struct native_column *column = &header->columns[header->column_count];
        if (!skip(reader, "[") || !read_string(reader, &column->name) || !skip(reader, ",") ||
            !read_string(reader, &column->wire_name) || !skip(reader, "]")) {
            return false;
        }
        header->column_count++;
    } while (skip(reader, ","));
    return skip(reader, "]");
}

static bool check_is_right(struct slice text)
{
    if (text.len <= CHECK_LENGTH) {
        return false;
    }
    struct slice checked = slice_make(text.data, text.len - CHECK_LENGTH);
    struct slice tail = slice_after(text, checked.len);
    struct event_id hash = event_id_from_key(checked);
    char expected[CHECK_LENGTH + 1];
    memcpy(expected, CHECK_HEAD, sizeof CHECK_HEAD - 1);
    event_id_format(&hash, expected + sizeof CHECK_HEAD - 1);
    memcpy(expected + sizeof CHECK_HEAD - 1 + EVENT_ID_TEXT, CHECK_TAIL, sizeof CHECK_TAIL);
    return slice_equal(tail, slice_make(expected, CHECK_LENGTH));
}

static bool read_text(struct segment_header *header, struct slice text)
{
    header->text = malloc(text.len + 1);
    if (header->text == NULL) {
        return false;
    }
    memcpy(header->text, text.data, text.len);
    struct reader reader = { header->text, header->text + text.len - CHECK_LENGTH };
    ASSERT_BELOW(CHECK_LENGTH, text.len);
    return skip(&reader, "{\"format\":1") && read_pair(&reader, "stream", &header->stream) &&
           read_pair(&reader, "table", &header->table) && read_pair(&reader, "name", &header->name) &&
           read_pair(&reader, "event_id", &header->event_id_column) &&
           read_pair(&reader, "time", &header->time_column) && read_version(&reader, header) &&
           read_pair(&reader, "parent", &header->parent) && read_columns(&reader, header) && reader.at == reader.end &&
           strlen(header->name) < SEGMENT_NAME_MAX && strlen(header->parent) < SEGMENT_NAME_MAX;
}

/* The text of the whole skippable frame at the front of `bytes`. */
static bool frame_text(struct slice bytes, struct slice *text)
{
    if (bytes.len < FRAME_HEAD || load_u32(bytes.data) != LZ4_SKIPPABLE_MAGIC) {
        return false;
    }
    size_t size = load_u32(bytes.data + 4);
    if (size > bytes.len - FRAME_HEAD || size > MAX_HEADER) {
        return false;
    }
    *text = slice_make(bytes.data + FRAME_HEAD, size);
    return true;
}

/* The second copy stands where the first, which has its length, ends. 0: it does not check either. */
static size_t find_second(struct slice bytes, struct slice *text)
{
    const uint32_t magic = LZ4_SKIPPABLE_MAGIC;
    size_t most = bytes.len < FRAME_HEAD + MAX_HEADER ? bytes.len : FRAME_HEAD + MAX_HEADER;
    for (size_t at = 1; at < most; at++) {
        const char *found = memmem(bytes.data + at, most - at, &magic, sizeof magic);
        if (found == NULL) {
            break;
        }
        at = (size_t)(found - bytes.data);
        if (frame_text(slice_after(bytes, at), text) && FRAME_HEAD + text->len == at && check_is_right(*text)) {
            return at;
        }
    }
    return 0;
}

/* The text of the first copy that is whole and whose check is right. *damaged bytes stand before it, *length with the
 * other copy. */
static bool find_text(struct slice bytes, struct slice *text, size_t *damaged, size_t *length)
{
    *damaged = 0;
    if (frame_text(bytes, text) && check_is_right(*text)) {
        size_t size = FRAME_HEAD + text->len;
        bool twice = bytes.len - size >= size && memcmp(bytes.data, bytes.data + size, size) == 0;
        *length = twice ? 2 * size : size;
        return true;
    }
    *damaged = find_second(bytes, text);
    *length = 2 * *damaged;
    return *damaged != 0;
}

bool segment_header_is_sound(struct slice bytes)
{
    struct slice text;
    size_t damaged;
    size_t length;
    return find_text(bytes, &text, &damaged, &length);
}

bool segment_header_read(struct segment_header *header, struct slice bytes, size_t *length)
{
    struct slice text;
    size_t damaged;
    *header = (struct segment_header){ 0 };
    errno = EBADMSG;
    if (!find_text(bytes, &text, &damaged, length) || !read_text(header, text)) {
        int number = errno;
        segment_header_release(header);
        errno = number;
        return false;
    }
    header->damaged = damaged;
    return true;
}

/* As JSON: {"end":"name","rows":…,"length":…,"check":"…"}. It says where it stands and whose it is, so that no bytes of
 * an event are taken for one. */
void segment_seal_write(const char *name, uint64_t rows, uint64_t length, struct buf *out)
{
    size_t start;
    begin(out, &start);
    buf_printf(out, "{\"end\":\"%s\",\"rows\":%llu,\"length\":%llu", name, (unsigned long long)rows,
               (unsigned long long)length);
    end(out, start);
}

size_t segment_seal_read(struct slice bytes, uint64_t at, const char *name, uint64_t *rows)
{
    struct slice text;
    struct slice digits;
    char expected[MAX_SEAL];
    if (!frame_text(slice_after(bytes, at), &text) || text.len > MAX_SEAL || !check_is_right(text)) {
        return 0;
    }
    size_t size = FRAME_HEAD + text.len;
    snprintf(expected, sizeof expected, "{\"end\":\"%.*s\",\"rows\":", SEGMENT_NAME_MAX, name);
    if (!slice_starts_with(text, slice_from_string(expected))) {
        return 0;
    }
    text = slice_after(text, strlen(expected));
    snprintf(expected, sizeof expected, "\"length\":%llu,", (unsigned long long)at);
    bool right = slice_split(&text, ',', &digits) && slice_to_u64(digits, rows) &&
                 slice_starts_with(text, slice_from_string(expected));
    return right ? size : 0;
}

void segment_header_release(struct segment_header *header)
{
    free(header->columns);
    free(header->text);
    *header = (struct segment_header){ 0 };
}

bool segment_header_fits(const struct segment_header *header, const struct native_block *block)
{
    if (header->column_count != block->column_count) {
        return false;
    }
    for (size_t i = 0; i < header->column_count; i++) {
        if (!slice_equal(header->columns[i].name, block->columns[i].name) ||
            !slice_equal(header->columns[i].wire_name, block->columns[i].wire_name)) {
            return false;
        }
    }
    return true;
}
