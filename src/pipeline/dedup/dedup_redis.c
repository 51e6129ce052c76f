/* Turns event ids into "seen before" from sets in Redis, which many gateways share.
 *
 * In front of them lies a window of ids in process, so that a hot duplicate never leaves it: the ids of rows that this
 * gateway has made durable, and those that Redis has told it of. It turns with Redis' epoch, so that it remembers
 * nothing for longer than Redis does; bounded in bytes, it may forget sooner.
 *
 * Marks go to Redis by way of a list, which is bounded: nobody waits for them.
 *
 *   commit thread    looks up and notes; with `fsync` adds to the list
 *   writer threads   with `os` and `memory` add the ids of a stored segment to the list
 *   redis thread     (of redis_gate.h) makes connections and sends what is in the list */
#include "pipeline/dedup/dedup.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/metrics/metrics.h"
#include "config/options/dedup_options.h"
#include "event/stream.h"
#include "pipeline/dedup/id_window.h"
#include "pipeline/dedup/redis_command.h"
#include "pipeline/dedup/redis_gate.h"
#include "pipeline/dedup/redis_marks.h"
#include "pipeline/dedup/redis_sets.h"

#include <stdlib.h>

#define MOST_WAITING_MARKS ((size_t)1 << 20) /* 16 MiB */
/* A round trip with few marks, which a look-up waits for meanwhile; and with as many as a group has ids: when more than
 * that wait, marks and look-ups take turns, so that no more pile up. */
#define FEW_MARKS ((size_t)4096)
#define MANY_MARKS ((size_t)65536)

/* Of commands on their way: what they ask for. */
struct request {
    struct buf questions; /* struct redis_question */
    struct buf runs;      /* struct redis_run */
};

struct dedup_redis {
    struct dedup head;
    const struct dedup_options *options;
    const struct stream *const *streams;
    size_t stream_count;
    struct metrics *metrics;
    struct redis_gate *gate;
    struct redis_marks marks;

    /* commit thread */
    struct id_window front;
    int64_t front_epoch;
    struct request looking_up;
    struct buf found; /* a byte for each question: in this epoch's set, then the same in the last one's */
    struct metrics_cells *cells;

    /* redis thread */
    struct request marking;
    struct buf marked; /* struct event_id */
    size_t *taken;     /* by stream index */
};

static struct redis_question *questions_of(const struct request *request)
{
    return (struct redis_question *)(void *)request->questions.data;
}

static size_t question_count(const struct request *request)
{
    return request->questions.len / sizeof(struct redis_question);
}

static const struct redis_run *runs_of(const struct request *request)
{
    return (const struct redis_run *)(const void *)request->runs.data;
}

static size_t run_count(const struct request *request)
{
    return request->runs.len / sizeof(struct redis_run);
}

static void begin_request(struct request *request)
{
    buf_clear(&request->questions);
    buf_clear(&request->runs);
}

static bool request_failed(const struct request *request)
{
    return request->questions.failed || request->runs.failed;
}

/* --- the window in front --- */

static void turn_front(struct dedup_redis *redis, int64_t epoch)
{
    int64_t turns = epoch - redis->front_epoch;
    if (turns == 0 || turns == -1) { /* one back: the clock of another server; what was remembered is still good */
        return;
    }
    id_window_turn(&redis->front);
    if (turns != 1) {
        id_window_turn(&redis->front);
    }
    redis->front_epoch = epoch;
}

static void report_front(struct dedup_redis *redis)
{
    metric_set(redis->metrics, METRIC_DEDUP_IDS, 0, (double)id_window_count(&redis->front));
    metric_set(redis->metrics, METRIC_DEDUP_BYTES, 0, (double)id_window_bytes(&redis->front));
}

static void look_up_in_front(struct dedup_redis *redis, const struct dedup_ids *runs, size_t count)
{
    begin_request(&redis->looking_up);
    for (size_t i = 0; i < count; i++) {
        id_window_look_up(&redis->front, runs[i].ids, runs[i].count, runs[i].seen);
        if (runs[i].stream_index < redis->stream_count) {
            redis_runs_add(redis->options, runs[i].stream_index, runs[i].ids, runs[i].count, runs[i].seen,
                           &redis->looking_up.questions, &redis->looking_up.runs);
        }
        metric_add(redis->cells, METRIC_DEDUP_LOOKUPS, (int64_t)runs[i].count);
    }
    metric_add(redis->cells, METRIC_DEDUP_ASKED, (int64_t)question_count(&redis->looking_up));
}

/* --- look up --- */

/* The clock first, then each run in both sets. */
static void put_look_ups(struct dedup_redis *redis, struct redis_round_trip *round_trip, int64_t epoch)
{
    const struct request *request = &redis->looking_up;
    uint8_t *found = (uint8_t *)redis->found.data;
    redis_round_trip_clear(round_trip);
    redis_command(&round_trip->commands, (const char *const[]){ "TIME", NULL });
    redis_round_trip_expect(round_trip, (struct redis_answer){ .want = REDIS_WANT_TIME });
    for (int before = 0; before < 2; before++) {
        for (size_t i = 0; i < run_count(request); i++) {
            const struct redis_run *run = &runs_of(request)[i];
            redis_put_look_up(&round_trip->commands, redis->options, redis->streams[run->stream_index]->name, run,
                              questions_of(request), epoch - before);
            redis_round_trip_expect(round_trip, (struct redis_answer){ .want = REDIS_WANT_MEMBERS,
                                                                       .members = found + run->first,
                                                                       .count = run->count });
        }
        found += question_count(request);
    }
    ASSERT_EQUAL(found - (const uint8_t *)redis->found.data, (ptrdiff_t)redis->found.len);
}

/* False: the gate is closed now. An epoch may have ended since Redis was last asked for the time; then once more. */
static bool go_looking(struct dedup_redis *redis, struct redis_round_trip *round_trip, int64_t deadline_ns)
{
    int64_t epoch = redis_epoch(redis->options, redis_gate_time_ns(redis->gate));
    for (int round = 0; round < 2; round++) {
        put_look_ups(redis, round_trip, epoch);
        if (!redis_gate_go(redis->gate, deadline_ns)) {
            return false;
        }
        int64_t time_ns = redis_round_trip_answer(round_trip, 0)->time_ns;
        redis_gate_set_time(redis->gate, time_ns);
        if (redis_epoch(redis->options, time_ns) == epoch) {
            break;
        }
        epoch = redis_epoch(redis->options, time_ns);
    }
    turn_front(redis, epoch);
    return true;
}

/* What Redis has told goes into the window in front, each into the generation of its set. */
static void take_findings(struct dedup_redis *redis)
{
    const struct request *request = &redis->looking_up;
    const uint8_t *now = (const uint8_t *)redis->found.data;
    const uint8_t *before = now + question_count(request);
    ASSERT_EQUAL(redis->found.len, 2 * question_count(request));
    for (size_t i = 0; i < question_count(request); i++) {
        const struct redis_question *question = &questions_of(request)[i];
        if (now[i] != 0) {
            (void)id_window_add(&redis->front, question->id, 1);
        } else if (before[i] != 0) {
            id_window_add_previous(&redis->front, question->id);
        }
        *question->seen |= now[i] | before[i];
    }
}

static enum error ask(struct dedup_redis *redis)
{
    size_t count = question_count(&redis->looking_up);
    buf_clear(&redis->found);
    buf_append_fill(&redis->found, 0, 2 * count);
    if (redis->found.failed || request_failed(&redis->looking_up)) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (count == 0) {
        return OK;
    }
    int64_t deadline_ns = clock_monotonic_ns() + redis->options->redis_timeout_ns;
    struct redis_round_trip *round_trip = redis_gate_take(redis->gate, REDIS_URGENT, deadline_ns);
    bool told = round_trip != NULL && go_looking(redis, round_trip, deadline_ns);
    if (round_trip != NULL) {
        redis_gate_give_back(redis->gate);
    }
    if (told) {
        take_findings(redis);
    }
    return told ? OK : ERROR_DEDUP_FAILED;
}

static enum error lookup(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)wall_ns; /* it is Redis' clock that counts */
    struct dedup_redis *redis = (struct dedup_redis *)dedup;
    turn_front(redis, redis_epoch(redis->options, redis_gate_time_ns(redis->gate)));
    look_up_in_front(redis, runs, count);
    return ask(redis);
}

static void note(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)wall_ns;
    struct dedup_redis *redis = (struct dedup_redis *)dedup;
    for (size_t i = 0; i < count; i++) {
        (void)id_window_add(&redis->front, runs[i].ids, runs[i].count);
    }
    report_front(redis);
}

/* --- mark --- */

/* The oldest marks of all streams, at most `most`. How many. */
static size_t take_marks(struct dedup_redis *redis, struct redis_round_trip *round_trip, size_t most)
{
    int64_t epoch = redis_epoch(redis->options, redis_gate_time_ns(redis->gate));
    size_t total = 0;
    redis_round_trip_clear(round_trip);
    for (size_t i = 0; i < redis->stream_count; i++) {
        struct request *request = &redis->marking;
        begin_request(request);
        buf_clear(&redis->marked);
        redis->taken[i] = redis_marks_peek(&redis->marks, i, most - total, &redis->marked);
        redis_runs_add(redis->options, i, (const struct event_id *)(const void *)redis->marked.data, redis->taken[i],
                       NULL, &request->questions, &request->runs);
        round_trip->commands.failed |= request_failed(request);
        for (size_t run = 0; !round_trip->commands.failed && run < run_count(request); run++) {
            redis_put_mark(&round_trip->commands, redis->options, redis->streams[i]->name, &runs_of(request)[run],
                           questions_of(request), epoch);
            for (unsigned command = 0; command < REDIS_MARK_COMMANDS; command++) {
                redis_round_trip_expect(round_trip, (struct redis_answer){ .want = REDIS_WANT_DONE });
            }
        }
        total += redis->taken[i];
        ASSERT_AT_MOST(total, most);
    }
    return total;
}

static void remove_marks(struct dedup_redis *redis)
{
    for (size_t i = 0; i < redis->stream_count; i++) {
        redis_marks_remove(&redis->marks, i, redis->taken[i]);
    }
}

/* The gate's work: sends the marks that wait until there are none, or Redis fails. */
static void send_marks(void *context)
{
    struct dedup_redis *redis = context;
    bool sent = true;
    for (size_t waiting; sent && (waiting = redis_marks_waiting(&redis->marks)) != 0;) {
        int64_t deadline_ns = clock_monotonic_ns() + redis->options->redis_timeout_ns;
        bool many = waiting > MANY_MARKS;
        struct redis_round_trip *round_trip =
            redis_gate_take(redis->gate, many ? REDIS_IN_TURN : REDIS_AT_LEISURE, deadline_ns);
        if (round_trip == NULL) {
            break;
        }
        sent = take_marks(redis, round_trip, many ? MANY_MARKS : FEW_MARKS) != 0 &&
               redis_gate_go(redis->gate, deadline_ns);
        if (sent) {
            remove_marks(redis);
        }
        redis_gate_give_back(redis->gate);
    }
}

static void persist(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns)
{
    (void)wall_ns;
    struct dedup_redis *redis = (struct dedup_redis *)dedup;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].stream_index < redis->stream_count) {
            redis_marks_add(&redis->marks, runs[i].stream_index, runs[i].ids, runs[i].count);
        }
    }
    redis_gate_nudge(redis->gate);
}

/* Marks save work for the table; nothing that was acknowledged depends on them. */
static enum error sync_nothing(struct dedup *dedup)
{
    (void)dedup;
    return OK;
}

/* --- life --- */

static void release_request(struct request *request)
{
    buf_release(&request->questions);
    buf_release(&request->runs);
}

static void free_redis(struct dedup *dedup)
{
    struct dedup_redis *redis = (struct dedup_redis *)dedup;
    if (redis->gate != NULL) {
        redis_gate_free(redis->gate);
    }
    redis_marks_release(&redis->marks);
    id_window_release(&redis->front);
    release_request(&redis->looking_up);
    release_request(&redis->marking);
    buf_release(&redis->found);
    buf_release(&redis->marked);
    free(redis->taken);
    free(redis);
}

static const struct dedup_ops ops = {
    .name = "redis",
    .lookup = lookup,
    .note = note,
    .persist = persist,
    .sync = sync_nothing,
    .free = free_redis,
};

static bool prepare(struct dedup_redis *redis, const struct dedup_config *config)
{
    redis->options = config->options;
    redis->streams = config->streams;
    redis->stream_count = config->stream_count;
    redis->metrics = config->metrics;
    redis->cells = metrics_thread(config->metrics);
    redis->taken = calloc(config->stream_count + 1, sizeof *redis->taken);
    bool has_front = id_window_init(&redis->front, id_set_count_for_bytes(config->options->redis_front / 2));
    bool has_marks = redis_marks_init(&redis->marks, config->stream_count, MOST_WAITING_MARKS, config->metrics);
    return has_front && has_marks && redis->cells != NULL && redis->taken != NULL;
}

struct dedup *dedup_redis_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem)
{
    (void)wall_ns;
    struct dedup_redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL) {
        buf_append_string(problem, "dedup: out of memory");
        return NULL;
    }
    redis->head =
        (struct dedup){ .ops = &ops,
                        .persists = config->durability == DURABILITY_FSYNC ? PERSISTS_DURABLE : PERSISTS_STORED };
    if (!prepare(redis, config)) {
        buf_append_string(problem, "dedup: out of memory");
        free_redis(&redis->head);
        return NULL;
    }
    struct redis_gate_config gate_config = {
        .options = config->options,
        .metrics = config->metrics,
        .board = config->board,
        .work = send_marks,
        .context = redis,
    };
    redis->gate = redis_gate_new(&gate_config, problem);
    if (redis->gate == NULL || !redis_gate_start(redis->gate, problem)) {
        free_redis(&redis->head);
        return NULL;
    }
    redis->front_epoch = redis_epoch(redis->options, redis_gate_time_ns(redis->gate));
    return &redis->head;
}
