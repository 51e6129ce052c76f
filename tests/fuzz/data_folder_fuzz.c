/* A data folder that somebody else wrote to: segments, key files, dead letters and what was given back, each whole but for
 * what the input does to it. A start reads it all, and what it took is found the same by the next start. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/event_id.h"
#include "fuzz/cost.h"
#include "pipeline/dedup/key_log.h"
#include "pipeline/journal/dead_letters.h"
#include "pipeline/journal/journal.h"
#include "pipeline/journal/letter_files.h"
#include "sample_rows.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_BYTE 500
#define FOLDER_BYTES 8000 /* what two starts and the whole files weigh */
#define WALL_NS (INT64_C(1700000000) * NS_PER_SECOND)
#define NAME "events-01890a5d-ac96-774b-bcce-b302099a8057"
#define OTHER "events-01890a5d-ac96-774b-bcce-b302099a8058"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static struct {
    char folder[64];
    struct stream *stream;
    const struct stream *streams[1];
    struct buf segment; /* whole, sealed */
    struct buf keys;
    struct buf letter;
} world;

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char child[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (unlink(child) != 0) {
            empty_folder(child);
            rmdir(child);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void write_file(const char *folder, const char *name, struct slice bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", world.folder, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", world.folder, folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

struct journal_run {
    struct metrics *metrics;
    struct status_board *board;
    struct journal *journal;
    struct segment *recovered;
};

static bool run_start(struct journal_run *run)
{
    static const char *const names[] = { "events" };
    static const struct journal_options options = { .data = world.folder,
                                                    .durability = DURABILITY_OS,
                                                    .max_bytes = 1 << 30 };
    struct buf problem = { 0 };
    run->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    run->board = status_board_new();
    struct journal_config config = {
        .options = &options, .streams = world.streams, .stream_count = 1, .metrics = run->metrics, .board = run->board
    };
    run->journal = journal_open(&config, &run->recovered, &problem);
    must(run->journal != NULL || problem.len != 0);
    buf_release(&problem);
    return run->journal != NULL;
}

static void run_stop(struct journal_run *run)
{
    while (run->recovered != NULL) {
        struct segment *segment = run->recovered;
        run->recovered = segment->next;
        segment_free(segment);
    }
    journal_close(run->journal);
    metrics_free(run->metrics);
    status_board_free(run->board);
}

/* Two frames of two rows. */
static void make_whole(void)
{
    struct journal_run run = { 0 };
    struct chunk *chunk = chunk_new(world.stream);
    must(run_start(&run));
    for (unsigned i = 0; i < 2; i++) {
        chunk_clear(chunk);
        sample_fill(chunk, 2 * i, 2);
        must(journal_append(run.journal, chunk, NULL, 2, WALL_NS) == OK && journal_commit(run.journal, 0) == OK);
    }
    struct segment *segment = journal_seal(run.journal, 0);
    must(segment != NULL && segment_read(segment, &world.segment) == OK);
    segment_free(segment);
    run_stop(&run);
    chunk_free(chunk);
}

static void begin(void)
{
    struct event_id ids[3] = { { { 1 } }, { { 2 } }, { { 3 } } };
    snprintf(world.folder, sizeof world.folder, "%s/sluice-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(world.folder) != NULL);
    world.stream = sample_stream();
    world.streams[0] = world.stream;
    make_whole();
    key_records_append(&world.keys, ids, 2, WALL_NS);
    key_records_append(&world.keys, ids + 1, 2, WALL_NS);
    buf_append_string(&world.letter,
                      "{\"stream\":\"events\",\"code\":469,\"reason\":\"x\",\"at\":\"2023-11-14T22:13:20Z\","
                      "\"event\":{}}\n");
}

/* `whole` with what four bytes of input each say: a byte changed, the end cut off, some bytes added or copied. */
static void harm(const struct buf *whole, struct slice how, struct buf *out)
{
    buf_clear(out);
    buf_append_slice(out, buf_slice(whole));
    while (how.len >= 4) {
        const uint8_t *step = (const uint8_t *)how.data;
        size_t at = out->len == 0 ? 0 : (size_t)(step[1] << 8 | step[2]) % out->len;
        switch (step[0] % 5) {
        case 0: out->data[at] = out->len == 0 ? 0 : (char)step[3]; break;
        case 1: out->len = step[3] < 200 ? out->len : at; break;
        case 2: buf_append_fill(out, step[3], step[1]); break;
        case 3: buf_append(out, step, 4); break;
        default:
            if (out->len < ((size_t)1 << 16) && buf_reserve(out, out->len)) {
                buf_append(out, out->data + at, out->len - at);
            }
        }
        how = slice_after(how, 4);
    }
}

static void ignore_ids(void *context, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    (void)wall_ns;
    must(ids != NULL);
    *(size_t *)context += count;
}

static size_t read_keys(void)
{
    struct key_log_options options = { world.folder, NS_PER_SECOND * 3600, 1000 };
    struct buf problem = { 0 };
    size_t count = 0;
    struct key_log *log = key_log_open(&options, WALL_NS, ignore_ids, &count, &problem);
    must(log != NULL);
    key_log_close(log);
    return count;
}

static void read_letters(struct metrics *metrics)
{
    struct letter_files files;
    struct buf problem = { 0 };
    struct dead_letters *letters = dead_letters_open(world.folder, 1 << 20, metrics, &problem);
    must(letters != NULL && letter_files_read(&files, world.folder, &problem));
    for (size_t i = 0; i < files.count; i++) {
        struct letter_view view = { 0 };
        if (files.letters[i].has_bytes) {
            (void)!letter_look(&files, &files.letters[i], &view);
        }
        letter_view_release(&view);
    }
    letter_files_release(&files);
    dead_letters_close(letters);
}

static uint64_t rows_of(struct segment *segment)
{
    uint64_t rows = 0;
    for (; segment != NULL; segment = segment->next) {
        must(segment_check(segment) == OK);
        rows += segment->rows;
    }
    return rows;
}

/* Once again: what was mended stays mended. */
static void start_again(uint64_t rows, bool adopted)
{
    struct journal_run run = { 0 };
    must(run_start(&run));
    must(rows_of(run.recovered) == rows || adopted);
    must(metric_read(run.metrics, METRIC_EVENTS_DAMAGED, 0, 0, OK) == 0);
    run_stop(&run);
}

static void start(void)
{
    struct journal_run run = { 0 };
    struct segment *adopted = NULL;
    if (!run_start(&run)) {
        run_stop(&run);
        return; /* a header of a newer version: it says so */
    }
    uint64_t rows = rows_of(run.recovered);
    read_letters(run.metrics);
    journal_adopt(run.journal, 100, metrics_thread(run.metrics), &adopted);
    (void)rows_of(adopted);
    bool any = adopted != NULL;
    while (adopted != NULL) {
        struct segment *segment = adopted;
        adopted = segment->next;
        segment_free(segment);
    }
    run_stop(&run);
    start_again(rows, any);
}

static void take(const uint8_t *data, size_t size)
{
    struct buf bytes = { 0 };
    if (world.stream == NULL) {
        begin();
    }
    if (size == 0) {
        return;
    }
    cost_weighs(FOLDER_BYTES);
    struct slice how = slice_make(data + 1, size - 1);
    empty_folder(world.folder);
    write_file("", "LOCK", SLICE(""));
    if (data[0] & 1) {
        harm(&world.segment, how, &bytes);
        write_file("journal", NAME SEGMENT_SUFFIX, buf_slice(&bytes));
    }
    if (data[0] & 2) {
        write_file("journal", OTHER SEGMENT_SUFFIX, how); /* nothing but the input */
    }
    if (data[0] & 4) {
        harm(&world.segment, how, &bytes);
        write_file("retry", NAME SEGMENT_SUFFIX, buf_slice(&bytes));
    }
    if (data[0] & 8) {
        harm(&world.segment, how, &bytes);
        write_file("dead", NAME SEGMENT_SUFFIX, buf_slice(&bytes));
        harm(&world.letter, how, &bytes);
        write_file("dead", NAME ".ndjson", buf_slice(&bytes));
    }
    if (data[0] & 16) {
        harm(&world.keys, how, &bytes);
        write_file("keys", "ids-1700000000000000000.keys", buf_slice(&bytes));
        size_t count = read_keys();
        must(read_keys() == count);
    }
    start();
    buf_release(&bytes);
}

COST_FUZZER(take, NS_PER_BYTE)
