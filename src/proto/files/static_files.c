/* Turns a request below a path into a file below a folder. */
#include "proto/files/static_files.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/options/files_options.h"
#include "proto/files/file_beneath.h"
#include "proto/files/file_path.h"
#include "proto/files/file_range.h"
#include "proto/files/file_reader.h"
#include "proto/files/files_entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct static_files {
    struct files_entry *entries;
    size_t count;
    struct file_reader *reader;
};

/* A request, and what was found for it. */
struct asked {
    const struct files_entry *entry;
    const struct page_request *request;
    struct page_later later;
    char path[FILE_PATH_MAX + 320]; /* beneath the folder, with the index behind it */
    int fd;
    struct stat about;
};

static enum page_result refuse(struct page_reply *reply, enum error error, struct slice detail)
{
    page_problem(reply, error, detail, SLICE(""));
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    return PAGE_READY;
}

static enum page_result not_found(struct page_reply *reply)
{
    return refuse(reply, ERROR_NOT_FOUND, SLICE("there is no such file"));
}

/* Relative, so that it is right behind a proxy that took a prefix off: "./name/", the name being the path's last. */
static enum page_result redirect_to_folder(struct slice path, struct page_reply *reply)
{
    const char *slash = memrchr(path.data, '/', path.len);
    struct slice name = slash == NULL ? path : slice_after(path, (size_t)(slash - path.data) + 1);
    struct buf location = { 0 };
    buf_append_string(&location, "./");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        buf_printf(&location, plain ? "%c" : "%%%02X", c);
    }
    buf_append_byte(&location, '/');
    if (location.failed) {
        buf_release(&location);
        return refuse(reply, ERROR_OUT_OF_MEMORY, SLICE(""));
    }
    reply->status = 301;
    reply->cache_control = "no-cache";
    page_header(reply, "Location", buf_slice(&location));
    buf_release(&location);
    return PAGE_READY;
}

/* Version and type of the file, as headers of any answer about it. */
static void tell_version(const struct files_entry *entry, const struct file_version *version, struct page_reply *reply)
{
    char date[FILE_DATE_TEXT];
    file_date_format(version->modified_s, date);
    reply->cache_control = entry->cache_control;
    page_header(reply, "ETag", version->etag);
    page_header(reply, "Last-Modified", slice_from_string(date));
    page_header(reply, "Accept-Ranges", SLICE("bytes"));
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    for (size_t i = 0; i < entry->options->headers.count; i++) {
        page_header(reply, entry->options->headers.names[i], slice_from_string(entry->options->headers.values[i]));
    }
}

static void tell_range(struct page_reply *reply, uint64_t first, uint64_t length, uint64_t size)
{
    char range[96];
    int written = length == 0 ? snprintf(range, sizeof range, "bytes */%llu", (unsigned long long)size)
                              : snprintf(range, sizeof range, "bytes %llu-%llu/%llu", (unsigned long long)first,
                                         (unsigned long long)(first + length - 1), (unsigned long long)size);
    page_header(reply, "Content-Range", slice_make(range, (size_t)written));
}

/* The bytes, now or later; closes the file. */
static enum page_result send_piece(struct static_files *files, struct asked *asked, uint64_t first, uint64_t length,
                                   struct page_reply *reply)
{
    ASSERT(asked->fd >= 0);
    ASSERT_AT_MOST(first + length, (uint64_t)asked->about.st_size);
    if (asked->request->method == HTTP_HEAD || length == 0) {
        reply->length = length;
        close(asked->fd);
        return PAGE_READY;
    }
    if (length <= FILES_SMALL_BYTES && file_reader_read_cached(asked->fd, first, length, &reply->body)) {
        close(asked->fd);
        return PAGE_READY;
    }
    buf_release(&reply->body);
    struct file_piece piece = {
        .fd = asked->fd, .first = first, .length = length, .reply = *reply, .later = asked->later
    };
    enum error error = file_reader_take(files->reader, &piece);
    if (error != OK) {
        close(asked->fd);
        return refuse(reply, error, SLICE(""));
    }
    *reply = (struct page_reply){ .status = 200 };
    return PAGE_LATER;
}

static enum page_result send_file(struct static_files *files, struct asked *asked, struct page_reply *reply)
{
    char etag[48];
    uint64_t size = (uint64_t)asked->about.st_size, first, length;
    const struct timespec *modified = &asked->about.st_mtim;
    int64_t modified_ns = modified->tv_sec * NS_PER_SECOND + modified->tv_nsec;
    int written =
        snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)modified_ns, (unsigned long long)size);
    const struct file_version version = { slice_make(etag, (size_t)written), modified->tv_sec };
    const struct file_conditions conditions = {
        .if_none_match = page_field(asked->request, "if-none-match"),
        .if_modified_since = page_field(asked->request, "if-modified-since"),
        .range = page_field(asked->request, "range"),
        .if_range = page_field(asked->request, "if-range"),
    };
    tell_version(asked->entry, &version, reply);
    if (file_unchanged(&conditions, &version)) {
        close(asked->fd);
        reply->status = 304;
        return PAGE_READY;
    }
    enum file_extent extent = file_extent_of(&conditions, &version, size, &first, &length);
    uint64_t most = asked->entry->options->max_bytes;
    if (extent == EXTENT_UNSATISFIABLE) {
        close(asked->fd);
        reply->status = 416;
        tell_range(reply, 0, 0, size);
        return PAGE_READY;
    }
    if (extent == EXTENT_PART) {
        length = length < most ? length : most; /* whoever asks for more gets the rest with the next range */
        reply->status = 206;
        tell_range(reply, first, length, size);
    } else if (length > most && asked->request->method != HTTP_HEAD) {
        close(asked->fd);
        return refuse(reply, ERROR_NOT_FOUND, SLICE("the file is larger than files[].max_size: ask for ranges of it"));
    }
    reply->content_type = file_path_type(slice_from_string(asked->path));
    return send_piece(files, asked, first, length, reply);
}

/* Opens `path` with `more` behind it; false: not there, or none of ours to give. */
static bool open_path(struct asked *asked, struct slice path, const char *more)
{
    ASSERT(path.len <= FILE_PATH_MAX);
    int length =
        snprintf(asked->path, sizeof asked->path, "%.*s%s", (int)path.len, path.len == 0 ? "" : path.data, more);
    if (length <= 0 || (size_t)length >= sizeof asked->path) {
        return false;
    }
    asked->fd = file_beneath_open(asked->entry->folder, asked->path, &asked->about);
    return asked->fd >= 0;
}

static enum page_result serve_index(struct static_files *files, struct asked *asked, struct slice path,
                                    struct page_reply *reply)
{
    const char *index = asked->entry->options->index;
    if (index[0] == '\0' || !open_path(asked, path, index)) {
        return not_found(reply);
    }
    if (!S_ISREG(asked->about.st_mode)) {
        close(asked->fd);
        return not_found(reply);
    }
    return send_file(files, asked, reply);
}

static enum page_result serve_path(struct static_files *files, struct asked *asked, struct slice path,
                                   struct page_reply *reply)
{
    if (path.len == 0 || path.data[path.len - 1] == '/') {
        return serve_index(files, asked, path, reply);
    }
    if (!open_path(asked, path, "")) {
        return not_found(reply);
    }
    if (S_ISREG(asked->about.st_mode)) {
        return send_file(files, asked, reply);
    }
    close(asked->fd);
    return S_ISDIR(asked->about.st_mode) && asked->entry->options->index[0] != '\0'
               ? redirect_to_folder(asked->request->path, reply)
               : not_found(reply);
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct files_entry *entry = context;
    struct asked asked = { .entry = entry, .request = request, .later = later };
    size_t base = files_entry_base(entry);
    if (request->path.len <= base) { /* the folder without its slash */
        return redirect_to_folder(request->path, reply);
    }
    struct slice path = slice_after(request->path, base + 1);
    return file_path_fits(path) ? serve_path(entry->files, &asked, path, reply) : not_found(reply);
}

void static_files_pages(struct static_files *files, struct page *pages)
{
    for (size_t i = 0; i < files->count; i++) {
        struct files_entry *entry = &files->entries[i];
        pages[i] = (struct page){
            .path = entry->pattern,
            .methods = METHOD_BIT(HTTP_GET),
            .needs = entry->options->file == NULL ? PAGE_NEEDS_READ : PAGE_NEEDS_NOTHING, /* Swagger UI */
            .context = entry,
            .handle = handle,
            .prefix = entry->options->prefix,
            .hosts = entry->options->host.count != 0 ? &entry->options->host : &entry->options->included_hosts,
            .file = entry->options->file,
            .line = entry->options->line,
        };
    }
}

static bool open_entries(struct static_files *files, const struct files_options *options, struct buf *problem)
{
    for (size_t i = 0; i < files->count; i++) {
        struct files_entry *entry = &files->entries[i];
        entry->files = files;
        if (!files_entry_open(entry, &options[i], problem)) {
            return false;
        }
    }
    if (files->count != 0 && !file_beneath_has_openat2(files->entries[0].folder)) {
        LOG(LOG_WARN, "files without links",
            "this kernel has no openat2: symbolic links beneath files[].folder are "
            "not followed");
    }
    return true;
}

bool static_files_check(const struct files_options *options, size_t count, struct buf *problems)
{
    return files_entries_check(options, count, problems);
}

struct static_files *static_files_start(const struct files_options *options, size_t count,
                                        void (*post)(struct page_later later, struct page_reply *reply),
                                        struct buf *problem)
{
    struct static_files *files = calloc(1, sizeof *files);
    if (files != NULL) {
        files->entries = calloc(count + 1, sizeof *files->entries);
        files->count = files->entries == NULL ? 0 : count;
        files->reader = file_reader_new(FILES_WAITING_BYTES, post);
        for (size_t i = 0; i < files->count; i++) {
            files->entries[i].folder = -1;
        }
    }
    if (files == NULL || files->entries == NULL || files->reader == NULL) {
        buf_append_string(problem, "files: out of memory");
    } else if (open_entries(files, options, problem)) {
        if (count == 0 || file_reader_start(files->reader)) {
            return files;
        }
        buf_append_string(problem, "files: a thread could not be started");
    }
    static_files_free(files);
    return NULL;
}

void static_files_stop(struct static_files *files)
{
    if (files != NULL) {
        file_reader_stop(files->reader);
    }
}

void static_files_free(struct static_files *files)
{
    if (files == NULL) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        files_entry_close(&files->entries[i]);
    }
    file_reader_free(files->reader);
    free(files->entries);
    free(files);
}
