/* Turns an entry of `files` into an open folder, and into what is wrong with it. */
#include "proto/files/files_entry.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/files_options.h"
#include "proto/files/file_path.h"
#include "proto/front/page_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAPTURE "{file...}"

bool files_entry_path(struct slice path, size_t *base_length)
{
    const char *brace = path.len == 0 ? NULL : memchr(path.data, '{', path.len);
    struct slice base = path;
    if (brace != NULL) {
        struct slice capture = slice_after(path, (size_t)(brace - path.data));
        if (capture.len < 6 || memcmp(capture.data + capture.len - 4, "...}", 4) != 0 ||
            memchr(capture.data, '/', capture.len) != NULL || brace == path.data || brace[-1] != '/') {
            return false;
        }
        base.len = (size_t)(brace - path.data);
    }
    if (base.len == 0 || base.data[0] != '/') {
        return false;
    }
    *base_length = base.len - (base.data[base.len - 1] == '/');
    return memmem(base.data, base.len, "//", 2) == NULL;
}

void files_entry_folder(const struct files_options *options, struct buf *out)
{
    const char *slash = options->file == NULL ? NULL : strrchr(options->file, '/');
    if (options->folder[0] != '/' && slash != NULL) {
        buf_append(out, options->file, (size_t)(slash - options->file) + 1);
    }
    buf_append_string(out, options->folder);
}

static int open_folder(const struct files_options *options)
{
    struct buf path = { 0 };
    files_entry_folder(options, &path);
    const char *text = buf_c_string(&path);
    int fd = text == NULL ? -1 : open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = text == NULL ? ENOMEM : errno;
    buf_release(&path);
    errno = error;
    return fd;
}

static void tell_folder(const struct files_options *options, size_t index, struct buf *problems)
{
    int error = errno;
    struct buf path = { 0 };
    files_entry_folder(options, &path);
    buf_printf(problems, "%s:%d: files[%zu].folder: found \"%.*s\", expected a folder that can be opened: %s\n",
               options->file, options->line, index, (int)path.len, path.len == 0 ? "" : path.data, strerror(error));
    buf_release(&path);
}

static bool check_headers(const struct files_options *options, size_t index, struct buf *problems)
{
    bool fits = true;
    for (size_t i = 0; i < options->headers.count; i++) {
        const char *name = options->headers.names[i];
        if (!page_header_is_free(name)) {
            buf_printf(problems,
                       "%s:%d: files[%zu].headers: found \"%s\", expected the name of a header that the gateway "
                       "does not write itself\n",
                       options->file, options->line, index, name);
            fits = false;
        }
    }
    return fits;
}

static bool check_entry(const struct files_options *options, size_t index, struct buf *problems)
{
    size_t base;
    bool fits = check_headers(options, index, problems);
    if (!files_entry_path(slice_from_string(options->path), &base)) {
        buf_printf(problems,
                   "%s:%d: files[%zu].path: found \"%s\", expected a path such as /docs or /docs/" CAPTURE "\n",
                   options->file, options->line, index, options->path);
        fits = false;
    }
    if (options->index[0] != '\0' && (!file_path_fits(slice_from_string(options->index)) ||
                                      strchr(options->index, '/') != NULL || strlen(options->index) > 255)) {
        buf_printf(problems, "%s:%d: files[%zu].index: found \"%s\", expected the name of a file, such as index.html\n",
                   options->file, options->line, index, options->index);
        fits = false;
    }
    int folder = open_folder(options);
    if (folder < 0) {
        tell_folder(options, index, problems);
        return false;
    }
    close(folder);
    return fits;
}

bool files_entries_check(const struct files_options *options, size_t count, struct buf *problems)
{
    bool fits = true;
    for (size_t i = 0; i < count; i++) {
        fits = check_entry(&options[i], i, problems) && fits;
    }
    return fits;
}

bool files_entry_open(struct files_entry *entry, const struct files_options *options, struct buf *problem)
{
    struct buf pattern = { 0 };
    *entry = (struct files_entry){ .options = options, .files = entry->files, .folder = open_folder(options) };
    if (entry->folder < 0) {
        buf_printf(problem, "files: the folder \"%s\" cannot be opened: %s", options->folder, strerror(errno));
        return false;
    }
    bool valid = files_entry_path(slice_from_string(options->path), &entry->base_length);
    ASSERT(valid); /* files_entries_check said so */
    buf_append(&pattern, options->path, entry->base_length);
    buf_append_string(&pattern, "/" CAPTURE);
    if (buf_c_string(&pattern) == NULL) {
        buf_append_string(problem, "files: out of memory");
        return false;
    }
    entry->pattern = pattern.data;
    long long seconds = options->cache_ns / NS_PER_SECOND;
    snprintf(entry->cache_control, sizeof entry->cache_control, seconds == 0 ? "no-cache" : "public, max-age=%lld",
             seconds);
    return true;
}

void files_entry_close(struct files_entry *entry)
{
    if (entry->folder >= 0) {
        close(entry->folder);
    }
    free(entry->pattern);
    *entry = (struct files_entry){ .folder = -1 };
}

size_t files_entry_base(const struct files_entry *entry)
{
    const char *prefix = entry->options->prefix;
    return entry->base_length + (prefix == NULL ? 0 : strlen(prefix));
}
