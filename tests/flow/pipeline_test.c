/* From a payload's bytes to the store and back to its completion: the real pipeline with all its threads, no sockets, and
 * a store that keeps event ids in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ftw.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/thread.h"
#include "config/config.h"
#include "config/options/options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "pipeline/journal/letter_files.h"
#include "pipeline/json/json.h"
#include "pipeline/pipeline.h"
#include "pipeline/pipeline_io.h"
#include "proto/gate/gatekeeper.h"
#include "store/store.h"

#define PATIENCE (20 * NS_PER_SECOND)

/* --- a store that remembers event ids --- */

struct fake_store {
    struct store store;
    pthread_mutex_t mutex;
    struct buf ids; /* struct event_id, repeats included */
    bool down;
    bool refusing; /* every row */
};

struct store_session {
    struct fake_store *fake;
};

static bool is_down(struct fake_store *fake)
{
    pthread_mutex_lock(&fake->mutex);
    bool down = fake->down;
    pthread_mutex_unlock(&fake->mutex);
    return down;
}

static void set_down(struct fake_store *fake, bool down)
{
    pthread_mutex_lock(&fake->mutex);
    fake->down = down;
    pthread_mutex_unlock(&fake->mutex);
}

static void set_refusing(struct fake_store *fake, bool refusing)
{
    pthread_mutex_lock(&fake->mutex);
    fake->refusing = refusing;
    pthread_mutex_unlock(&fake->mutex);
}

static bool answers(struct store_session *session, struct store_reply *reply)
{
    *reply = (struct store_reply){ .outcome = is_down(session->fake) ? STORE_UNREACHABLE : STORE_DONE };
    return reply->outcome == STORE_DONE;
}

static struct store_session *session_new(struct store *store)
{
    struct store_session *session = calloc(1, sizeof *session);
    session->fake = (struct fake_store *)store;
    return session;
}

static void session_free(struct store_session *session)
{
    free(session);
}

static void insert(struct store_session *session, size_t server, const struct store_insert *insertion,
                   struct store_reply *reply)
{
    (void)server;
    if (answers(session, reply)) {
        pthread_mutex_lock(&session->fake->mutex);
        if (session->fake->refusing) {
            *reply = (struct store_reply){ .outcome = STORE_ANSWERED, .http_status = 500, .code = 469 };
        }
        for (const struct segment *segment = insertion->segment; segment != NULL && !session->fake->refusing;
             segment = segment->next) {
            if (segment_event_ids(segment, &session->fake->ids) != OK) {
                reply->outcome = STORE_ANSWERED;
            }
        }
        pthread_mutex_unlock(&session->fake->mutex);
    }
}

static void query(struct store_session *session, size_t server, const struct store_query *question, struct buf *out,
                  struct store_reply *reply)
{
    (void)server;
    if (!answers(session, reply)) {
        return;
    }
    if (memmem(question->sql.data, question->sql.len, "system.tables", 13) != NULL) {
        bool keys = memmem(question->sql.data, question->sql.len, "sorting_key", 11) != NULL;
        buf_append_string(out, keys ? "ReplacingMergeTree\tevent_id\t\t\n" : "ReplacingMergeTree\n");
    } else if (memmem(question->sql.data, question->sql.len, "system.columns", 14) != NULL) {
        buf_append_string(out, "k\tString\t\nevent_id\tUUID\t\n");
    } else {
        buf_append_string(out, "0\n");
    }
}

static void probe(struct store_session *session, size_t server, struct store_features *features,
                  struct store_reply *reply)
{
    (void)server;
    if (answers(session, reply)) {
        *features = (struct store_features){ .known = true,
                                             .major = 26,
                                             .minor = 7,
                                             .tokens = true,
                                             .lz4_body = true,
                                             .converts = true,
                                             .low_cardinality = true,
                                             .started_wall_s = 1 };
    }
}

static void free_nothing(struct store *store)
{
    (void)store;
}

static const struct store_ops fake_ops = {
    .name = "fake",
    .session_new = session_new,
    .session_free = session_free,
    .insert = insert,
    .query = query,
    .probe = probe,
    .free = free_nothing,
};

/* --- one I/O thread's side --- */

struct front {
    struct pipeline_io *io;
    struct wakeup wakeup;
    bool woken;
    struct submission submission;
    uint64_t completed, stored;
    uint64_t accepted, duplicate, failed;
};

static void complete(void *context, const struct ticket *ticket)
{
    struct front *front = context;
    front->completed++;
    front->accepted += ticket->accepted;
    front->duplicate += ticket->duplicate;
    front->failed += ticket->error != OK;
}

static void stored(void *context, struct token token)
{
    struct front *front = context;
    front->stored += token.sequence;
}

static void wake(void *context)
{
    struct front *front = context;
    wakeup_lock(&front->wakeup);
    front->woken = true;
    wakeup_one(&front->wakeup);
    wakeup_unlock(&front->wakeup);
}

static void wait_for(struct front *front, const uint64_t *count, uint64_t wanted)
{
    int64_t deadline_ns = clock_monotonic_ns() + PATIENCE;
    pipeline_io_flush(front->io);
    while (*count < wanted && clock_monotonic_ns() < deadline_ns) {
        wakeup_lock(&front->wakeup);
        while (!front->woken && clock_monotonic_ns() < deadline_ns) {
            wakeup_wait(&front->wakeup, deadline_ns);
        }
        front->woken = false;
        wakeup_unlock(&front->wakeup);
        pipeline_io_drain(front->io);
    }
}

/* --- the whole --- */

struct fixture {
    char folder[64];
    struct config config;
    struct stream_options stream_options;
    struct field_options fields[1];
    struct stream *stream;
    struct fake_store fake;
    const char *server_name;
    struct metrics *metrics;
    struct status_board *board;
    struct pipeline *pipeline;
    struct front front;
};

static void make_config(struct fixture *f)
{
    static const char *key[] = { "k" };
    f->config.journal = (struct journal_options){ f->folder, DURABILITY_FSYNC, 64 << 20, 0, 1 << 20 };
    f->config.commit = (struct commit_options){ 100000, 64 << 20 };
    f->config.dedup =
        (struct dedup_options){ .kind = DEDUP_MEMORY, .window_ns = 3600 * NS_PER_SECOND, .max_bytes = 4 << 20 };
    f->config.writer = (struct writer_options){ 2, NS_PER_MS, 10 * NS_PER_MS, 3 };
    f->config.http.max_events = 10000;
    f->fields[0] = (struct field_options){
        .name = "k", .type = "String", .required = true, .max_past_ns = -1, .max_future_ns = -1
    };
    f->stream_options = (struct stream_options){
        .name = "events",
        .table = "events",
        .dedup_key = { key, 1 },
        .batch = { BATCH_HYBRID, .max_rows = 1000, .max_bytes = 1 << 20, .max_delay_ns = 20 * NS_PER_MS },
        .fields = f->fields,
        .field_count = 1,
    };
}

/* A process begins: everything but the data folder and the store is new. */
static void begin(struct fixture *f)
{
    static const char *names[] = { "events" };
    struct buf problem = { 0 };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    f->board = status_board_new();
    struct pipeline_config config = {
        .journal = &f->config.journal,
        .commit = &f->config.commit,
        .dedup = &f->config.dedup,
        .writer = &f->config.writer,
        .store_options = &f->config.store,
        .max_events = f->config.http.max_events,
        .streams = &f->stream,
        .stream_count = 1,
        .store = &f->fake.store,
        .metrics = f->metrics,
        .board = f->board,
    };
    f->pipeline = pipeline_new(&config, &problem);
    assert_non_null(f->pipeline);
    f->front = (struct front){ 0 };
    wakeup_init(&f->front.wakeup);
    struct pipeline_io_callbacks callbacks = { &f->front, complete, stored, wake };
    f->front.io = pipeline_io_new(f->pipeline, &callbacks);
    assert_non_null(f->front.io);
    buf_release(&problem);
}

static void open_it(struct fixture *f)
{
    struct buf problem = { 0 };
    if (!pipeline_open(f->pipeline, &problem)) {
        fail_msg("%s", buf_c_string(&problem));
    }
    buf_release(&problem);
}

static void start(struct fixture *f)
{
    begin(f);
    open_it(f);
}

static int64_t total(struct fixture *f, enum metric metric)
{
    int64_t sum = 0;
    for (int reason = 0; reason < ERROR_COUNT; reason++) {
        sum += metric_read(f->metrics, metric, PROTOCOL_HTTP, 0, (enum error)reason);
    }
    return sum;
}

static int64_t count(struct fixture *f, enum metric metric)
{
    return metric_read(f->metrics, metric, PROTOCOL_HTTP, 0, OK);
}

static void check_identity(struct fixture *f)
{
    assert_int_equal(count(f, METRIC_EVENTS_RECEIVED),
                     count(f, METRIC_EVENTS_ACCEPTED) + count(f, METRIC_EVENTS_DUPLICATE) +
                         total(f, METRIC_EVENTS_REJECTED) + total(f, METRIC_EVENTS_DROPPED) +
                         count(f, METRIC_EVENTS_IN_FLIGHT));
    assert_int_equal(count(f, METRIC_EVENTS_ACCEPTED) + count(f, METRIC_EVENTS_RECOVERED),
                     count(f, METRIC_EVENTS_STORED) + count(f, METRIC_JOURNAL_EVENTS) +
                         count(f, METRIC_EVENTS_DEAD_LETTERED) + count(f, METRIC_EVENTS_DAMAGED));
}

/* A process ends; true if everything was stored before. */
static bool stop(struct fixture *f, int64_t patience_ns)
{
    pipeline_io_flush(f->front.io);
    bool all_stored = pipeline_drain(f->pipeline, clock_monotonic_ns() + patience_ns);
    check_identity(f);
    pipeline_stop(f->pipeline);
    submission_release(&f->front.submission);
    wakeup_release(&f->front.wakeup);
    metrics_free(f->metrics);
    status_board_free(f->board);
    f->pipeline = NULL;
    return all_stored;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/sluice-flow-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    make_config(f);
    struct buf problems = { 0 };
    f->stream = stream_compile(&f->stream_options, 0, &problems);
    assert_non_null(f->stream);
    f->server_name = "fake";
    f->fake.store =
        (struct store){ .ops = &fake_ops, .server_count = 1, .server_names = &f->server_name, .database = "default" };
    pthread_mutex_init(&f->fake.mutex, NULL);
    start(f);
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)kind, (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->pipeline != NULL) {
        stop(f, PATIENCE);
    }
    stream_free(f->stream);
    buf_release(&f->fake.ids);
    pthread_mutex_destroy(&f->fake.mutex);
    nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct event_id));
}

static size_t rows_in_store(struct fixture *f)
{
    return f->fake.ids.len / sizeof(struct event_id);
}

static void check_no_repeats(struct fixture *f)
{
    struct event_id *ids = (struct event_id *)(void *)f->fake.ids.data;
    size_t id_count = rows_in_store(f);
    qsort(ids, id_count, sizeof *ids, compare_ids);
    for (size_t i = 1; i < id_count; i++) {
        assert_int_not_equal(compare_ids(&ids[i - 1], &ids[i]), 0);
    }
}

static void submit_to(struct fixture *f, struct front *front, const char *text, bool wait_stored)
{
    char padded[4096 + JSON_PADDING] = { 0 };
    size_t len = strlen(text);
    assert_true(len <= 4096);
    memcpy(padded, text, len);
    struct payload payload = {
        .stream = f->stream,
        .bytes = slice_make(padded, len),
        .form = PAYLOAD_MANY,
        .protocol = PROTOCOL_HTTP,
        .token = { .sequence = 1 },
        .received_wall_ns = clock_wall_ns(),
        .wait_stored = wait_stored,
    };
    const struct gatekeeper gatekeeper = { .pipeline = f->pipeline };
    enum error error = gatekeeper_admits(&gatekeeper, f->stream);
    if (error != OK) {
        front->submission.error = error;
        pipeline_count_refusal(front->io, PROTOCOL_HTTP, f->stream, error);
        return;
    }
    pipeline_submit(front->io, &payload, &front->submission);
}

static void submit(struct fixture *f, const char *text)
{
    submit_to(f, &f->front, text, false);
}

static void carries_events_from_bytes_to_the_store(void **state)
{
    struct fixture *f = *state;
    submit(f, "{\"k\":\"a\"}");
    assert_int_equal(f->front.submission.error, OK);
    assert_true(f->front.submission.pending);
    submit(f, "[{\"k\":\"b\"},{\"k\":\"c\"},{\"x\":1}]");
    assert_int_equal(f->front.submission.rejected, 1);
    wait_for(&f->front, &f->front.completed, 2);
    assert_int_equal(f->front.accepted, 3);
    assert_int_equal(f->front.failed, 0);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 3);
}

static void stores_a_repeated_event_once(void **state)
{
    struct fixture *f = *state;
    submit(f, "[{\"k\":\"a\"},{\"k\":\"a\"}]");
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 2);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 3);
    assert_int_equal(f->front.accepted, 1);
    assert_int_equal(f->front.duplicate, 3);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
}

/* A fault of the gateway's own, made here by hand: what nobody could read must not be acknowledged. */
static void a_chunk_that_is_one_value_short_is_refused_before_it_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    submit(f, "[{\"k\":\"a\"},{\"k\":\"b\"}]");
    f->front.io->open[0]->columns[1].data.len -= sizeof(struct event_id); /* of event_id */
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.failed, 1);
    assert_int_equal(f->front.accepted, 0);
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_DROPPED, PROTOCOL_HTTP, 0, ERROR_INTERNAL), 2);
    submit(f, "{\"k\":\"a\"}"); /* was not remembered: nor is it a duplicate */
    wait_for(&f->front, &f->front.completed, 2);
    assert_int_equal(f->front.accepted, 1);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
}

static void stores_by_age_without_a_drain(void **state)
{
    struct fixture *f = *state;
    submit_to(f, &f->front, "{\"k\":\"a\"}", false);
    wait_for(&f->front, &f->front.completed, 1);
    int64_t deadline_ns = clock_monotonic_ns() + PATIENCE;
    while (count(f, METRIC_EVENTS_STORED) == 0 && clock_monotonic_ns() < deadline_ns) {
        usleep(1000);
    }
    assert_int_equal(count(f, METRIC_EVENTS_STORED), 1);
}

static void tells_who_waits_that_it_is_stored(void **state)
{
    struct fixture *f = *state;
    f->stream_options.batch.max_delay_ns = 3600 * NS_PER_SECOND;
    assert_true(stop(f, PATIENCE));
    start(f);
    submit_to(f, &f->front, "{\"k\":\"a\"}", true);
    wait_for(&f->front, &f->front.stored, 1);
    assert_int_equal(f->front.completed, 1);
    assert_int_equal(f->front.stored, 1);
    assert_int_equal(rows_in_store(f), 1);
}

static void refuses_and_counts_what_comes_before_it_is_open(void **state)
{
    struct fixture *f = *state;
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_true(stop(f, PATIENCE));
    begin(f);
    assert_int_equal(pipeline_admits_stream(f->pipeline, f->stream), ERROR_STARTING);
    assert_int_equal(pipeline_waiting(f->pipeline), 0);
    submit(f, "{\"k\":\"a\"}");
    assert_int_equal(f->front.submission.error, ERROR_STARTING);
    check_identity(f);
    pipeline_await(f->pipeline, clock_monotonic_ns() + NS_PER_MS);
    open_it(f);
    pipeline_await(f->pipeline, INT64_MAX);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.duplicate, 1);
    assert_int_equal(total(f, METRIC_EVENTS_DROPPED), 1);
}

static void takes_events_into_the_journal_once_delivery_has_ended(void **state)
{
    struct fixture *f = *state;
    pipeline_halt_delivery(f->pipeline, clock_monotonic_ns() + PATIENCE);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.accepted, 1);
    assert_false(stop(f, 0));
    assert_int_equal(rows_in_store(f), 0);
    start(f);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
}

static void refuses_when_the_queue_is_full(void **state)
{
    struct fixture *f = *state;
    f->config.commit.queue_events = 0;
    submit(f, "{\"k\":\"a\"}");
    assert_int_equal(f->front.submission.error, ERROR_QUEUE_FULL);
}

static void counts_large_payloads_before_the_turn_is_over(void **state)
{
    struct fixture *f = *state;
    struct buf text = { 0 };
    f->config.commit.queue_bytes = 1;
    buf_append_string(&text, "{\"k\":\"");
    buf_append_fill(&text, 'x', 5 << 20);
    buf_append_string(&text, "\"}");
    size_t len = text.len;
    buf_append_fill(&text, 0, JSON_PADDING);
    struct payload payload = { .stream = f->stream, .bytes = slice_make(text.data, len), .form = PAYLOAD_ONE };
    pipeline_submit(f->front.io, &payload, &f->front.submission);
    assert_int_equal(f->front.submission.error, OK);
    submit(f, "{\"k\":\"a\"}");
    assert_int_equal(f->front.submission.error, ERROR_QUEUE_FULL);
    wait_for(&f->front, &f->front.completed, 1);
    submit(f, "{\"k\":\"a\"}");
    assert_int_equal(f->front.submission.error, OK);
    buf_release(&text);
}

static void survive_a_restart(struct fixture *f, enum durability durability)
{
    assert_true(stop(f, PATIENCE));
    f->config.journal.durability = durability;
    set_down(&f->fake, true);
    start(f);
    submit(f, "[{\"k\":\"a\"},{\"k\":\"b\"}]");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.accepted, 2);
    assert_false(stop(f, 50 * NS_PER_MS));
    assert_int_equal(rows_in_store(f), 0);

    set_down(&f->fake, false);
    start(f);
    assert_int_equal(count(f, METRIC_EVENTS_RECOVERED), 2);
    submit(f, "[{\"k\":\"a\"},{\"k\":\"c\"}]");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.accepted, 1);
    assert_int_equal(f->front.duplicate, 1);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 3);
    check_no_repeats(f);

    start(f);
    assert_int_equal(count(f, METRIC_EVENTS_RECOVERED), 0);
    submit(f, "[{\"k\":\"a\"},{\"k\":\"b\"},{\"k\":\"c\"}]");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.duplicate, 3);
}

static void knows_its_events_after_a_restart_with_fsync(void **state)
{
    survive_a_restart(*state, DURABILITY_FSYNC);
}

static void knows_its_events_after_a_restart_without_fsync(void **state)
{
    survive_a_restart(*state, DURABILITY_OS);
}

static void writes_no_file_with_durability_memory(void **state)
{
    struct fixture *f = *state;
    assert_true(stop(f, PATIENCE));
    f->config.journal.durability = DURABILITY_MEMORY;
    start(f);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
    start(f);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.accepted, 1);
}

static void shows_the_age_of_what_is_not_stored(void **state)
{
    struct fixture *f = *state;
    set_down(&f->fake, true);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    struct buf page = { 0 };
    metrics_render(f->metrics, METRICS_TEXT, &page);
    static const char series[] = "sluice_oldest_unstored_event_age_seconds{stream=\"events\"} ";
    const char *line = strstr(buf_c_string(&page), series);
    assert_non_null(line);
    assert_true(strtod(line + sizeof series - 1, NULL) > 0);
    buf_release(&page);
    set_down(&f->fake, false);
}

static void finds_streams_by_name(void **state)
{
    struct fixture *f = *state;
    assert_ptr_equal(pipeline_stream(f->pipeline, SLICE("")), f->stream);
    assert_ptr_equal(pipeline_stream(f->pipeline, SLICE("events")), f->stream);
    assert_null(pipeline_stream(f->pipeline, SLICE("event")));
}

enum { THREADS = 2, PAYLOADS = 300, EVENTS = 20 };

struct load {
    struct fixture *f;
    struct front front;
    struct thread thread;
    bool wrong;
};

/* Both threads send the same events, so that each is new for one of them alone. */
static void send_load(void *argument)
{
    struct load *load = argument;
    uint64_t completions = 0;
    for (int p = 0; p < PAYLOADS; p++) {
        char text[2048];
        size_t len = 0;
        for (int e = 0; e < EVENTS; e++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "{\"k\":\"%d-%d\"}\n", p, e);
        }
        submit_to(load->f, &load->front, text, p % 50 == 0);
        load->wrong |= load->front.submission.error != OK;
        completions++;
        if (p % 3 == 0) {
            wait_for(&load->front, &load->front.completed, completions);
        }
    }
    wait_for(&load->front, &load->front.completed, completions);
}

static void takes_events_from_many_threads_once_each(void **state)
{
    struct fixture *f = *state;
    struct load loads[THREADS] = { 0 };
    for (int i = 0; i < THREADS; i++) {
        struct pipeline_io_callbacks callbacks = { &loads[i].front, complete, stored, wake };
        loads[i].f = f;
        wakeup_init(&loads[i].front.wakeup);
        loads[i].front.io = pipeline_io_new(f->pipeline, &callbacks);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(thread_start(&loads[i].thread, "io", send_load, &loads[i]), OK);
    }
    uint64_t accepted = 0, duplicate = 0;
    for (int i = 0; i < THREADS; i++) {
        thread_join(&loads[i].thread);
        accepted += loads[i].front.accepted;
        duplicate += loads[i].front.duplicate;
        assert_int_equal(loads[i].front.completed, PAYLOADS);
        assert_false(loads[i].wrong);
    }
    assert_int_equal(accepted, PAYLOADS * EVENTS);
    assert_int_equal(duplicate, (THREADS - 1) * PAYLOADS * EVENTS);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), PAYLOADS * EVENTS);
    check_no_repeats(f);
    for (int i = 0; i < THREADS; i++) {
        submission_release(&loads[i].front.submission);
        wakeup_release(&loads[i].front.wakeup);
    }
}

/* --- dead letters that come back --- */

static void wait_count(struct fixture *f, enum metric metric, int64_t wanted)
{
    int64_t deadline_ns = clock_monotonic_ns() + PATIENCE;
    while (count(f, metric) != wanted && clock_monotonic_ns() < deadline_ns) {
        usleep(1000);
    }
    assert_int_equal(count(f, metric), wanted);
}

/* Submits an event that the store refuses, and waits until it is buried. */
static void bury(struct fixture *f, const char *text)
{
    set_refusing(&f->fake, true);
    submit(f, text);
    wait_for(&f->front, &f->front.completed, f->front.completed + 1);
    wait_count(f, METRIC_EVENTS_DEAD_LETTERED, count(f, METRIC_EVENTS_DEAD_LETTERED) + 1);
}

static void give_all_back(struct fixture *f)
{
    char path[128];
    struct letter_files files;
    struct buf problem = { 0 };
    snprintf(path, sizeof path, "%s/LOCK", f->folder);
    fclose(fopen(path, "w")); /* the gateway's */
    assert_true(letter_files_read(&files, f->folder, &problem));
    assert_int_not_equal(files.count, 0);
    for (size_t i = 0; i < files.count; i++) {
        assert_true(letter_give_back(&files, &files.letters[i]));
    }
    assert_true(letter_files_sync(&files));
    letter_files_release(&files);
}

static void a_retried_dead_letter_is_stored_and_counted_while_it_runs(void **state)
{
    struct fixture *f = *state;
    bury(f, "{\"k\":\"a\"}");
    check_identity(f);
    give_all_back(f);
    set_refusing(&f->fake, false);
    pipeline_tick(f->pipeline);
    wait_count(f, METRIC_EVENTS_STORED, 1);
    assert_int_equal(count(f, METRIC_EVENTS_RECOVERED), 1);
    check_identity(f);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
}

static void a_retried_dead_letter_that_is_refused_again_is_buried_again(void **state)
{
    struct fixture *f = *state;
    bury(f, "{\"k\":\"a\"}");
    for (int64_t again = 2; again < 4; again++) {
        give_all_back(f);
        pipeline_tick(f->pipeline);
        wait_count(f, METRIC_EVENTS_DEAD_LETTERED, again);
        assert_int_equal(count(f, METRIC_EVENTS_RECOVERED), again - 1);
        check_identity(f);
    }
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 0);
}

static void forget_ids(struct fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/keys", f->folder);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Its ids are remembered before anybody can send it again, though the window had forgotten them. */
static void a_dead_letter_retried_before_the_start_is_stored_and_a_duplicate_from_then_on(void **state)
{
    struct fixture *f = *state;
    bury(f, "{\"k\":\"a\"}");
    assert_true(stop(f, PATIENCE));
    give_all_back(f);
    forget_ids(f);
    set_refusing(&f->fake, false);
    start(f);
    submit(f, "{\"k\":\"a\"}");
    wait_for(&f->front, &f->front.completed, 1);
    assert_int_equal(f->front.duplicate, 1);
    assert_true(stop(f, PATIENCE));
    assert_int_equal(rows_in_store(f), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(carries_events_from_bytes_to_the_store),
        TEST(stores_a_repeated_event_once),
        TEST(a_chunk_that_is_one_value_short_is_refused_before_it_is_acknowledged),
        TEST(stores_by_age_without_a_drain),
        TEST(tells_who_waits_that_it_is_stored),
        TEST(refuses_and_counts_what_comes_before_it_is_open),
        TEST(takes_events_into_the_journal_once_delivery_has_ended),
        TEST(refuses_when_the_queue_is_full),
        TEST(counts_large_payloads_before_the_turn_is_over),
        TEST(knows_its_events_after_a_restart_with_fsync),
        TEST(knows_its_events_after_a_restart_without_fsync),
        TEST(writes_no_file_with_durability_memory),
        TEST(shows_the_age_of_what_is_not_stored),
        TEST(finds_streams_by_name),
        TEST(takes_events_from_many_threads_once_each),
        TEST(a_retried_dead_letter_is_stored_and_counted_while_it_runs),
        TEST(a_retried_dead_letter_that_is_refused_again_is_buried_again),
        TEST(a_dead_letter_retried_before_the_start_is_stored_and_a_duplicate_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
