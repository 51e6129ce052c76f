/* Turns a Redis server that comes and goes into a connection that is there or not. */
#include "pipeline/dedup/redis_gate.h"

#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/thread.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/redis_command.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Between attempts to connect. */
static const struct backoff backoff = { 100 * NS_PER_MS, 5 * NS_PER_SECOND };

/* A round trip that begins with less than this share of the time-out left would fail by our fault, and close the gate. */
#define LEAST_SHARE 8

#define PROBE_SECONDS "60" /* after which Redis forgets the probe's set */

struct redis_gate {
    struct redis_gate_config config;
    struct redis_address address;
    struct status_part *status;
    _Atomic int64_t offset_ns; /* of Redis' clock to our monotonic one */

    struct wakeup turn; /* guards the next five */
    bool taken;
    int64_t last_call_ns;                /* no round trip begins after it */
    unsigned urgent;                     /* how many of those wait */
    bool urgent_went;                    /* the last round trip was one of theirs */
    struct redis_connection *connection; /* NULL: closed. Only who has taken the round trip closes it */

    struct redis_round_trip round_trip; /* of who has taken it, with what follows */
    bool proven;                        /* a round trip has succeeded since the connection was made */
    struct metrics_cells *cells;

    struct wakeup wakeup; /* of the thread; guards what follows */
    bool open;
    bool nudged;
    bool stopping;
    struct breaker breaker;
    uint64_t random;

    struct thread thread;
    struct redis_round_trip handshake; /* of the thread, as the next */
    uint64_t connects;
};

/* --- the clock --- */

int64_t redis_gate_time_ns(const struct redis_gate *gate)
{
    return clock_monotonic_ns() + atomic_load_explicit(&gate->offset_ns, memory_order_relaxed);
}

void redis_gate_set_time(struct redis_gate *gate, int64_t time_ns)
{
    atomic_store_explicit(&gate->offset_ns, time_ns - clock_monotonic_ns(), memory_order_relaxed);
}

/* --- open or closed --- */

static void note_failure(struct redis_gate *gate, const char *reason)
{
    bool accept = gate->config.options->on_error == DEDUP_ON_ERROR_ACCEPT;
    status_set(gate->status, accept ? STATUS_DEGRADED : STATUS_DOWN, "%s: %s; until it is mended %s",
               gate->address.name, reason == NULL ? "out of memory" : reason,
               accept ? "events are accepted without asking it, and the table collapses duplicates (dedup.on_error: "
                        "accept)"
                      : "events with a dedup key are refused (dedup.on_error: reject)");
    metric_set(gate->config.metrics, METRIC_DEDUP_BREAKER_OPEN, 0, 1);
    wakeup_lock(&gate->wakeup);
    gate->open = false;
    breaker_failure(&gate->breaker, 1, &backoff, clock_monotonic_ns(), &gate->random);
    wakeup_all(&gate->wakeup);
    wakeup_unlock(&gate->wakeup);
}

/* By who has taken the round trip. */
static void close_gate(struct redis_gate *gate)
{
    redis_connection_close(gate->connection);
    gate->proven = false;
    wakeup_lock(&gate->turn);
    gate->connection = NULL;
    wakeup_all(&gate->turn);
    wakeup_unlock(&gate->turn);
    metric_add(gate->cells, METRIC_DEDUP_FAILURES, 1);
    note_failure(gate, buf_c_string(&gate->round_trip.problem));
}

/* Nobody can take the connection before all else says that it is there: a round trip that fails at once has the last
 * word. */
static void open_gate(struct redis_gate *gate, struct redis_connection *connection)
{
    wakeup_lock(&gate->wakeup);
    gate->open = true;
    gate->nudged = true;
    wakeup_unlock(&gate->wakeup);
    status_set(gate->status, STATUS_OK, "%s", "");
    metric_set(gate->config.metrics, METRIC_DEDUP_BREAKER_OPEN, 0, 0);
    metric_set(gate->config.metrics, METRIC_DEDUP_CONNECTS, 0, (double)++gate->connects);
    wakeup_lock(&gate->turn);
    gate->connection = connection;
    wakeup_unlock(&gate->turn);
}

/* --- round trips --- */

void redis_round_trip_expect(struct redis_round_trip *round_trip, struct redis_answer answer)
{
    buf_append(&round_trip->answers, &answer, sizeof answer);
}

struct redis_answer *redis_round_trip_answer(const struct redis_round_trip *round_trip, size_t index)
{
    return (struct redis_answer *)(void *)round_trip->answers.data + index;
}

void redis_round_trip_clear(struct redis_round_trip *round_trip)
{
    buf_clear(&round_trip->commands);
    buf_clear(&round_trip->answers);
    buf_clear(&round_trip->problem);
}

static void release_round_trip(struct redis_round_trip *round_trip)
{
    buf_release(&round_trip->commands);
    buf_release(&round_trip->answers);
    buf_release(&round_trip->problem);
}

static bool travel(struct redis_connection *connection, struct redis_round_trip *round_trip, int64_t deadline_ns)
{
    if (round_trip->commands.failed || round_trip->answers.failed) {
        buf_append_string(&round_trip->problem, "the gateway is out of memory");
        return false;
    }
    return redis_connection_round_trip(
        connection, buf_slice(&round_trip->commands), redis_round_trip_answer(round_trip, 0),
        round_trip->answers.len / sizeof(struct redis_answer), deadline_ns, &round_trip->problem);
}

/* With the turn's lock. */
static bool must_wait(const struct redis_gate *gate, enum redis_urgency urgency)
{
    bool gives_way = urgency == REDIS_AT_LEISURE || (urgency == REDIS_IN_TURN && !gate->urgent_went);
    return gate->connection != NULL && (gate->taken || (gives_way && gate->urgent != 0));
}

struct redis_round_trip *redis_gate_take(struct redis_gate *gate, enum redis_urgency urgency, int64_t deadline_ns)
{
    unsigned weight = urgency == REDIS_URGENT ? 1 : 0;
    wakeup_lock(&gate->turn);
    int64_t last_ns = deadline_ns - gate->config.options->redis_timeout_ns / LEAST_SHARE;
    last_ns = last_ns < gate->last_call_ns ? last_ns : gate->last_call_ns;
    gate->urgent += weight;
    while (must_wait(gate, urgency) && clock_monotonic_ns() < last_ns) {
        wakeup_wait(&gate->turn, last_ns);
    }
    gate->urgent -= weight;
    bool granted = gate->connection != NULL && !must_wait(gate, urgency) && clock_monotonic_ns() < last_ns;
    if (granted) {
        gate->taken = true;
        gate->urgent_went = urgency == REDIS_URGENT;
    } else {
        wakeup_all(&gate->turn); /* who gave way need not any more */
    }
    wakeup_unlock(&gate->turn);
    if (!granted) {
        return NULL;
    }
    redis_round_trip_clear(&gate->round_trip);
    return &gate->round_trip;
}

bool redis_gate_go(struct redis_gate *gate, int64_t deadline_ns)
{
    int64_t started_ns = clock_monotonic_ns();
    bool done = travel(gate->connection, &gate->round_trip, deadline_ns);
    metric_observe_ns(gate->cells, METRIC_DEDUP_SECONDS, 0, clock_monotonic_ns() - started_ns);
    if (!done) {
        close_gate(gate);
    } else if (!gate->proven) {
        gate->proven = true;
        wakeup_lock(&gate->wakeup);
        breaker_success(&gate->breaker);
        wakeup_unlock(&gate->wakeup);
    }
    return done;
}

void redis_gate_give_back(struct redis_gate *gate)
{
    wakeup_lock(&gate->turn);
    gate->taken = false;
    wakeup_all(&gate->turn);
    wakeup_unlock(&gate->turn);
}

/* --- the thread that makes connections --- */

static void put_command(struct redis_round_trip *round_trip, const char *const *words, enum redis_want want)
{
    redis_command(&round_trip->commands, words);
    redis_round_trip_expect(round_trip, (struct redis_answer){ .want = want });
}

static void put_login(struct redis_round_trip *round_trip, const struct redis_address *address, const char *secret)
{
    size_t count = redis_command_login(&round_trip->commands, address, secret);
    for (size_t i = 0; i < count; i++) {
        redis_round_trip_expect(round_trip, (struct redis_answer){ .want = REDIS_WANT_DONE });
    }
}

/* Each command that the filter uses, on a set of its own. */
static void put_probe(struct redis_round_trip *round_trip, const char *set, uint8_t *member)
{
    put_command(round_trip, (const char *const[]){ "MULTI", NULL }, REDIS_WANT_DONE);
    put_command(round_trip, (const char *const[]){ "SADD", set, "probe", NULL }, REDIS_WANT_DONE);
    put_command(round_trip, (const char *const[]){ "EXPIRE", set, PROBE_SECONDS, NULL }, REDIS_WANT_DONE);
    put_command(round_trip, (const char *const[]){ "EXEC", NULL }, REDIS_WANT_DONE);
    redis_command(&round_trip->commands, (const char *const[]){ "SMISMEMBER", set, "probe", NULL });
    redis_round_trip_expect(round_trip,
                            (struct redis_answer){ .want = REDIS_WANT_MEMBERS, .members = member, .count = 1 });
    put_command(round_trip, (const char *const[]){ "TIME", NULL }, REDIS_WANT_TIME);
}

static bool shake_hands(struct redis_gate *gate, struct redis_connection *connection)
{
    uint8_t member = 0;
    char set[256];
    struct redis_round_trip *round_trip = &gate->handshake;
    snprintf(set, sizeof set, "%s:probe", gate->config.options->redis_prefix);
    put_login(round_trip, &gate->address, gate->config.options->redis_password);
    put_probe(round_trip, set, &member);
    if (!travel(connection, round_trip, clock_monotonic_ns() + gate->config.options->redis_timeout_ns)) {
        return false;
    }
    size_t last = round_trip->answers.len / sizeof(struct redis_answer) - 1;
    redis_gate_set_time(gate, redis_round_trip_answer(round_trip, last)->time_ns);
    return true;
}

static bool is_stopping(struct redis_gate *gate)
{
    wakeup_lock(&gate->wakeup);
    bool stopping = gate->stopping;
    wakeup_unlock(&gate->wakeup);
    return stopping;
}

static bool connect_once(struct redis_gate *gate)
{
    redis_round_trip_clear(&gate->handshake);
    struct redis_connection *connection =
        redis_connection_open(&gate->address, gate->config.options->redis_timeout_ns, &gate->handshake.problem);
    if (connection == NULL || is_stopping(gate) || !shake_hands(gate, connection)) {
        redis_connection_close(connection);
        note_failure(gate, buf_c_string(&gate->handshake.problem));
        return false;
    }
    open_gate(gate, connection);
    return true;
}

enum duty { DUTY_WORK, DUTY_CONNECT, DUTY_END };

/* An open gate has work after a nudge, a closed one a connection to make once the back-off is over. */
static enum duty wait_for_duty(struct redis_gate *gate)
{
    wakeup_lock(&gate->wakeup);
    while (!gate->stopping && (gate->open ? !gate->nudged : clock_monotonic_ns() < gate->breaker.next_ns)) {
        wakeup_wait(&gate->wakeup, gate->open ? INT64_MAX : gate->breaker.next_ns);
    }
    enum duty duty = gate->stopping ? DUTY_END : gate->open ? DUTY_WORK : DUTY_CONNECT;
    gate->nudged = false;
    wakeup_unlock(&gate->wakeup);
    return duty;
}

static void run(void *argument)
{
    struct redis_gate *gate = argument;
    for (enum duty duty = wait_for_duty(gate); duty != DUTY_END; duty = wait_for_duty(gate)) {
        if (duty == DUTY_CONNECT) {
            (void)connect_once(gate);
        } else {
            gate->config.work(gate->config.context);
        }
    }
    gate->config.work(gate->config.context);
}

void redis_gate_nudge(struct redis_gate *gate)
{
    wakeup_lock(&gate->wakeup);
    if (!gate->nudged) {
        gate->nudged = true;
        wakeup_all(&gate->wakeup);
    }
    wakeup_unlock(&gate->wakeup);
}

/* --- life --- */

void redis_gate_free(struct redis_gate *gate)
{
    wakeup_lock(&gate->turn);
    gate->last_call_ns = clock_monotonic_ns() + gate->config.options->redis_timeout_ns;
    wakeup_unlock(&gate->turn);
    wakeup_lock(&gate->wakeup);
    gate->stopping = true;
    wakeup_all(&gate->wakeup);
    wakeup_unlock(&gate->wakeup);
    thread_join(&gate->thread);
    redis_connection_close(gate->connection);
    release_round_trip(&gate->round_trip);
    release_round_trip(&gate->handshake);
    wakeup_release(&gate->wakeup);
    wakeup_release(&gate->turn);
    redis_address_release(&gate->address);
    free(gate);
}

struct redis_gate *redis_gate_new(const struct redis_gate_config *config, struct buf *problem)
{
    struct redis_gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL) {
        buf_append_string(problem, "dedup: out of memory");
        return NULL;
    }
    gate->config = *config;
    gate->random = (uint64_t)clock_monotonic_ns() | 1;
    gate->last_call_ns = INT64_MAX;
    atomic_init(&gate->offset_ns, clock_wall_ns() - clock_monotonic_ns());
    wakeup_init(&gate->turn);
    wakeup_init(&gate->wakeup);
    gate->status = status_add(config->board, "dedup");
    gate->cells = metrics_thread(config->metrics);
    if (gate->cells == NULL) {
        buf_append_string(problem, "dedup: out of memory");
    }
    if (gate->cells == NULL || !redis_address_of_options(&gate->address, config->options, problem) ||
        !redis_address_check_files(&gate->address, problem)) {
        redis_gate_free(gate);
        return NULL;
    }
    return gate;
}

bool redis_gate_start(struct redis_gate *gate, struct buf *problem)
{
    if (gate->address.tls.accept_any) {
        LOG(LOG_WARN, "the certificate of Redis is not verified",
            "dedup.redis_verify=insecure_accept_any: whoever stands between can read and change all that is sent, the "
            "password too");
    }
    (void)connect_once(gate); /* so that the first events are filtered */
    if (thread_start(&gate->thread, "redis", run, gate) != OK) {
        buf_append_string(problem, "dedup: its thread cannot be started");
        return false;
    }
    return true;
}
