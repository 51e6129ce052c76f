/* Turns a segment's file into its blocks, its ids and its INSERT statement. */
#include "event/segment.h"

#include "base/lz4.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_ullong parked_files; /* descriptors of parked segments */

static void close_file(struct segment *segment)
{
    if (segment->fd < 0) {
        return;
    }
    close(segment->fd);
    if (segment->parked) {
        atomic_fetch_sub_explicit(&parked_files, 1, memory_order_relaxed);
    }
    segment->fd = -1;
}

void segment_free(struct segment *segment)
{
    if (segment == NULL) {
        return;
    }
    close_file(segment);
    if (segment->memory.data != NULL) {
        segment_unmap(segment->memory);
    }
    segment_header_release(&segment->header);
    free(segment->path);
    free(segment);
}

static bool may_stay_open(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           atomic_load_explicit(&parked_files, memory_order_relaxed) <= limit.rlim_cur / 4;
}

void segment_park(struct segment *segment)
{
    if (segment->parked || segment->fd < 0) {
        return;
    }
    segment->parked = true;
    atomic_fetch_add_explicit(&parked_files, 1, memory_order_relaxed);
    if (may_stay_open() || (segment->path == NULL && segment_map(segment, &segment->memory) != OK)) {
        return;
    }
    close_file(segment);
}

/* A file that somebody cut under us would end the process at the first byte that is missing. */
static enum error map_file(int fd, uint64_t length, struct slice *bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return ERROR_JOURNAL_FAILED;
    }
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size < length) {
        errno = EIO;
        return ERROR_JOURNAL_FAILED;
    }
    void *data = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return ERROR_OUT_OF_MEMORY;
    }
    *bytes = slice_make(data, length);
    return OK;
}

static enum error map_by_path(const struct segment *segment, struct slice *bytes)
{
    int fd = open(segment->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return ERROR_JOURNAL_FAILED;
    }
    enum error error = map_file(fd, segment->length, bytes);
    int number = errno;
    close(fd);
    errno = number;
    return error;
}

/* A size of 0 makes a second mapping of the same pages. */
static enum error map_memory(const struct segment *segment, struct slice *bytes)
{
    void *data = mremap((void *)(uintptr_t)segment->memory.data, 0, segment->memory.len, MREMAP_MAYMOVE);
    if (data == MAP_FAILED) {
        return ERROR_OUT_OF_MEMORY;
    }
    *bytes = slice_make(data, segment->memory.len);
    return OK;
}

enum error segment_map(const struct segment *segment, struct slice *bytes)
{
    if (segment->memory.data != NULL) {
        return map_memory(segment, bytes);
    }
    return segment->fd >= 0 ? map_file(segment->fd, segment->length, bytes) : map_by_path(segment, bytes);
}

void segment_unmap(struct slice bytes)
{
    munmap((void *)(uintptr_t)bytes.data, bytes.len);
}

static bool each_block(struct slice bytes, struct lz4_decoder *decoder, struct buf *raw,
                       bool (*each)(void *context, struct slice block), void *context)
{
    size_t at = lz4_frame_length(bytes);
    if (at == 0) {
        return false;
    }
    while (at < bytes.len) {
        size_t used;
        buf_clear(raw);
        if (lz4_frame_decode(decoder, slice_after(bytes, at), &used, raw, SEGMENT_MAX_BLOCK) != OK) {
            return false;
        }
        at += used;
        if (!each(context, buf_slice(raw))) {
            break;
        }
    }
    return true;
}

bool segment_each_block(const struct segment *segment, bool (*each)(void *context, struct slice block), void *context)
{
    struct slice bytes;
    struct lz4_decoder *decoder = lz4_decoder_new();
    if (decoder == NULL || segment_map(segment, &bytes) != OK) {
        lz4_decoder_free(decoder);
        return false;
    }
    struct buf raw = { 0 };
    bool whole = each_block(bytes, decoder, &raw, each, context);
    segment_unmap(bytes);
    buf_release(&raw);
    lz4_decoder_free(decoder);
    return whole;
}

struct row_counter {
    struct native_block block;
    uint64_t rows;
};

static bool count_rows(void *context, struct slice bytes)
{
    struct row_counter *counter = context;
    bool whole = native_read(&counter->block, &bytes);
    counter->rows += whole ? counter->block.rows : 0;
    return whole;
}

bool segment_is_whole(const struct segment *segment)
{
    struct row_counter counter = { 0 };
    bool whole = segment_each_block(segment, count_rows, &counter);
    native_block_release(&counter.block);
    return whole && counter.rows == segment->rows;
}

struct id_reader {
    struct slice column;
    struct native_block block;
    struct buf *ids;
    bool whole;
};

static bool read_block_ids(void *context, struct slice bytes)
{
    struct id_reader *reader = context;
    reader->whole = native_read(&reader->block, &bytes);
    if (!reader->whole) {
        return false;
    }
    const struct native_column *column = native_find(&reader->block, reader->column);
    reader->whole = column != NULL && column->type.kind == KIND_UUID && column->type.shape == SHAPE_SCALAR;
    for (uint64_t row = 0; reader->whole && row < reader->block.rows; row++) {
        struct event_id stored;
        struct event_id id;
        memcpy(stored.bytes, column->data.data + row * sizeof stored.bytes, sizeof stored.bytes);
        event_id_to_wire(&stored, id.bytes);
        buf_append(reader->ids, id.bytes, sizeof id.bytes);
    }
    return reader->whole;
}

bool segment_read_ids(const struct segment *segment, struct buf *ids)
{
    struct slice column = slice_from_string(segment->header.event_id_column);
    if (column.len == 0) {
        return false;
    }
    struct id_reader reader = { .column = column, .ids = ids, .whole = true };
    bool whole = segment_each_block(segment, read_block_ids, &reader);
    native_block_release(&reader.block);
    return whole && reader.whole && !ids->failed;
}

static void put_identifier(struct slice name, struct buf *out)
{
    buf_append_byte(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '`' || name.data[i] == '\\') {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, (uint8_t)name.data[i]);
    }
    buf_append_byte(out, '`');
}

void segment_insert_statement(const struct segment_header *header, const char *database, struct buf *out)
{
    buf_append_string(out, "INSERT INTO ");
    if (database[0] != '\0') {
        put_identifier(slice_from_string(database), out);
        buf_append_byte(out, '.');
    }
    put_identifier(slice_from_string(header->table), out);
    for (size_t i = 0; i < header->column_count; i++) {
        buf_append_string(out, i == 0 ? " (" : ", ");
        put_identifier(header->columns[i].name, out);
    }
    buf_append_byte(out, ')');
}

void segment_make_name(char out[SEGMENT_NAME_MAX], const char *stream, const struct event_id *uuid)
{
    char text[EVENT_ID_TEXT];
    event_id_format(uuid, text);
    snprintf(out, SEGMENT_NAME_MAX, "%.*s-%.*s", SEGMENT_NAME_MAX - EVENT_ID_TEXT - 2, stream, EVENT_ID_TEXT, text);
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool segment_parse_name(struct slice name, struct slice *stream, struct event_id *uuid)
{
    const struct slice suffix = SLICE(SEGMENT_SUFFIX);
    if (name.len > suffix.len && slice_equal(slice_after(name, name.len - suffix.len), suffix)) {
        name.len -= suffix.len;
    }
    if (name.len < EVENT_ID_TEXT + 2 || name.len >= SEGMENT_NAME_MAX ||
        name.data[name.len - EVENT_ID_TEXT - 1] != '-') {
        return false;
    }
    *stream = slice_make(name.data, name.len - EVENT_ID_TEXT - 1);
    for (size_t i = 0; i < stream->len; i++) {
        if (!is_name_character(stream->data[i])) {
            return false;
        }
    }
    return event_id_parse(uuid, slice_after(name, stream->len + 1));
}

int64_t segment_made_ns(const struct event_id *uuid)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | uuid->bytes[i];
    }
    return ms * NS_PER_MS;
}
