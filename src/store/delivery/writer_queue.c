/* Turns lanes of waiting segments, states of servers and the time into the job that is due. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include <stdlib.h>

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void count_waiting(struct writer *writer, const struct lane *lane, int64_t change)
{
    metric_add_stream(writer->cells, METRIC_BATCHES_WAITING, lane->label, change);
}

void queue_insert(struct writer *writer, struct lane *lane, struct pending_batch *batch, struct pending_batch *before)
{
    ASSERT_EQUAL(lane->first == NULL, lane->last == NULL);
    ASSERT(batch->segments != 0);
    batch->next = before;
    batch->previous = before == NULL ? lane->last : before->previous;
    *(batch->previous == NULL ? &lane->first : &batch->previous->next) = batch;
    *(before == NULL ? &lane->last : &before->previous) = batch;
    lane->oldest_ns = batch->first_ns < lane->oldest_ns ? batch->first_ns : lane->oldest_ns;
    lane->count += batch->segments;
    lane->rows += batch->rows;
    count_waiting(writer, lane, (int64_t)batch->segments);
}

void queue_unlink(struct lane *lane, struct pending_batch *batch)
{
    ASSERT((batch->previous == NULL) == (lane->first == batch));
    ASSERT((batch->next == NULL) == (lane->last == batch));
    *(batch->previous == NULL ? &lane->first : &batch->previous->next) = batch->next;
    *(batch->next == NULL ? &lane->last : &batch->next->previous) = batch->previous;
}

void queue_set_held(struct writer *writer, struct lane *lane, struct pending_batch *batch, bool held)
{
    if (batch->held == held) {
        return;
    }
    batch->held = held;
    int64_t change = held ? (int64_t)batch->segments : -(int64_t)batch->segments;
    ASSERT(held || (lane->held >= batch->segments && lane->held_rows >= batch->rows));
    lane->held += (uint64_t)change;
    lane->held_rows += held ? batch->rows : -batch->rows;
    metric_add_stream(writer->cells, METRIC_BATCHES_HELD, lane->label, change);
}

void queue_remove(struct writer *writer, struct lane *lane, struct pending_batch *batch)
{
    queue_set_held(writer, lane, batch, false);
    queue_unlink(lane, batch);
    lane->oldest_is_known &= batch->first_ns > lane->oldest_ns;
    ASSERT_AT_MOST(batch->segments, lane->count);
    ASSERT_AT_MOST(batch->rows, lane->rows);
    lane->count -= batch->segments;
    lane->rows -= batch->rows;
    count_waiting(writer, lane, -(int64_t)batch->segments);
    if (batch->family != NULL) {
        family_leave(lane, batch->family, writer->stopping);
    }
    pending_batch_free(batch);
}

void queue_drop_first(struct writer *writer, struct lane *lane, struct pending_batch *batch, uint64_t rows,
                      struct segment *next)
{
    ASSERT(batch->busy && next != NULL);
    ASSERT_BELOW(1u, batch->segments);
    ASSERT_AT_MOST(rows, batch->rows);
    queue_set_held(writer, lane, batch, false);
    batch->segment = next;
    batch->segments--;
    batch->rows -= rows;
    lane->rows -= rows;
    lane->count--;
    count_waiting(writer, lane, -1);
}

int64_t queue_oldest_ns(struct lane *lane)
{
    if (!lane->oldest_is_known) {
        lane->oldest_ns = INT64_MAX;
        for (const struct pending_batch *batch = lane->first; batch != NULL; batch = batch->next) {
            lane->oldest_ns = batch->first_ns < lane->oldest_ns ? batch->first_ns : lane->oldest_ns;
        }
        lane->oldest_is_known = true;
    }
    return lane->oldest_ns;
}

static struct lane *lane_of(struct writer *writer, const struct segment *segment)
{
    size_t last = writer->lane_count - 1;
    return &writer->lanes[segment->stream_index < last ? segment->stream_index : last];
}

bool queue_add(struct writer *writer, struct segment *segment, int64_t now_ns)
{
    struct lane *lane = lane_of(writer, segment);
    struct pending_batch *batch = malloc(sizeof *batch);
    if (batch == NULL) {
        return false;
    }
    segment->next = NULL;
    if (!pending_batch_init(batch, segment, segment->recovered)) {
        free(batch);
        return false;
    }
    batch->unknown_wall_ns = segment->recovered ? clock_wall_ns() : 0;
    batch->anywhere = segment->recovered && writer->server_count > 1;
    if (lane->part == NULL) {
        lane->part = status_add(writer->config.board, "stream:(not configured)");
    }
    queue_insert(writer, lane, batch, NULL);
    lane->rows_in += segment->recovered ? 0 : segment->rows;
    report_pace(writer, lane, now_ns);
    if (lane->troubled) {
        report_lane(writer, lane);
    }
    return true;
}

static bool server_is_usable(const struct server *server)
{
    return server->features.known && !server->breaker.open;
}

static bool take_probe(struct writer *writer, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        struct server *server = &writer->servers[i];
        if (server->probing || server_is_usable(server)) {
            continue;
        }
        if (now_ns >= server->breaker.next_ns) {
            server->probing = true;
            *job = (struct job){ .kind = JOB_PROBE, .server = i };
            return true;
        }
        *wake_ns = earlier(*wake_ns, server->breaker.next_ns);
    }
    return false;
}

/* May one more worker go to this lane now? */
static bool lane_is_open(const struct writer *writer, const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
    size_t spare = writer->worker_count > 1 ? 1 : 0;
    bool alone = writer->lane_count <= 2;
    if (!alone && lane->busy >= writer->worker_count - spare) {
        return false;
    }
    if (!lane->failing) {
        return true;
    }
    if (lane->busy != 0 || writer->failing_busy >= writer->worker_count - spare) {
        return false;
    }
    if (now_ns < lane->next_attempt_ns) {
        *wake_ns = earlier(*wake_ns, lane->next_attempt_ns);
        return false;
    }
    return true;
}

static bool take_check(struct writer *writer, struct lane *lane, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        struct lane_table *table = &lane->tables[i];
        if (table->ready || table->checking || !server_is_usable(&writer->servers[i])) {
            continue;
        }
        if (now_ns >= table->next_check_ns) {
            table->checking = true;
            *job = (struct job){ .kind = JOB_CHECK, .server = i, .lane = lane };
            return true;
        }
        *wake_ns = earlier(*wake_ns, table->next_check_ns);
    }
    return false;
}

/* The server that this batch may go to now; false if there is none. */
static bool choose_server(struct writer *writer, const struct lane *lane, const struct pending_batch *batch,
                          size_t *chosen)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        size_t server = batch->pinned ? batch->server : (writer->next_server + i) % writer->server_count;
        if (server_is_usable(&writer->servers[server]) && lane->tables[server].ready &&
            placement_lets_go(batch, lane, server)) {
            *chosen = server;
            return true;
        }
        if (batch->pinned) {
            return false;
        }
    }
    return false;
}

/* While a batch is taken apart. */
static bool has_its_turn(const struct lane *lane, const struct pending_batch *batch)
{
    bool is_new = batch->family == NULL && !batch->apart && batch->failures == 0;
    return is_new != lane->family_is_next;
}

/* The oldest first. But a failing lane goes on to the one whose turn is longest due; and while a batch is taken apart, its
 * descendants and what has not been tried yet take turns, so that neither waits for the other. */
static bool goes_first(const struct lane *lane, const struct pending_batch *batch, const struct pending_batch *rival)
{
    if (lane->failing && batch->next_attempt_ns != rival->next_attempt_ns) {
        return batch->next_attempt_ns < rival->next_attempt_ns;
    }
    return has_its_turn(lane, batch) && !has_its_turn(lane, rival);
}

/* The batch that is due first, and its server; NULL if there is none. */
static struct pending_batch *find_batch(struct writer *writer, const struct lane *lane, int64_t now_ns, size_t *server,
                                        int64_t *wake_ns)
{
    struct pending_batch *best = NULL;
    for (struct pending_batch *batch = lane->first; batch != NULL; batch = batch->next) {
        size_t chosen;
        if (batch->busy) {
            continue;
        }
        if (now_ns < batch->next_attempt_ns) {
            *wake_ns = earlier(*wake_ns, batch->next_attempt_ns);
            continue;
        }
        if (choose_server(writer, lane, batch, &chosen)) {
            if (best == NULL || goes_first(lane, batch, best)) {
                best = batch;
                *server = chosen;
            }
        } else if (!batch->pinned && !batch->sent) {
            break;
        }
        if (best != NULL && !lane->failing && (lane->families == 0 || has_its_turn(lane, best))) {
            break;
        }
    }
    return best;
}

static bool take_batch(struct writer *writer, struct lane *lane, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    size_t server = 0;
    struct pending_batch *batch = find_batch(writer, lane, now_ns, &server, wake_ns);
    if (batch == NULL) {
        return false;
    }
    ASSERT(!batch->busy);
    ASSERT_BELOW(server, writer->server_count);
    batch->busy = true;
    batch->server = server;
    group_gather(lane, batch, now_ns);
    lane->family_is_next = batch->family == NULL;
    writer->next_server = (server + 1) % writer->server_count;
    *job = (struct job){ .kind = JOB_DELIVER, .server = server, .lane = lane, .batch = batch };
    return true;
}

static bool take_from_lanes(struct writer *writer, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (size_t i = 0; i < writer->lane_count; i++) {
        struct lane *lane = &writer->lanes[(writer->next_lane + i) % writer->lane_count];
        if (!lane_is_open(writer, lane, now_ns, wake_ns)) {
            continue;
        }
        if (take_check(writer, lane, now_ns, job, wake_ns) || take_batch(writer, lane, now_ns, job, wake_ns)) {
            ASSERT_BELOW(lane->busy, writer->worker_count);
            lane->busy++;
            lane->counted_as_failing = lane->failing;
            writer->failing_busy += lane->failing ? 1 : 0;
            writer->next_lane = (size_t)(lane - writer->lanes) + 1;
            return true;
        }
    }
    return false;
}

/* What came while memory was short. */
static void place_incoming(struct writer *writer, int64_t now_ns)
{
    while (writer->incoming != NULL) {
        struct segment *segment = writer->incoming;
        struct segment *rest = segment->next;
        if (!queue_add(writer, segment, now_ns)) {
            return;
        }
        writer->incoming = rest;
    }
}

int64_t queue_take(struct writer *writer, int64_t now_ns, struct job *job)
{
    int64_t wake_ns = INT64_MAX;
    *job = (struct job){ .kind = JOB_NONE };
    place_incoming(writer, now_ns);
    if (writer->incoming != NULL) {
        wake_ns = now_ns + NS_PER_SECOND;
    }
    if (!take_probe(writer, now_ns, job, &wake_ns)) {
        take_from_lanes(writer, now_ns, job, &wake_ns);
    }
    return wake_ns;
}

/* One that is known and did not fail when it was last asked. */
static bool a_server_answers(const struct writer *writer)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        const struct server *server = &writer->servers[i];
        if (server_is_usable(server) && server->breaker.failures == 0) {
            return true;
        }
    }
    return false;
}

static bool lane_is_drained(const struct lane *lane, int64_t wall_ns)
{
    if (lane->stream_held || lane->failing) {
        return true;
    }
    for (const struct pending_batch *batch = lane->first; batch != NULL; batch = batch->next) {
        if (!batch->held && batch->failures == 0 && batch->first_ns <= wall_ns) {
            return false;
        }
    }
    return true;
}

bool queue_is_drained(const struct writer *writer, int64_t wall_ns)
{
    if (!a_server_answers(writer)) {
        return true;
    }
    for (size_t i = 0; i < writer->lane_count; i++) {
        if (!lane_is_drained(&writer->lanes[i], wall_ns)) {
            return false;
        }
    }
    return true;
}
