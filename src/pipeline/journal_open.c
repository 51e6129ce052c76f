/* Turns a data folder into a journal: what was left in it recovered. */
#include "pipeline/journal_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool fail(struct buf *problem, const char *what, const char *path)
{
    buf_printf(problem, "journal.data: cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

static bool open_folder(struct journal *journal, const char *data, struct buf *problem)
{
    journal->folder = realpath(data, NULL);
    if (journal->folder == NULL) {
        return fail(problem, "find the real path of", data);
    }
    journal->segment_folder = journal_path(journal->folder, "journal", "");
    journal->damaged_folder = journal_path(journal->folder, "damaged", "");
    if (journal->segment_folder == NULL || journal->damaged_folder == NULL) {
        return fail(problem, "open", journal->folder);
    }
    if (!disk_make_folder(journal->segment_folder)) {
        return fail(problem, "make the folder", journal->segment_folder);
    }
    journal->segment_folder_fd = open(journal->segment_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->segment_folder_fd < 0) {
        return fail(problem, "open", journal->segment_folder);
    }
    return true;
}

static bool prepare(struct journal *journal, struct buf *problem)
{
    journal->encoder = lz4_encoder_new();
    journal->open = calloc(journal->stream_count + 1, sizeof *journal->open);
    journal->usage = calloc(journal->stream_count + 1, sizeof *journal->usage);
    journal->stream_bounds = calloc(journal->stream_count + 1, sizeof *journal->stream_bounds);
    journal->cells = metrics_thread(journal->metrics);
    if (journal->encoder == NULL || journal->open == NULL || journal->usage == NULL || journal->stream_bounds == NULL ||
        journal->cells == NULL) {
        buf_append_string(problem, "journal: out of memory");
        return false;
    }
    return true;
}

/* A stream that may have the whole journal has no bound of its own. */
static void set_bounds(struct journal *journal, struct status_board *board)
{
    for (size_t i = 0; i < journal->stream_count; i++) {
        uint64_t limit = journal->streams[i]->options->max_journal_bytes;
        char name[64];
        if (limit == 0 || limit >= journal->options->max_bytes) {
            continue;
        }
        snprintf(name, sizeof name, "journal:%s", journal->streams[i]->name);
        journal->stream_bounds[i] = (struct stream_bound){ { .limit = limit }, status_add(board, name) };
    }
}

struct journal *journal_open(const struct journal_options *options, const struct stream *const *streams,
                             size_t stream_count, struct metrics *metrics, struct status_board *board,
                             struct segment **recovered, struct buf *problem)
{
    *recovered = NULL;
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        buf_append_string(problem, "journal: out of memory");
        return NULL;
    }
    journal->options = options;
    journal->io = &journal_system_io;
    journal->streams = streams;
    journal->stream_count = stream_count;
    journal->metrics = metrics;
    journal->segment_folder_fd = -1;
    pthread_mutex_init(&journal->mutex, NULL);
    event_id_generator_init(&journal->names);
    if (!prepare(journal, problem) || !open_folder(journal, options->data, problem) ||
        !journal_recover(journal, recovered, problem)) {
        journal_close(journal);
        return NULL;
    }
    journal->status = status_add(board, "journal");
    set_bounds(journal, board);
    return journal;
}

static bool is_segment_file(const char *file_name)
{
    struct slice stream;
    struct event_id uuid;
    struct slice name = slice_from_string(file_name);
    size_t suffix = sizeof SEGMENT_SUFFIX - 1;
    return name.len > suffix && strcmp(file_name + name.len - suffix, SEGMENT_SUFFIX) == 0 &&
           segment_parse_name(name, &stream, &uuid);
}

static uint64_t count_segment_files(const char *folder)
{
    uint64_t count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        count += is_segment_file(entry->d_name);
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return count;
}

/* What waits in files that somebody deleted does not wait for the next start. */
static void tell_lost(const struct journal *journal)
{
    uint64_t segments = 0;
    for (size_t i = 0; journal->usage != NULL && i <= journal->stream_count; i++) {
        segments += journal->usage[i].segments;
    }
    uint64_t files =
        segments == 0 || journal_is_memory(journal) ? segments : count_segment_files(journal->segment_folder);
    if (files < segments) {
        LOG(LOG_ERROR, "events lost with their files",
            "%llu of %llu segments that wait are gone from %s: somebody deleted them; their events, which are counted "
            "as "
            "waiting, end with this process",
            (unsigned long long)(segments - files), (unsigned long long)segments, journal->segment_folder);
    }
}

/* What is open stays for the next start. */
static void leave(struct journal *journal, struct open_segment *open)
{
    journal_cut_ahead(journal, open);
    if (open->segment != NULL && open->segment->rows != 0 && open->rows == 0 && !open->cut_failed) {
        journal_write_seal(journal, open->segment);
    }
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    tell_lost(journal);
    for (size_t i = 0; journal->open != NULL && i < journal->stream_count; i++) {
        leave(journal, &journal->open[i]);
        segment_free(journal->open[i].segment);
    }
    for (struct segment *segment; (segment = journal_take_sealed(journal)) != NULL;) {
        segment_free(segment);
    }
    if (journal->segment_folder_fd >= 0) {
        close(journal->segment_folder_fd);
    }
    lz4_encoder_free(journal->encoder);
    buf_release(&journal->out);
    pthread_mutex_destroy(&journal->mutex);
    free(journal->open);
    free(journal->usage);
    free(journal->stream_bounds);
    free(journal->folder);
    free(journal->segment_folder);
    free(journal->damaged_folder);
    free(journal);
}
