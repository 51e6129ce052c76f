/* Turns what came of events into counts whose sum holds on every page, whatever threads count meanwhile.
 *
 * What a thread counts of one stream at one door adds up at each moment when the thread is not counting, whichever thread the
 * other part of an event's way was counted by. So it is enough that a reader sees of each thread either all of one
 * metric_count_events or nothing: a sequence lock, of one writer, that costs the writer two stores. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <sched.h>

#define TRIES_BEFORE_YIELD 64

/* Metrics with one cell of a protocol and stream, and those with one for each reason. */
static const enum metric whole[] = { METRIC_EVENTS_RECEIVED, METRIC_EVENTS_ACCEPTED, METRIC_EVENTS_DUPLICATE,
                                     METRIC_EVENTS_IN_FLIGHT };
static const enum metric by_reason[] = { METRIC_EVENTS_REJECTED, METRIC_EVENTS_DROPPED };

/* The cells of one protocol and stream. */
struct door_cells {
    int64_t whole[ARRAY_LENGTH(whole)];
    int64_t by_reason[ARRAY_LENGTH(by_reason)][ERROR_COUNT];
};

static size_t door_count(const struct metrics *metrics)
{
    return METRICS_PROTOCOL_COUNT * (metrics->stream_count + 1);
}

static void count(struct metrics_cells *cells, enum metric metric, size_t index, int64_t value)
{
    ASSERT_BELOW(index, cells->metrics->series[metric]);
    if (value != 0) {
        metrics_cell_add(cells, cells->metrics->offset[metric] + index, value);
    }
}

void metric_count_events(struct metrics_cells *cells, unsigned protocol, size_t stream,
                         const struct metric_events *events)
{
    size_t door = metrics_event_index(cells->metrics, protocol, stream);
    bool dropped = error_info(events->reason)->fate == FATE_DROPPED;
    uint64_t turn = atomic_load_explicit(&cells->turn, memory_order_relaxed);
    ASSERT_EQUAL(events->received, events->accepted + events->duplicate + events->refused + events->in_flight);
    ASSERT(turn % 2 == 0);
    atomic_store_explicit(&cells->turn, turn + 1, memory_order_relaxed); /* not after the cells: their stores release */
    count(cells, METRIC_EVENTS_RECEIVED, door, events->received);
    count(cells, METRIC_EVENTS_ACCEPTED, door, events->accepted);
    count(cells, METRIC_EVENTS_DUPLICATE, door, events->duplicate);
    count(cells, dropped ? METRIC_EVENTS_DROPPED : METRIC_EVENTS_REJECTED, door * ERROR_COUNT + events->reason,
          events->refused);
    count(cells, METRIC_EVENTS_IN_FLIGHT, door, events->in_flight);
    atomic_store_explicit(&cells->turn, turn + 2, memory_order_release);
}

static int64_t load(const struct metrics_cells *cells, size_t at)
{
    return atomic_load_explicit(&cells->values[at], memory_order_acquire);
}

static void load_door(const struct metrics_cells *cells, size_t door, struct door_cells *found)
{
    const size_t *offset = cells->metrics->offset;
    for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
        found->whole[i] = load(cells, offset[whole[i]] + door);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(by_reason); i++) {
        for (size_t reason = 0; reason < ERROR_COUNT; reason++) {
            found->by_reason[i][reason] = load(cells, offset[by_reason[i]] + door * ERROR_COUNT + reason);
        }
    }
}

/* Waits for a writer that is at it: it does nothing there but a few stores. */
static void load_whole_door(const struct metrics_cells *cells, size_t door, struct door_cells *found)
{
    for (unsigned tries = 1;; tries++) {
        uint64_t turn = atomic_load_explicit(&cells->turn, memory_order_acquire);
        if (turn % 2 == 0) {
            load_door(cells, door, found);
            if (atomic_load_explicit(&cells->turn, memory_order_relaxed) == turn) {
                return;
            }
        }
        if (tries % TRIES_BEFORE_YIELD == 0) {
            sched_yield();
        }
    }
}

static void add_door(struct door_cells *sum, const struct door_cells *found)
{
    for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
        sum->whole[i] += found->whole[i];
    }
    for (size_t i = 0; i < ARRAY_LENGTH(by_reason); i++) {
        for (size_t reason = 0; reason < ERROR_COUNT; reason++) {
            sum->by_reason[i][reason] += found->by_reason[i][reason];
        }
    }
}

/* From the oldest thread on: the commit thread is older than those that receive. So who is seen to leave was seen to come, and
 * nothing in flight is below 0. With the mutex. */
static struct door_cells sum_door(const struct metrics *metrics, size_t door)
{
    struct door_cells sum = { .whole = { 0 } };
    for (const struct metrics_cells *cells = metrics->threads; cells != NULL; cells = cells->next) {
        struct door_cells found;
        load_whole_door(cells, door, &found);
        add_door(&sum, &found);
    }
    return sum;
}

bool metrics_is_of_doors(enum metric metric)
{
    for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
        if (whole[i] == metric) {
            return true;
        }
    }
    return metric == by_reason[0] || metric == by_reason[1];
}

void metrics_sum_doors(const struct metrics *metrics, int64_t *sums)
{
    for (size_t door = 0; door < door_count(metrics); door++) {
        const struct door_cells sum = sum_door(metrics, door);
        for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
            sums[metrics->offset[whole[i]] + door] = sum.whole[i];
        }
        for (size_t i = 0; i < ARRAY_LENGTH(by_reason); i++) {
            memcpy(&sums[metrics->offset[by_reason[i]] + door * ERROR_COUNT], sum.by_reason[i],
                   sizeof sum.by_reason[i]);
        }
    }
}

static int64_t sum_reasons(const int64_t *counts)
{
    int64_t sum = 0;
    for (size_t reason = 0; reason < ERROR_COUNT; reason++) {
        sum += counts[reason];
    }
    return sum;
}

struct metric_door metrics_read_door(struct metrics *metrics, unsigned protocol, size_t stream)
{
    size_t door = metrics_event_index(metrics, protocol, stream);
    ASSERT_BELOW(door, door_count(metrics));
    pthread_mutex_lock(&metrics->mutex);
    const struct door_cells sum = sum_door(metrics, door);
    pthread_mutex_unlock(&metrics->mutex);
    return (struct metric_door){ .received = sum.whole[0],
                                 .accepted = sum.whole[1],
                                 .duplicate = sum.whole[2],
                                 .in_flight = sum.whole[3],
                                 .rejected = sum_reasons(sum.by_reason[0]),
                                 .dropped = sum_reasons(sum.by_reason[1]) };
}
