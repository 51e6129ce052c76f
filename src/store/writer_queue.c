/* Turns lanes of waiting segments, states of servers and the time into the job that is due. */
#include "store/writer_internal.h"

#include <stdio.h>
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
    parcel->next = before;
    parcel->previous = before == NULL ? lane->last : before->previous;
    *(parcel->previous == NULL ? &lane->first : &parcel->previous->next) = parcel;
    *(before == NULL ? &lane->last : &before->previous) = parcel;
    lane->count++;
    count_waiting(writer, lane, 1);
}

static void set_held(struct writer *writer, struct lane *lane, struct parcel *parcel, bool held)
{
    if (parcel->held == held) {
        return;
    }
    parcel->held = held;
    lane->held = held ? lane->held + 1 : lane->held - 1;
    metric_add_stream(writer->cells, METRIC_BATCHES_HELD, lane->label, held ? 1 : -1);
}

void queue_remove(struct writer *writer, struct lane *lane, struct parcel *parcel)
{
    set_held(writer, lane, parcel, false);
    *(parcel->previous == NULL ? &lane->first : &parcel->previous->next) = parcel->next;
    *(parcel->next == NULL ? &lane->last : &parcel->next->previous) = parcel->previous;
    lane->count--;
    count_waiting(writer, lane, -1);
    if (parcel->family != NULL && --parcel->family->members == 0) {
        free(parcel->family);
    }
    free(parcel);
}

static struct lane *lane_of(struct writer *writer, const struct segment *segment)
{
    size_t last = writer->lane_count - 1;
    return &writer->lanes[segment->stream_index < last ? segment->stream_index : last];
}

bool queue_add(struct writer *writer, struct segment *segment)
{
    struct lane *lane = lane_of(writer, segment);
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (parcel == NULL) {
        return false;
    }
    segment->next = NULL;
    parcel->segment = segment;
    parcel->first_ns = segment->first_ns;
    parcel->anywhere = segment->recovered && writer->server_count > 1;
    delivery_init(&parcel->delivery, segment->name, segment->recovered);
    if (lane->part == NULL) {
        lane->part = status_add(writer->config.board, "stream:(not configured)");
    }
    queue_insert(writer, lane, parcel, NULL);
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
        if (server_is_usable(&writer->servers[server]) && lane->tables[server].ready) {
            *chosen = server;
            return true;
        }
        if (parcel->pinned) {
            return false;
        }
    }
    return false;
}

static bool take_parcel(struct writer *writer, struct lane *lane, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (struct parcel *parcel = lane->first; parcel != NULL; parcel = parcel->next) {
        size_t server;
        if (parcel->busy) {
            continue;
        }
        if (now_ns < parcel->next_attempt_ns) {
            *wake_ns = earlier(*wake_ns, parcel->next_attempt_ns);
            continue;
        }
        if (choose_server(writer, lane, parcel, &server)) {
            parcel->busy = true;
            parcel->server = server;
            writer->next_server = (server + 1) % writer->server_count;
            *job = (struct job){ .kind = JOB_DELIVER, .server = server, .lane = lane, .parcel = parcel };
            return true;
        }
        if (!parcel->pinned) {
            return false;
        }
    }
    return false;
}

static bool take_from_lanes(struct writer *writer, int64_t now_ns, struct job *job, int64_t *wake_ns)
{
    for (size_t i = 0; i < writer->lane_count; i++) {
        struct lane *lane = &writer->lanes[(writer->next_lane + i) % writer->lane_count];
        if (!lane_is_open(writer, lane, now_ns, wake_ns)) {
            continue;
        }
        if (take_check(writer, lane, now_ns, job, wake_ns) || take_parcel(writer, lane, now_ns, job, wake_ns)) {
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
static void place_incoming(struct writer *writer)
{
    while (writer->incoming != NULL) {
        struct segment *segment = writer->incoming;
        struct segment *rest = segment->next;
        if (!queue_add(writer, segment)) {
            return;
        }
        writer->incoming = rest;
    }
}

int64_t queue_take(struct writer *writer, int64_t now_ns, struct job *job)
{
    int64_t wake_ns = INT64_MAX;
    *job = (struct job){ .kind = JOB_NONE };
    place_incoming(writer);
    if (writer->incoming != NULL) {
        wake_ns = now_ns + NS_PER_SECOND;
    }
    if (!take_probe(writer, now_ns, job, &wake_ns)) {
        take_from_lanes(writer, now_ns, job, &wake_ns);
    }
    return wake_ns;
}

static void release_lane(struct writer *writer, struct lane *lane)
{
    lane->busy--;
    if (lane->counted_as_failing) {
        lane->counted_as_failing = false;
        writer->failing_busy--;
    }
}

static void lane_failed(struct writer *writer, struct worker *worker, struct lane *lane, bool held, int64_t now_ns)
{
    lane->failing = true;
    lane->stream_held = held;
    lane->failures++;
    int64_t wait = held ? writer->backoff.max_ns : backoff_ns(&writer->backoff, lane->failures, &worker->random);
    lane->next_attempt_ns = now_ns + wait;
}

/* After a success: what waited for the stream's sake is due at once. */
static void lane_recovered(struct lane *lane)
{
    if (!lane->failing) {
        return;
    }
    lane->failing = false;
    lane->stream_held = false;
    lane->check_failed = false;
    lane->failures = 0;
    for (struct parcel *parcel = lane->first; parcel != NULL; parcel = parcel->next) {
        if (!parcel->held) {
            parcel->next_attempt_ns = 0;
        }
    }
}

/* After something changed at the table, say, it is looked at again before the next attempt. */
static void doubt_tables(struct writer *writer, struct lane *lane)
{
    for (size_t i = 0; lane->stream != NULL && i < writer->server_count; i++) {
        lane->tables[i].ready = false;
        lane->tables[i].next_check_ns = lane->next_attempt_ns;
    }
}

static void put_back_waiting(struct writer *writer, struct worker *worker, const struct job *job,
                             enum delivery_move move, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct parcel *parcel = job->parcel;
    bool hold = move == DELIVERY_HOLD_BATCH || move == DELIVERY_HOLD_STREAM;
    memcpy(lane->reason, parcel->delivery.reason, sizeof lane->reason);
    parcel->busy = false;
    parcel->failures++;
    set_held(writer, lane, parcel, move == DELIVERY_HOLD_BATCH);
    if (move == DELIVERY_RETRY_STREAM || move == DELIVERY_HOLD_STREAM) {
        lane_failed(writer, worker, lane, hold, now_ns);
        parcel->next_attempt_ns = lane->next_attempt_ns;
    } else {
        parcel->next_attempt_ns =
            now_ns + (hold ? writer->backoff.max_ns : backoff_ns(&writer->backoff, parcel->failures, &worker->random));
    }
    if (move == DELIVERY_HOLD_STREAM) {
        doubt_tables(writer, lane);
    }
}

void queue_put_back(struct writer *writer, struct worker *worker, const struct job *job, enum delivery_move move,
                    int64_t now_ns)
{
    release_lane(writer, job->lane);
    if (move == DELIVERY_FINISHED) {
        lane_recovered(job->lane);
    } else if (move == DELIVERY_NEXT) {
        job->parcel->busy = false;
    } else {
        put_back_waiting(writer, worker, job, move, now_ns);
    }
    lane_report(writer, job->lane);
}

static void server_failed(struct writer *writer, struct worker *worker, size_t index, int64_t now_ns)
{
    const struct writer_options *options = writer->config.options;
    struct breaker *breaker = &writer->servers[index].breaker;
    breaker_failure(breaker, (unsigned)options->breaker_failures, &writer->backoff, now_ns, &worker->random);
    metric_set(writer->config.metrics, METRIC_BREAKER_OPEN, index, breaker->open ? 1 : 0);
}

static void server_answered(struct writer *writer, size_t index)
{
    breaker_success(&writer->servers[index].breaker);
    metric_set(writer->config.metrics, METRIC_BREAKER_OPEN, index, 0);
}

/* A lane that is well has nothing to say of a server that answers. */
static void report_lanes(struct writer *writer, bool all)
{
    for (size_t i = 0; i < writer->lane_count; i++) {
        if (all || writer->lanes[i].troubled) {
            lane_report(writer, &writer->lanes[i]);
        }
    }
}

void queue_note_probe(struct writer *writer, struct worker *worker, size_t server,
                      const struct store_features *features, const struct store_reply *reply, int64_t now_ns)
{
    writer->servers[server].probing = false;
    if (reply->outcome == STORE_DONE) {
        writer->servers[server].features = *features;
        writer->servers[server].features.known = true;
        server_answered(writer, server);
    } else {
        server_failed(writer, worker, server, now_ns);
    }
    server_report(writer, server, reply);
    report_lanes(writer, reply->outcome != STORE_DONE);
}

void queue_note_reply(struct writer *writer, struct worker *worker, size_t server, const struct store_reply *reply,
                      int64_t now_ns)
{
    bool answered = reply->outcome == STORE_DONE || (reply->outcome == STORE_ANSWERED && !code_is_from_proxy(reply));
    bool was_open = writer->servers[server].breaker.failures != 0;
    if (answered) {
        server_answered(writer, server);
    } else if (reply->outcome != STORE_UNKNOWN) {
        server_failed(writer, worker, server, now_ns);
    }
    if (was_open || !answered) {
        server_report(writer, server, answered ? &(struct store_reply){ .outcome = STORE_DONE } : reply);
    }
}

static bool any_table_is_ready(const struct writer *writer, const struct lane *lane)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        if (lane->tables[i].ready) {
            return true;
        }
    }
    return false;
}

/* The problem's lines as one. */
static void set_reason(struct lane *lane, struct slice problem)
{
    struct slice line;
    size_t length = 0;
    while (slice_split(&problem, '\n', &line) && line.data != NULL && length < sizeof lane->reason) {
        int written = snprintf(lane->reason + length, sizeof lane->reason - length, "%s%.*s",
                               length == 0 || line.len == 0 ? "" : "; ", (int)line.len, line.data);
        length += written < 0 ? 0 : (size_t)written;
    }
}

static void check_failed(struct writer *writer, struct worker *worker, const struct job *job, bool unfit,
                         struct slice problem, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct lane_table *table = &lane->tables[job->server];
    table->failures++;
    int64_t wait = unfit ? writer->backoff.max_ns : backoff_ns(&writer->backoff, table->failures, &worker->random);
    table->next_check_ns = now_ns + wait;
    if (any_table_is_ready(writer, lane)) {
        return;
    }
    set_reason(lane, problem);
    lane_failed(writer, worker, lane, unfit, now_ns);
    lane->check_failed = true;
    lane->next_attempt_ns = table->next_check_ns;
}

void queue_note_check(struct writer *writer, struct worker *worker, const struct job *job, enum table_verdict verdict,
                      const struct table_info *info, struct slice problem, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct lane_table *table = &lane->tables[job->server];
    table->checking = false;
    release_lane(writer, lane);
    if (verdict == TABLE_READY) {
        table->ready = true;
        lane->was_ready = true;
        table->info = *info;
        table->failures = 0;
        if (lane->check_failed) {
            lane_recovered(lane);
        }
    } else {
        check_failed(writer, worker, job, verdict == TABLE_UNFIT, problem, now_ns);
    }
    lane_report(writer, lane);
}

bool queue_is_idle(const struct writer *writer)
{
    if (writer->incoming != NULL) {
        return false;
    }
    for (size_t i = 0; i < writer->lane_count; i++) {
        const struct lane *lane = &writer->lanes[i];
        uint64_t waiting_for_people = lane->stream_held ? lane->count : lane->held;
        if (lane->busy != 0 || lane->count > waiting_for_people) {
            return false;
        }
    }
    return true;
}
