/* Turns the segments of a data folder into lines for people. */
#include "command/journal_command.h"

#include "base/clock.h"
#include "base/plain_text.h"
#include "base/system/disk.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One segment while it is looked at. `header_length` 0: its header is damaged. */
struct view {
    const char *file_name;
    int64_t made_ns;
    struct slice bytes;
    struct disk_holes holes;
    struct segment_header header;
    size_t header_length;
    struct segment_summary summary;
};

struct verb {
    const char *name;
    void (*begin)(void);
    struct segment_visitor visitor;
    /* False: damage. */
    bool (*show)(const struct view *view);
};

/* --- ls --- */

static void begin_list(void)
{
    printf("%-24s %10s %12s %9s  %s\n", "STREAM", "ROWS", "BYTES", "AGE s", "SEGMENT");
}

static bool show_list(const struct view *view)
{
    double age = (double)(clock_wall_ns() - view->made_ns) / (double)NS_PER_SECOND;
    char stream[SEGMENT_NAME_MAX];
    plain_text_copy(slice_from_string(view->header_length != 0 ? view->header.stream : "(damaged header)"), stream,
                    sizeof stream);
    printf("%-24s %10llu %12zu %9.1f  %s\n", stream, (unsigned long long)view->summary.rows, view->bytes.len, age,
           view->file_name);
    return true;
}

/* --- cat --- */

static void print_rows(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    (void)context;
    (void)offset;
    (void)length;
    struct buf line = { 0 };
    for (uint64_t row = 0; row < block->rows; row++) {
        buf_clear(&line);
        native_row_to_json(block, row, &line);
        buf_append_byte(&line, '\n');
        fwrite(line.data, 1, line.len, stdout);
    }
    buf_release(&line);
}

/* The rows that are good are on stdout. */
static bool tell_damage(const struct view *view)
{
    const struct segment_summary *summary = &view->summary;
    if (view->header_length != 0 && summary->damaged_pieces == 0) {
        return true;
    }
    fprintf(stderr, "sluice journal: %s: %s, %llu damaged pieces of %llu bytes, %llu rows, left out\n", view->file_name,
            view->header_length == 0 ? "header damaged" : "DAMAGED", (unsigned long long)summary->damaged_pieces,
            (unsigned long long)summary->damaged_bytes, (unsigned long long)summary->damaged_rows);
    return false;
}

/* --- verify --- */

static bool show_verdict(const struct view *view)
{
    const struct segment_summary *summary = &view->summary;
    uint64_t tail = view->bytes.len - summary->tail;
    if (view->header_length == 0) {
        printf("%s: header damaged, %llu rows behind it\n", view->file_name, (unsigned long long)summary->rows);
        return false;
    }
    printf("%s: %s, %llu frames, %llu rows", view->file_name, summary->damaged_pieces == 0 ? "sound" : "DAMAGED",
           (unsigned long long)summary->frames, (unsigned long long)summary->rows);
    if (summary->damaged_pieces != 0) {
        printf(", %llu damaged pieces of %llu bytes, %llu rows", (unsigned long long)summary->damaged_pieces,
               (unsigned long long)summary->damaged_bytes, (unsigned long long)summary->damaged_rows);
    }
    if (tail != 0) {
        printf(", a tail of %llu bytes that is not whole (being written, or never acknowledged)",
               (unsigned long long)tail);
    }
    printf("\n");
    return summary->damaged_pieces == 0;
}

static const struct verb verbs[] = {
    { .name = "ls", .begin = begin_list, .show = show_list },
    { .name = "cat", .visitor = { .frame = print_rows }, .show = tell_damage },
    { .name = "verify", .show = show_verdict },
};

/* --- the walk over the folder --- */

static bool show(const struct verb *verb, struct view *view)
{
    bool sound = false;
    bool ours = segment_header_read(&view->header, view->bytes, &view->header_length);
    bool walked = (ours || errno != ENOMEM) &&
                  segment_walk_salvaged(view->bytes, view->header_length, view->holes.end, ours ? &view->header : NULL,
                                        &verb->visitor, &view->summary) == OK;
    if (walked) {
        sound = verb->show(view);
    } else {
        fprintf(stderr, "sluice journal: out of memory\n");
    }
    if (view->holes.bytes != 0) {
        fprintf(stderr, "sluice journal: %s: the disk does not give %llu of its bytes\n", view->file_name,
                (unsigned long long)view->holes.bytes);
    }
    segment_header_release(&view->header);
    return sound && view->holes.bytes == 0;
}

static bool look(const struct verb *verb, struct view *view, int fd, uint64_t length)
{
    struct buf bytes = { 0 };
    bool sound = false;
    if (disk_salvage(fd, length, &bytes, &view->holes) == OK) {
        view->bytes = buf_slice(&bytes);
        sound = show(verb, view);
    } else {
        fprintf(stderr, "sluice journal: cannot read %s: %s\n", view->file_name, strerror(errno));
    }
    buf_release(&bytes);
    return sound;
}

static bool complain_of_length(const char *file_name)
{
    fprintf(stderr, "sluice journal: %s is longer than any segment\n", file_name);
    return false;
}

/* A segment that is gone by now was stored meanwhile; an empty one is being made. */
static bool look_at_file(const struct verb *verb, int folder_fd, const char *file_name)
{
    struct slice stream;
    struct event_id uuid;
    struct stat info;
    struct view view = { .file_name = file_name };
    int fd = openat(folder_fd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return true;
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        fprintf(stderr, "sluice journal: cannot open %s: %s\n", file_name, strerror(errno));
        return false;
    }
    bool sound = true;
    if (S_ISREG(info.st_mode) && info.st_size > 0 && segment_parse_name(slice_from_string(file_name), &stream, &uuid)) {
        view.made_ns = segment_made_ns(&uuid);
        uint64_t written = disk_written_length(fd, (uint64_t)info.st_size);
        sound = written <= SEGMENT_MAX_FILE ? look(verb, &view, fd, written) : complain_of_length(file_name);
    }
    close(fd);
    return sound;
}

static int is_segment(const struct dirent *entry)
{
    return segment_is_file_name(entry->d_name);
}

/* By the UUID at the end of the name, which begins with the time. */
static int by_age(const struct dirent **a, const struct dirent **b)
{
    size_t tail = EVENT_ID_TEXT + sizeof SEGMENT_SUFFIX - 1;
    return strcmp((*a)->d_name + strlen((*a)->d_name) - tail, (*b)->d_name + strlen((*b)->d_name) - tail);
}

static int look_at_folder(const struct verb *verb, const char *data)
{
    char *path = NULL;
    struct dirent **entries = NULL;
    int folder_fd = asprintf(&path, "%s/journal", data) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = folder_fd < 0 ? -1 : scandir(path, &entries, is_segment, by_age);
    if (count < 0) {
        fprintf(stderr, "sluice journal: cannot read %s: %s; name the data folder of a gateway\n", path,
                strerror(errno));
    }
    bool sound = count >= 0;
    if (sound && verb->begin != NULL) {
        verb->begin();
    }
    for (int i = 0; i < count; i++) {
        sound = look_at_file(verb, folder_fd, entries[i]->d_name) && sound;
        free(entries[i]);
    }
    free(entries);
    free(path);
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    return sound && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return look_at_folder(&verbs[i], argv[2]);
        }
    }
    return command_explain_use(&journal_command);
}

static const struct command_verb command_verbs[] = {
    { "ls", "a line a segment: stream, rows, bytes, age, name" },
    { "cat", "every row as a line of JSON, oldest segment first" },
    { "verify", "check every frame of every segment" },
    { 0 },
};

const struct command journal_command = {
    .name = "journal",
    .usage = "ls|cat|verify DATA_FOLDER",
    .summary = "look at the events that wait in a data folder",
    .help = "It only reads, and works while a gateway runs. Exit code: 0, 1 if damage was found or the folder cannot "
            "be read, 2 for the command line.",
    .verbs = command_verbs,
    .run = run_command,
};
