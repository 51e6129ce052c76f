/* Turns the segments of a data folder into the places where one event is. */
#include "inspect/event_places.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "base/system/disk.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "pipeline/journal/letter_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define REASON_MAX 512
#define UUID_BYTES 16

static const struct folder {
    const char *name;
    enum event_place_kind kind;
} folders[] = {
    { "retry", PLACE_RETRY },
    { "journal", PLACE_JOURNAL },
    { LETTER_FOLDER, PLACE_DEAD },
    { "damaged", PLACE_DAMAGED },
};

/* One segment while it is walked. */
struct walk {
    struct event_search *search;
    enum event_place_kind kind;
    const char *segment;
    const struct segment_header *header;
    uint8_t wire[UUID_BYTES]; /* of the id */
};

/* --- what was found --- */

static void copy_text(const struct buf *text, char *out, size_t size)
{
    plain_text_copy(buf_slice(text), out, size);
}

/* With what the letter says of itself. */
static void tell_letter(struct event_search *search, struct event_place *place)
{
    char reason[REASON_MAX] = "", at[64] = "";
    struct letter_files files;
    struct letter_view view;
    struct buf problem = { 0 };
    if (letter_files_read(&files, search->data, &problem)) {
        const struct letter *letter = letter_find(&files, place->segment);
        if (letter != NULL && letter_look(&files, letter, &view)) {
            copy_text(&view.reason, reason, sizeof reason);
            copy_text(&view.at, at, sizeof at);
            place->code = view.code;
            letter_view_release(&view);
        }
    }
    place->reason = reason;
    place->at = at;
    search->found(search->context, place);
    letter_files_release(&files);
    buf_release(&problem);
}

static void tell_row(const struct walk *walk, struct native_block *block, uint64_t row)
{
    struct buf text = { 0 };
    native_row_to_json(block, row, &text);
    struct event_place place = {
        .kind = walk->kind,
        .stream = walk->header->stream,
        .segment = walk->segment,
        .row = buf_slice(&text),
        .reason = "",
        .at = "",
    };
    if (walk->kind == PLACE_DEAD) {
        tell_letter(walk->search, &place);
    } else {
        walk->search->found(walk->search->context, &place);
    }
    buf_release(&text);
}

/* --- a segment --- */

static void look_at_block(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    struct walk *walk = context;
    (void)offset, (void)length;
    const struct native_column *ids = native_find(block, slice_from_string(walk->header->event_id_column));
    walk->search->rows += block->rows;
    if (ids == NULL || ids->data.len != block->rows * UUID_BYTES) {
        return; /* not so of a header that names_ids has let pass, whose columns each block has */
    }
    for (uint64_t row = 0; row < block->rows; row++) {
        if (memcmp(ids->data.data + row * UUID_BYTES, walk->wire, UUID_BYTES) == 0) {
            tell_row(walk, block, row);
        }
    }
}

static void complain(struct event_search *search, const struct folder *folder, const char *name, const char *why)
{
    char where[512];
    snprintf(where, sizeof where, "%s/%s%s%s", search->data, folder->name, name[0] != '\0' ? "/" : "", name);
    search->not_looked(search->context, where, why);
}

static bool names_ids(const struct segment_header *header)
{
    for (size_t i = 0; i < header->column_count; i++) {
        if (slice_equal(header->columns[i].name, slice_from_string(header->event_id_column))) {
            return slice_equal(header->columns[i].wire_name, SLICE("UUID"));
        }
    }
    return false;
}

/* Why not all of it could be looked at; NULL: it was. */
static const char *look_at_bytes(struct event_search *search, enum event_place_kind kind, struct slice bytes,
                                 const struct disk_holes *holes)
{
    struct segment_header header = { 0 };
    struct segment_summary summary = { 0 };
    size_t length = 0;
    const char *why = NULL;
    if (!segment_header_read(&header, bytes, &length)) {
        why = errno == ENOMEM ? "out of memory" : "its header is damaged";
    } else if (!names_ids(&header)) {
        why = "its rows have no ids";
    } else {
        struct walk walk = { .search = search, .kind = kind, .segment = header.name, .header = &header };
        const struct segment_visitor visitor = { .context = &walk, .frame = look_at_block };
        event_id_to_wire(&search->id, walk.wire);
        if (segment_walk_salvaged(bytes, length, holes->end, &header, &visitor, &summary) != OK) {
            why = "out of memory";
        } else if (summary.damaged_pieces != 0 || holes->bytes != 0) {
            why = "a part of it is damaged";
        }
        search->segments++;
    }
    segment_header_release(&header);
    return why;
}

/* A segment that is gone by now has moved on: it is looked for there later. */
static void look_at_segment(struct event_search *search, const struct folder *folder, int folder_fd, const char *name)
{
    struct stat info;
    struct buf bytes = { 0 };
    struct disk_holes holes = { 0 };
    const char *why = NULL;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        why = fd < 0 && errno == ENOENT ? NULL : strerror(errno);
    } else if (S_ISREG(info.st_mode) && info.st_size > 0) {
        uint64_t written = disk_written_length(fd, (uint64_t)info.st_size);
        why = written > SEGMENT_MAX_FILE                        ? "it is longer than any segment"
              : disk_salvage(fd, written, &bytes, &holes) != OK ? strerror(errno)
              : written == 0                                    ? NULL
                             : look_at_bytes(search, folder->kind, buf_slice(&bytes), &holes);
    }
    if (why != NULL) {
        complain(search, folder, name, why);
    }
    buf_release(&bytes);
    if (fd >= 0) {
        close(fd);
    }
}

/* --- a folder --- */

static bool is_wanted(const struct event_search *search, const char *file_name)
{
    struct slice name, stream;
    struct event_id uuid;
    return segment_parse_file_name(file_name, &name, &stream, &uuid) &&
           (search->stream == NULL || slice_equal(stream, slice_from_string(search->stream)));
}

/* Pieces of damaged segments are no segments, but may hold rows. */
static bool hides_rows(const struct folder *folder, const char *name)
{
    return folder->kind == PLACE_DAMAGED && name[0] != '.' && !segment_is_file_name(name);
}

static void look_at_folder(struct event_search *search, const struct folder *folder)
{
    struct buf path = { 0 };
    size_t pieces = 0;
    buf_printf(&path, "%s/%s", search->data, folder->name);
    const char *text = buf_c_string(&path);
    DIR *entries = text != NULL ? opendir(text) : NULL;
    if (entries == NULL) {
        bool is_missing = errno == ENOENT && folder->kind != PLACE_JOURNAL; /* others are made when they are needed */
        if (!is_missing) {
            complain(search, folder, "", strerror(text != NULL ? errno : ENOMEM));
        }
        buf_release(&path);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (is_wanted(search, entry->d_name)) {
            look_at_segment(search, folder, dirfd(entries), entry->d_name);
        }
        pieces += hides_rows(folder, entry->d_name);
    }
    if (pieces != 0) {
        complain(search, folder, "", "it has pieces of damaged segments, whose rows cannot be read");
    }
    closedir(entries);
    buf_release(&path);
}

void event_places_search(struct event_search *search)
{
    ASSERT(!event_id_is_zero(&search->id));
    ASSERT(search->found != NULL && search->not_looked != NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        look_at_folder(search, &folders[i]);
    }
}
