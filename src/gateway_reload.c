/* Turns a configuration that was read anew into what the running gateway does.
 *
 *   keep ───── what takes a restart gets its old value back, and is told by name      (config/reload.h)
 *   check ──── the mixture is checked like a file
 *   compile ── what is not used as it was read, beside the threads that serve
 *   pause ──── all threads that serve stand still between two turns
 *   swap ───── the sections of `live`, and what was compiled; then they go on
 *
 * Whoever serves borrows `live`, reads it anew in each turn and keeps nothing of it. So nothing on the way of an event needs a
 * lock for a reload. */
#include "gateway_private.h"

#include "config/half_written.h"
#include "gateway_numbers.h"
#include "gateway_rules.h"
#include "gateway_streams.h"
#include "gateway_streams_change.h"
#include "openness.h"
#include "reload_report.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/config.h"
#include "config/reload.h"
#include "config/tables/option_table.h"
#include "event/stream.h"
#include "pipeline/pipeline_change.h"
#include "proto/limits/limits.h"

#include <stdlib.h>

#define PAUSE_PATIENCE_NS (10 * NS_PER_SECOND) /* a payload of the largest size takes a second or two */
#define COMMIT_PATIENCE_NS                                                                                             \
    (2 * NS_PER_SECOND) /* for streams that change: what was pushed is committed, while all wait */

/* What a reload brings, before it is swapped; afterwards what it replaced. */
struct change {
    struct config next;
    struct gateway_rules rules;
    struct streams_change streams;
    struct pages_texts pages;
    struct past_streams *past; /* room for the streams that are replaced; NULL: none is */
    bool made;
};

/* What lives on after a reload that changed streams: chunks, batches and answers under way point to the streams that were
 * replaced, and those that replaced them borrow from the configuration. */
struct past_streams {
    struct past_streams *next;
    struct config config; /* of that reload; empty as long as `kept` has it */
    size_t count;
    struct stream *streams[];
};

/* What reloads leave behind. */
struct reloads {
    struct reload_report report;
    struct config kept;        /* of the last one, which `live` borrows from; empty: there was none */
    struct past_streams *past; /* streams that were replaced, and what they borrow from */
    size_t past_count;
    struct past_streams *holder; /* of them, what keeps `kept` when the next one comes; NULL: it goes */
};

/* The configuration that holds is another one, or the first. */
static void show_config(const struct gateway *g)
{
    char hash[CONFIG_FINGERPRINT_SIZE];
    if (config_fingerprint(&option_sections, g->config, hash)) {
        const struct metric_label label = { "hash", slice_from_string(hash) };
        metric_set_labelled(g->metrics, METRIC_CONFIG_INFO, 0, &label, 1, 1);
    }
}

bool gateway_reload_init(struct gateway *g)
{
    g->reloads = calloc(1, sizeof *g->reloads);
    if (g->reloads == NULL) {
        return false;
    }
    show_config(g);
    return reload_report_init(&g->reloads->report, g->metrics, g->board);
}

void gateway_reload_release(struct gateway *g)
{
    if (g->reloads == NULL) {
        return;
    }
    while (g->reloads->past != NULL) {
        struct past_streams *past = g->reloads->past;
        g->reloads->past = past->next;
        for (size_t i = 0; i < past->count; i++) {
            stream_free(past->streams[i]);
        }
        config_free(&past->config);
        free(past);
    }
    config_free(&g->reloads->kept);
    free(g->reloads);
}

/* Compiling. */

static void release(struct change *change)
{
    streams_change_release(&change->streams, change->made);
    free(change->past);
    gateway_rules_release(&change->rules);
    pages_texts_release(&change->pages);
    config_free(&change->next);
}

static bool compile_streams(const struct gateway *g, struct change *change, struct buf *problems)
{
    struct streams_change *streams = &change->streams;
    if (!streams_change_compile(streams, change->next.streams, change->next.stream_count, g->streams, g->pipeline,
                                problems)) {
        return false;
    }
    if (streams->count != 0) {
        change->past = calloc(1, sizeof *change->past + streams->count * sizeof change->past->streams[0]);
    }
    if (streams->count != 0 && change->past == NULL) {
        buf_append_string(problems, "streams: out of memory");
    }
    return streams->count == 0 || change->past != NULL;
}

static bool write_pages(const struct gateway *g, struct change *change, struct buf *problems)
{
    bool written = gateway_pages_write(&g->pages, &change->next, change->streams.streams, &change->pages);
    if (!written) {
        buf_append_string(problems, "pages: out of memory");
    }
    return written;
}

static bool compile(const struct gateway *g, struct change *change, struct buf *problems)
{
    change->rules.server = g->doors.server;
    return compile_streams(g, change, problems) && write_pages(g, change, problems) &&
           gateway_access_new(&change->next, change->streams.streams, &change->rules.access, problems) &&
           gateway_rules_compile(&change->rules, &change->next.http, &change->next.udp, g->doors.udp, problems);
}

/* Swapping. */

/* Threads that do not stand still read none of them: they have copies, which gateway_numbers_swap renews. */
static void swap_sections(struct config *live, const struct config *next)
{
    ASSERT_EQUAL(live->http.listener_count, next->http.listener_count);
    ASSERT_EQUAL(live->udp.listener_count, next->udp.listener_count);
    ASSERT_EQUAL(live->stream_count, next->stream_count);
    ASSERT_EQUAL(live->query_count, next->query_count);
    live->log = next->log;
    live->http = next->http;
    live->websocket = next->websocket;
    live->udp = next->udp;
    live->rejects = next->rejects;
    live->drain = next->drain;
    live->limits = next->limits;
    live->keys = next->keys;
    live->key_count = next->key_count;
    live->keys_file = next->keys_file;
    live->streams = next->streams;
    live->writer = next->writer;
    live->query = next->query;
    live->queries = next->queries;
}

/* False: not in time, and nothing has changed. */
static bool swap_streams(struct gateway *g, struct change *change, int64_t deadline_ns)
{
    if (change->streams.count == 0) {
        return true;
    }
    ASSERT(change->past != NULL);
    struct past_streams *past = change->past;
    size_t at = 0;
    for (size_t i = 0; i < change->streams.stream_count; i++) {
        if (change->streams.fresh[i] != NULL) {
            past->streams[at++] = g->streams[i];
        }
    }
    if (!pipeline_change_make(change->streams.pipeline, g->streams, deadline_ns)) {
        return false;
    }
    past->count = at;
    past->next = g->reloads->past;
    g->reloads->past = past;
    g->reloads->past_count += at;
    change->past = NULL;
    change->made = true;
    return true;
}

/* False: not in time, or memory is short, and nothing has changed. What held before is in *change afterwards. */
static bool swap(struct gateway *g, struct change *change, int64_t deadline_ns)
{
    struct config *next = &change->next, *live = &g->live;
    struct limits *limits = g->limits.limits;
    if (!limits_reload(limits, &next->limits, next->keys, next->key_count)) {
        return false;
    }
    if (!swap_streams(g, change, deadline_ns)) {
        bool restored = limits_reload(limits, &live->limits, live->keys, live->key_count);
        if (!restored) {
            LOG(LOG_ERROR, "reload", "the limits of the file hold, though the rest of it does not: memory is short");
        }
        return false;
    }
    struct access *old = g->access;
    swap_sections(live, next);
    const struct gateway_numbers numbers = { &g->live.writer, g->live.queries, g->live.query.timeout_ns };
    gateway_numbers_swap(&numbers, g->pipeline, g->query, g->lookups);
    gateway_pages_swap(&g->pages, &change->pages, change->rules.access);
    g->access = change->rules.access;
    gateway_access_count(g->access, old, g->metrics);
    change->rules.rates = gateway_limits_rates(&g->limits);
    gateway_doors_refresh(&g->doors, &live->http, &change->rules);
    change->rules.access = old;
    log_set_level(live->log.level);
    return true;
}

/* The configuration of the reload before goes, unless streams borrow from it. */
static void keep_config(struct gateway *g, struct change *change)
{
    if (g->reloads->holder != NULL) {
        g->reloads->holder->config = g->reloads->kept;
    } else {
        config_free(&g->reloads->kept);
    }
    g->reloads->holder = change->streams.count != 0 ? g->reloads->past : NULL;
    g->reloads->kept = change->next;
    change->next = (struct config){ 0 };
}

static bool take(struct gateway *g, struct change *change)
{
    int64_t since_ns;
    if (!gateway_doors_pause(&g->doors, clock_monotonic_ns() + PAUSE_PATIENCE_NS, &since_ns)) {
        return false;
    }
    bool taken = swap(g, change, clock_monotonic_ns() + COMMIT_PATIENCE_NS);
    gateway_doors_resume(&g->doors);
    reload_report_paused(&g->reloads->report, clock_monotonic_ns() - since_ns);
    if (taken) {
        gateway_numbers_apply(&g->live.rejects, g->rejects);
        keep_config(g, change);
    }
    return taken;
}

/* What is served without a restart, checked and compiled. */
static bool prepare(struct gateway *g, const char *path, struct change *change, struct buf *restarts,
                    struct buf *problems)
{
    struct config *next = &change->next;
    if (!config_load(next, path, config_environment, problems) || !gateway_check(next, problems) ||
        !half_written_keeps(&(struct guards){ &g->live.udp, g->live.key_count },
                            &(struct guards){ &next->udp, next->key_count }, path, problems)) {
        return false;
    }
    if (!config_keep(&option_sections, next, g->start, next->memory, restarts)) {
        buf_append_string(problems, "out of memory");
        return false;
    }
    const struct streams_options options = { next->streams, next->stream_count, next->lookups, next->lookup_count };
    streams_change_settle(&options, g->streams, g->pipeline, g->reloads->past_count, restarts);
    return gateway_check(next, problems) && compile(g, change, problems);
}

void gateway_reload(struct gateway *g, const char *path)
{
    struct change change = { 0 };
    struct buf changes = { 0 }, restarts = { 0 }, problems = { 0 };
    half_written_await(path, g->live.keys_file);
    if (!prepare(g, path, &change, &restarts, &problems)) {
        reload_report_refused(&g->reloads->report, &problems);
    } else {
        config_tell_changes(&option_sections, g->config, &change.next, &changes);
        if (take(g, &change)) {
            show_config(g);
            reload_report_taken(&g->reloads->report, &changes, &restarts);
            if (changes.len != 0) {
                openness_tell(&g->live.http, &g->live.udp, g->live.key_count != 0, g->live.live.enabled);
            }
        } else {
            reload_report_busy(&g->reloads->report, PAUSE_PATIENCE_NS);
        }
    }
    release(&change);
    buf_release(&changes);
    buf_release(&restarts);
    buf_release(&problems);
}
