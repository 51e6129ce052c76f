/* Turns a segment's file into its blocks, its ids and its INSERT statement. */
#include "event/segment/segment.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/lz4.h"
#include "base/system/disk.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
        munmap((void *)(uintptr_t)segment->memory.data, segment->memory.len);
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

/* Nobody else can cut a memfd, so it does no harm to map one. */
static bool keep_in_memory(struct segment *segment)
{
    void *data = mmap(NULL, segment->length, PROT_READ, MAP_SHARED, segment->fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    segment->memory = slice_make(data, segment->length);
    return true;
}

void segment_park(struct segment *segment)
{
    ASSERT(segment->length != 0);
    if (segment->parked || segment->fd < 0) {
        return;
    }
    segment->parked = true;
    atomic_fetch_add_explicit(&parked_files, 1, memory_order_relaxed);
    if (may_stay_open() || (segment->path == NULL && !keep_in_memory(segment))) {
        return;
    }
    close_file(segment);
}

static enum error read_memory(struct slice memory, struct buf *out)
{
    if (!buf_reserve(out, memory.len)) {
        errno = ENOMEM;
        return ERROR_OUT_OF_MEMORY;
    }
    buf_append_slice(out, memory);
    return OK;
}

static enum error read_by_path(const struct segment *segment, struct buf *out)
{
    ASSERT(segment->path != NULL);
    int fd = open(segment->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return disk_error(errno);
    }
    enum error error = disk_read(fd, segment->length, out);
    int number = errno;
    close(fd);
    errno = number;
    return error;
}

enum error segment_read(const struct segment *segment, struct buf *out)
{
    if (segment->memory.data != NULL) {
        return read_memory(segment->memory, out);
    }
    return segment->fd >= 0 ? disk_read(segment->fd, segment->length, out) : read_by_path(segment, out);
}

static enum error each_block(struct slice bytes, struct lz4_decoder *decoder, struct buf *raw,
                             enum error (*each)(void *context, struct slice block), void *context)
{
    size_t at = lz4_frame_length(bytes);
    enum error error = at == 0 ? ERROR_BAD_COMPRESSION : OK;
    while (error == OK && at < bytes.len) {
        size_t used = 0;
        buf_clear(raw);
        error = lz4_frame_decode(decoder, slice_after(bytes, at), &used, raw, SEGMENT_MAX_BLOCK);
        at += used;
        if (error == OK) {
            error = each(context, buf_slice(raw));
        }
    }
    return error;
}

enum error segment_each_block(const struct segment *segment, enum error (*each)(void *context, struct slice block),
                              void *context)
{
    struct buf bytes = { 0 };
    struct buf raw = { 0 };
    struct lz4_decoder *decoder = lz4_decoder_new();
    enum error error = decoder == NULL ? ERROR_OUT_OF_MEMORY : segment_read(segment, &bytes);
    if (error == OK) {
        error = each_block(buf_slice(&bytes), decoder, &raw, each, context);
    }
    int number = errno;
    buf_release(&bytes);
    buf_release(&raw);
    lz4_decoder_free(decoder);
    errno = number;
    return error;
}

enum error segment_read_block(struct native_block *block, struct slice bytes)
{
    if (native_read(block, &bytes)) {
        return OK;
    }
    return block->out_of_memory ? ERROR_OUT_OF_MEMORY : ERROR_BAD_COMPRESSION;
}

struct row_counter {
    struct native_block block;
    uint64_t rows;
};

static enum error count_rows(void *context, struct slice bytes)
{
    struct row_counter *counter = context;
    enum error error = segment_read_block(&counter->block, bytes);
    counter->rows += counter->block.rows;
    return error;
}

enum error segment_check(const struct segment *segment)
{
    struct row_counter counter = { 0 };
    enum error error = segment_each_block(segment, count_rows, &counter);
    native_block_release(&counter.block);
    return error == OK && counter.rows != segment->rows ? ERROR_BAD_COMPRESSION : error;
}

struct id_reader {
    struct slice column;
    struct native_block block;
    struct buf *ids;
};

static enum error read_block_ids(void *context, struct slice bytes)
{
    struct id_reader *reader = context;
    enum error error = segment_read_block(&reader->block, bytes);
    if (error != OK) {
        return error;
    }
    const struct native_column *column = native_find(&reader->block, reader->column);
    if (column == NULL || column->type.kind != KIND_UUID || column->type.shape != SHAPE_SCALAR) {
        return ERROR_BAD_COMPRESSION;
    }
    for (uint64_t row = 0; row < reader->block.rows; row++) {
        struct event_id stored;
        struct event_id id;
        memcpy(stored.bytes, column->data.data + row * sizeof stored.bytes, sizeof stored.bytes);
        event_id_to_wire(&stored, id.bytes);
        buf_append(reader->ids, id.bytes, sizeof id.bytes);
    }
    return reader->ids->failed ? ERROR_OUT_OF_MEMORY : OK;
}

enum error segment_event_ids(const struct segment *segment, struct buf *ids)
{
    struct slice column = slice_from_string(segment->header.event_id_column);
    if (column.len == 0) {
        return ERROR_BAD_COMPRESSION;
    }
    struct id_reader reader = { .column = column, .ids = ids };
    enum error error = segment_each_block(segment, read_block_ids, &reader);
    native_block_release(&reader.block);
    return error;
}

struct update_reader {
    const struct segment_header *header;
    struct native_block block;
    struct buf *updates;
};

static enum error read_block_updates(void *context, struct slice bytes)
{
    struct update_reader *reader = context;
    enum error error = segment_read_block(&reader->block, bytes);
    if (error != OK) {
        return error;
    }
    const struct native_column *ids = native_find(&reader->block, slice_from_string(reader->header->event_id_column));
    const struct native_column *versions =
        native_find(&reader->block, slice_from_string(reader->header->version_column));
    if (ids == NULL || ids->type.kind != KIND_UUID || ids->type.shape != SHAPE_SCALAR || versions == NULL ||
        versions->type.width != sizeof(uint64_t) || versions->type.shape != SHAPE_SCALAR) {
        return ERROR_BAD_COMPRESSION;
    }
    for (uint64_t row = 0; row < reader->block.rows; row++) {
        struct event_id stored;
        struct segment_update update = { .version = load_u64(versions->data.data + row * sizeof(uint64_t)) };
        memcpy(stored.bytes, ids->data.data + row * sizeof stored.bytes, sizeof stored.bytes);
        event_id_to_wire(&stored, update.id.bytes);
        buf_append(reader->updates, &update, sizeof update);
    }
    return reader->updates->failed ? ERROR_OUT_OF_MEMORY : OK;
}

enum error segment_updates(const struct segment *segment, struct buf *updates)
{
    ASSERT(segment->header.version_column[0] != '\0');
    struct update_reader reader = { .header = &segment->header, .updates = updates };
    enum error error = segment_each_block(segment, read_block_updates, &reader);
    native_block_release(&reader.block);
    return error;
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

bool segment_parse_file_name(const char *file_name, struct slice *name, struct slice *stream, struct event_id *uuid)
{
    const struct slice suffix = SLICE(SEGMENT_SUFFIX);
    struct slice whole = slice_from_string(file_name);
    if (whole.len <= suffix.len || !slice_equal(slice_after(whole, whole.len - suffix.len), suffix)) {
        return false;
    }
    *name = slice_make(whole.data, whole.len - suffix.len);
    return segment_parse_name(whole, stream, uuid);
}

bool segment_is_file_name(const char *file_name)
{
    struct slice name, stream;
    struct event_id uuid;
    return segment_parse_file_name(file_name, &name, &stream, &uuid);
}

int64_t segment_made_ns(const struct event_id *uuid)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | uuid->bytes[i];
    }
    return ms * NS_PER_MS;
}
