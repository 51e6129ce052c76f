/* Turns a data folder into a journal: what was left in it recovered. */
#include "pipeline/journal/journal_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/lz4.h"
#include "base/status.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "pipeline/journal/journal_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool prepare(struct journal *journal, struct buf *problem)
{
    journal->encoder = lz4_encoder_new();
    journal->open = calloc(journal->folder.stream_count + 1, sizeof *journal->open);
    journal->stream_bounds = calloc(journal->folder.stream_count + 1, sizeof *journal->stream_bounds);
    journal->cells = metrics_thread(journal->metrics);
    bool counts = journal_usage_init(&journal->usage, journal->folder.stream_count, journal->metrics);
    if (!counts || journal->encoder == NULL || journal->open == NULL || journal->stream_bounds == NULL ||
        journal->cells == NULL) {
        buf_append_string(problem, "journal: out of memory");
        return false;
    }
    return true;
}

/* A stream that may have the whole journal has no bound of its own. */
static void set_bounds(struct journal *journal, struct status_board *board)
{
    for (size_t i = 0; i < journal->folder.stream_count; i++) {
        uint64_t limit = journal->folder.streams[i]->options->max_journal_bytes;
        char name[64];
        if (limit == 0 || limit >= journal->options->max_bytes) {
            continue;
        }
        snprintf(name, sizeof name, "journal:%s", journal->folder.streams[i]->name);
        journal->stream_bounds[i] = (struct stream_bound){ { .limit = limit }, status_add(board, name) };
    }
}

struct journal *journal_open(const struct journal_config *config, struct segment **recovered, struct buf *problem)
{
    *recovered = NULL;
    const struct journal_options *options = config->options;
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        buf_append_string(problem, "journal: out of memory");
        return NULL;
    }
    journal->options = options;
    journal->metrics = config->metrics;
    segment_folder_init(&journal->folder, options->durability, config->io == NULL ? &journal_system_io : config->io,
                        config->streams, config->stream_count);
    journal->admission.in_memory = options->durability == DURABILITY_MEMORY;
    if (!prepare(journal, problem) || !segment_folder_open(&journal->folder, options->data, problem) ||
        !journal_recover(journal, recovered, problem)) {
        journal_close(journal);
        return NULL;
    }
    journal->status = status_add(config->board, "journal");
    set_bounds(journal, config->board);
    return journal;
}

static uint64_t count_segment_files(const char *folder)
{
    uint64_t count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        count += segment_is_file_name(entry->d_name);
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return count;
}

/* What waits in files that somebody deleted does not wait for the next start. */
static void tell_lost(struct journal *journal)
{
    uint64_t segments = journal_usage_of_all(&journal->usage).segments;
    bool in_files = segments != 0 && !segment_folder_is_memory(&journal->folder);
    uint64_t files = in_files ? count_segment_files(journal->folder.segments) : segments;
    if (files < segments) {
        LOG(LOG_ERROR, "events lost with their files",
            "%llu of %llu segments that wait are gone from %s: somebody deleted them; their events, which are counted "
            "as "
            "waiting, end with this process",
            (unsigned long long)(segments - files), (unsigned long long)segments, journal->folder.segments);
    }
}

/* What is open stays for the next start. */
static void leave(struct journal *journal, struct open_segment *open)
{
    journal_cut_ahead(journal, open);
    ASSERT_EQUAL(open->written, open->extended);
    if (open->segment != NULL && open->segment->rows != 0 && open->rows == 0 && !open->cut_failed) {
        segment_folder_seal(&journal->folder, open->segment);
    }
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    if (journal->usage.of_stream != NULL) {
        tell_lost(journal);
    }
    for (size_t i = 0; journal->open != NULL && i < journal->folder.stream_count; i++) {
        leave(journal, &journal->open[i]);
        segment_free(journal->open[i].segment);
    }
    for (struct segment *segment; (segment = journal_take_sealed(journal)) != NULL;) {
        segment_free(segment);
    }
    segment_folder_close(&journal->folder);
    journal_usage_release(&journal->usage);
    lz4_encoder_free(journal->encoder);
    buf_release(&journal->out);
    free(journal->open);
    free(journal->stream_bounds);
    free(journal);
}
