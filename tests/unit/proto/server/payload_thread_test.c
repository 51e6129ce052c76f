/* The thread of large payloads, before a pipeline that notes what it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "proto/gate/gatekeeper.h"
#include "proto/server/payload_thread.h"

/* The pipeline. `busy`: a submission waits. */
static struct {
    struct wakeup wakeup;
    bool busy;
    bool submitting;
    char submitted[64]; /* the first byte of each payload */
    size_t count;
    size_t pushed;  /* of `count`, when it was last flushed */
    unsigned woken; /* the I/O thread was */
    enum error refused[8];
    size_t refusals;
    enum error admits;
} world;

struct pipeline_io *pipeline_io_new_beside(struct pipeline_io *partner)
{
    return partner;
}

enum error pipeline_admits(const struct pipeline *pipeline)
{
    (void)pipeline;
    return world.admits;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)pipeline, (void)stream;
    return OK;
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    (void)io;
    wakeup_lock(&world.wakeup);
    world.submitting = true;
    wakeup_all(&world.wakeup);
    while (world.busy) {
        wakeup_wait(&world.wakeup, INT64_MAX);
    }
    world.submitted[world.count++] = payload->bytes.data[0];
    submission->events = 1;
    wakeup_unlock(&world.wakeup);
}

void pipeline_io_flush(struct pipeline_io *io)
{
    (void)io;
    world.pushed = world.count;
}

bool pipeline_io_shed(struct pipeline_io *io)
{
    (void)io;
    return false;
}

void pipeline_count_key_refusal(struct pipeline_io *io, uint32_t key, enum error error)
{
    (void)io, (void)key, (void)error;
}

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    (void)io, (void)protocol, (void)stream;
    world.refused[world.refusals++] = error;
}

void pipeline_refuse(struct pipeline_io *io, const struct payload *payload, const struct stream *blamed,
                     enum error error)
{
    pipeline_count_refusal(io, payload->protocol, blamed, error);
}

void submission_release(struct submission *submission)
{
    (void)submission;
}

static void wake(void *io_thread)
{
    (void)io_thread;
    wakeup_lock(&world.wakeup);
    world.woken++;
    wakeup_all(&world.wakeup);
    wakeup_unlock(&world.wakeup);
}

/* The I/O thread: this one. */

static struct metrics *metrics;

static struct payload_thread *begin(uint64_t max_waiting)
{
    static int io;
    static const struct gatekeeper nobody_asks;
    memset(&world, 0, sizeof world);
    wakeup_init(&world.wakeup);
    metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    const struct payload_thread_config config = {
        .name = "io-0",
        .io = (struct pipeline_io *)(void *)&io,
        .metrics = metrics,
        .gatekeeper = &nobody_asks,
        .max_waiting = max_waiting,
        .wake = wake,
    };
    struct payload_thread *thread = payload_thread_new(&config);
    assert_non_null(thread);
    assert_int_equal(payload_thread_start(thread), OK);
    return thread;
}

static void end(struct payload_thread *thread)
{
    payload_thread_stop(thread);
    payload_thread_free(thread);
    metrics_free(metrics);
    wakeup_release(&world.wakeup);
}

static struct large_payload *large_of(uint32_t slot, char first, enum encoding encoding)
{
    char text[100];
    memset(text, ' ', sizeof text);
    text[0] = first;
    struct large_payload large = {
        .payload = { .bytes = slice_make(text, sizeof text), .token = { .slot = slot } },
        .encoding = encoding,
        .max_decompressed = 1000,
    };
    struct large_payload *copy = large_payload_copy(&large);
    assert_non_null(copy);
    return copy;
}

static void set_busy(bool busy)
{
    wakeup_lock(&world.wakeup);
    world.busy = busy;
    wakeup_all(&world.wakeup);
    wakeup_unlock(&world.wakeup);
}

/* One payload is at work and cannot get on. */
static void occupy(struct payload_thread *thread)
{
    set_busy(true);
    assert_true(payload_thread_take(thread, large_of(9, 'x', ENCODING_IDENTITY)));
    wakeup_lock(&world.wakeup);
    while (!world.submitting) {
        wakeup_wait(&world.wakeup, INT64_MAX);
    }
    wakeup_unlock(&world.wakeup);
}

/* Collects so many, and frees them; the last one's error. */
static enum error collect(struct payload_thread *thread, unsigned count)
{
    enum error error = OK;
    wakeup_lock(&world.wakeup);
    while (world.woken < count) {
        wakeup_wait(&world.wakeup, INT64_MAX);
    }
    world.woken -= count;
    wakeup_unlock(&world.wakeup);
    struct large_payload *large = payload_thread_collect(thread);
    for (; count != 0; count--) {
        assert_non_null(large);
        struct large_payload *next = large->next;
        error = large->error;
        assert_int_equal(large->submission.events, error == OK);
        large_payload_free(large);
        large = next;
    }
    assert_null(large);
    return error;
}

static void the_first_of_a_connection_goes_before_the_second_of_another(void **state)
{
    static const struct {
        uint32_t slot;
        char first;
    } sent[] = { { 1, 'a' }, { 1, 'b' }, { 1, 'c' }, { 2, 'd' }, { 2, 'e' }, { 3, 'f' } };
    (void)state;
    struct payload_thread *thread = begin(1000000);
    occupy(thread);
    for (size_t i = 0; i < ARRAY_LENGTH(sent); i++) {
        assert_true(payload_thread_take(thread, large_of(sent[i].slot, sent[i].first, ENCODING_IDENTITY)));
    }
    set_busy(false);
    collect(thread, 7);
    assert_string_equal(world.submitted, "xadfbec");
    end(thread);
    assert_int_equal(world.pushed, 7);
}

static void what_waits_is_bounded_by_bytes_and_by_number(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(250);
    occupy(thread);
    struct large_payload *third = large_of(1, 'c', ENCODING_IDENTITY);
    assert_true(payload_thread_take(thread, large_of(1, 'a', ENCODING_IDENTITY)));
    assert_true(payload_thread_take(thread, large_of(2, 'b', ENCODING_IDENTITY)));
    assert_false(payload_thread_take(thread, third));
    set_busy(false);
    collect(thread, 3);
    assert_true(payload_thread_take(thread, third));
    collect(thread, 1);
    end(thread);
}

static void what_waited_is_not_unpacked_once_the_room_is_gone(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(1000);
    occupy(thread);
    assert_true(payload_thread_take(thread, large_of(1, 'a', ENCODING_GZIP))); /* not gzip: nobody looks */
    wakeup_lock(&world.wakeup);
    world.admits = ERROR_QUEUE_FULL;
    wakeup_unlock(&world.wakeup);
    set_busy(false);
    assert_int_equal(collect(thread, 2), ERROR_QUEUE_FULL);
    end(thread);
    assert_int_equal(world.count, 1);
    assert_int_equal(world.refused[0], ERROR_QUEUE_FULL);
}

static void a_message_that_was_let_in_is_taken_whatever_came_since(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(1000);
    struct large_payload *large = large_of(1, 'a', ENCODING_IDENTITY);
    large->payload.protocol = PROTOCOL_WS;
    world.admits = ERROR_QUEUE_FULL;
    assert_true(payload_thread_take(thread, large));
    assert_int_equal(collect(thread, 1), OK);
    end(thread);
    assert_int_equal(world.refusals, 0);
}

static void what_cannot_be_unpacked_is_counted_and_comes_back(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(1000);
    assert_true(payload_thread_take(thread, large_of(1, 'a', ENCODING_GZIP)));
    assert_int_equal(collect(thread, 1), ERROR_BAD_COMPRESSION);
    end(thread);
    assert_int_equal(world.count, 0);
    assert_int_equal(world.refusals, 1);
    assert_int_equal(world.refused[0], ERROR_BAD_COMPRESSION);
}

static void what_waits_at_the_end_is_counted_as_dropped(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(1000);
    payload_thread_stop(thread);
    assert_true(payload_thread_take(thread, large_of(1, 'a', ENCODING_IDENTITY)));
    end(thread);
    assert_int_equal(world.refusals, 1);
    assert_int_equal(world.refused[0], ERROR_DRAINING);
}

static void nothing_that_was_taken_is_nothing_to_collect(void **state)
{
    (void)state;
    struct payload_thread *thread = begin(1000);
    assert_null(payload_thread_collect(thread));
    end(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_a_connection_goes_before_the_second_of_another),
        cmocka_unit_test(what_waits_is_bounded_by_bytes_and_by_number),
        cmocka_unit_test(what_waited_is_not_unpacked_once_the_room_is_gone),
        cmocka_unit_test(a_message_that_was_let_in_is_taken_whatever_came_since),
        cmocka_unit_test(what_cannot_be_unpacked_is_counted_and_comes_back),
        cmocka_unit_test(what_waits_at_the_end_is_counted_as_dropped),
        cmocka_unit_test(nothing_that_was_taken_is_nothing_to_collect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
