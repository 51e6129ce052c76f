/* The way to Redis, which is open or not. One thread at a time takes its connection for a round trip. A thread of its own
 * makes a new connection after a failure, and does the work that nobody waits for. So nobody who asks Redis ever waits for
 * a name to be resolved, a connection to be made or a back-off to end. Without a connection the answer is "no" at once.
 *
 * Any error or time-out of a round trip closes the connection. The next is made after a back-off. It doubles with the
 * failures in a row, up to 5 s, and the first good round trip ends it. So a server that takes connections and answers too
 * late costs one time-out now and then. A connection counts as made when Redis has let us in and has proved that it
 * takes marks: a server that is read-only, full, loading or too old is as good as none.
 *
 * It tells the part "dedup" of the status board, and DEDUP_BREAKER_OPEN, DEDUP_FAILURES and DEDUP_SECONDS. */
#pragma once

#include "pipeline/dedup/redis_connection.h"

struct redis_gate;

struct redis_gate_config {
    const struct dedup_options *options;
    struct metrics *metrics;
    struct status_board *board;
    /* The gate's own thread, after a nudge, and each time that the gate has opened: what waits for Redis can be sent. */
    void (*work)(void *context);
    void *context;
};

/* NULL with *problem: the URL cannot be read, or memory is short. */
struct redis_gate *redis_gate_new(const struct redis_gate_config *config, struct buf *problem);

/* Tries to connect once, for at most the time-out twice, then starts the thread. A server that does not answer is no
 * error. False with *problem. */
MUST_CHECK bool redis_gate_start(struct redis_gate *gate, struct buf *problem);

/* Any thread. Has `work` called soon, if the gate is open. */
void redis_gate_nudge(struct redis_gate *gate);

/* Ends the thread, after a last `work` that may begin round trips for one time-out more. Nobody else may be on a round
 * trip. */
void redis_gate_free(struct redis_gate *gate);

/* What a round trip carries. `answers` are struct redis_answer, one for each command. */
struct redis_round_trip {
    struct buf commands;
    struct buf answers;
    struct buf problem;
};

void redis_round_trip_clear(struct redis_round_trip *round_trip);
void redis_round_trip_expect(struct redis_round_trip *round_trip, struct redis_answer answer);

/* Valid until the next redis_round_trip_expect. */
struct redis_answer *redis_round_trip_answer(const struct redis_round_trip *round_trip, size_t index);

/* Any thread. An empty round trip, the caller's alone until it is given back; NULL: the gate is closed, or others kept
 * it busy until too little is left before the deadline (monotonic) to go anywhere. */
enum redis_urgency {
    REDIS_AT_LEISURE, /* lets those go first who are urgent */
    REDIS_IN_TURN,    /* lets one of them go first after each round trip of its own */
    REDIS_URGENT
};
struct redis_round_trip *redis_gate_take(struct redis_gate *gate, enum redis_urgency urgency, int64_t deadline_ns);

/* Goes on the round trip that was taken, and may go again once it was cleared. False: the gate is closed now. */
MUST_CHECK bool redis_gate_go(struct redis_gate *gate, int64_t deadline_ns);
void redis_gate_give_back(struct redis_gate *gate);

/* What Redis' clock says now (since 1970), by our monotonic clock since it was last asked; as long as it never was, our
 * own wall clock. Any thread. */
int64_t redis_gate_time_ns(const struct redis_gate *gate);

/* Redis' clock was at time_ns just now. */
void redis_gate_set_time(struct redis_gate *gate, int64_t time_ns);
