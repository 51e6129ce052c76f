/* Runs jobs on threads of its own, each with a session of the store. */
#include "query/query.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "config/options/query_options.h"
#include "config/options/store_options.h"
#include "event/stream.h"
#include "pipeline/json/json.h"
#include "query/answer_share.h"
#include "query/query_job.h"
#include "query/query_pages.h"
#include "query/query_queue.h"
#include "store/answer_text.h"
#include "store/codes.h"
#include "store/store.h"
#include "store/table/table.h"

#include <stdio.h>
#include <stdlib.h>

#define ENGINE_KNOWN_NS (60 * NS_PER_SECOND) /* then the table is looked at again */

struct query_runner {
    struct query_service *service;
    struct thread thread;
    struct store_session *session;
    struct json_parser *parser;
    struct answer_share *share; /* made when first asked for */
};

/* What is known of a stream's table; under the lock. */
struct known_engine {
    bool collapses;
    int64_t until_ns; /* 0: nothing is known */
};

/* What runners read of the options, which a reload may replace meanwhile. */
struct bounds {
    uint64_t max_memory; /* of a question; 0: as the server's profile says */
    uint64_t max_rows_to_read;
    int64_t timeout_ns;
};

/* What changes is guarded by wakeup. */
struct query_service {
    struct query_service_config config;
    struct wakeup wakeup;
    struct query_queue queue;
    bool stopping;
    struct metrics_cells *cells;  /* under the lock */
    struct known_engine *engines; /* by stream */
    size_t next_server;
    struct query_runner *runners;
    size_t runner_count;
    struct query_pages *pages;
    struct bounds bounds;
    struct store *reader; /* asks as query.user; NULL: config.store is the gateway's */
};

void query_count(struct query_service *service, enum metric metric)
{
    wakeup_lock(&service->wakeup);
    metric_add(service->cells, metric, 1);
    wakeup_unlock(&service->wakeup);
}

/* --- what jobs ask for --- */

static size_t next_server(struct query_service *service, struct bounds *bounds)
{
    wakeup_lock(&service->wakeup);
    size_t first = service->next_server++;
    *bounds = service->bounds;
    wakeup_unlock(&service->wakeup);
    return first;
}

void query_ask(struct query_runner *runner, const struct store_query *query, struct buf *rows,
               struct store_reply *reply)
{
    struct store *store = runner->service->config.store;
    struct bounds bounds;
    size_t first = next_server(runner->service, &bounds);
    struct store_query bounded = *query;
    bounded.max_memory = bounds.max_memory;
    bounded.max_rows_to_read = bounds.max_rows_to_read;
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE };
    for (size_t i = 0; reply->outcome == STORE_UNREACHABLE && i < store->server_count; i++) {
        *reply = (struct store_reply){ 0 };
        buf_clear(rows);
        store->ops->query(runner->session, (first + i) % store->server_count, &bounded, rows, reply);
    }
}

/* An answer of the server is its own business (502); none within the time is a store that is away (503). Anybody may ask: what
 * the server said, and where it is, goes to the log alone. */
enum error query_explain(const char *name, const struct store_reply *reply, char detail[QUERY_DETAIL_MAX])
{
    static const char *const what[] = {
        [STORE_DONE] = "failed",
        [STORE_ANSWERED] = "failed",
        [STORE_UNREACHABLE] = "could not be asked",
        [STORE_UNKNOWN] = "was not answered within query.timeout",
    };
    char reason[512];
    if (reply->outcome == STORE_ANSWERED && reply->code == CODE_SYNTAX_ERROR) {
        answer_quote(reply, reason,
                     sizeof reason); /* it quotes a statement of ours or of the configuration, and no rows */
    } else {
        answer_explain(reply, reason, sizeof reason);
    }
    LOG(LOG_WARN, "query failed", "name=%s the query %s: %s", name, what[reply->outcome], reason);
    snprintf(detail, QUERY_DETAIL_MAX, "the query %s%s%s; the gateway's log says more", what[reply->outcome],
             reply->code == 0 ? "" : ": ", code_name(reply->code));
    return reply->outcome == STORE_ANSWERED ? ERROR_STORE_FAILED : ERROR_STORE_UNAVAILABLE;
}

struct json_parser *query_runner_parser(struct query_runner *runner)
{
    return runner->parser;
}

struct answer_share *query_runner_share(struct query_runner *runner)
{
    if (runner->share == NULL) {
        runner->share = answer_share_new(runner->service->config.dedup);
    }
    return runner->share;
}

static bool look_at_engine(struct query_runner *runner, size_t stream, bool *collapses, struct store_reply *reply)
{
    struct query_service *service = runner->service;
    struct store *store = service->config.store;
    struct table_info info = { 0 };
    struct bounds bounds;
    size_t first = next_server(service, &bounds);
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE };
    bool known = false;
    for (size_t i = 0; !known && reply->outcome == STORE_UNREACHABLE && i < store->server_count; i++) {
        known = table_read_engine(store, runner->session, (first + i) % store->server_count,
                                  stream_at((const struct stream *const *)service->config.streams, stream),
                                  bounds.timeout_ns, &info, reply);
    }
    *collapses = info.engine_collapses;
    return known;
}

bool query_collapses(struct query_runner *runner, uint64_t streams, bool *collapses, struct store_reply *reply)
{
    struct query_service *service = runner->service;
    for (size_t i = 0; i < service->config.stream_count; i++) {
        collapses[i] = i >= 64; /* of so many streams: as a table of ours needs it */
        if (i >= 64 || (streams >> i & 1) == 0) {
            continue;
        }
        wakeup_lock(&service->wakeup);
        struct known_engine known = service->engines[i];
        wakeup_unlock(&service->wakeup);
        if (known.until_ns <= clock_monotonic_ns()) {
            if (!look_at_engine(runner, i, &known.collapses, reply)) {
                return false;
            }
            known.until_ns = clock_monotonic_ns() + ENGINE_KNOWN_NS;
            wakeup_lock(&service->wakeup);
            service->engines[i] = known;
            wakeup_unlock(&service->wakeup);
        }
        collapses[i] = known.collapses;
    }
    return true;
}

/* --- the queue --- */

static void refuse(struct query_job *job, enum error error, const char *detail)
{
    struct page_reply reply = { 0 };
    job->ops->refuse(job, error, detail, &reply);
    job->ops->finish(job, &reply);
}

static void run(struct query_runner *runner, struct query_job *job)
{
    struct page_reply reply = { 0 };
    if (clock_monotonic_ns() >= job->deadline_ns) {
        refuse(job, ERROR_STORE_UNAVAILABLE, "the query waited longer than query.timeout for a free thread");
        return;
    }
    job->ops->run(job, runner, &reply);
    job->ops->finish(job, &reply);
}

static void work(void *argument)
{
    struct query_runner *runner = argument;
    struct query_service *service = runner->service;
    size_t self = (size_t)(runner - service->runners);
    wakeup_lock(&service->wakeup);
    while (!service->stopping) {
        struct query_job *job = query_queue_take(&service->queue, self);
        if (job == NULL) {
            wakeup_wait(&service->wakeup, INT64_MAX);
            continue;
        }
        wakeup_unlock(&service->wakeup);
        run(runner, job);
        wakeup_lock(&service->wakeup);
        query_queue_done(&service->queue, self);
    }
    wakeup_unlock(&service->wakeup);
}

enum error query_enqueue(struct query_service *service, struct query_job *job)
{
    const struct query_options *options = service->config.options;
    job->deadline_ns = clock_monotonic_ns() + job->timeout_ns;
    wakeup_lock(&service->wakeup);
    enum error error = service->stopping
                           ? ERROR_DRAINING
                           : query_queue_add(&service->queue, job, options->queue, options->max_per_address);
    if (error == OK) {
        metric_add(service->cells, METRIC_QUERIES, 1);
        wakeup_one(&service->wakeup);
    } else if (error != ERROR_DRAINING) {
        metric_add(service->cells, METRIC_QUERIES_REFUSED, 1);
    }
    wakeup_unlock(&service->wakeup);
    return error;
}

const char *query_refusal(enum error error)
{
    switch (error) {
    case ERROR_STORE_UNAVAILABLE: return "too many queries wait already (query.queue); try again";
    case ERROR_TOO_MANY_OF_ADDRESS:
        return "too many queries of this address wait already (query.max_per_address); try again";
    default: return "";
    }
}

/* --- the service --- */

static bool start_runners(struct query_service *service)
{
    struct store *store = service->config.store;
    for (size_t i = 0; i < service->runner_count; i++) {
        struct query_runner *runner = &service->runners[i];
        char name[16];
        snprintf(name, sizeof name, "query-%u", (unsigned)(i % 1000));
        runner->service = service;
        runner->parser = json_parser_new();
        runner->session = store->ops->session_new(store);
        if (runner->session == NULL || runner->parser == NULL ||
            thread_start_background(&runner->thread, name, work, runner) != OK) {
            return false;
        }
    }
    return true;
}

/* Servers are asked as a user of its own, if there is one. */
static bool take_user(struct query_service *service, struct buf *problem)
{
    struct store_options options = *service->config.stored;
    options.user = service->config.options->user;
    options.password = service->config.options->password;
    if (options.user == NULL || options.user[0] == '\0') {
        return true;
    }
    service->reader = store_clickhouse_new(&options, problem);
    service->config.store = service->reader;
    return service->reader != NULL;
}

static bool prepare(struct query_service *service, struct buf *problem)
{
    const struct query_service_config *config = &service->config;
    service->runner_count = (size_t)config->options->threads;
    service->runners = calloc(service->runner_count, sizeof *service->runners);
    service->engines = calloc(config->stream_count + 1, sizeof *service->engines);
    service->cells = metrics_thread(config->metrics);
    if (service->runners == NULL || service->engines == NULL || service->cells == NULL ||
        !query_queue_init(&service->queue, service->runner_count)) {
        buf_append_string(problem, "query: out of memory");
        return false;
    }
    if (take_user(service, problem)) {
        service->pages = query_pages_new(config, service, problem);
    }
    return service->pages != NULL;
}

/* In process there is no profile that bounds it. */
static uint64_t memory_of_question(const struct query_service_config *config)
{
    bool bounded = config->options->max_memory != 0 || !config->store->in_process;
    return bounded ? config->options->max_memory : config->stored->max_memory / 2;
}

static struct bounds bounds_of(const struct query_service_config *config)
{
    return (struct bounds){ memory_of_question(config), config->options->max_rows_to_read,
                            config->options->timeout_ns };
}

void query_reload(struct query_service *service, const struct named_query_options *queries)
{
    wakeup_lock(&service->wakeup);
    service->bounds = bounds_of(&service->config);
    wakeup_unlock(&service->wakeup);
    query_pages_reload(service->pages, service->config.options, queries);
}

struct query_service *query_new(const struct query_service_config *config, struct buf *problem)
{
    struct query_service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        buf_append_string(problem, "query: out of memory");
        return NULL;
    }
    wakeup_init(&service->wakeup);
    service->config = *config;
    service->bounds = bounds_of(&service->config);
    if (!prepare(service, problem)) {
        query_free(service);
        return NULL;
    }
    return service;
}

bool query_start(struct query_service *service, struct buf *problem)
{
    bool started = start_runners(service);
    if (!started) {
        buf_append_string(problem, "query: a thread could not be started (out of memory, or the limit of processes)");
    }
    return started;
}

const struct page *query_pages(const struct query_service *service, size_t *count)
{
    return query_pages_list(service->pages, count);
}

static void end_runner(struct query_runner *runner)
{
    thread_join(&runner->thread);
    if (runner->session != NULL) {
        runner->service->config.store->ops->session_free(runner->session);
    }
    json_parser_free(runner->parser);
    answer_share_free(runner->share);
    *runner = (struct query_runner){ .service = runner->service };
}

void query_stop(struct query_service *service)
{
    wakeup_lock(&service->wakeup);
    service->stopping = true;
    wakeup_all(&service->wakeup);
    wakeup_unlock(&service->wakeup);
    for (size_t i = 0; service->runners != NULL && i < service->runner_count; i++) {
        end_runner(&service->runners[i]);
    }
    struct query_job *job;
    while ((job = query_queue_take(&service->queue, 0)) != NULL) {
        refuse(job, ERROR_DRAINING, "");
    }
}

void query_free(struct query_service *service)
{
    if (service == NULL) {
        return;
    }
    query_pages_free(service->pages);
    if (service->reader != NULL) {
        service->reader->ops->free(service->reader);
    }
    query_queue_release(&service->queue);
    free(service->runners);
    free(service->engines);
    wakeup_release(&service->wakeup);
    free(service);
}
