/* What the tests of the writer share: streams, segments in memory, an owner that counts, and a writer on the fake store.
 * Include behind cmocka.h. */
#pragma once

#include "base/lz4.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "store/delivery/writer.h"
#include "unit/fake_store.h"

#include <sys/mman.h>
#include <unistd.h>

static struct field_options fields[] = {
    { .name = "user_id", .type = "String", .max_past_ns = -1, .max_future_ns = -1 },
};
static struct stream_options stream_options[] = {
    { .name = "alpha", .table = "alpha", .create_table = true, .fields = fields, .field_count = 1 },
    { .name = "beta", .table = "beta", .create_table = true, .fields = fields, .field_count = 1 },
};
#define STREAMS ARRAY_LENGTH(stream_options)

static const struct store_options store_options = { .request_timeout_ns = NS_PER_SECOND, .create_table = true };

/* Everything that a test needs. The owner's counts are guarded by the fake's mutex. */
struct bench {
    struct fake_store fake;
    struct stream *streams[STREAMS];
    struct writer_options options;
    struct metrics *metrics;
    struct status_board *board;
    struct writer *writer;
    uint64_t next_id;
    atomic_int segments; /* made so far */
    uint64_t stored_rows[STREAMS];
    uint64_t buried_rows;
    int buried_code;
    char buried_reason[512];
    bool dead_letters_full;
    bool disk_fails;
    int too_many_parts;
    char misfit[SEGMENT_NAME_MAX + 1]; /* what fake.misfit points to */
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
static struct segment *make_named_segment(struct bench *bench, size_t stream, int name, struct slice wire_ids)
{
    struct segment *segment = calloc(1, sizeof *segment);
    struct buf file = { 0 }, head = { 0 };
    uint64_t rows = wire_ids.len / 16;
    size_t length;
    snprintf(segment->name, sizeof segment->name, "%s-0190a000-0000-7000-8000-%012d", bench->streams[stream]->name,
             name);
    segment_header_write(bench->streams[stream], segment->name, "", &file);
    assert_true(segment_header_read(&segment->header, buf_slice(&file), &length));
    buf_append_varint(&head, 1);
    buf_append_varint(&head, rows);
    append_string(&head, "event_id");
    append_string(&head, "UUID");
    struct lz4_encoder *encoder = lz4_encoder_new();
    lz4_frame_begin(encoder, &file, head.len + wire_ids.len);
    lz4_frame_write(encoder, head.data, head.len);
    lz4_frame_write(encoder, wire_ids.data, wire_ids.len);
    assert_true(lz4_frame_end(encoder));
    lz4_encoder_free(encoder);
    segment->fd = memfd_create("segment", MFD_CLOEXEC);
    assert_int_equal(write(segment->fd, file.data, file.len), (ssize_t)file.len);
    segment->length = file.len;
    segment->rows = rows;
    segment->raw_bytes = head.len + wire_ids.len;
    segment->first_ns = (int64_t)name + 1;
    segment->min_time_ns = 1;
    segment->stream_index = stream;
    buf_release(&file);
    buf_release(&head);
    return segment;
}

static struct segment *make_segment(struct bench *bench, size_t stream, struct slice wire_ids)
{
    return make_named_segment(bench, stream, bench->segments++, wire_ids);
}

/* `rows` new rows, of which those at multiples of `bad_every` are refused (0: none). */
static inline struct segment *new_segment(struct bench *bench, size_t stream, size_t rows, size_t bad_every)
{
    struct buf wire = { 0 };
    for (size_t i = 1; i <= rows; i++) {
        append_id(&wire, bench->next_id++, bad_every != 0 && i % bad_every == 0);
    }
    struct segment *segment = make_segment(bench, stream, buf_slice(&wire));
    buf_release(&wire);
    return segment;
}

static enum error owner_stored(void *context, struct segment *segment)
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

static enum error owner_split(void *context, struct segment *whole, uint64_t at, struct segment **first,
                              struct segment **second)
{
    struct bench *bench = context;
    struct buf ids = { 0 }, wire = { 0 };
    assert_int_equal(segment_event_ids(whole, &ids), OK);
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

static enum error owner_bury(void *context, struct segment *segment, int code, const char *reason)
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

static void owner_feedback(void *context, size_t stream_index, enum writer_feedback feedback, uint64_t rows,
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
    bench->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, STREAMS },
                                                           .servers = { bench->fake.store.server_names, servers } });
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
        .owner = { bench, owner_stored, owner_split, owner_bury, owner_feedback },
    };
    return writer_start(&config, problem);
}

static inline void start(struct bench *bench)
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

static inline int64_t count(struct bench *bench, enum metric metric, size_t stream);

static inline bool all_that_wait_are_held(struct bench *bench)
{
    int64_t waiting = 0, held = 0;
    for (size_t i = 0; i < STREAMS; i++) {
        waiting += count(bench, METRIC_BATCHES_WAITING, i);
        held += count(bench, METRIC_BATCHES_HELD, i);
    }
    return held != 0 && waiting == held;
}

/* Through failures, too, which writer_drain does not wait for; false if what is left stays held. */
static inline bool drain(struct bench *bench)
{
    int64_t deadline_ns = clock_monotonic_ns() + 10 * NS_PER_SECOND;
    int64_t held_since_ns = INT64_MAX;
    while (!writer_drain(bench->writer, clock_monotonic_ns() + NS_PER_MS)) {
        int64_t now_ns = clock_monotonic_ns();
        if (!all_that_wait_are_held(bench)) {
            held_since_ns = INT64_MAX;
        } else if (held_since_ns == INT64_MAX) {
            held_since_ns = now_ns;
        }
        if (now_ns >= deadline_ns || (held_since_ns != INT64_MAX && now_ns >= held_since_ns + NS_PER_SECOND / 2)) {
            return false;
        }
        nanosleep(&(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
    }
    return true;
}

static inline int64_t count(struct bench *bench, enum metric metric, size_t stream)
{
    return metric_read(bench->metrics, metric, 0, stream, OK);
}

/* What the part says, and whether it is well. */
static inline bool is_well(struct bench *bench, const char *part, const char *says)
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

/* The state is told behind the batch, by the thread that stored it. */
static inline bool becomes_well(struct bench *bench, const char *part)
{
    int64_t until_ns = clock_monotonic_ns() + 10 * NS_PER_SECOND;
    while (!is_well(bench, part, NULL) && clock_monotonic_ns() < until_ns) {
        usleep(1000);
    }
    return is_well(bench, part, NULL);
}
