/* Turns the files of rejects into those that name an id: their own, or one that the event brought. */
#include "base/assert.h"
#include "event/segment/native.h"
#include "inspect/event_places.h"
#include "pipeline/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "rejects"
#define SUFFIX ".ndjson"

struct lines {
    struct event_search *search;
    struct json_parser *parser;
    const char *file_name;
    char stream[256]; /* of the file */
    char id[EVENT_ID_TEXT + 1];
};

/* "<stream>-<number>.ndjson"; false: it is not one, or of another stream. */
static bool is_wanted(struct lines *lines, const char *name)
{
    const char *dash = strrchr(name, '-');
    size_t length = strlen(name);
    if (dash == NULL || length < sizeof SUFFIX || strcmp(name + length - (sizeof SUFFIX - 1), SUFFIX) != 0 ||
        (size_t)(dash - name) >= sizeof lines->stream) {
        return false;
    }
    snprintf(lines->stream, sizeof lines->stream, "%.*s", (int)(dash - name), name);
    lines->file_name = name;
    return lines->search->stream == NULL || strcmp(lines->search->stream, lines->stream) == 0;
}

/* As JSON, whatever it is: a line may be torn. */
static void tell(const struct lines *lines, struct slice line)
{
    struct buf copy = { 0 }, row = { 0 };
    struct json_document document;
    buf_append_slice(&copy, line);
    if (buf_reserve(&copy, JSON_PADDING) && json_parse(lines->parser, buf_slice(&copy), &document) == OK) {
        buf_append_slice(&row, line);
    } else {
        native_text_to_json(line, &row);
    }
    const struct event_place place = {
        .kind = PLACE_REJECTS,
        .stream = lines->stream,
        .segment = lines->file_name,
        .row = buf_slice(&row),
        .reason = "",
        .at = "",
    };
    lines->search->found(lines->search->context, &place);
    buf_release(&row);
    buf_release(&copy);
}

static void look_at_file(struct lines *lines, int folder_fd, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    bool is_gone = fd < 0 && errno == ENOENT; /* the oldest went */
    errno = fd >= 0 && file != NULL ? 0 : errno;
    for (ssize_t length; file != NULL && (length = getline(&line, &room, file)) > 0;) {
        if (strcasestr(line, lines->id) != NULL) {
            tell(lines, slice_make(line, (size_t)length - (line[length - 1] == '\n')));
        }
        errno = 0;
    }
    if (errno != 0 && !is_gone) {
        char where[512];
        snprintf(where, sizeof where, "%s/" FOLDER "/%s", lines->search->data, name);
        lines->search->not_looked(lines->search->context, where, strerror(errno));
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    } else if (fd >= 0) {
        close(fd);
    }
}

void event_rejects_search(struct event_search *search)
{
    struct lines lines = { .search = search, .parser = json_parser_new() };
    struct buf path = { 0 };
    buf_printf(&path, "%s/" FOLDER, search->data);
    const char *text = buf_c_string(&path);
    DIR *entries = text != NULL && lines.parser != NULL ? opendir(text) : NULL;
    ASSERT(!event_id_is_zero(&search->id));
    event_id_format(&search->id, lines.id);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        if (is_wanted(&lines, entry->d_name)) {
            look_at_file(&lines, dirfd(entries), entry->d_name);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    } else if (text == NULL || lines.parser == NULL || errno != ENOENT) {
        search->not_looked(search->context, "the rejects", text == NULL ? "out of memory" : strerror(errno));
    }
    json_parser_free(lines.parser);
    buf_release(&path);
}
