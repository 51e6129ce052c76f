/* Groups of chunks through the commit step, with a real journal and no threads. Chunks are written as words: a letter is
 * an event, lower case with a stable id (equal letters are equal events), upper case without one; '|' begins the next
 * ticket. Answers are written as accepted+duplicate per ticket, or the code of its error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/commit_options.h"
#include "config/options/dedup_options.h"
#include "config/options/journal_options.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/commit/batch.h"
#include "pipeline/commit/commit.h"
#include "pipeline/commit/commit_queue.h"
#include "pipeline/commit/commit_thread.h"
#include "pipeline/commit/pipeline_inbox.h"
#include "pipeline/commit/waiters.h"
#include "pipeline/dedup/dedup.h"
#include "pipeline/journal/dead_letters.h"
#include "pipeline/journal/journal.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/settlement.h"

enum { STREAMS = 2, MOST_SEGMENTS = 16 };

struct fixture {
    char folder[64];
    struct journal_options journal_options;
    struct dedup_options dedup_options;
    struct commit_options commit_options;
    struct stream_options stream_options[STREAMS];
    struct field_options fields[1];
    struct stream *streams[STREAMS];
    struct metrics *metrics;
    struct metrics_cells *cells;
    struct status_board *board;
    struct journal_io io;
    struct journal *journal;
    struct dedup *dedup;
    struct dedup fake_dedup;
    struct dead_letters *letters;
    struct commit_queue queue;
    struct waiting_room room;
    struct commit *commit;
    struct settlement settlement;
    struct pipeline_inbox *inboxes[2];
    int wakes[2];
    uint64_t next_unstable;
    struct segment *segments[MOST_SEGMENTS];
    size_t segment_count;
    int64_t now_ns;
};

static int fdatasync_calls, fdatasync_fails_at;

static int failing_fdatasync(int fd)
{
    (void)fd;
    if (++fdatasync_calls == fdatasync_fails_at) {
        errno = EIO;
        return -1;
    }
    return 0;
}

static void wake(void *context)
{
    ++*(int *)context;
}

static void take_segment(void *context, struct segment *segment)
{
    struct fixture *f = context;
    assert_true(f->segment_count < MOST_SEGMENTS);
    f->segments[f->segment_count++] = segment;
}

static uint64_t first_max_journal; /* of the first stream, for the next set_up */
static bool second_upserts;        /* likewise */

static void make_streams(struct fixture *f)
{
    static const char *key[] = { "k" };
    f->fields[0] = (struct field_options){
        .name = "k", .type = "String", .required = true, .max_past_ns = -1, .max_future_ns = -1
    };
    struct buf problems = { 0 };
    for (size_t i = 0; i < STREAMS; i++) {
        f->stream_options[i] = (struct stream_options){
            .name = i == 0 ? "first" : "second",
            .table = "t",
            .dedup_key = { key, 1 },
            .batch = { BATCH_HYBRID, .max_rows = 10, .max_bytes = 1 << 20, .max_delay_ns = NS_PER_SECOND },
            .max_journal_bytes = i == 0 ? first_max_journal : 0,
            .fields = f->fields,
            .field_count = 1,
        };
        if (i == 1 && second_upserts) {
            f->stream_options[i].dedup_key = (struct string_list){ 0 };
            f->stream_options[i].upsert = (struct upsert_options){ { key, 1 }, "updated_at" };
        }
        f->streams[i] = stream_compile(&f->stream_options[i], i, &problems);
        if (f->streams[i] == NULL) {
            fail_msg("%s", buf_c_string(&problems));
        }
    }
}

static struct dedup_config dedup_config_of(const struct fixture *f)
{
    return (struct dedup_config){
        .options = &f->dedup_options,
        .folder = f->folder,
        .durability = f->journal_options.durability,
        .streams = (const struct stream *const *)f->streams,
        .stream_count = STREAMS,
        .metrics = f->metrics,
        .board = f->board,
    };
}

static void open_all(struct fixture *f)
{
    struct buf problem = { 0 };
    struct segment *recovered = NULL;
    f->io = journal_system_io;
    f->io.fdatasync = failing_fdatasync;
    fdatasync_calls = fdatasync_fails_at = 0;
    struct journal_config journal_config = { .options = &f->journal_options,
                                             .streams = (const struct stream *const *)f->streams,
                                             .stream_count = STREAMS,
                                             .metrics = f->metrics,
                                             .board = f->board,
                                             .io = &f->io };
    f->journal = journal_open(&journal_config, &recovered, &problem);
    if (f->journal == NULL) {
        fail_msg("%s", buf_c_string(&problem));
    }
    assert_null(recovered);
    struct dedup_config dedup_config = dedup_config_of(f);
    f->dedup = dedup_new(&dedup_config, clock_wall_ns(), &problem);
    f->letters = dead_letters_open(f->folder, 1 << 20, f->metrics, &problem);
    assert_non_null(f->dedup);
    assert_non_null(f->letters);
    f->settlement = (struct settlement){
        .journal = f->journal, .dedup = f->dedup, .letters = f->letters, .queue = &f->queue, .room = &f->room
    };
    assert_true(settlement_init(&f->settlement, f->metrics));
}

static void make_commit(struct fixture *f, struct dedup *dedup)
{
    commit_free(f->commit);
    struct commit_config config = {
        .streams = f->streams,
        .stream_count = STREAMS,
        .journal = f->journal,
        .dedup = dedup,
        .dedup_options = &f->dedup_options,
        .queue = &f->queue,
        .room = &f->room,
        .metrics = f->metrics,
        .board = f->board,
        .submit = take_segment,
        .context = f,
    };
    f->commit = commit_new(&config);
    assert_non_null(f->commit);
}

static int set_up(void **state)
{
    static const char *names[] = { "first", "second" };
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/sluice-commit-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->journal_options = (struct journal_options){ .data = f->folder, .max_bytes = 64 << 20 };
    f->dedup_options =
        (struct dedup_options){ .kind = DEDUP_MEMORY, .window_ns = 3600 * NS_PER_SECOND, .max_bytes = 1 << 20 };
    f->commit_options = (struct commit_options){ 1000000, 64 << 20 };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, STREAMS } });
    f->cells = metrics_thread(f->metrics);
    f->board = status_board_new();
    f->now_ns = NS_PER_SECOND;
    make_streams(f);
    commit_queue_init(&f->queue, &f->commit_options);
    waiting_room_init(&f->room);
    open_all(f);
    make_commit(f, f->dedup);
    for (int i = 0; i < 2; i++) {
        f->inboxes[i] = pipeline_inbox_new((struct pipeline_wake){ wake, &f->wakes[i] });
    }
    *state = f;
    return 0;
}

/* The identity, both lines of it, as a scrape would see it. */
static void check_identity(struct fixture *f)
{
    for (size_t s = 0; s < STREAMS; s++) {
        int64_t dropped = 0;
        for (int reason = 0; reason < ERROR_COUNT; reason++) {
            dropped += metric_read(f->metrics, METRIC_EVENTS_DROPPED, PROTOCOL_HTTP, s, (enum error)reason);
        }
        int64_t accepted = metric_read(f->metrics, METRIC_EVENTS_ACCEPTED, PROTOCOL_HTTP, s, OK);
        assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_RECEIVED, PROTOCOL_HTTP, s, OK),
                         accepted + metric_read(f->metrics, METRIC_EVENTS_DUPLICATE, PROTOCOL_HTTP, s, OK) + dropped +
                             metric_read(f->metrics, METRIC_EVENTS_IN_FLIGHT, PROTOCOL_HTTP, s, OK));
        assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_IN_FLIGHT, PROTOCOL_HTTP, s, OK), 0);
        assert_int_equal(accepted, metric_read(f->metrics, METRIC_EVENTS_STORED, 0, s, OK) +
                                       metric_read(f->metrics, METRIC_EVENTS_DEAD_LETTERED, 0, s, OK) +
                                       metric_read(f->metrics, METRIC_JOURNAL_EVENTS, 0, s, OK));
    }
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)kind, (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    check_identity(f);
    for (size_t i = 0; i < f->segment_count; i++) {
        segment_free(f->segments[i]);
    }
    commit_free(f->commit);
    settlement_release(&f->settlement);
    dead_letters_close(f->letters);
    f->dedup->ops->free(f->dedup);
    journal_close(f->journal);
    waiting_room_release(&f->room);
    commit_queue_release(&f->queue);
    for (int i = 0; i < 2; i++) {
        pipeline_inbox_free(f->inboxes[i]);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        stream_free(f->streams[i]);
    }
    status_board_free(f->board);
    metrics_free(f->metrics);
    nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static struct event_id id_of(struct fixture *f, size_t stream, char letter)
{
    struct event_id id = { { (uint8_t)letter, (uint8_t)(stream + 1) } };
    bool stable = letter >= 'a';
    if (!stable) {
        memcpy(id.bytes + 9, &(uint32_t){ (uint32_t)++f->next_unstable }, 4);
    }
    id.bytes[6] = stable ? 0x80 : 0x70;
    id.bytes[8] = 0x80;
    return id;
}

static void add_row(struct fixture *f, struct chunk *chunk, char letter)
{
    assert_true(chunk_reserve_row(chunk));
    struct event_id id = id_of(f, chunk->stream->index, letter);
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        struct column *column = &chunk->columns[i];
        column_begin(column, chunk->rows);
        if ((int)i == chunk->stream->event_id_column) {
            uint8_t wire[16];
            event_id_to_wire(&id, wire);
            buf_append(&column->data, wire, sizeof wire);
        } else if ((int)i == chunk->stream->version_column) {
            buf_append_u64(&column->data, (uint64_t)f->now_ns);
        } else {
            buf_append(&column->data, (char[]){ 1, letter }, 2);
        }
        assert_true(column_end(column));
    }
    chunk->ids[chunk->rows++] = id;
}

/* A trailing '!' makes a ticket wait for `stored`. */
static struct chunk *chunk_of(struct fixture *f, int io, size_t stream, const char *word)
{
    struct chunk *chunk = chunk_new(f->streams[stream]);
    assert_non_null(chunk);
    chunk->returns_to = f->inboxes[io];
    struct ticket *ticket = chunk_add_ticket(chunk);
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '|') {
            ticket = chunk_add_ticket(chunk);
            ticket->token.sequence = chunk->ticket_count;
        } else if (*at == '!') {
            ticket->wait_stored = true;
        } else {
            add_row(f, chunk, *at);
            ticket->rows++;
        }
    }
    assert_true(chunk_seal(chunk));
    metric_count_events(f->cells, PROTOCOL_HTTP, stream,
                        &(struct metric_events){ .received = chunk->rows, .in_flight = chunk->rows });
    commit_queue_push(&f->queue, chunk);
    return chunk;
}

static void commit_pushed(struct fixture *f)
{
    struct commit_work work;
    commit_queue_take(&f->queue, 0, &work);
    assert_non_null(work.chunks);
    commit_group(f->commit, work.chunks, f->now_ns, clock_wall_ns());
}

/* What came back to an I/O thread, as text; frees it. */
static const char *answers(struct fixture *f, int io)
{
    static char text[512];
    size_t len = 0;
    text[0] = '\0';
    struct buf tokens = { 0 };
    struct chunk *chunk = pipeline_inbox_take(f->inboxes[io], &tokens);
    while (chunk != NULL) {
        for (uint32_t i = 0; i < chunk->ticket_count; i++) {
            const struct ticket *ticket = &chunk->tickets[i];
            const char *space = len == 0 ? "" : " ";
            len += ticket->error == OK ? (size_t)snprintf(text + len, sizeof text - len, "%s%u+%u", space,
                                                          ticket->accepted, ticket->duplicate)
                                       : (size_t)snprintf(text + len, sizeof text - len, "%s%s", space,
                                                          error_info(ticket->error)->code);
        }
        struct chunk *next = chunk->next;
        commit_queue_cleared(&f->queue, chunk);
        chunk_free(chunk);
        chunk = next;
    }
    const struct token *stored = (const struct token *)(const void *)tokens.data;
    for (size_t i = 0; i < tokens.len / sizeof *stored; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%sstored", len == 0 ? "" : " ");
    }
    buf_release(&tokens);
    return text;
}

static const char *commit_word(struct fixture *f, size_t stream, const char *word)
{
    chunk_of(f, 0, stream, word);
    commit_pushed(f);
    return answers(f, 0);
}

static void drops_duplicates_wherever_they_are(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(commit_word(f, 0, "ab|a|cc"), "2+0 0+1 1+1");
    assert_string_equal(commit_word(f, 0, "abc|d|d"), "0+3 1+0 0+1");
    chunk_of(f, 0, 0, "ex");
    chunk_of(f, 1, 0, "e|y");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "2+0");
    assert_string_equal(answers(f, 1), "0+1 1+0");
    assert_int_equal(journal_state(f->journal, 0).rows, 7);
}

static void never_calls_an_event_without_identity_a_duplicate(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(commit_word(f, 0, "AA|A"), "2+0 1+0");
    assert_string_equal(commit_word(f, 0, "AaA"), "3+0");
    assert_string_equal(commit_word(f, 0, "aA"), "1+1");
}

static void keeps_streams_apart(void **state)
{
    struct fixture *f = *state;
    chunk_of(f, 0, 0, "ab");
    chunk_of(f, 0, 1, "ab");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "2+0 2+0");
    assert_int_equal(fdatasync_calls, 2);
}

/* The letters of id_of differ in their first half: each is a key of its own, in one state. */
static void an_update_is_a_duplicate_of_the_last_state_of_its_key_alone(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(commit_word(f, 1, "ab|a|cc"), "2+0 0+1 1+1");
    assert_string_equal(commit_word(f, 1, "abc|d"), "0+3 1+0");
    assert_string_equal(commit_word(f, 0, "ab|a"), "2+0 0+1");
    assert_int_equal(metric_read(f->metrics, METRIC_DEDUP_IDS, 0, 0, OK), 2); /* of the first stream alone */
    commit_seal_all(f->commit);
    struct buf ids = { 0 };
    assert_int_equal(settlement_read_ids(&f->settlement.streams, f->segments[1], &ids), OK);
    assert_int_equal(ids.len, 0);
    buf_release(&ids);
}

static void an_update_that_could_not_be_written_is_news_again(void **state)
{
    struct fixture *f = *state;
    fdatasync_fails_at = 1;
    assert_string_equal(commit_word(f, 1, "ab"), "journal_failed");
    assert_string_equal(commit_word(f, 1, "ab|a"), "2+0 0+1");
}

static int set_up_updates(void **state)
{
    second_upserts = true;
    int result = set_up(state);
    second_upserts = false;
    return result;
}

static void syncs_once_for_all_chunks_of_a_stream(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        chunk_of(f, i % 2, 0, "A|A");
    }
    commit_pushed(f);
    assert_int_equal(fdatasync_calls, 1);
    assert_int_equal(f->wakes[0], 1);
    assert_int_equal(f->wakes[1], 1);
    assert_string_equal(answers(f, 1), "1+0 1+0 1+0 1+0");
}

static void does_not_sync_for_duplicates_alone(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "a");
    assert_string_equal(commit_word(f, 0, "a"), "0+1");
    assert_int_equal(fdatasync_calls, 1);
}

static void fails_only_the_stream_whose_disk_fails(void **state)
{
    struct fixture *f = *state;
    fdatasync_fails_at = 1;
    chunk_of(f, 0, 0, "ab");
    chunk_of(f, 0, 1, "ab");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "journal_failed 2+0");
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_DROPPED, PROTOCOL_HTTP, 0, ERROR_JOURNAL_FAILED), 2);
}

static void remembers_nothing_of_a_failed_group(void **state)
{
    struct fixture *f = *state;
    fdatasync_fails_at = 1;
    assert_string_equal(commit_word(f, 0, "ab"), "journal_failed");
    assert_string_equal(commit_word(f, 0, "ab"), "2+0");
}

static void fails_a_duplicate_with_its_group(void **state)
{
    struct fixture *f = *state;
    fdatasync_fails_at = 1;
    chunk_of(f, 0, 0, "a");
    chunk_of(f, 1, 0, "a");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "journal_failed");
    assert_string_equal(answers(f, 1), "journal_failed");
}

static void hands_on_what_was_acknowledged_before_a_failure(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "ab");
    fdatasync_fails_at = 2;
    assert_string_equal(commit_word(f, 0, "cd"), "journal_failed");
    commit_seal_due(f->commit, f->now_ns);
    assert_int_equal(f->segment_count, 1);
    assert_int_equal(f->segments[0]->rows, 2);
}

static void refuses_the_group_when_the_journal_is_full(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(commit_word(f, 0, "z"), "1+0");
    f->journal_options.max_bytes = 1;
    chunk_of(f, 0, 0, "a|b");
    chunk_of(f, 0, 1, "c");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "journal_full journal_full journal_full");
    f->journal_options.max_bytes = 1 << 20;
    assert_string_equal(commit_word(f, 0, "a"), "1+0");
}

static int set_up_with_bound(void **state)
{
    first_max_journal = 2000;
    int failed = set_up(state);
    first_max_journal = 0;
    return failed;
}

static void refuses_the_stream_alone_that_has_filled_its_part(void **state)
{
    struct fixture *f = *state;
    int accepted = 0;
    const char *answer = "";
    for (; accepted < 100; accepted++) {
        chunk_of(f, 0, 0, "A");
        chunk_of(f, 1, 1, "A");
        commit_pushed(f);
        assert_string_equal(answers(f, 1), "1+0");
        answer = answers(f, 0);
        if (strcmp(answer, "1+0") != 0) {
            break;
        }
    }
    assert_string_equal(answer, "journal_full");
    assert_true(accepted > 0);
    commit_check(f->commit);
    assert_int_equal(commit_admits(f->commit), OK);
    assert_int_equal(commit_admits_stream(f->commit, 0), ERROR_JOURNAL_FULL);
    assert_int_equal(commit_admits_stream(f->commit, 1), OK);
    assert_true(commit_refuses(f->commit));
    assert_string_equal(commit_word(f, 0, "B"), "journal_full");
    commit_seal_all(f->commit);
    while (f->segment_count != 0) {
        const struct segment_owner owner = settlement_callbacks(&f->settlement);
        assert_int_equal(owner.stored(owner.context, f->segments[--f->segment_count]), OK);
    }
    commit_check(f->commit);
    assert_false(commit_refuses(f->commit));
    assert_string_equal(commit_word(f, 0, "B"), "1+0");
}

static enum error failing_lookup(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)dedup, (void)runs, (void)count, (void)wall_ns;
    return ERROR_DEDUP_FAILED;
}

/* The first id of each run is known in process; of the others nothing is known. */
static enum error half_failing_lookup(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)dedup, (void)wall_ns;
    for (size_t i = 0; i < count; i++) {
        runs[i].seen[0] = 1;
    }
    return ERROR_DEDUP_FAILED;
}

static void note_nothing(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)dedup, (void)runs, (void)count, (void)wall_ns;
}

static const struct dedup_ops failing_ops = {
    .name = "failing", .lookup = failing_lookup, .note = note_nothing, .persist = note_nothing
};

static const struct dedup_ops half_failing_ops = {
    .name = "half failing", .lookup = half_failing_lookup, .note = note_nothing, .persist = note_nothing
};

static void accepts_when_the_filter_fails_and_may(void **state)
{
    struct fixture *f = *state;
    f->fake_dedup.ops = &failing_ops;
    make_commit(f, &f->fake_dedup);
    assert_string_equal(commit_word(f, 0, "aab"), "2+1");
    assert_int_equal(metric_read(f->metrics, METRIC_DEDUP_BYPASSED, 0, 0, OK), 3);
}

static void rejects_when_the_filter_fails_and_must(void **state)
{
    struct fixture *f = *state;
    f->fake_dedup.ops = &failing_ops;
    f->dedup_options.on_error = DEDUP_ON_ERROR_REJECT;
    make_commit(f, &f->fake_dedup);
    chunk_of(f, 0, 0, "a");
    chunk_of(f, 0, 1, "A");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "dedup_failed 1+0");
}

static void believes_a_failing_filter_in_what_it_knows(void **state)
{
    struct fixture *f = *state;
    f->fake_dedup.ops = &half_failing_ops;
    make_commit(f, &f->fake_dedup);
    assert_string_equal(commit_word(f, 0, "a|b"), "0+1 1+0");
    assert_int_equal(metric_read(f->metrics, METRIC_DEDUP_BYPASSED, 0, 0, OK), 1);
    f->dedup_options.on_error = DEDUP_ON_ERROR_REJECT;
    make_commit(f, &f->fake_dedup);
    assert_string_equal(commit_word(f, 0, "a"), "0+1");
    assert_string_equal(commit_word(f, 0, "a|b"), "dedup_failed dedup_failed");
}

static void finds_no_duplicates_without_a_filter(void **state)
{
    struct fixture *f = *state;
    f->dedup_options.kind = DEDUP_NONE;
    make_commit(f, dedup_none_new(NULL, 0, NULL));
    assert_string_equal(commit_word(f, 0, "aa|a"), "2+0 1+0");
}

static void seals_when_the_strategy_says_so(void **state)
{
    struct fixture *f = *state;
    assert_true(commit_deadline_ns(f->commit) == INT64_MAX);
    commit_word(f, 0, "ABCDEFGHI");
    assert_true(commit_deadline_ns(f->commit) == f->now_ns + NS_PER_SECOND);
    assert_true(commit_opened_ns(f->commit, 0) == f->now_ns);
    commit_seal_due(f->commit, f->now_ns);
    assert_int_equal(f->segment_count, 0);
    commit_word(f, 0, "J");
    commit_seal_due(f->commit, f->now_ns);
    assert_int_equal(f->segment_count, 1);
    assert_int_equal(f->segments[0]->rows, 10);
    assert_true(commit_opened_ns(f->commit, 0) == INT64_MAX);
    commit_word(f, 1, "K");
    commit_seal_due(f->commit, f->now_ns + NS_PER_SECOND);
    assert_int_equal(f->segment_count, 2);
}

static void gives_the_queue_its_room_back(void **state)
{
    struct fixture *f = *state;
    f->commit_options.queue_events = 3;
    chunk_of(f, 0, 0, "AB");
    assert_true(commit_queue_has_room(&f->queue));
    chunk_of(f, 0, 0, "C");
    assert_false(commit_queue_has_room(&f->queue));
    commit_pushed(f);
    assert_true(commit_queue_has_room(&f->queue));
    assert_int_equal(atomic_load(&f->queue.events), 0);
    assert_int_not_equal(atomic_load(&f->queue.bytes), 0);
    answers(f, 0);
    assert_int_equal(atomic_load(&f->queue.bytes), 0);
}

static struct segment *only_segment(struct fixture *f)
{
    assert_int_equal(f->segment_count, 1);
    f->segment_count = 0;
    return f->segments[0];
}

static void tells_those_who_wait_when_it_is_stored(void **state)
{
    struct fixture *f = *state;
    chunk_of(f, 0, 0, "a!|b");
    chunk_of(f, 1, 0, "a!|c!");
    commit_pushed(f);
    assert_string_equal(answers(f, 0), "1+0 1+0");
    assert_string_equal(answers(f, 1), "0+1 1+0");
    commit_seal_due(f->commit, f->now_ns);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    assert_int_equal(owner.stored(owner.context, only_segment(f)), OK);
    assert_string_equal(answers(f, 0), "stored");
    assert_string_equal(answers(f, 1), "stored");
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_STORED, 0, 0, OK), 3);
}

static void tells_those_who_wait_when_both_halves_are_stored(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(commit_word(f, 0, "abc!"), "3+0");
    commit_seal_due(f->commit, f->now_ns);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    struct segment *first, *second;
    assert_int_equal(owner.split(owner.context, only_segment(f), 1, &first, &second), OK);
    assert_int_equal(owner.stored(owner.context, second), OK);
    assert_string_equal(answers(f, 0), "");
    assert_int_equal(owner.stored(owner.context, first), OK);
    assert_string_equal(answers(f, 0), "stored");
}

static void does_not_say_stored_of_dead_letters(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "ab!");
    commit_seal_due(f->commit, f->now_ns);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    struct segment *first, *second;
    assert_int_equal(owner.split(owner.context, only_segment(f), 1, &first, &second), OK);
    assert_int_equal(owner.bury(owner.context, first, 469, "refused"), OK);
    assert_int_equal(owner.stored(owner.context, second), OK);
    assert_string_equal(answers(f, 0), "");
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_DEAD_LETTERED, 0, 0, OK), 1);
}

static bool knows_after_restart(struct fixture *f, char letter)
{
    struct buf problem = { 0 };
    struct dedup_config config = dedup_config_of(f);
    struct dedup *dedup = dedup_new(&config, clock_wall_ns(), &problem);
    struct event_id id = id_of(f, 0, letter);
    uint8_t seen = 0;
    assert_int_equal(dedup->ops->lookup(dedup, &(struct dedup_ids){ 0, &id, 1, &seen }, 1, clock_wall_ns()), OK);
    dedup->ops->free(dedup);
    return seen;
}

static void persists_ids_when_they_are_stored(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "ab");
    assert_int_equal(f->dedup->ops->sync(f->dedup), OK);
    assert_false(knows_after_restart(f, 'a'));
    assert_string_equal(commit_word(f, 0, "a"), "0+1");
    commit_seal_all(f->commit);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    assert_int_equal(owner.stored(owner.context, only_segment(f)), OK);
    assert_true(knows_after_restart(f, 'a'));
    assert_true(knows_after_restart(f, 'b'));
}

static unsigned persisted;

static void count_persisted(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)dedup, (void)wall_ns;
    for (size_t i = 0; i < count; i++) {
        persisted += (unsigned)runs[i].count;
    }
}

static void persists_ids_once_when_they_are_durable_if_the_filter_is_shared(void **state)
{
    struct fixture *f = *state;
    static struct dedup_ops ops;
    ops = *f->dedup->ops;
    ops.persist = count_persisted;
    persisted = 0;
    f->dedup->ops = &ops;
    f->dedup->persists = PERSISTS_DURABLE;
    commit_word(f, 0, "ab");
    assert_int_equal(persisted, 2);
    commit_seal_all(f->commit);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    assert_int_equal(owner.stored(owner.context, only_segment(f)), OK);
    assert_int_equal(persisted, 2);
}

static void notes_recovered_ids_and_persists_them_when_they_are_stored(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "a");
    commit_seal_all(f->commit);
    struct segment *segment = only_segment(f);
    segment->recovered = true;
    assert_int_equal(settlement_remember_recovered(&f->settlement, segment, clock_wall_ns()), OK);
    assert_int_equal(f->dedup->ops->sync(f->dedup), OK);
    assert_false(knows_after_restart(f, 'a'));
    assert_string_equal(commit_word(f, 0, "a"), "0+1");
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    assert_int_equal(owner.stored(owner.context, segment), OK);
    assert_true(knows_after_restart(f, 'a'));
}

static enum error failing_sync(struct dedup *dedup)
{
    (void)dedup;
    return ERROR_JOURNAL_FAILED;
}

static const struct dedup_ops unsynced_ops = { .name = "unsynced", .persist = note_nothing, .sync = failing_sync };

static void removes_nothing_before_its_ids_are_synced(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "ab!");
    commit_seal_due(f->commit, f->now_ns);
    struct segment *segment = only_segment(f);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    f->fake_dedup.ops = &unsynced_ops;
    f->settlement.dedup = &f->fake_dedup;
    assert_int_equal(owner.stored(owner.context, segment), ERROR_JOURNAL_FAILED);
    assert_int_equal(owner.bury(owner.context, segment, 469, "refused"), ERROR_JOURNAL_FAILED);
    assert_int_equal(access(segment->path, F_OK), 0);
    assert_string_equal(answers(f, 0), "");
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_STORED, 0, 0, OK), 0);
    f->settlement.dedup = f->dedup;
    assert_int_equal(owner.stored(owner.context, segment), OK);
    assert_string_equal(answers(f, 0), "stored");
}

static enum error full_sync(struct dedup *dedup)
{
    (void)dedup;
    return ERROR_DISK_FULL;
}

static const struct dedup_ops full_ops = { .name = "full", .persist = note_nothing, .sync = full_sync };

static void removes_what_is_stored_to_make_room_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    commit_word(f, 0, "ab!");
    commit_seal_due(f->commit, f->now_ns);
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    f->fake_dedup.ops = &full_ops;
    f->settlement.dedup = &f->fake_dedup;
    assert_int_equal(owner.stored(owner.context, only_segment(f)), OK);
    assert_int_equal(journal_bytes(f->journal), 0);
    assert_string_equal(answers(f, 0), "stored");
}

static void passes_the_store_s_answers_to_the_commit_thread(void **state)
{
    struct fixture *f = *state;
    struct segment_owner owner = settlement_callbacks(&f->settlement);
    owner.feedback(owner.context, 1, FEEDBACK_TOO_MANY_PARTS, 10, NS_PER_MS);
    for (int i = 0; i < 2 * QUEUE_FEEDBACK; i++) {
        owner.feedback(owner.context, 0, FEEDBACK_STORED, 5, NS_PER_SECOND);
    }
    struct commit_work work;
    commit_queue_take(&f->queue, 0, &work);
    assert_int_equal(work.feedback_count, QUEUE_FEEDBACK);
    assert_int_equal(work.feedback[0].stream_index, 1);
    assert_int_equal(work.feedback[0].answer, BATCH_TOO_MANY_PARTS);
    assert_int_equal(work.feedback[1].answer, BATCH_STORED);
}

enum { BIG_CHUNKS = 40, BIG_ROWS = 4096 };

static void cuts_a_backlog_into_bounded_groups(void **state)
{
    struct fixture *f = *state;
    char word[BIG_ROWS + 1];
    memset(word, 'A', BIG_ROWS);
    word[BIG_ROWS] = '\0';
    for (int i = 0; i < BIG_CHUNKS; i++) {
        chunk_of(f, i % 2, (size_t)i % STREAMS, word);
    }
    struct commit_thread thread;
    assert_int_equal(commit_thread_start(&thread, f->commit, &f->queue), OK);
    assert_true(commit_thread_drain(&thread, clock_monotonic_ns() + 20 * NS_PER_SECOND));
    assert_int_equal(metric_read(f->metrics, METRIC_COMMIT_GROUPS, 0, 0, OK), 3);
    commit_thread_stop(&thread);
    uint64_t rows = 0;
    for (size_t i = 0; i < f->segment_count; i++) {
        rows += f->segments[i]->rows;
    }
    assert_int_equal(rows, BIG_CHUNKS * BIG_ROWS);
}

static void commits_what_waits_before_it_stops(void **state)
{
    struct fixture *f = *state;
    struct commit_thread thread;
    assert_int_equal(commit_thread_start(&thread, f->commit, &f->queue), OK);
    chunk_of(f, 0, 0, "ab");
    commit_thread_stop(&thread);
    assert_string_equal(answers(f, 0), "2+0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(drops_duplicates_wherever_they_are),
        TEST(never_calls_an_event_without_identity_a_duplicate),
        TEST(keeps_streams_apart),
        cmocka_unit_test_setup_teardown(an_update_is_a_duplicate_of_the_last_state_of_its_key_alone, set_up_updates,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_update_that_could_not_be_written_is_news_again, set_up_updates, tear_down),
        TEST(syncs_once_for_all_chunks_of_a_stream),
        TEST(does_not_sync_for_duplicates_alone),
        TEST(fails_only_the_stream_whose_disk_fails),
        TEST(remembers_nothing_of_a_failed_group),
        TEST(fails_a_duplicate_with_its_group),
        TEST(hands_on_what_was_acknowledged_before_a_failure),
        TEST(refuses_the_group_when_the_journal_is_full),
        cmocka_unit_test_setup_teardown(refuses_the_stream_alone_that_has_filled_its_part, set_up_with_bound,
                                        tear_down),
        TEST(accepts_when_the_filter_fails_and_may),
        TEST(rejects_when_the_filter_fails_and_must),
        TEST(believes_a_failing_filter_in_what_it_knows),
        TEST(finds_no_duplicates_without_a_filter),
        TEST(seals_when_the_strategy_says_so),
        TEST(gives_the_queue_its_room_back),
        TEST(tells_those_who_wait_when_it_is_stored),
        TEST(tells_those_who_wait_when_both_halves_are_stored),
        TEST(does_not_say_stored_of_dead_letters),
        TEST(removes_nothing_before_its_ids_are_synced),
        TEST(removes_what_is_stored_to_make_room_on_a_full_disk),
        TEST(passes_the_store_s_answers_to_the_commit_thread),
        TEST(cuts_a_backlog_into_bounded_groups),
        TEST(commits_what_waits_before_it_stops),
        TEST(persists_ids_when_they_are_stored),
        TEST(persists_ids_once_when_they_are_durable_if_the_filter_is_shared),
        TEST(notes_recovered_ids_and_persists_them_when_they_are_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
