/* Turns the state of a lane or a server into its part of the status board. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "event/stream.h"
#include "store/answer_text.h"
#include "store/delivery/writer_private.h"

#include <inttypes.h>
#include <stdio.h>

static bool store_is_away(const struct writer *writer)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        if (writer->servers[i].features.known && !writer->servers[i].breaker.open) {
            return false;
        }
    }
    return true;
}

static const struct lane_table *ready_table(const struct writer *writer, const struct lane *lane)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        if (lane->tables[i].ready) {
            return &lane->tables[i];
        }
    }
    return NULL;
}

/* The table of a ready server that loses events, or else one with a warning; NULL: none has anything to say. */
static const struct lane_table *worst_table(const struct writer *writer, const struct lane *lane)
{
    const struct lane_table *worst = NULL;
    for (size_t i = 0; i < writer->server_count; i++) {
        const struct lane_table *table = &lane->tables[i];
        bool speaks = table->ready && table->info.warnings[0] != '\0';
        if (speaks && (worst == NULL || (table->info.loses && !worst->info.loses))) {
            worst = table;
        }
    }
    return worst;
}

static void report_health(const struct writer *writer, const struct lane *lane, const struct lane_table *table)
{
    const struct lane_table *worst = worst_table(writer, lane);
    const char *warnings = worst == NULL ? "" : worst->info.warnings;
    bool once = lane->stream == NULL || table->info.has_event_id;
    if (worst != NULL && worst->info.loses) {
        status_set(lane->part, STATUS_DEGRADED, "events are lost in its table (allow_lossy_table): %s", warnings);
    } else if (once && lane->view_gap_rows != 0) {
        status_set(lane->part, STATUS_OK,
                   "a materialized view of the table lacks %" PRIu64 " of its events since the start (see the log)",
                   lane->view_gap_rows);
    } else {
        status_set(lane->part, STATUS_OK, "%s%s%s",
                   once ? "" : "at-least-once: the table has no event_id, so an INSERT of unknown fate is sent again",
                   once || worst == NULL ? "" : "; ", warnings);
    }
}

/* NULL: each address that holds an own table of the lane's is one server. */
static const char *address_of_several(const struct writer *writer, const struct lane *lane)
{
    int64_t now_ns = clock_monotonic_ns();
    for (size_t i = 0; lane->stream != NULL && i < writer->server_count; i++) {
        bool replicated = lane->tables[i].ready && lane->tables[i].info.replicated;
        if (!replicated && identities_are_several(&writer->servers[i].identities, now_ns)) {
            return writer->config.store->server_names[i];
        }
    }
    return NULL;
}

void report_lane(struct writer *writer, struct lane *lane)
{
    const struct lane_table *table = ready_table(writer, lane);
    const char *several = address_of_several(writer, lane);
    lane->troubled = true;
    if (store_is_away(writer)) {
        status_set(lane->part, STATUS_DEGRADED, "%" PRIu64 " batches wait for the store%s", lane->count,
                   table == NULL ? "; table not checked" : "");
    } else if (lane->stream_held) {
        status_set(lane->part, STATUS_DEGRADED, "held, %" PRIu64 " batches wait: %s", lane->count, lane->reason);
    } else if (table == NULL) {
        status_set(lane->part, STATUS_DEGRADED, "table not checked, %" PRIu64 " batches wait: %s", lane->count,
                   lane->reason);
    } else if (lane->failing) {
        status_set(lane->part, STATUS_DEGRADED, "tried again, %" PRIu64 " batches wait: %s", lane->count, lane->reason);
    } else if (lane->held != 0) {
        status_set(lane->part, STATUS_DEGRADED, "%" PRIu64 " batches held, %" PRIu64 " others wait: %s", lane->held,
                   lane->count - lane->held, lane->reason);
    } else if (lane->view_fails) {
        status_set(lane->part, STATUS_DEGRADED,
                   "a materialized view of the table fails; the events are in the table, and %" PRIu64
                   " of them are missing in a view: %s",
                   lane->view_gap_rows, lane->view_reason);
    } else if (several != NULL) {
        status_set(
            lane->part, STATUS_DEGRADED,
            "several servers answer at %s, and the table is not replicated: neither a count nor an uptime proves "
            "anything there; name each server in store.url by itself",
            several);
    } else if (lane->pace.behind) {
        char pace[128];
        pace_describe(&lane->pace, pace, sizeof pace);
        status_set(lane->part, STATUS_DEGRADED, "the store does not keep up: %s", pace);
    } else {
        lane->troubled = false;
        report_health(writer, lane, table);
    }
}

/* What else is wrong with it is told as such, and the rates of that time say nothing of the store's. */
void report_pace(struct writer *writer, struct lane *lane, int64_t now_ns)
{
    if (store_is_away(writer) || lane->failing) {
        lane->pace = (struct pace){ 0 };
        return;
    }
    char text[128];
    const char *stream = lane->stream == NULL ? "(not configured)" : lane->stream->name;
    enum pace_news news = pace_note(&lane->pace, now_ns, lane->rows_in, lane->rows_out, lane->rows - lane->held_rows);
    pace_describe(&lane->pace, text, sizeof text);
    if (news == PACE_BEHIND) {
        LOG(LOG_WARN, "the store does not keep up", "stream=%s: %s", stream, text);
    } else if (news == PACE_KEEPS_UP) {
        LOG(LOG_INFO, "the store keeps up again", "stream=%s: %" PRIu64 " events wait", stream, lane->pace.backlog);
    }
}

void report_server(struct writer *writer, size_t index, const struct store_reply *reply)
{
    const struct server *server = &writer->servers[index];
    metric_set(writer->config.metrics, METRIC_STORE_UP, index, reply->outcome == STORE_DONE ? 1 : 0);
    if (reply->outcome == STORE_DONE) {
        bool several = identities_are_several(&server->identities, clock_monotonic_ns());
        status_set(server->part, STATUS_OK, "ClickHouse %d.%d%s%s", server->features.major, server->features.minor,
                   several ? ", several servers at this address" : "",
                   server->features.pins ? ", its profile pins settings (the log says which, and what that costs)"
                                         : "");
        return;
    }
    char reason[512];
    answer_explain(reply, reason, sizeof reason);
    status_set(server->part, STATUS_DEGRADED, "%s, %u failures in a row: %s",
               server->breaker.open ? "breaker open" : "failing", server->breaker.failures, reason);
}
