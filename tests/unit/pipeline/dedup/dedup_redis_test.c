/* The filter in Redis, on a real redis-server that is slowed, stopped, filled, emptied and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/dedup_options.h"
#include "event/stream.h"
#include "pipeline/dedup/dedup.h"
#include "redis_fixture.h"

enum { STREAMS = 2, PATIENCE_MS = 15000 };

struct fixture {
    struct redis_fixture redis;
    struct dedup_options options;
    struct stream streams[STREAMS];
    const struct stream *stream_list[STREAMS];
    struct metrics *metrics[2]; /* of the first filter, and of others beside it */
    struct status_board *board;
    enum durability durability;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (f == NULL || !redis_fixture_init(&f->redis)) {
        return 1;
    }
    f->options = (struct dedup_options){ .kind = DEDUP_REDIS,
                                         .window_ns = 3600 * NS_PER_SECOND,
                                         .redis_url = f->redis.url,
                                         .redis_prefix = "t",
                                         .redis_timeout_ns = 2 * NS_PER_SECOND,
                                         .redis_shards = 1,
                                         .redis_front = 1 << 20 };
    static char *names[STREAMS] = { "first", "second" };
    for (int i = 0; i < STREAMS; i++) {
        f->streams[i].name = names[i];
        f->stream_list[i] = &f->streams[i];
    }
    for (int i = 0; i < 2; i++) {
        f->metrics[i] = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    }
    f->board = status_board_new();
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    redis_fixture_release(&f->redis);
    metrics_free(f->metrics[0]);
    metrics_free(f->metrics[1]);
    status_board_free(f->board);
    free(f);
    return 0;
}

static struct dedup *open_with(struct fixture *f, struct metrics *metrics)
{
    struct buf problem = { 0 };
    struct dedup_config config = {
        .options = &f->options,
        .durability = f->durability,
        .streams = f->stream_list,
        .stream_count = STREAMS,
        .metrics = metrics,
        .board = f->board,
    };
    struct dedup *dedup = dedup_new(&config, clock_wall_ns(), &problem);
    if (dedup == NULL) {
        fail_msg("%s", buf_c_string(&problem));
    }
    return dedup;
}

static struct dedup *open_filter(struct fixture *f)
{
    return open_with(f, f->metrics[0]);
}

static struct dedup *open_other(struct fixture *f)
{
    return open_with(f, f->metrics[1]);
}

static struct event_id id_of(uint64_t number)
{
    struct event_id id = { { 0 } };
    memcpy(id.bytes, &number, sizeof number);
    id.bytes[6] = 0x80;
    id.bytes[15] = (uint8_t)number;
    return id;
}

static enum error look_up(struct dedup *dedup, size_t stream, uint64_t number, bool *known)
{
    struct event_id id = id_of(number);
    uint8_t seen = 0;
    enum error error = dedup->ops->lookup(dedup, &(struct dedup_ids){ stream, &id, 1, &seen }, 1, 0);
    *known = seen != 0;
    return error;
}

static bool knows(struct dedup *dedup, uint64_t number)
{
    bool known;
    assert_int_equal(look_up(dedup, 0, number, &known), OK);
    return known;
}

static bool fails(struct dedup *dedup, uint64_t number)
{
    bool known;
    return look_up(dedup, 0, number, &known) != OK && !known;
}

static int64_t metric(struct fixture *f, enum metric id)
{
    return metric_read(f->metrics[0], id, 0, 0, OK) + metric_read(f->metrics[1], id, 0, 0, OK);
}

/* Nobody waits for marks but tests. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < PATIENCE_MS && metric(f, METRIC_DEDUP_MARKS_WAITING) != 0; i++) {
        usleep(1000);
    }
    assert_int_equal(metric(f, METRIC_DEDUP_MARKS_WAITING), 0);
}

static void add_mark(struct dedup *dedup, size_t stream, uint64_t number)
{
    struct event_id id = id_of(number);
    struct dedup_ids run = { stream, &id, 1, NULL };
    dedup->ops->note(dedup, &run, 1, 0);
    dedup->ops->persist(dedup, &run, 1, 0);
}

static void keep_in(struct fixture *f, struct dedup *dedup, size_t stream, uint64_t number)
{
    add_mark(dedup, stream, number);
    settle(f);
}

static void keep(struct fixture *f, struct dedup *dedup, uint64_t number)
{
    keep_in(f, dedup, 0, number);
}

static void wait_until_open(struct fixture *f)
{
    for (int i = 0; i < PATIENCE_MS && metric(f, METRIC_DEDUP_BREAKER_OPEN) != 0; i++) {
        usleep(1000);
    }
    assert_int_equal(metric(f, METRIC_DEDUP_BREAKER_OPEN), 0);
}

static void wait_until_closed(struct fixture *f)
{
    for (int i = 0; i < PATIENCE_MS && metric(f, METRIC_DEDUP_BREAKER_OPEN) == 0; i++) {
        usleep(1000);
    }
    assert_int_equal(metric(f, METRIC_DEDUP_BREAKER_OPEN), 1);
}

static struct status_view status_of_filter(struct fixture *f)
{
    struct status_view view;
    assert_int_equal(status_read(f->board, &view, 1), 1);
    assert_string_equal(view.name, "dedup");
    return view;
}

static void what_one_gateway_marks_another_knows(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    assert_false(knows(one, 1));
    keep(f, one, 1);
    assert_true(knows(one, 1));
    assert_true(knows(other, 1));
    assert_false(knows(other, 2));
    one->ops->free(one);
    other->ops->free(other);
}

static void streams_are_apart(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    bool known;
    keep_in(f, one, 1, 5);
    assert_int_equal(look_up(other, 0, 5, &known), OK);
    assert_false(known);
    assert_int_equal(look_up(other, 1, 5, &known), OK);
    assert_true(known);
    one->ops->free(one);
    other->ops->free(other);
}

static void a_hot_duplicate_never_leaves_the_process(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    keep(f, one, 1);
    assert_true(knows(other, 1));
    int64_t asked = metric(f, METRIC_DEDUP_ASKED);
    for (int i = 0; i < 10; i++) {
        assert_true(knows(one, 1));   /* its own */
        assert_true(knows(other, 1)); /* what Redis told it */
    }
    assert_int_equal(metric(f, METRIC_DEDUP_ASKED), asked);
    one->ops->free(one);
    other->ops->free(other);
}

/* Many ids of both streams in one group, every third known, with as many sets as there may be. */
static void large_groups_find_each_id_in_its_place(void **state)
{
    enum { COUNT = 5000 };
    struct fixture *f = *state;
    static struct event_id ids[COUNT];
    static uint8_t seen[COUNT];
    f->options.redis_shards = 16;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    for (uint64_t i = 0; i < COUNT; i++) {
        ids[i] = id_of(i + 1);
        if (i % 3 == 0) {
            add_mark(one, i < COUNT / 2 ? 0 : 1, i + 1);
        }
    }
    settle(f);
    memset(seen, 0, sizeof seen);
    struct dedup_ids runs[] = { { 0, ids, COUNT / 2, seen },
                                { 1, ids + COUNT / 2, COUNT - COUNT / 2, seen + COUNT / 2 } };
    assert_int_equal(other->ops->lookup(other, runs, 2, 0), OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], i % 3 == 0);
    }
    one->ops->free(one);
    other->ops->free(other);
}

static void remembers_for_one_to_two_windows_and_redis_forgets_by_itself(void **state)
{
    struct fixture *f = *state;
    f->options.window_ns = NS_PER_SECOND;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    int64_t start_ns = clock_monotonic_ns();
    keep(f, one, 1);
    while (clock_monotonic_ns() - start_ns < NS_PER_SECOND / 2) {
        assert_true(knows(one, 1));
        assert_true(knows(other, 1));
        usleep(50000);
    }
    while (clock_monotonic_ns() - start_ns < 2 * NS_PER_SECOND) {
        usleep(50000);
    }
    assert_false(knows(one, 1));
    assert_false(knows(other, 1));
    struct redis_connection *connection = redis_fixture_connect(&f->redis);
    struct redis_answer answer = { .want = REDIS_WANT_DONE };
    struct buf problem = { 0 };
    /* Only the probe's set is left: EVAL fails if it is not so. */
    const char *script = "if #redis.call('KEYS','t:first:*') ~= 0 then error('left') end return 1";
    bool empty = false;
    for (int i = 0; i < 50 && !empty; i++) {
        usleep(100000);
        struct buf command = { 0 };
        redis_command(&command, (const char *const[]){ "EVAL", script, "0", NULL });
        empty = redis_connection_round_trip(connection, buf_slice(&command), &answer, 1,
                                            clock_monotonic_ns() + NS_PER_SECOND, &problem);
        buf_release(&command);
    }
    assert_true(empty);
    redis_connection_close(connection);
    buf_release(&problem);
    one->ops->free(one);
    other->ops->free(other);
}

static void a_server_that_is_gone_answers_no_at_once_and_learns_later_what_it_missed(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    keep(f, one, 1);
    redis_fixture_kill(&f->redis);
    assert_true(fails(one, 2));
    int64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < 100; i++) {
        assert_true(fails(one, 2));
    }
    assert_true(clock_monotonic_ns() - start_ns < NS_PER_SECOND);
    add_mark(one, 0, 2);
    add_mark(one, 0, 3);
    assert_int_equal(metric(f, METRIC_DEDUP_MARKS_WAITING), 2);
    assert_int_equal(status_of_filter(f).level, STATUS_DEGRADED);
    assert_true(knows(one, 2)); /* in process */
    assert_true(redis_fixture_start(&f->redis));
    wait_until_open(f);
    settle(f);
    struct dedup *other = open_other(f);
    assert_true(knows(other, 2));
    assert_true(knows(other, 3));
    assert_false(knows(other, 1)); /* it came back empty */
    assert_true(knows(one, 1));    /* in process */
    assert_int_equal(status_of_filter(f).level, STATUS_OK);
    one->ops->free(one);
    other->ops->free(other);
}

static void a_server_that_hangs_costs_one_time_out_and_then_nothing(void **state)
{
    struct fixture *f = *state;
    f->options.redis_timeout_ns = 100 * NS_PER_MS;
    struct dedup *one = open_filter(f);
    kill(f->redis.pid, SIGSTOP);
    int64_t start_ns = clock_monotonic_ns();
    assert_true(fails(one, 1));
    int64_t first_ns = clock_monotonic_ns() - start_ns;
    assert_true(first_ns >= 90 * NS_PER_MS);
    start_ns = clock_monotonic_ns();
    for (int i = 0; i < 100; i++) {
        assert_true(fails(one, 1));
    }
    assert_true(clock_monotonic_ns() - start_ns < 5 * NS_PER_SECOND); /* not a hundred time-outs */
    kill(f->redis.pid, SIGCONT);
    wait_until_open(f);
    assert_false(knows(one, 1));
    one->ops->free(one);
}

static void with_reject_the_gateway_is_not_ready_while_redis_is_gone(void **state)
{
    struct fixture *f = *state;
    f->options.on_error = DEDUP_ON_ERROR_REJECT;
    redis_fixture_kill(&f->redis);
    struct dedup *one = open_filter(f);
    assert_true(fails(one, 1));
    assert_int_equal(status_of_filter(f).level, STATUS_DOWN);
    assert_non_null(strstr(status_of_filter(f).reason, "refused"));
    one->ops->free(one);
}

/* A server that takes no marks is as good as none: each row makes it so, and undoes it. */
static void a_server_that_takes_no_marks_is_not_used(void **state)
{
    static const struct {
        const char *option, *bad, *good, *because;
    } rows[] = {
        { "maxmemory", "1", "0", "OOM" },
        { "min-replicas-to-write", "1", "0", "NOREPLICAS" },
    };
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_true(REDIS_TELL(&f->redis, "CONFIG", "SET", rows[i].option, rows[i].bad));
        add_mark(one, 0, 100 * i + 1);
        wait_until_closed(f);
        assert_non_null(strstr(status_of_filter(f).reason, rows[i].because));
        usleep(300000);
        assert_true(fails(one, 100 * i + 2)); /* not opened again meanwhile */
        assert_true(REDIS_TELL(&f->redis, "CONFIG", "SET", rows[i].option, rows[i].good));
        wait_until_open(f);
        assert_false(knows(one, 100 * i + 2));
        settle(f);
        struct dedup *other = open_other(f);
        assert_true(knows(other, 100 * i + 1));
        other->ops->free(other);
    }
    one->ops->free(one);
}

static void a_replica_is_not_used(void **state)
{
    struct fixture *f = *state;
    assert_true(REDIS_TELL(&f->redis, "REPLICAOF", "127.0.0.1", "1"));
    struct dedup *one = open_filter(f);
    assert_true(fails(one, 1));
    assert_non_null(strstr(status_of_filter(f).reason, "READONLY"));
    assert_true(REDIS_TELL(&f->redis, "REPLICAOF", "NO", "ONE"));
    wait_until_open(f);
    assert_false(knows(one, 1));
    one->ops->free(one);
}

static void a_set_that_is_no_set_is_an_error_and_not_a_crash(void **state)
{
    struct fixture *f = *state;
    char key[64];
    snprintf(key, sizeof key, "t:first:%lld", (long long)(clock_wall_ns() / f->options.window_ns));
    assert_true(REDIS_TELL(&f->redis, "SET", key, "nonsense"));
    struct dedup *one = open_filter(f);
    assert_true(fails(one, 1));
    assert_non_null(strstr(status_of_filter(f).reason, "WRONGTYPE"));
    one->ops->free(one);
}

static void a_flushed_server_is_made_up_for_in_process(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    keep(f, one, 1);
    assert_true(REDIS_TELL(&f->redis, "FLUSHALL"));
    assert_true(knows(one, 1));
    assert_false(knows(one, 2));
    keep(f, one, 2);
    struct dedup *other = open_other(f);
    assert_true(knows(other, 2));
    one->ops->free(one);
    other->ops->free(other);
}

static void logs_in_as_an_acl_user_with_no_more_rights_than_needed(void **state)
{
    struct fixture *f = *state;
    char url[200];
    assert_true(REDIS_TELL(&f->redis, "ACL", "SETUSER", "gateway", "on", ">p@ss", "~t:*", "+time", "+smismember",
                           "+sadd", "+expire", "+expireat", "+multi", "+exec", "+select"));
    assert_true(REDIS_TELL(&f->redis, "ACL", "SETUSER", "default", "-@all", "+ping"));
    struct dedup *one = open_filter(f);
    assert_true(fails(one, 1));
    assert_non_null(strstr(status_of_filter(f).reason, "NOPERM"));
    one->ops->free(one);

    snprintf(url, sizeof url, "redis+unix://gateway:p%%40ss@%s?db=3", f->redis.path);
    f->options.redis_url = url;
    one = open_filter(f);
    assert_false(knows(one, 1));
    keep(f, one, 1);
    struct dedup *other = open_other(f);
    assert_true(knows(other, 1));
    other->ops->free(other);
    one->ops->free(one);

    snprintf(url, sizeof url, "redis+unix://gateway:wrong@%s", f->redis.path);
    one = open_filter(f);
    assert_true(fails(one, 1));
    struct status_view views[8];
    size_t count = status_read(f->board, views, 8);
    assert_non_null(strstr(views[count - 1].reason, "WRONGPASS"));
    assert_null(strstr(views[count - 1].reason, "wrong@"));
    one->ops->free(one);
}

static void marks_wait_for_the_store_without_fsync(void **state)
{
    struct fixture *f = *state;
    f->durability = DURABILITY_OS;
    struct dedup *one = open_filter(f);
    struct dedup *other = open_other(f);
    struct event_id id = id_of(1);
    struct dedup_ids run = { 0, &id, 1, NULL };
    one->ops->note(one, &run, 1, 0);
    assert_true(knows(one, 1));
    assert_false(knows(other, 1));
    one->ops->persist(one, &run, 1, 0);
    settle(f);
    assert_true(knows(other, 1));
    one->ops->free(one);
    other->ops->free(other);
}

static void marks_that_wait_are_sent_before_the_filter_is_freed(void **state)
{
    struct fixture *f = *state;
    struct dedup *one = open_filter(f);
    for (uint64_t i = 1; i <= 20000; i++) {
        add_mark(one, 0, i);
    }
    one->ops->free(one);
    struct dedup *other = open_other(f);
    assert_true(knows(other, 1));
    assert_true(knows(other, 20000));
    other->ops->free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_one_gateway_marks_another_knows),
        TEST(streams_are_apart),
        TEST(a_hot_duplicate_never_leaves_the_process),
        TEST(large_groups_find_each_id_in_its_place),
        TEST(remembers_for_one_to_two_windows_and_redis_forgets_by_itself),
        TEST(a_server_that_is_gone_answers_no_at_once_and_learns_later_what_it_missed),
        TEST(a_server_that_hangs_costs_one_time_out_and_then_nothing),
        TEST(with_reject_the_gateway_is_not_ready_while_redis_is_gone),
        TEST(a_server_that_takes_no_marks_is_not_used),
        TEST(a_replica_is_not_used),
        TEST(a_set_that_is_no_set_is_an_error_and_not_a_crash),
        TEST(a_flushed_server_is_made_up_for_in_process),
        TEST(logs_in_as_an_acl_user_with_no_more_rights_than_needed),
        TEST(marks_wait_for_the_store_without_fsync),
        TEST(marks_that_wait_are_sent_before_the_filter_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
