/* The commands that go to Redis, as text: an id of zeros but for its first byte and its last is written <first,last>. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "pipeline/dedup/redis_marks.h"
#include "pipeline/dedup/redis_sets.h"

static const struct dedup_options one_set = { .window_ns = 3600 * NS_PER_SECOND,
                                              .redis_prefix = "p",
                                              .redis_shards = 1 };
static const struct dedup_options shards = { .window_ns = 3600 * NS_PER_SECOND,
                                             .redis_prefix = "p",
                                             .redis_shards = 4 };

static struct event_id id_of(uint8_t first, uint8_t last)
{
    struct event_id id = { { 0 } };
    id.bytes[0] = first;
    id.bytes[15] = last;
    return id;
}

/* Lines end in spaces, words lose their lengths, ids become text. */
static void assert_commands(const struct buf *out, const char *expected)
{
    struct buf text = { 0 };
    struct slice rest = buf_slice(out);
    while (rest.len != 0) {
        size_t line = (size_t)((const char *)memchr(rest.data, '\r', rest.len) - rest.data);
        if (rest.data[0] == '*') {
            buf_append(&text, rest.data, line);
            buf_append_byte(&text, ' ');
            rest = slice_after(rest, line + 2);
            continue;
        }
        uint64_t len;
        assert_true(slice_to_u64(slice_make(rest.data + 1, line - 1), &len));
        rest = slice_after(rest, line + 2);
        if (len == 16) {
            buf_printf(&text, "<%d,%d>", rest.data[0], rest.data[15]);
        } else {
            buf_append(&text, rest.data, len);
        }
        buf_append_byte(&text, ' ');
        assert_memory_equal(rest.data + len, "\r\n", 2);
        rest = slice_after(rest, len + 2);
    }
    assert_string_equal(buf_c_string(&text), expected);
    buf_release(&text);
}

struct request {
    struct buf questions, runs, out;
};

static const struct redis_run *run_at(const struct request *request, size_t index)
{
    assert_true(index < request->runs.len / sizeof(struct redis_run));
    return (const struct redis_run *)(const void *)request->runs.data + index;
}

static const struct redis_question *questions(const struct request *request)
{
    return (const struct redis_question *)(const void *)request->questions.data;
}

static void release(struct request *request)
{
    buf_release(&request->questions);
    buf_release(&request->runs);
    buf_release(&request->out);
}

static void asks_only_for_ids_that_are_not_known_yet(void **state)
{
    (void)state;
    struct request request = { 0 };
    struct event_id ids[] = { id_of(1, 0), id_of(2, 0), id_of(3, 0) };
    uint8_t seen[] = { 0, 1, 0 };
    redis_runs_add(&one_set, 7, ids, 3, seen, &request.questions, &request.runs);
    assert_int_equal(request.runs.len, sizeof(struct redis_run));
    assert_int_equal(run_at(&request, 0)->stream_index, 7);
    assert_int_equal(run_at(&request, 0)->count, 2);
    assert_ptr_equal(questions(&request)[1].seen, &seen[2]);
    redis_put_look_up(&request.out, &one_set, "events", run_at(&request, 0), questions(&request), 498800);
    assert_commands(&request.out, "*4 SMISMEMBER p:events:498800 <1,0> <3,0> ");
    release(&request);
}

static void asks_nothing_of_redis_when_all_are_known(void **state)
{
    (void)state;
    struct request request = { 0 };
    struct event_id id = id_of(1, 0);
    uint8_t seen = 1;
    redis_runs_add(&one_set, 0, &id, 1, &seen, &request.questions, &request.runs);
    assert_int_equal(request.runs.len, 0);
    release(&request);
}

static void spreads_ids_over_the_shards_by_their_last_byte(void **state)
{
    (void)state;
    struct request request = { 0 };
    struct event_id ids[] = { id_of(1, 3), id_of(2, 0), id_of(3, 7), id_of(4, 4) };
    redis_runs_add(&shards, 0, ids, 4, NULL, &request.questions, &request.runs);
    assert_int_equal(request.runs.len, 2 * sizeof(struct redis_run));
    redis_put_look_up(&request.out, &shards, "e", run_at(&request, 0), questions(&request), 9);
    redis_put_look_up(&request.out, &shards, "e", run_at(&request, 1), questions(&request), 9);
    assert_commands(&request.out, "*4 SMISMEMBER p:e:9:0 <2,0> <4,4> *4 SMISMEMBER p:e:9:3 <1,3> <3,7> ");
    release(&request);
}

static void splits_long_runs(void **state)
{
    (void)state;
    struct request request = { 0 };
    static struct event_id ids[2 * REDIS_RUN_MAX + 1];
    redis_runs_add(&one_set, 0, ids, ARRAY_LENGTH(ids), NULL, &request.questions, &request.runs);
    assert_int_equal(request.runs.len, 3 * sizeof(struct redis_run));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(run_at(&request, i)->first, i * REDIS_RUN_MAX);
        assert_int_equal(run_at(&request, i)->count, i < 2 ? REDIS_RUN_MAX : 1);
    }
    release(&request);
}

static void marks_a_set_and_when_it_ends_together(void **state)
{
    (void)state;
    struct request request = { 0 };
    struct event_id id = id_of(1, 0);
    redis_runs_add(&one_set, 0, &id, 1, NULL, &request.questions, &request.runs);
    redis_put_mark(&request.out, &one_set, "e", run_at(&request, 0), questions(&request), 10);
    assert_commands(&request.out, "*1 MULTI *3 SADD p:e:10 <1,0> *3 EXPIREAT p:e:10 43201 *1 EXEC ");
    release(&request);
}

static void an_epoch_is_the_number_of_the_window(void **state)
{
    (void)state;
    assert_int_equal(redis_epoch(&one_set, 3600 * NS_PER_SECOND - 1), 0);
    assert_int_equal(redis_epoch(&one_set, 3600 * NS_PER_SECOND), 1);
}

static void marks_wait_in_order_until_they_are_removed(void **state)
{
    (void)state;
    struct redis_marks marks;
    struct buf taken = { 0 };
    struct event_id ids[] = { id_of(1, 0), id_of(2, 0), id_of(3, 0) };
    struct metrics *metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    assert_true(redis_marks_init(&marks, 2, 4, metrics));
    redis_marks_add(&marks, 1, ids, 3);
    assert_int_equal(redis_marks_peek(&marks, 0, 9, &taken), 0);
    assert_int_equal(redis_marks_peek(&marks, 1, 2, &taken), 2);
    redis_marks_add(&marks, 1, ids, 1);
    redis_marks_remove(&marks, 1, 2);
    buf_clear(&taken);
    assert_int_equal(redis_marks_peek(&marks, 1, 9, &taken), 2);
    assert_memory_equal(taken.data, &ids[2], sizeof ids[2]);
    assert_memory_equal(taken.data + sizeof ids[2], &ids[0], sizeof ids[0]);
    buf_release(&taken);
    redis_marks_release(&marks);
    metrics_free(metrics);
}

static void marks_beyond_the_bound_are_lost_and_counted(void **state)
{
    (void)state;
    struct redis_marks marks;
    struct event_id ids[] = { id_of(1, 0), id_of(2, 0), id_of(3, 0) };
    struct metrics *metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    assert_true(redis_marks_init(&marks, 2, 4, metrics));
    redis_marks_add(&marks, 0, ids, 3);
    redis_marks_add(&marks, 1, ids, 3);
    assert_int_equal(redis_marks_waiting(&marks), 4);
    assert_int_equal(metric_read(metrics, METRIC_DEDUP_MARKS_LOST, 0, 0, OK), 2);
    redis_marks_release(&marks);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_only_for_ids_that_are_not_known_yet),
        cmocka_unit_test(asks_nothing_of_redis_when_all_are_known),
        cmocka_unit_test(spreads_ids_over_the_shards_by_their_last_byte),
        cmocka_unit_test(splits_long_runs),
        cmocka_unit_test(marks_a_set_and_when_it_ends_together),
        cmocka_unit_test(an_epoch_is_the_number_of_the_window),
        cmocka_unit_test(marks_wait_in_order_until_they_are_removed),
        cmocka_unit_test(marks_beyond_the_bound_are_lost_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
