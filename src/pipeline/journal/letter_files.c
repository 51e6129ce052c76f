/* Turns the folders dead/ and retry/ into letters that can be listed, given back and dropped. */
#include "pipeline/journal/letter_files.h"

#include "base/assert.h"
#include "base/system/disk.h"
#include "event/event_id.h"
#include "pipeline/journal/journal.h"
#include "pipeline/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 8192 /* of a line up to its event: names and a reason of a few hundred bytes */

static char *path_of(const char *folder, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

/* --- the list --- */

/* Cuts the suffix of either file off. */
static bool letter_name(const char *file_name, struct slice *name, bool *is_text)
{
    struct slice stream;
    struct event_id uuid;
    size_t len = strlen(file_name);
    size_t text = sizeof LETTER_SUFFIX - 1;
    size_t bytes = sizeof SEGMENT_SUFFIX - 1;
    *is_text = len > text && strcmp(file_name + len - text, LETTER_SUFFIX) == 0;
    if (!*is_text && (len <= bytes || strcmp(file_name + len - bytes, SEGMENT_SUFFIX) != 0)) {
        return false;
    }
    *name = slice_make(file_name, len - (*is_text ? text : bytes));
    bool has_suffix = name->len >= bytes && memcmp(name->data + name->len - bytes, SEGMENT_SUFFIX, bytes) == 0;
    return !has_suffix && name->len < SEGMENT_NAME_MAX && segment_parse_name(*name, &stream, &uuid);
}

static int is_letter(const struct dirent *entry)
{
    struct slice name;
    bool is_text;
    return letter_name(entry->d_name, &name, &is_text);
}

/* Sorted by name, the two files of a letter follow each other. */
static void add_file(struct letter_files *files, int folder_fd, const char *file_name)
{
    struct stat info;
    struct slice name;
    bool is_text;
    if (!letter_name(file_name, &name, &is_text) || fstatat(folder_fd, file_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode)) {
        return; /* gone by now */
    }
    struct letter *letter = files->count == 0 ? NULL : &files->letters[files->count - 1];
    if (letter == NULL || !slice_equal(slice_from_string(letter->name), name)) {
        letter = &files->letters[files->count++];
        ASSERT_BELOW(name.len, sizeof letter->name);
        memcpy(letter->name, name.data, name.len);
    }
    letter->has_text |= is_text;
    letter->has_bytes |= !is_text;
    letter->size += (uint64_t)info.st_size;
}

/* How many; -1 with errno. *entries is the caller's. */
static int list(const char *folder, struct dirent ***entries)
{
    int count = scandir(folder, entries, is_letter, alphasort);
    return count < 0 && errno == ENOENT ? 0 : count;
}

static bool add_files(struct letter_files *files)
{
    struct dirent **entries = NULL;
    int count = list(files->dead, &entries);
    int folder_fd = count <= 0 ? -1 : open(files->dead, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    files->letters = calloc(count < 0 ? 1 : (size_t)count + 1, sizeof *files->letters);
    bool fine = count >= 0 && files->letters != NULL && (count == 0 || folder_fd >= 0);
    int error = errno;
    for (int i = 0; i < count; i++) {
        if (fine) {
            add_file(files, folder_fd, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    errno = error;
    return fine;
}

static void count_given_back(struct letter_files *files)
{
    struct dirent **entries = NULL;
    int count = list(files->retry, &entries);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    files->given_back = count > 0 ? (size_t)count : 0;
}

/* Every gateway leaves LOCK in its data folder. */
static bool is_data_folder(const char *data)
{
    char *path = path_of(data, "LOCK", "");
    bool is = path != NULL && access(path, F_OK) == 0;
    free(path);
    return is;
}

bool letter_files_read(struct letter_files *files, const char *data, struct buf *problem)
{
    *files = (struct letter_files){ .data = strdup(data) };
    files->dead = path_of(data, LETTER_FOLDER, "");
    files->retry = path_of(data, RETRY_FOLDER, "");
    if (files->data == NULL || files->dead == NULL || files->retry == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    if (!is_data_folder(data)) {
        buf_printf(problem, "%s has no LOCK: it is no data folder; name the one in the configuration's journal.data",
                   data);
        return false;
    }
    if (!add_files(files)) {
        buf_printf(problem, "cannot read %s: %s", files->dead, strerror(errno));
        return false;
    }
    count_given_back(files);
    return true;
}

void letter_files_release(struct letter_files *files)
{
    free(files->data);
    free(files->dead);
    free(files->retry);
    free(files->letters);
    *files = (struct letter_files){ 0 };
}

struct letter *letter_find(const struct letter_files *files, const char *name)
{
    bool is_text;
    struct slice wanted;
    if (!letter_name(name, &wanted, &is_text)) {
        wanted = slice_from_string(name);
    }
    for (size_t i = 0; i < files->count; i++) {
        if (slice_equal(slice_from_string(files->letters[i].name), wanted)) {
            return &files->letters[i];
        }
    }
    return NULL;
}

/* --- what a letter says --- */

/* The head of the first line as an object of its own; its reason cannot hold `,"event":`, whose quotes would be
 * escaped. */
static bool read_head(const char *path, struct buf *head)
{
    const struct slice event = SLICE(",\"event\":");
    int fd = path == NULL ? -1 : disk_open_plain(path, O_RDONLY);
    if (fd < 0 || !buf_reserve(head, HEAD_MAX + JSON_PADDING)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    ssize_t len = pread(fd, head->data, HEAD_MAX, 0);
    close(fd);
    const char *end = len <= 0 ? NULL : memmem(head->data, (size_t)len, event.data, event.len);
    if (end == NULL) {
        return false;
    }
    head->len = (size_t)(end - head->data);
    ASSERT_AT_MOST(head->len + JSON_PADDING, head->cap);
    buf_append_byte(head, '}');
    return true;
}

static void take_members(struct letter_view *view, const struct json_document *head)
{
    if (json_type(head, JSON_ROOT) != '{') {
        return;
    }
    for (json_at at = json_first(JSON_ROOT); !json_at_end(head, at); at = json_skip(head, at + 1)) {
        struct slice key = json_string(head, at);
        char type = json_type(head, at + 1);
        if (slice_equal(key, SLICE("code")) && type == 'l') {
            view->code = json_int64(head, at + 1);
        } else if (slice_equal(key, SLICE("reason")) && type == '"') {
            buf_append_slice(&view->reason, json_string(head, at + 1));
        } else if (slice_equal(key, SLICE("at")) && type == '"') {
            buf_append_slice(&view->at, json_string(head, at + 1));
        }
    }
}

/* What cannot be read stays unknown. */
static void look_at_text(const struct letter_files *files, const struct letter *letter, struct letter_view *view)
{
    struct buf head = { 0 };
    struct json_document document;
    struct json_parser *parser = json_parser_new();
    char *path = path_of(files->dead, letter->name, LETTER_SUFFIX);
    if (parser != NULL && read_head(path, &head) && json_parse(parser, buf_slice(&head), &document) == OK) {
        take_members(view, &document);
    }
    json_parser_free(parser);
    buf_release(&head);
    free(path);
}

/* False: memory is short. What the disk does not give makes the letter damaged. */
static bool look_at_bytes(const struct segment *segment, const char *name, struct letter_view *view)
{
    struct buf bytes = { 0 };
    struct disk_holes holes;
    size_t start = 0;
    struct segment_summary summary = { 0 };
    bool read = disk_salvage(segment->fd, segment->length, &bytes, &holes) == OK;
    bool ours = read && segment_header_read(&view->header, buf_slice(&bytes), &start);
    read = read && (ours || errno != ENOMEM);
    if (read &&
        segment_walk_salvaged(buf_slice(&bytes), start, holes.end, ours ? &view->header : NULL, NULL, &summary) != OK) {
        errno = ENOMEM;
        read = false;
    }
    int number = errno;
    buf_release(&bytes);
    errno = number;
    if (!read) {
        return false;
    }
    view->rows = summary.rows;
    view->whole = ours && strcmp(view->header.name, name) == 0 && summary.rows != 0 && summary.damaged_pieces == 0 &&
                  summary.length == segment->length;
    return true;
}

bool letter_look(const struct letter_files *files, const struct letter *letter, struct letter_view *view)
{
    struct stat info;
    *view = (struct letter_view){ 0 };
    char *path = path_of(files->dead, letter->name, SEGMENT_SUFFIX);
    struct segment segment = { .fd = path == NULL ? -1 : disk_open_plain(path, O_RDONLY) };
    bool read = segment.fd >= 0 && fstat(segment.fd, &info) == 0;
    if (read) {
        segment.length = disk_written_length(segment.fd, (uint64_t)info.st_size);
        read = segment.length > SEGMENT_MAX_FILE || look_at_bytes(&segment, letter->name, view);
    }
    int error = errno;
    if (segment.fd >= 0) {
        close(segment.fd);
    }
    free(path);
    if (read && letter->has_text) {
        look_at_text(files, letter, view);
    }
    errno = error;
    return read;
}

void letter_view_release(struct letter_view *view)
{
    segment_header_release(&view->header);
    buf_release(&view->reason);
    buf_release(&view->at);
}

/* --- retry and drop --- */

static bool is_there(const char *data, const char *folder, const char *name)
{
    char *path = NULL;
    bool there = asprintf(&path, "%s/%s/%s" SEGMENT_SUFFIX, data, folder, name) < 0 || access(path, F_OK) == 0;
    free(path);
    return there;
}

static bool remove_file(const struct letter_files *files, const struct letter *letter, const char *suffix)
{
    char *path = path_of(files->dead, letter->name, suffix);
    errno = ENOMEM;
    bool done = path != NULL && (unlink(path) == 0 || errno == ENOENT);
    free(path);
    return done;
}

static bool move_bytes(const struct letter_files *files, const struct letter *letter)
{
    char *from = path_of(files->dead, letter->name, SEGMENT_SUFFIX);
    char *to = path_of(files->retry, letter->name, SEGMENT_SUFFIX);
    errno = ENOMEM;
    bool done = from != NULL && to != NULL && rename(from, to) == 0;
    int error = errno;
    free(from);
    free(to);
    errno = error;
    return done;
}

/* No link is followed: who owns the data folder must not have root give other folders away. */
static bool give_to(const char *folder, const struct stat *owner)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool done = fd >= 0 && fchown(fd, owner->st_uid, owner->st_gid) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return done;
}

/* Whoever runs the command, the gateway must be able to take files out of the folder: it is of whom dead/ is. */
static bool make_retry_folder(const struct letter_files *files)
{
    struct stat dead, retry;
    return disk_make_folder(files->retry) && stat(files->dead, &dead) == 0 && stat(files->retry, &retry) == 0 &&
           ((dead.st_uid == retry.st_uid && dead.st_gid == retry.st_gid) || give_to(files->retry, &dead));
}

bool letter_give_back(const struct letter_files *files, const struct letter *letter)
{
    return make_retry_folder(files) && remove_file(files, letter, LETTER_SUFFIX) && move_bytes(files, letter);
}

bool letter_drop(const struct letter_files *files, const struct letter *letter)
{
    return remove_file(files, letter, LETTER_SUFFIX) && remove_file(files, letter, SEGMENT_SUFFIX);
}

/* The journal is asked first: once it has no such file any more, the bytes of a burial are there to be seen. */
bool letter_sweep(const struct letter_files *files, const struct letter *letter)
{
    return is_there(files->data, "journal", letter->name) || is_there(files->data, LETTER_FOLDER, letter->name) ||
           remove_file(files, letter, LETTER_SUFFIX);
}

bool letter_files_sync(const struct letter_files *files)
{
    return (access(files->retry, F_OK) != 0 || disk_sync_folder(files->retry)) && disk_sync_folder(files->dead);
}
