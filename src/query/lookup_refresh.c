/* Turns statements and the store into lookups that are as fresh as they say. */
#include "query/lookup_refresh.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/thread.h"
#include "config/options/lookup_options.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/stream.h"
#include "proto/route/lookup.h"
#include "query/lookup_refresh_private.h"
#include "store/answer_text.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* What was committed so long before the oldest that waits is in the store: the journal hands segments on meanwhile. */
#define HANDING_NS (5 * NS_PER_SECOND)
#define RETRY_NS NS_PER_SECOND

struct kept_lookup {
    struct lookup_plan plan;
    struct lookup *lookup;
    struct status_part *part;
    int64_t next_ns;      /* monotonic, of its next question */
    int64_t refreshed_ns; /* monotonic, when the table was asked for; 0: never */
};

struct lookups {
    struct lookups_config config;
    _Atomic int64_t timeout_ns; /* of a question */
    struct kept_lookup *items;  /* config.count of them */
    struct wakeup wakeup;
    bool stopping; /* under the lock */
    struct thread thread;
    struct store_session *session;
    bool *collapses; /* by stream */
    size_t next_server;
    struct metrics_cells *cells; /* of the commit thread */
};

static bool add(struct lookups *lookups, size_t index, struct buf *problem)
{
    const struct lookup_options *options = &lookups->config.options[index];
    struct kept_lookup *item = &lookups->items[index];
    char name[64];
    if (!lookup_compile(&item->plan, options, &lookups->config, problem)) {
        return false;
    }
    item->lookup = lookup_new(options->max_bytes);
    if (lookups->config.board != NULL) {
        snprintf(name, sizeof name, "lookup:%s", options->name);
        item->part = status_add(lookups->config.board, name);
        status_set(item->part, STATUS_OK, "not filled yet");
    }
    return item->lookup != NULL;
}

void lookups_set_timeout(struct lookups *lookups, int64_t timeout_ns)
{
    ASSERT(timeout_ns > 0);
    atomic_store(&lookups->timeout_ns, timeout_ns);
}

struct lookups *lookups_new(const struct lookups_config *config, struct buf *problem)
{
    struct lookups *lookups = calloc(1, sizeof *lookups);
    if (lookups == NULL) {
        buf_append_string(problem, "lookups: out of memory\n");
        return NULL;
    }
    lookups->config = *config;
    lookups_set_timeout(lookups, config->timeout_ns);
    wakeup_init(&lookups->wakeup);
    lookups->items = calloc(config->count + 1, sizeof *lookups->items);
    lookups->collapses = calloc(config->stream_count + 1, sizeof *lookups->collapses);
    lookups->cells = config->metrics == NULL ? NULL : metrics_thread(config->metrics);
    bool whole =
        lookups->items != NULL && lookups->collapses != NULL && (lookups->cells != NULL || config->metrics == NULL);
    for (size_t i = 0; whole && i < config->stream_count; i++) {
        lookups->collapses[i] = config->streams[i]->version_column >= 0;
    }
    for (size_t i = 0; lookups->items != NULL && i < config->count; i++) {
        whole = add(lookups, i, problem) && whole;
    }
    if (!whole) {
        buf_append_string(problem, problem->len == 0 ? "lookups: out of memory\n" : "");
        lookups_free(lookups);
        return NULL;
    }
    return lookups;
}

void lookups_free(struct lookups *lookups)
{
    if (lookups == NULL) {
        return;
    }
    ASSERT(!lookups->thread.started || lookups->stopping);
    for (size_t i = 0; lookups->items != NULL && i < lookups->config.count; i++) {
        lookup_release(&lookups->items[i].plan);
        lookup_free(lookups->items[i].lookup);
    }
    free(lookups->items);
    free(lookups->collapses);
    wakeup_release(&lookups->wakeup);
    free(lookups);
}

struct lookup *lookups_find(const struct lookups *lookups, const char *scope, const char *name)
{
    struct lookup *found = NULL;
    size_t length = strlen(scope);
    for (size_t i = 0; i < lookups->config.count; i++) {
        const char *full = lookups->config.options[i].name;
        if (strncmp(full, scope, length) == 0 && strcmp(full + length, name) == 0) {
            return lookups->items[i].lookup;
        }
        found = strcmp(full, name) == 0 ? lookups->items[i].lookup : found;
    }
    return found;
}

/* --- what is committed --- */

static bool next_text(struct slice *rest, struct slice *text)
{
    size_t at = 0;
    uint64_t len = 0;
    if (!slice_read_varint(*rest, &at, &len) || len > rest->len - at) {
        return false;
    }
    *text = slice_make(rest->data + at, (size_t)len);
    *rest = slice_after(*rest, at + (size_t)len);
    return true;
}

static void put_rows(struct lookups *lookups, size_t index, const struct chunk *chunk, const uint64_t *keep)
{
    const struct kept_lookup *item = &lookups->items[index];
    ASSERT(item->plan.through == chunk->stream);
    ASSERT_BELOW(item->plan.key_column, chunk->stream->column_count);
    ASSERT_BELOW(item->plan.value_column, chunk->stream->column_count);
    struct slice keys = buf_slice(&chunk->columns[item->plan.key_column].data);
    struct slice values = buf_slice(&chunk->columns[item->plan.value_column].data);
    int64_t wall_ns = clock_wall_ns();
    for (uint32_t row = 0; row < chunk->rows; row++) {
        struct slice key, value;
        bool whole = next_text(&keys, &key) && next_text(&values, &value);
        ASSERT(whole); /* of a sealed chunk */
        bool kept = keep == NULL || (keep[row / 64] >> (row % 64) & 1) != 0;
        if (kept && !lookup_put(item->lookup, key, value, wall_ns)) {
            metric_add_index(lookups->cells, METRIC_LOOKUP_PUTS_MISSED, index, 1);
        }
    }
}

void lookups_note_committed(void *context, const struct chunk *chunk, const uint64_t *keep)
{
    struct lookups *lookups = context;
    for (size_t i = 0; i < lookups->config.count; i++) {
        if (lookups->items[i].plan.through == chunk->stream) {
            put_rows(lookups, i, chunk, keep);
        }
    }
}

/* --- what the store says --- */

/* What was put before this is in the store now: it was committed before all that waits. */
static int64_t stored_before(const struct lookups *lookups, const struct kept_lookup *item)
{
    const struct stream *through = item->plan.through;
    if (through == NULL) {
        return INT64_MAX;
    }
    int64_t oldest_ns = lookups->config.oldest_ns(lookups->config.context, through->index);
    int64_t now_ns = clock_wall_ns();
    return (oldest_ns < now_ns ? oldest_ns : now_ns) - HANDING_NS;
}

/* Of the servers in turn, the first that can be reached. */
static void ask(struct lookups *lookups, const struct kept_lookup *item, struct buf *answer, struct store_reply *reply)
{
    struct store *store = lookups->config.store;
    struct buf sql = { 0 };
    statement_append_sql(&item->plan.statement, NULL, lookups->config.database, lookups->collapses, &sql);
    struct store_query query = { .sql = buf_slice(&sql),
                                 .format = "TSV",
                                 .timeout_ns = atomic_load(&lookups->timeout_ns),
                                 .max_result_bytes = item->plan.options->max_bytes,
                                 .read_only = true };
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE, .message = "out of memory" };
    for (size_t i = 0; !sql.failed && i < store->server_count && reply->outcome != STORE_DONE; i++) {
        buf_clear(answer);
        store->ops->query(lookups->session, (lookups->next_server + i) % store->server_count, &query, answer, reply);
    }
    lookups->next_server++;
    buf_release(&sql);
}

/* False: *problem says why the last table stays. */
static bool refresh(struct lookups *lookups, struct kept_lookup *item, struct buf *problem)
{
    struct store_reply reply;
    struct buf answer = { 0 };
    int64_t since_ns = stored_before(lookups, item);
    int64_t asked_ns = clock_monotonic_ns();
    ask(lookups, item, &answer, &reply);
    bool done = reply.outcome == STORE_DONE && !answer.failed;
    if (!done) {
        char text[512];
        answer_explain(&reply, text, sizeof text);
        buf_append_string(problem, answer.failed ? "out of memory" : text);
    }
    struct lookup_table *table = done ? lookup_table_new(item->lookup) : NULL;
    if (table != NULL && !lookup_read_rows(buf_slice(&answer), table, problem)) {
        lookup_table_free(table);
        table = NULL;
    }
    bool replaced = table != NULL && lookup_replace(item->lookup, table, since_ns);
    if (replaced) {
        item->refreshed_ns = asked_ns;
    } else if (problem->len == 0) {
        buf_append_string(problem, "there is no room for what was written through: raise its max_bytes");
    }
    buf_release(&answer);
    return replaced;
}

static void tell(const struct lookups *lookups, const struct kept_lookup *item, bool fresh, struct buf *problem)
{
    size_t index = (size_t)(item - lookups->items);
    ASSERT_BELOW(index, lookups->config.count);
    struct lookup_size size = lookup_size(item->lookup);
    metric_set(lookups->config.metrics, METRIC_LOOKUP_ENTRIES, index, (double)size.entries);
    if (fresh) {
        status_set(item->part, STATUS_OK, "filled");
    } else if (item->refreshed_ns != 0) {
        status_set(item->part, STATUS_DEGRADED, "the last table stays, as it could not be filled anew: %s",
                   buf_c_string(problem));
    } else {
        status_set(item->part, STATUS_DEGRADED, "it has not been filled yet: %s", buf_c_string(problem));
    }
}

static void set_age(const struct lookups *lookups, size_t index, int64_t now_ns)
{
    const struct kept_lookup *item = &lookups->items[index];
    double age_s = item->refreshed_ns == 0 ? -1 : (double)(now_ns - item->refreshed_ns) / (double)NS_PER_SECOND;
    metric_set(lookups->config.metrics, METRIC_LOOKUP_AGE, index, age_s);
}

/* Those that are due; returns when to look again. */
static int64_t take_turn(struct lookups *lookups)
{
    int64_t wake_ns = clock_monotonic_ns() + NS_PER_SECOND; /* ages go on */
    for (size_t i = 0; i < lookups->config.count; i++) {
        struct kept_lookup *item = &lookups->items[i];
        if (clock_monotonic_ns() >= item->next_ns) {
            struct buf problem = { 0 };
            bool fresh = refresh(lookups, item, &problem);
            tell(lookups, item, fresh, &problem);
            int64_t wait_ns = item->plan.options->refresh_ns;
            item->next_ns = clock_monotonic_ns() + (fresh || wait_ns < RETRY_NS ? wait_ns : RETRY_NS);
            buf_release(&problem);
        }
        set_age(lookups, i, clock_monotonic_ns());
        wake_ns = item->next_ns < wake_ns ? item->next_ns : wake_ns;
    }
    return wake_ns;
}

static void run(void *context)
{
    struct lookups *lookups = context;
    wakeup_lock(&lookups->wakeup);
    while (!lookups->stopping) {
        wakeup_unlock(&lookups->wakeup);
        int64_t wake_ns = take_turn(lookups);
        wakeup_lock(&lookups->wakeup);
        if (!lookups->stopping) {
            wakeup_wait(&lookups->wakeup, wake_ns);
        }
    }
    wakeup_unlock(&lookups->wakeup);
}

bool lookups_start(struct lookups *lookups, struct buf *problem)
{
    if (lookups->config.count == 0) {
        return true;
    }
    lookups->session = lookups->config.store->ops->session_new(lookups->config.store);
    if (lookups->session == NULL || thread_start_background(&lookups->thread, "lookups", run, lookups) != OK) {
        buf_append_string(problem, "lookups: a thread could not be started, or memory is short");
        return false;
    }
    return true;
}

void lookups_stop(struct lookups *lookups)
{
    wakeup_lock(&lookups->wakeup);
    lookups->stopping = true;
    wakeup_all(&lookups->wakeup);
    wakeup_unlock(&lookups->wakeup);
    thread_join(&lookups->thread);
    if (lookups->session != NULL) {
        lookups->config.store->ops->session_free(lookups->session);
        lookups->session = NULL;
    }
}
