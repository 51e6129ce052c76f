/* Turns a group's outcome into what is known of the updates of each stream. */
#include "base/log.h"
#include "config/options/dedup_options.h"
#include "pipeline/commit/commit_private.h"

#include <errno.h>
#include <string.h>

static bool any_upserts(const struct commit *commit)
{
    bool any = false;
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        any = any || commit->config.streams[i]->version_column >= 0;
    }
    return any;
}

static void warn(const char *what)
{
    LOG(LOG_WARN, "versions of updates not kept",
        "%s: %s; if the clock is set back before the next start, older states may win until it has caught up", what,
        strerror(errno));
}

bool commit_make_updates(struct commit *commit)
{
    commit->versions.fd = -1;
    if (commit->config.folder != NULL && any_upserts(commit) &&
        !version_mark_open(&commit->versions, commit->config.folder)) {
        warn("the file `versions` of the data folder cannot be opened");
    }
    /* A gateway that shares its filter is one of several: none of them knows the last state of a key. */
    bool finds_repeats = commit->config.dedup_options->kind == DEDUP_MEMORY;
    bool whole = true;
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        const struct stream *stream = commit->config.streams[i];
        if (stream->version_column >= 0) {
            commit->streams[i].updates = updates_new(stream, finds_repeats, commit->versions.floor_ns);
            whole = whole && commit->streams[i].updates != NULL;
        }
    }
    return whole;
}

void commit_free_updates(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        updates_free(commit->streams[i].updates);
    }
    version_mark_close(&commit->versions);
}

void commit_mark_versions(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        const struct commit_stream *stream = &commit->streams[i];
        if (stream->touched && stream->updates != NULL &&
            !version_mark_cover(&commit->versions, updates_last_ns(stream->updates))) {
            warn("the file `versions` of the data folder cannot be written");
        }
    }
}

void commit_forget_failed_updates(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        const struct commit_stream *stream = &commit->streams[i];
        if (stream->updates != NULL && stream->error != OK) {
            updates_forget(stream->updates);
        }
    }
}
