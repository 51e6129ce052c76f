/* The writer with its threads, against a fake store with a script of faults: whatever happens, every row ends up in the
 * table once, or in the dead letters, or waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "store/writer.h"
#include "unit/fake_store.h"

#include <sys/mman.h>
#include <unistd.h>

static struct field_options fields[] = {
    { .name = "user_id", .type = "String", .max_past_ns = -1, .max_future_ns = -1 },
};
static struct stream_options stream_options[] = {
    { .name = "alpha", .table = "alpha", .fields = fields, .field_count = 1 },
    { .name = "beta", .table = "beta", .fields = fields, .field_count = 1 },
};
#define STREAMS ARRAY_LENGTH(stream_options)

static const struct store_options store_options = { .request_timeout_ns = NS_PER_SECOND, .create_table = true };

/* Everything that a test needs. The home's counts are guarded by the fake's mutex. */
struct bench {
    struct fake_store fake;
    struct stream *streams[STREAMS];
    struct writer_options options;
    struct metrics *metrics;
    struct status_board *board;
    struct writer *writer;
    uint64_t next_id;
    int segments; /* made so far */
    uint64_t stored_rows[STREAMS];
    uint64_t buried_rows;
    int buried_code;
    char buried_reason[512];
    bool dead_letters_full;
    bool disk_fails;
    int too_many_parts;
};

/* Ids are numbers, but for their first byte. */
static void append_id(struct buf *wire, uint64_t number, bool bad)
{
    struct event_id id = { { 0 } };
    uint8_t bytes[16];
    memcpy(id.bytes + 8, &number, sizeof number);
    id.bytes[0] = bad ? FAKE_BAD : 0x11;
    event_id_to_wire(&id, bytes);
    buf_append(wire, bytes, sizeof bytes);
}

static void append_string(struct buf *block, const char *text)
{
    buf_append_varint(block, strlen(text));
    buf_append_string(block, text);
}

/* A segment in memory whose only column is event_id, in Native's encoding. */
static struct segment *make_segment(struct bench *bench, size_t stream, struct slice wire_ids)
{
    struct segment *segment = calloc(1, sizeof *segment);
    struct buf file = { 0 }, head = { 0 };
    uint64_t rows = wire_ids.len / 16;
    size_t length;
    snprintf(segment->name, sizeof segment->name, "%s-0190a000-0000-7000-8000-%012d", bench->streams[stream]->name,
             bench->segments++);
    segment_header_write(bench->streams[stream], segment->name, "", &file);
    assert_true(segment_header_read(&segment->header, buf_slice(&file), &length));
    buf_append_varint(&head, 1);
    buf_append_varint(&head, rows);
    append_string(&head, "event_id");
    append_string(&head, "UUID");
    struct lz4_encoder *encoder = lz4_encoder_new();
    lz4_frame_begin(encoder, &file);
    lz4_frame_write(encoder, head.data, head.len);
    lz4_frame_write(encoder, wire_ids.data, wire_ids.len);
    assert_true(lz4_frame_end(encoder));
    lz4_encoder_free(encoder);
    segment->fd = memfd_create("segment", MFD_CLOEXEC);
    assert_int_equal(write(segment->fd, file.data, file.len), (ssize_t)file.len);
    segment->length = file.len;
    segment->rows = rows;
    segment->root_rows = rows;
    segment->raw_bytes = head.len + wire_ids.len;
    segment->first_ns = (int64_t)bench->segments;
    segment->min_time_ns = 1;
    segment->stream_index = stream;
    buf_release(&file);
    buf_release(&head);
    return segment;
}

/* `rows` new rows, of which those at multiples of `bad_every` are refused (0: none). */
static struct segment *new_segment(struct bench *bench, size_t stream, size_t rows, size_t bad_every)
{
    struct buf wire = { 0 };
    for (size_t i = 1; i <= rows; i++) {
        append_id(&wire, bench->next_id++, bad_every != 0 && i % bad_every == 0);
    }
    struct segment *segment = make_segment(bench, stream, buf_slice(&wire));
    buf_release(&wire);
    return segment;
}

static enum error home_stored(void *context, struct segment *segment)
{
    struct bench *bench = context;
    enum error error;
    FAKE_SET(&bench->fake, {
        error = bench->disk_fails ? ERROR_JOURNAL_FAILED : OK;
        if (error == OK && segment->stream_index < STREAMS) {
            bench->stored_rows[segment->stream_index] += segment->rows;
        }
    });
    if (error == OK) {
        segment_free(segment);
    }
    return error;
}

static enum error home_split(void *context, struct segment *whole, uint64_t at, struct segment **first,
                             struct segment **second)
{
    struct bench *bench = context;
    struct buf ids = { 0 }, wire = { 0 };
    assert_true(segment_read_ids(whole, &ids));
    for (size_t i = 0; i < ids.len; i += 16) {
        uint8_t bytes[16];
        event_id_to_wire((const struct event_id *)(const void *)(ids.data + i), bytes);
        buf_append(&wire, bytes, sizeof bytes);
    }
    FAKE_SET(&bench->fake, {
        *first = make_segment(bench, whole->stream_index, slice_make(wire.data, at * 16));
        *second = make_segment(bench, whole->stream_index, slice_after(buf_slice(&wire), at * 16));
    });
    segment_free(whole);
    buf_release(&ids);
    buf_release(&wire);
    return OK;
}

static enum error home_bury(void *context, struct segment *segment, int code, const char *reason)
{
    struct bench *bench = context;
    bool full;
    FAKE_SET(&bench->fake, {
        full = bench->dead_letters_full;
        bench->buried_code = code;
        snprintf(bench->buried_reason, sizeof bench->buried_reason, "%s", reason);
        bench->buried_rows += full ? 0 : segment->rows;
    });
    if (full) {
        return ERROR_JOURNAL_FULL;
    }
    segment_free(segment);
    return OK;
}

static void home_feedback(void *context, size_t stream_index, enum writer_feedback feedback, uint64_t rows,
                          int64_t latency_ns)
{
    struct bench *bench = context;
    (void)stream_index, (void)rows, (void)latency_ns;
    FAKE_SET(&bench->fake, bench->too_many_parts += feedback == FEEDBACK_TOO_MANY_PARTS ? 1 : 0);
}

static struct bench *bench_new(size_t servers)
{
    struct bench *bench = calloc(1, sizeof *bench);
    static const char *const names[] = { "alpha", "beta" };
    struct buf problems = { 0 };
    fake_store_init(&bench->fake, servers);
    bench->options = (struct writer_options){
        .threads = 3,
        .backoff_min_ns = NS_PER_MS,
        .backoff_max_ns = 4 * NS_PER_MS,
        .breaker_failures = 3,
    };
    for (size_t i = 0; i < STREAMS; i++) {
        bench->streams[i] = stream_compile(&stream_options[i], i, &problems);
        assert_non_null(bench->streams[i]);
    }
    bench->metrics = metrics_new(names, STREAMS, bench->fake.store.server_names, servers);
    bench->board = status_board_new();
    buf_release(&problems);
    return bench;
}

static struct writer *try_start(struct bench *bench, struct buf *problem)
{
    struct writer_config config = {
        .options = &bench->options,
        .store_options = &store_options,
        .store = &bench->fake.store,
        .streams = (const struct stream *const *)bench->streams,
        .stream_count = STREAMS,
        .metrics = bench->metrics,
        .board = bench->board,
        .home = { bench, home_stored, home_split, home_bury, home_feedback },
    };
    return writer_start(&config, problem);
}

static void start(struct bench *bench)
{
    struct buf problem = { 0 };
    bench->writer = try_start(bench, &problem);
    if (bench->writer == NULL) {
        fail_msg("%.*s", (int)problem.len, problem.data);
    }
    buf_release(&problem);
}

static void bench_free(struct bench *bench)
{
    if (bench->writer != NULL) {
        writer_stop(bench->writer);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        stream_free(bench->streams[i]);
    }
    metrics_free(bench->metrics);
    status_board_free(bench->board);
    fake_store_release(&bench->fake);
    free(bench);
}

static bool drain(struct bench *bench)
{
    return writer_drain(bench->writer, clock_monotonic_ns() + 10 * NS_PER_SECOND);
}

static int64_t count(struct bench *bench, enum metric metric, size_t stream)
{
    return metric_read(bench->metrics, metric, 0, stream, OK);
}

/* What the part says, and whether it is well. */
static bool is_well(struct bench *bench, const char *part, const char *says)
{
    struct status_view views[16];
    size_t parts = status_read(bench->board, views, 16);
    for (size_t i = 0; i < parts && i < 16; i++) {
        if (strcmp(views[i].name, part) == 0) {
            if (says != NULL && strstr(views[i].reason, says) == NULL) {
                fail_msg("%s says: %s", part, views[i].reason);
            }
            return views[i].level == STATUS_OK;
        }
    }
    fail_msg("there is no part %s", part);
    return false;
}

static void delivers_every_batch_once(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    for (int i = 0; i < 50; i++) {
        writer_submit(bench->writer, new_segment(bench, (size_t)i % 2, 20, 0));
    }
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 1000);
    assert_int_equal(bench->stored_rows[0], 500);
    assert_int_equal(bench->fake.counts, 0);
    assert_int_equal(count(bench, METRIC_BATCHES_STORED, 0), 25);
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 0);
    assert_int_equal(writer_oldest_ns(bench->writer, 0), INT64_MAX);
    assert_true(is_well(bench, "stream:alpha", NULL) && is_well(bench, "store:one", NULL));
    bench_free(bench);
}

/* One batch of 20 rows against faults; afterwards the table holds `rows` rows of its 20 ids. */
static const struct {
    const char *what;
    struct fault faults[4];
    const char *engine;
    bool no_tokens;
    bool recovered;
    int inserts;
    uint64_t counts;
    bool same_token;
} stories[] = {
    { "passes by itself",
      { { .outcome = STORE_ANSWERED, .code = 241 }, { .outcome = STORE_ANSWERED, .code = 252, .message = "parts" } },
      NULL,
      false,
      false,
      3,
      0,
      true },
    { "lost, and not stored", { { .outcome = STORE_UNKNOWN } }, NULL, false, false, 2, 0, true },
    { "lost, yet stored", { { .outcome = STORE_UNKNOWN, .stores = true } }, NULL, false, false, 2, 0, true },
    { "killed between token and part",
      { { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true } },
      NULL,
      false,
      false,
      3,
      1,
      false },
    { "killed after the part",
      { { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true } },
      NULL,
      false,
      false,
      2,
      1,
      true },
    { "killed twice",
      { { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true },
        { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true } },
      NULL,
      false,
      false,
      4,
      1,
      false },
    { "a table that does not collapse, stored",
      { { .outcome = STORE_UNKNOWN, .stores = true } },
      "MergeTree",
      false,
      false,
      1,
      1,
      true },
    { "a table that does not collapse, not stored",
      { { .outcome = STORE_UNKNOWN } },
      "MergeTree",
      false,
      false,
      2,
      1,
      false },
    { "a server without tokens, stored",
      { { .outcome = STORE_UNKNOWN, .stores = true } },
      NULL,
      true,
      false,
      1,
      1,
      true },
    { "a replicated table",
      { { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true } },
      "ReplicatedReplacingMergeTree",
      false,
      false,
      2,
      0,
      true },
    { "recovered, and not stored", { { .outcome = STORE_DONE, .stores = true } }, NULL, false, true, 1, 1, false },
};

static size_t fault_count(const struct fault *faults)
{
    size_t n = 0;
    while (n < 4 && (faults[n].outcome != STORE_DONE || faults[n].stores)) {
        n++;
    }
    return n;
}

static void every_story_ends_with_each_row_in_the_table_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stories); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.tokens = !stories[i].no_tokens;
        bench->fake.engine = stories[i].engine == NULL ? bench->fake.engine : stories[i].engine;
        bench->fake.faults = stories[i].faults;
        bench->fake.fault_count = fault_count(stories[i].faults);
        start(bench);
        struct segment *segment = new_segment(bench, 0, 20, 0);
        char name[SEGMENT_NAME_MAX];
        memcpy(name, segment->name, sizeof name);
        segment->recovered = stories[i].recovered;
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        bool same = strcmp(bench->fake.last_token, name) == 0;
        if (fake_store_rows(&bench->fake) != 20 || bench->fake.servers[0].inserts != stories[i].inserts ||
            bench->fake.counts != stories[i].counts || same != stories[i].same_token) {
            fail_msg("%s: %zu rows, %d inserts, %d counts, token %s", stories[i].what, fake_store_rows(&bench->fake),
                     bench->fake.servers[0].inserts, (int)bench->fake.counts, bench->fake.last_token);
        }
        assert_int_equal(bench->stored_rows[0], 20);
        bench_free(bench);
    }
}

static void a_recovered_batch_that_is_in_the_table_is_not_sent(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct segment *segment = new_segment(bench, 0, 9000, 0);
    segment->recovered = true;
    assert_true(segment_read_ids(segment, &bench->fake.servers[0].rows));
    bench->fake.running = 2; /* an INSERT of the process before is still at work */
    start(bench);
    writer_submit(bench->writer, segment);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[0].inserts, 0);
    assert_int_equal(bench->fake.counts, 3);
    assert_int_equal(bench->fake.running, 0);
    assert_int_equal(bench->stored_rows[0], 9000);
    assert_int_equal(count(bench, METRIC_VERIFICATIONS, 0), 3);
    bench_free(bench);
}

static void a_row_that_the_table_refuses_becomes_a_dead_letter_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 3000, 1000));
    writer_submit(bench->writer, new_segment(bench, 0, 1, 1));
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 2997);
    assert_int_equal(bench->stored_rows[0], 2997);
    assert_int_equal(bench->buried_rows, 4);
    assert_int_equal(bench->buried_code, 469);
    assert_non_null(strstr(bench->buried_reason, "VIOLATED_CONSTRAINT: Constraint `c` is violated"));
    assert_true(count(bench, METRIC_SPLITS, 0) >= 20);
    bench_free(bench);
}

static void too_many_refused_rows_hold_their_batch_and_no_other(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.backoff_max_ns = 3600 * NS_PER_SECOND;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 1000, 2));
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    writer_submit(bench->writer, new_segment(bench, 1, 10, 0));
    assert_false(drain(bench)); /* held ones are not waited for, but they are left */
    assert_int_equal(bench->stored_rows[1], 10);
    assert_true(bench->stored_rows[0] >= 10);
    assert_int_equal(bench->buried_rows, 10);
    assert_true(count(bench, METRIC_BATCHES_HELD, 0) > 0);
    assert_false(is_well(bench, "stream:alpha", "it is the schema"));
    assert_true(is_well(bench, "stream:beta", NULL));
    bench_free(bench);
}

static const struct {
    int code;
    const char *message;
    const char *says;
} holds[] = {
    { 60, "Table default.alpha does not exist", "UNKNOWN_TABLE" },
    { 16, "No such column", "NO_SUCH_COLUMN_IN_TABLE" },
    { 516, "Authentication failed", "AUTHENTICATION_FAILED" },
    { 469, "Constraint: while pushing to view default.v", "while pushing to view" },
    { 241, "Memory limit exceeded", "MEMORY_LIMIT_EXCEEDED" },
};

static void a_broken_table_waits_delays_nobody_and_recovers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(holds); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.broken_table = "alpha";
        bench->fake.broken_code = holds[i].code;
        bench->fake.broken_message = holds[i].message;
        start(bench);
        for (int batch = 0; batch < 10; batch++) {
            writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
        }
        FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 3);
        writer_submit(bench->writer, new_segment(bench, 1, 5, 0));
        FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 5);
        assert_false(is_well(bench, "stream:alpha", holds[i].says));
        assert_int_equal(bench->buried_rows, 0);
        FAKE_SET(&bench->fake, bench->fake.broken_table = NULL);
        FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 50);
        assert_true(drain(bench));
        assert_true(is_well(bench, "stream:alpha", NULL));
        assert_int_equal(fake_store_rows(&bench->fake), 55);
        bench_free(bench);
    }
}

static void a_table_that_hangs_leaves_a_thread_to_the_others(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.threads = 2;
    bench->fake.broken_table = "alpha";
    bench->fake.broken_message = "";
    bench->fake.hangs_broken = true;
    start(bench);
    for (int batch = 0; batch < 5; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
    for (int batch = 0; batch < 5; batch++) {
        writer_submit(bench->writer, new_segment(bench, 1, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 25);
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = false; bench->fake.broken_table = NULL);
    assert_true(drain(bench));
    bench_free(bench);
}

static void a_failing_stream_gets_one_attempt_at_a_time(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    int before;
    bench->fake.broken_table = "alpha";
    bench->fake.broken_code = 241;
    bench->fake.broken_message = "Memory limit exceeded";
    bench->options.threads = 8;
    start(bench);
    for (int batch = 0; batch < 20; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 9); /* at most seven at first, then one by one */
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = true; before = bench->fake.servers[0].inserts);
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts == before + 1);
    assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 30 * NS_PER_MS));
    assert_int_equal(bench->fake.servers[0].inserts, before + 1);
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = false; bench->fake.broken_table = NULL);
    assert_true(drain(bench));
    bench_free(bench);
}

static void a_failing_view_holds_and_stores_no_row_twice(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.view_fails = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 3);
    assert_int_equal(bench->stored_rows[0], 0);
    assert_int_equal(bench->buried_rows, 0);
    FAKE_SET(&bench->fake, bench->fake.view_fails = false);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 20);
    assert_int_equal(fake_store_rows(&bench->fake), 20);
    bench_free(bench);
}

static void full_dead_letters_hold_the_row_until_there_is_room(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->dead_letters_full = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 8));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 7 && bench->buried_code == 469);
    assert_false(drain(bench));
    assert_int_equal(bench->buried_rows, 0);
    FAKE_SET(&bench->fake, bench->dead_letters_full = false);
    FAKE_WAIT(&bench->fake, bench->buried_rows == 1);
    bench_free(bench);
}

static void what_is_stored_is_not_sent_again_because_a_disk_fails(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->disk_fails = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    FAKE_WAIT(&bench->fake, fake_store_rows(&bench->fake) == 8);
    FAKE_SET(&bench->fake, bench->disk_fails = false);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 8);
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    bench_free(bench);
}

static void a_store_that_is_down_at_start_is_waited_for(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 20 * NS_PER_MS));
    assert_int_equal(writer_oldest_ns(bench->writer, 0), 1);
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 2);
    assert_false(is_well(bench, "store:one", "connection refused"));
    assert_false(is_well(bench, "stream:alpha", "table not checked"));
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = false);
    assert_true(drain(bench));
    assert_true(is_well(bench, "store:one", NULL) && is_well(bench, "stream:alpha", NULL));
    bench_free(bench);
}

static void a_store_that_goes_away_and_comes_back_loses_nothing(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    for (int round = 0; round < 10; round++) {
        FAKE_SET(&bench->fake, bench->fake.servers[0].down = round % 2 == 0);
        for (int batch = 0; batch < 10; batch++) {
            writer_submit(bench->writer, new_segment(bench, (size_t)batch % 2, 10, 0));
        }
    }
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 1000);
    bench_free(bench);
}

static void an_unfit_table_stops_the_start_with_its_column(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct field_options wrong = { .name = "price", .type = "Float64", .max_past_ns = -1, .max_future_ns = -1 };
    struct stream_options options = { .name = "beta", .table = "beta", .fields = &wrong, .field_count = 1 };
    struct buf problem = { 0 };
    stream_free(bench->streams[1]);
    bench->streams[1] = stream_compile(&options, 1, &problem);
    assert_non_null(bench->streams[1]);
    assert_null(try_start(bench, &problem));
    assert_non_null(buf_c_string(&problem));
    assert_non_null(strstr(problem.data, "price"));
    buf_release(&problem);
    bench_free(bench);
}

static void batches_go_to_all_servers(void **state)
{
    (void)state;
    struct bench *bench = bench_new(2);
    start(bench);
    for (int i = 0; i < 20; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 1, 0));
    }
    assert_true(drain(bench));
    assert_true(bench->fake.servers[0].inserts >= 5 && bench->fake.servers[1].inserts >= 5);
    bench_free(bench);
}

/* The first attempt is lost; then the other server is the only one. */
static struct bench *lose_a_batch_on_one_of_two(const char *engine)
{
    static const struct fault lost = { .outcome = STORE_UNKNOWN };
    struct bench *bench = bench_new(2);
    bench->fake.engine = engine;
    bench->fake.faults = &lost;
    bench->fake.fault_count = 1;
    bench->options.backoff_min_ns = bench->options.backoff_max_ns = 50 * NS_PER_MS;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts + bench->fake.servers[1].inserts == 1);
    return bench;
}

static void a_batch_of_unknown_fate_stays_with_its_server(void **state)
{
    (void)state;
    struct bench *bench = lose_a_batch_on_one_of_two("ReplacingMergeTree");
    int at = bench->fake.servers[0].inserts == 1 ? 0 : 1;
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[at].inserts, 2);
    bench_free(bench);
}

static void a_replicated_table_takes_it_through_another_server(void **state)
{
    (void)state;
    struct bench *bench = lose_a_batch_on_one_of_two("ReplicatedReplacingMergeTree");
    int at = bench->fake.servers[0].inserts == 1 ? 0 : 1;
    FAKE_SET(&bench->fake, bench->fake.servers[at].down = true);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[1 - at].inserts, 1);
    bench_free(bench);
}

static void a_recovered_batch_is_looked_for_on_every_server(void **state)
{
    (void)state;
    for (size_t at = 0; at < 2; at++) {
        struct bench *bench = bench_new(2);
        struct segment *segment = new_segment(bench, 0, 10, 0);
        segment->recovered = true;
        assert_true(segment_read_ids(segment, &bench->fake.servers[at].rows));
        start(bench);
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        assert_int_equal(fake_store_rows(&bench->fake), 10);
        bench_free(bench);
    }
}

static void segments_of_a_stream_no_longer_configured_are_delivered(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    struct segment *segment = new_segment(bench, 0, 10, 0);
    segment->stream_index = SIZE_MAX;
    segment->recovered = true;
    writer_submit(bench->writer, segment);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 10);
    bench_free(bench);
}

static void too_many_parts_is_told_to_the_batching(void **state)
{
    (void)state;
    static const struct fault fault = { .outcome = STORE_ANSWERED, .code = 252, .message = "Too many parts (301)" };
    struct bench *bench = bench_new(1);
    bench->fake.faults = &fault;
    bench->fake.fault_count = 1;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    assert_true(drain(bench));
    assert_int_equal(bench->too_many_parts, 1);
    assert_int_equal(count(bench, METRIC_INSERT_FAILURES, 0), 1);
    bench_free(bench);
}

static void stopping_leaves_what_is_not_delivered(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < 10; i++) {
        writer_submit(bench->writer, new_segment(bench, (size_t)i % 2, 5, 0));
    }
    bench_free(bench); /* under ASan: nothing leaks, nothing is used again */
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_every_batch_once),
        cmocka_unit_test(every_story_ends_with_each_row_in_the_table_once),
        cmocka_unit_test(a_recovered_batch_that_is_in_the_table_is_not_sent),
        cmocka_unit_test(a_row_that_the_table_refuses_becomes_a_dead_letter_alone),
        cmocka_unit_test(too_many_refused_rows_hold_their_batch_and_no_other),
        cmocka_unit_test(a_broken_table_waits_delays_nobody_and_recovers),
        cmocka_unit_test(a_table_that_hangs_leaves_a_thread_to_the_others),
        cmocka_unit_test(a_failing_stream_gets_one_attempt_at_a_time),
        cmocka_unit_test(a_failing_view_holds_and_stores_no_row_twice),
        cmocka_unit_test(full_dead_letters_hold_the_row_until_there_is_room),
        cmocka_unit_test(what_is_stored_is_not_sent_again_because_a_disk_fails),
        cmocka_unit_test(a_store_that_is_down_at_start_is_waited_for),
        cmocka_unit_test(a_store_that_goes_away_and_comes_back_loses_nothing),
        cmocka_unit_test(an_unfit_table_stops_the_start_with_its_column),
        cmocka_unit_test(batches_go_to_all_servers),
        cmocka_unit_test(a_batch_of_unknown_fate_stays_with_its_server),
        cmocka_unit_test(a_replicated_table_takes_it_through_another_server),
        cmocka_unit_test(a_recovered_batch_is_looked_for_on_every_server),
        cmocka_unit_test(segments_of_a_stream_no_longer_configured_are_delivered),
        cmocka_unit_test(too_many_parts_is_told_to_the_batching),
        cmocka_unit_test(stopping_leaves_what_is_not_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
