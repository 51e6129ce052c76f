/* Turns GET /events/metrics into a query of the store on a thread of its own, and its answer into the reply. */
#include "query/query.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "config/options/query_options.h"
#include "query/query_json.h"
#include "store/answer_text.h"
#include "store/codes.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

/* One query waiting or running. */
struct task {
    struct query_request request;
    struct page_later later;
    int64_t deadline_ns; /* monotonic; what waited longer is answered without asking the store */
    struct task *next;
};

struct query_worker {
    struct query_service *service;
    struct thread thread;
    struct store_session *session;
};

/* Invariant: `waiting` is the length of the list from `first` to `last`; guarded by wakeup. */
struct query_service {
    struct query_service_config config;
    struct wakeup wakeup;
    struct task *first, *last;
    int64_t waiting;
    bool stopping;
    struct metrics_cells *cells; /* under the lock */
    struct query_worker *workers;
    size_t worker_count;
    size_t next_server;
};

static void free_task(struct task *task)
{
    query_request_release(&task->request);
    free(task);
}

static void post_problem(struct task *task, enum error error, const char *detail)
{
    struct page_reply reply = { 0 };
    page_problem(&reply, error, slice_from_string(detail), (struct slice){ NULL, 0 });
    page_post(task->later, &reply);
}

/* Asks the servers in turn until one can be reached. */
static void ask(struct query_worker *worker, const struct task *task, struct buf *rows, struct store_reply *reply)
{
    struct query_service *service = worker->service;
    struct store *store = service->config.store;
    struct store_parameter name = { .name = "event_name",
                                    .type = "String",
                                    .value = buf_slice(&task->request.event_name) };
    struct buf sql = { 0 };
    wakeup_lock(&service->wakeup);
    size_t first = service->next_server++;
    wakeup_unlock(&service->wakeup);

    query_request_sql(&task->request, store->database, service->config.options->timeout_ns, &sql);
    struct store_query query = {
        .sql = buf_slice(&sql),
        .parameters = &name,
        .parameter_count = task->request.has_event_name ? 1 : 0,
        .format = "TSV",
        .timeout_ns = service->config.options->timeout_ns,
    };
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE, .message = "out of memory" };
    for (size_t i = 0; !sql.failed && reply->outcome == STORE_UNREACHABLE && i < store->server_count; i++) {
        *reply = (struct store_reply){ 0 };
        buf_clear(rows);
        store->ops->query(worker->session, (first + i) % store->server_count, &query, rows, reply);
    }
    buf_release(&sql);
}

/* An answer of the server is its own business (502); none within the time is a store that is away (503). Anybody may ask: what
 * the server said, and where it is, goes to the log alone. */
static void post_failure(struct task *task, const struct store_reply *reply)
{
    static const char *const what[] = {
        [STORE_DONE] = "failed",
        [STORE_ANSWERED] = "failed",
        [STORE_UNREACHABLE] = "could not be asked",
        [STORE_UNKNOWN] = "was not answered within query.timeout",
    };
    char detail[128], reason[512];
    answer_explain(reply, reason, sizeof reason);
    LOG(LOG_WARN, "query failed", "the query %s: %s", what[reply->outcome], reason);
    snprintf(detail, sizeof detail, "the query %s%s%s; the gateway's log says more", what[reply->outcome],
             reply->code == 0 ? "" : ": ", code_name(reply->code));
    post_problem(task, reply->outcome == STORE_ANSWERED ? ERROR_STORE_FAILED : ERROR_STORE_UNAVAILABLE, detail);
}

static void run(struct query_worker *worker, struct task *task)
{
    struct store_reply reply;
    struct buf rows = { 0 };
    struct page_reply answer = { .status = 200, .content_type = "application/json" };
    if (clock_monotonic_ns() >= task->deadline_ns) {
        post_problem(task, ERROR_STORE_UNAVAILABLE, "the query waited longer than query.timeout for a free thread");
        return;
    }
    ask(worker, task, &rows, &reply);
    if (reply.outcome != STORE_DONE) {
        post_failure(task, &reply);
    } else if (!query_json(&task->request, buf_slice(&rows), &answer.body)) {
        buf_release(&answer.body);
        post_problem(task, ERROR_STORE_FAILED, "the store's answer makes no sense");
    } else {
        page_post(task->later, &answer);
    }
    buf_release(&rows);
}

/* Under the lock. */
static struct task *take(struct query_service *service)
{
    struct task *task = service->first;
    if (task != NULL) {
        service->first = task->next;
        service->last = service->first == NULL ? NULL : service->last;
        service->waiting--;
        ASSERT(service->waiting >= 0);
    }
    return task;
}

static void work(void *argument)
{
    struct query_worker *worker = argument;
    struct query_service *service = worker->service;
    wakeup_lock(&service->wakeup);
    while (!service->stopping) {
        struct task *task = take(service);
        if (task == NULL) {
            wakeup_wait(&service->wakeup, INT64_MAX);
            continue;
        }
        wakeup_unlock(&service->wakeup);
        run(worker, task);
        free_task(task);
        wakeup_lock(&service->wakeup);
    }
    wakeup_unlock(&service->wakeup);
}

/* Puts the task into the queue; else says why not. */
static enum error enqueue(struct query_service *service, struct task *task)
{
    enum error error = OK;
    wakeup_lock(&service->wakeup);
    if (service->stopping) {
        error = ERROR_DRAINING;
    } else if (service->waiting >= service->config.options->queue) {
        error = ERROR_STORE_UNAVAILABLE;
        metric_add(service->cells, METRIC_QUERIES_REFUSED, 1);
    } else {
        *(service->last == NULL ? &service->first : &service->last->next) = task;
        service->last = task;
        service->waiting++;
        ASSERT_EQUAL(service->first == NULL, false);
        metric_add(service->cells, METRIC_QUERIES, 1);
        wakeup_one(&service->wakeup);
    }
    wakeup_unlock(&service->wakeup);
    return error;
}

static enum page_result refuse(struct page_reply *reply, enum error error, struct slice detail)
{
    page_problem(reply, error, detail, (struct slice){ NULL, 0 });
    return PAGE_READY;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    struct query_service *service = context;
    struct buf problem = { 0 };
    struct task *task = calloc(1, sizeof *task);
    if (task == NULL) {
        return refuse(reply, ERROR_OUT_OF_MEMORY, (struct slice){ NULL, 0 });
    }
    enum error error = query_request_read(&task->request, request->query, service->config.streams,
                                          service->config.stream_count, clock_wall_ns(), &problem);
    if (error == OK) {
        task->later = later;
        task->deadline_ns = clock_monotonic_ns() + service->config.options->timeout_ns;
        error = enqueue(service, task);
        if (error == OK) {
            return PAGE_LATER;
        }
        if (error == ERROR_STORE_UNAVAILABLE) {
            buf_append_string(&problem, "too many queries wait already (query.queue); try again");
        }
    }
    free_task(task);
    enum page_result result = refuse(reply, error, buf_slice(&problem));
    buf_release(&problem);
    return result;
}

struct page query_page(struct query_service *service)
{
    return (struct page){
        .path = "/events/metrics",
        .methods = METHOD_BIT(HTTP_GET),
        .context = service,
        .handle = handle,
    };
}

static bool start_workers(struct query_service *service)
{
    struct store *store = service->config.store;
    for (size_t i = 0; i < service->worker_count; i++) {
        struct query_worker *worker = &service->workers[i];
        char name[16];
        snprintf(name, sizeof name, "query-%u", (unsigned)(i % 1000));
        worker->service = service;
        worker->session = store->ops->session_new(store);
        if (worker->session == NULL || thread_start_background(&worker->thread, name, work, worker) != OK) {
            return false;
        }
    }
    return true;
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
    service->worker_count = (size_t)config->options->threads;
    service->workers = calloc(service->worker_count, sizeof *service->workers);
    service->cells = metrics_thread(config->metrics);
    if (service->workers == NULL || service->cells == NULL) {
        buf_append_string(problem, "query: out of memory");
        query_free(service);
        return NULL;
    }
    return service;
}

bool query_start(struct query_service *service, struct buf *problem)
{
    bool started = start_workers(service);
    if (!started) {
        buf_append_string(problem, "query: a thread could not be started (out of memory, or the limit of processes)");
    }
    return started;
}

void query_stop(struct query_service *service)
{
    wakeup_lock(&service->wakeup);
    service->stopping = true;
    wakeup_all(&service->wakeup);
    wakeup_unlock(&service->wakeup);
    for (size_t i = 0; service->workers != NULL && i < service->worker_count; i++) {
        thread_join(&service->workers[i].thread);
        if (service->workers[i].session != NULL) {
            service->config.store->ops->session_free(service->workers[i].session);
        }
        service->workers[i].session = NULL;
    }
    for (struct task *task = take(service); task != NULL; task = take(service)) {
        post_problem(task, ERROR_DRAINING, "");
        free_task(task);
    }
}

void query_free(struct query_service *service)
{
    if (service == NULL) {
        return;
    }
    free(service->workers);
    wakeup_release(&service->wakeup);
    free(service);
}
