/* Turns lanes of waiting segments, states of servers and the time into the job that is due. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include <stdlib.h>

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void count_waiting(struct writer *writer, const struct lane *lane, int64_t change)
{
    metric_add_stream(writer->cells, METRIC_BATCHES_WAITING, lane->label, change);
}

void queue_insert(struct writer *writer, struct lane *lane, struct parcel *parcel, struct parcel *before)
{
    ASSERT_EQUAL(lane->first == NULL, lane->last == NULL);
    ASSERT(parcel->segments != 0);
    parcel->next = before;
    parcel->previous = before == NULL ? lane->last : before->previous;
    *(parcel->previous == NULL ? &lane->first : &parcel->previous->next) = parcel;
    *(before == NULL ? &lane->last : &before->previous) = parcel;
    lane->oldest_ns = parcel->first_ns < lane->oldest_ns ? parcel->first_ns : lane->oldest_ns;
    lane->count += parcel->segments;
    lane->rows += parcel->rows;
    count_waiting(writer, lane, (int64_t)parcel->segments);
}

void queue_unlink(struct lane *lane, struct parcel *parcel)
{
    ASSERT((parcel->previous == NULL) == (lane->first == parcel));
    ASSERT((parcel->next == NULL) == (lane->last == parcel));
    *(parcel->previous == NULL ? &lane->first : &parcel->previous->next) = parcel->next;
    *(parcel->next == NULL ? &lane->last : &parcel->next->previous) = parcel->previous;
}

void queue_set_held(struct writer *writer, struct lane *lane, struct parcel *parcel, bool held)
{
    if (parcel->held == held) {
        return;
    }
    parcel->held = held;
    int64_t change = held ? (int64_t)parcel->segments : -(int64_t)parcel->segments;
    ASSERT(held || (lane->held >= parcel->segments && lane->held_rows >= parcel->rows));
    lane->held += (uint64_t)change;
    lane->held_rows += held ? parcel->rows : -parcel->rows;
    metric_add_stream(writer->cells, METRIC_BATCHES_HELD, lane->label, change);
}

void queue_remove(struct writer *writer, struct lane *lane, struct parcel *parcel)
{
    queue_set_held(writer, lane, parcel, false);
    queue_unlink(lane, parcel);
    lane->oldest_is_known &= parcel->first_ns > lane->oldest_ns;
    ASSERT_AT_MOST(parcel->segments, lane->count);
    ASSERT_AT_MOST(parcel->rows, lane->rows);
    lane->count -= parcel->segments;
    lane->rows -= parcel->rows;
    count_waiting(writer, lane, -(int64_t)parcel->segments);
    if (parcel->family != NULL) {
        family_leave(lane, parcel->family, writer->stopping);
    }
    parcel_free(parcel);
}

void queue_drop_first(struct writer *writer, struct lane *lane, struct parcel *parcel, uint64_t rows,
                      struct segment *next)
{
    ASSERT(parcel->busy && next != NULL);
    ASSERT_BELOW(1u, parcel->segments);
    ASSERT_AT_MOST(rows, parcel->rows);
    queue_set_held(writer, lane, parcel, false);
    parcel->segment = next;
    parcel->segments--;
    parcel->rows -= rows;
    lane->rows -= rows;
    lane->count--;
    count_waiting(writer, lane, -1);
}

int64_t queue_oldest_ns(struct lane *lane)
{
    if (!lane->oldest_is_known) {
        lane->oldest_ns = INT64_MAX;
        for (const struct parcel *parcel = lane->first; parcel != NULL; parcel = parcel->next) {
            lane->oldest_ns = parcel->first_ns < lane->oldest_ns ? parcel->first_ns : lane->oldest_ns;
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
    struct parcel *parcel = malloc(sizeof *parcel);
    if (parcel == NULL) {
        return false;
    }
    segment->next = NULL;
    if (!parcel_init(parcel, segment, segment->recovered)) {
        free(parcel);
        return false;
    }
    parcel->doubt_wall_ns = segment->recovered ? clock_wall_ns() : 0;
    parcel->anywhere = segment->recovered && writer->server_count > 1;
    if (lane->part == NULL) {
        lane->part = status_add(writer->config.board, "stream:(not configured)");
    }
    queue_insert(writer, lane, parcel, NULL);
    lane->rows_in += segment->recovered ? 0 : segment->rows;
    lane_note_pace(writer, lane, now_ns);
    if (lane->troubled) {
        lane_report(writer, lane);
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

/* The server that this parcel may go to now; false if there is none. */
static bool choose_server(struct writer *writer, const struct lane *lane, const struct parcel *parcel, size_t *chosen)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        size_t server = parcel->pinned ? parcel->server : (writer->next_server + i) % writer->server_count;
        if (server_is_usable(&writer->servers[server]) && lane->tables[server].ready &&
            doubt_lets_go(parcel, lane, server)) {
            *chosen = server;
            return true;
        }
        if (parcel->pinned) {
            return false;
        }
    }
    return false;
}

/* While a batch is taken apart. */
static bool has_its_turn(const struct lane *lane, const struct parcel *parcel)
{
    bool is_new = parcel->family == NULL && !parcel->apart && parcel->failures == 0;
    return is_new != lane->family_is_next;
}

/* The oldest first. But a failing lane goes on to the one whose turn is longest due; and while a batch is taken apart, its
 * descendants and what has not been tried yet take turns, so that neither waits for the other. */
static bool goes_first(const struct lane *lane, const struct parcel *parcel, const struct parcel *rival)
{
    if (lane->failing && parcel->next_attempt_ns != rival->next_attempt_ns) {
        return parcel->next_attempt_ns < rival->next_attempt_ns;
    }
    return has_its_turn(lane, parcel) && !has_its_turn(lane, rival);
}

/* The parcel that is due first, and its server; NULL if there is none. */
static struct parcel *find_parcel(struct writer *writer, const struct lane *lane, int64_t now_ns, size_t *server,
                                  int64_t *wake_ns)
{
    struct parcel *best = NULL;
    for (struct parcel *parcel = lane->first; parcel != NULL; parcel = parcel->next) {
        size_t chosen;
        if (parcel->busy) {
            continue;
        }
        if (now_ns < parcel->next_attempt_ns) {
            *wake_ns = earlier(*wake_ns, parcel->next_attempt_ns);
            continue;
        }
        if (choose_server(writer, lane, parcel, &chosen)) {
            if (best == NULL || goes_first(lane, parcel, best)) {
                best = parcel;
                *server = chosen;
            }
        } else if (!parcel->pinned && !parcel->sent) {
            break;
        }
        if (best != NULL && !lane->failing && (lane->families == 0 || has_its_turn(lane, best))) {
            break;
        }
    }
    return best;
}

static bool take_parcel(struct writer *writer, struct lane *lane, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    size_t server = 0;
    struct parcel *parcel = find_parcel(writer, lane, now_ns, &server, wake_ns);
    if (parcel == NULL) {
        return false;
    }
    ASSERT(!parcel->busy);
    ASSERT_BELOW(server, writer->server_count);
    parcel->busy = true;
    parcel->server = server;
    group_gather(lane, parcel, now_ns);
    lane->family_is_next = parcel->family == NULL;
    writer->next_server = (server + 1) % writer->server_count;
    *job = (struct job){ .kind = JOB_DELIVER, .server = server, .lane = lane, .parcel = parcel };
    return true;
}

static bool take_from_lanes(struct writer *writer, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (size_t i = 0; i < writer->lane_count; i++) {
        struct lane *lane = &writer->lanes[(writer->next_lane + i) % writer->lane_count];
        if (!lane_is_open(writer, lane, now_ns, wake_ns)) {
            continue;
        }
        if (take_check(writer, lane, now_ns, job, wake_ns) || take_parcel(writer, lane, now_ns, job, wake_ns)) {
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
    for (const struct parcel *parcel = lane->first; parcel != NULL; parcel = parcel->next) {
        if (!parcel->held && parcel->failures == 0 && parcel->first_ns <= wall_ns) {
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
