/* Turns what waits into lines of files, and files beyond the bound into nothing. */
#include "rejects/rejects_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "event/stream.h"
#include "rejects/reject_compose.h"
#include "rejects/reject_take.h"

#include <errno.h>
#include <stdlib.h>

#define LINES_AT_ONCE ((size_t)256 << 10) /* bytes that gather before they are written */
#define BATCH_BYTES ((uint64_t)1 << 20)   /* taken with the mutex held */
#define LEAST_FILE ((uint64_t)64 << 10)   /* a file is full at a share of `keep`, */
#define MOST_FILE ((uint64_t)4 << 20)     /* between these, so that not too much goes at once */
#define FILES_OF_KEEP 16
#define DISK_MARGIN ((uint64_t)64 << 20) /* left free beside what the journal needs */
#define IDLE_NS NS_PER_SECOND

void rejects_tell(struct rejects *rejects)
{
    const struct reject_files *files = &rejects->files;
    metric_set(rejects->config.metrics, METRIC_REJECT_BYTES, 0, (double)files->bytes);
    if (rejects->disk_error != 0 && rejects->keep != 0) {
        status_set(rejects->status, STATUS_DEGRADED, "rejected input is not kept: %s; events are accepted as ever",
                   rejects->disk_error == ENOSPC ? "the disk is full, or nearly" : strerror(rejects->disk_error));
    } else if (rejects->keep != 0) {
        status_set(rejects->status, STATUS_OK, "%llu bytes in %zu files, of at most %llu",
                   (unsigned long long)files->bytes, files->count, (unsigned long long)rejects->keep);
    } else {
        status_set(rejects->status, STATUS_OK, "nothing is kept");
    }
}

void rejects_make_room(struct rejects *rejects, uint64_t room, struct metrics_cells *cells)
{
    while (rejects->files.count != 0 && rejects->files.bytes + room > rejects->keep) {
        metric_add(cells, METRIC_REJECTS_REMOVED, (int64_t)reject_files_remove_oldest(&rejects->files));
    }
}

static uint64_t full_file(const struct rejects *rejects)
{
    uint64_t share = rejects->keep / FILES_OF_KEEP;
    return share < LEAST_FILE ? LEAST_FILE : share > MOST_FILE ? MOST_FILE : share;
}

static bool has_disk(const struct rejects *rejects, uint64_t bytes)
{
    uint64_t free_bytes = reject_files_free_bytes(rejects->config.data_folder);
    return free_bytes >= rejects->config.min_free + DISK_MARGIN + bytes;
}

static void note_disk(struct rejects *rejects, int error)
{
    if (error != 0 && rejects->disk_error == 0) {
        LOG(LOG_WARN, "rejects not kept", "folder=%s error=\"%s\"", rejects->files.folder, strerror(error));
    }
    rejects->disk_error = error;
}

static void write_lines(struct rejects *rejects, size_t stream)
{
    struct reject_lines *lines = &rejects->streams[stream];
    if (lines->lines.len == 0) {
        return;
    }
    ASSERT(lines->weight != 0);
    rejects_make_room(rejects, lines->lines.len, rejects->cells);
    bool written = false;
    errno = ENOSPC;
    if (has_disk(rejects, lines->lines.len)) {
        written = reject_files_append(&rejects->files, lines->name, &lines->number, clock_wall_ns(),
                                      buf_slice(&lines->lines), lines->count);
    }
    note_disk(rejects, written ? 0 : errno);
    if (written) {
        metric_add_index(rejects->cells, METRIC_REJECTS_KEPT, stream, (int64_t)lines->weight);
        size_t at = reject_files_find(&rejects->files, lines->number);
        lines->number = rejects->files.items[at].size >= full_file(rejects) ? 0 : lines->number;
    } else {
        rejects_miss(rejects, NOT_KEPT_DISK, lines->weight);
    }
    buf_clear(&lines->lines);
    buf_shed(&lines->lines, 2 * LINES_AT_ONCE);
    lines->count = lines->weight = 0;
}

static size_t place_of(const struct rejects *rejects, const struct taken_reject *taken)
{
    return taken->stream != NULL ? taken->stream->index : rejects->config.stream_count;
}

/* Its line waits to be written. How long it is. */
static uint64_t make_line(struct rejects *rejects, struct taken_reject *taken)
{
    size_t place = place_of(rejects, taken);
    struct reject_lines *lines = &rejects->streams[place];
    struct event_id id = event_id_generate(&rejects->generator, taken->reject.received_ns);
    size_t before = lines->lines.len;
    if (!reject_compose(rejects->composer, &rejects->rules, taken, &id, &lines->lines)) {
        rejects_miss(rejects, NOT_KEPT_MEMORY, taken->weight);
        return 0;
    }
    uint64_t length = lines->lines.len - before;
    if (length > full_file(rejects) && length > rejects->keep / 2) {
        lines->lines.len = before;
        rejects_miss(rejects, NOT_KEPT_SIZE, taken->weight);
        return 0;
    }
    lines->count++;
    lines->weight += taken->weight;
    if (lines->lines.len >= LINES_AT_ONCE) {
        write_lines(rejects, place);
    }
    return length;
}

/* Up to the bound of a batch; the rest stays in *taken. How many bytes were written. */
static uint64_t write_batch(struct rejects *rejects, struct taken_reject **taken)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&rejects->mutex);
    while (*taken != NULL && bytes < BATCH_BYTES) {
        struct taken_reject *next = (*taken)->next;
        if (rejects->keep != 0) {
            bytes += make_line(rejects, *taken);
        }
        atomic_fetch_sub_explicit(&rejects->queued, (*taken)->size, memory_order_relaxed);
        free(*taken);
        *taken = next;
    }
    for (size_t i = 0; i <= rejects->config.stream_count; i++) {
        write_lines(rejects, i);
    }
    if (rejects->keep != 0) {
        rejects_make_room(rejects, 0, rejects->cells);
    }
    rejects_tell(rejects);
    pthread_mutex_unlock(&rejects->mutex);
    return bytes;
}

static void count_missed(struct rejects *rejects)
{
    for (size_t i = 0; i < NOT_KEPT_REASONS; i++) {
        uint64_t missed = atomic_exchange_explicit(&rejects->missed[i], 0, memory_order_relaxed);
        if (missed != 0) {
            metric_add_index(rejects->cells, METRIC_REJECTS_NOT_KEPT, i, (int64_t)missed);
        }
    }
}

/* All that waits; waits itself for at most a while if nothing does. */
static struct taken_reject *take_all(struct rejects *rejects, bool *stopping)
{
    wakeup_lock(&rejects->wakeup);
    if (rejects->first == NULL && !rejects->stopping) {
        wakeup_wait(&rejects->wakeup, clock_monotonic_ns() + IDLE_NS);
    }
    struct taken_reject *taken = rejects->first;
    rejects->first = NULL;
    rejects->end = &rejects->first;
    *stopping = rejects->stopping;
    wakeup_unlock(&rejects->wakeup);
    return taken;
}

/* What comes meanwhile waits, as far as it finds room. */
static void keep_pace(struct rejects *rejects, int64_t since_ns, uint64_t bytes)
{
    int64_t until_ns = since_ns + (int64_t)bytes * (NS_PER_SECOND / 1024) / (REJECTS_PACE / 1024);
    wakeup_lock(&rejects->wakeup);
    while (!rejects->stopping && clock_monotonic_ns() < until_ns) {
        wakeup_wait(&rejects->wakeup, until_ns);
    }
    wakeup_unlock(&rejects->wakeup);
}

void rejects_run(void *opaque)
{
    struct rejects *rejects = opaque;
    for (bool stopping = false; !stopping;) {
        struct taken_reject *taken = take_all(rejects, &stopping);
        do {
            int64_t since_ns = clock_monotonic_ns();
            uint64_t bytes = write_batch(rejects, &taken);
            count_missed(rejects);
            keep_pace(rejects, since_ns, bytes);
        } while (taken != NULL);
    }
}
