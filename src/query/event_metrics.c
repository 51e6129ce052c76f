/* Turns GET /events/metrics into a job of the service, and the store's answer into the reply. */
#include "query/event_metrics.h"

#include "base/clock.h"
#include "config/options/query_options.h"
#include "query/query_job.h"
#include "query/query_json.h"
#include "query/query_queue.h"
#include "store/store.h"

#include <stdlib.h>

struct metrics_job {
    struct query_job job;
    const struct event_metrics *metrics;
    struct query_request request;
    struct page_later later;
};

static void fill_problem(struct page_reply *reply, enum error error, struct slice detail)
{
    page_problem(reply, error, detail, (struct slice){ NULL, 0 });
}

static void ask(const struct metrics_job *job, struct query_runner *runner, struct buf *rows, struct store_reply *reply)
{
    struct store_parameter name = { .name = "event_name",
                                    .type = "String",
                                    .value = buf_slice(&job->request.event_name) };
    struct buf sql = { 0 };
    query_request_sql(&job->request, job->metrics->store->database, &sql);
    struct store_query query = {
        .sql = buf_slice(&sql),
        .parameters = &name,
        .parameter_count = job->request.has_event_name ? 1 : 0,
        .format = "TSV",
        .timeout_ns = job->job.timeout_ns,
        .read_only = true,
    };
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE, .message = "out of memory" };
    if (!sql.failed) {
        query_ask(runner, &query, rows, reply);
    }
    buf_release(&sql);
}

static void run(struct query_job *head, struct query_runner *runner, struct page_reply *answer)
{
    struct metrics_job *job = (struct metrics_job *)head;
    struct store_reply reply;
    struct buf rows = { 0 };
    ask(job, runner, &rows, &reply);
    *answer = (struct page_reply){ .status = 200, .content_type = "application/json" };
    if (reply.outcome != STORE_DONE) {
        char detail[QUERY_DETAIL_MAX];
        enum error error = query_explain("events/metrics", &reply, detail);
        fill_problem(answer, error, slice_from_string(detail));
        query_count(job->metrics->service, METRIC_QUERIES_FAILED);
    } else if (!query_json(&job->request, buf_slice(&rows), &answer->body)) {
        buf_release(&answer->body);
        fill_problem(answer, ERROR_STORE_FAILED, SLICE("the store's answer makes no sense"));
    }
    buf_release(&rows);
}

static void refuse(struct query_job *head, enum error error, const char *detail, struct page_reply *reply)
{
    (void)head;
    fill_problem(reply, error, slice_from_string(detail));
}

static void free_job(struct metrics_job *job)
{
    query_request_release(&job->request);
    free(job);
}

static void finish(struct query_job *head, struct page_reply *reply)
{
    struct metrics_job *job = (struct metrics_job *)head;
    page_post(job->later, reply);
    free_job(job);
}

static const struct query_job_ops ops = { run, refuse, finish };

static enum error check_range(const struct event_metrics *metrics, const struct query_request *request,
                              struct buf *problem)
{
    int64_t most_ns = metrics->options->max_range_ns;
    if (most_ns == 0 || request->to_ns - request->from_ns <= most_ns) {
        return OK;
    }
    buf_printf(problem, "from: it lies %lld hours before to, at most %lld are allowed (query.max_range)",
               (long long)((request->to_ns - request->from_ns) / (3600 * NS_PER_SECOND)),
               (long long)(most_ns / (3600 * NS_PER_SECOND)));
    return ERROR_BAD_ARGUMENT;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct event_metrics *metrics = context;
    struct buf problem = { 0 };
    struct metrics_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        fill_problem(reply, ERROR_OUT_OF_MEMORY, (struct slice){ NULL, 0 });
        return PAGE_READY;
    }
    *job = (struct metrics_job){ .job = { .ops = &ops,
                                          .timeout_ns = metrics->options->timeout_ns,
                                          .client = query_queue_client(request->client_ip) },
                                 .metrics = metrics,
                                 .later = later };
    enum error error = query_request_read(&job->request, request->query, metrics->streams, metrics->stream_count,
                                          clock_wall_ns(), &problem);
    if (error == OK) {
        error = check_range(metrics, &job->request, &problem);
    }
    if (error == OK) {
        error = query_enqueue(metrics->service, &job->job);
        if (error == OK) {
            return PAGE_LATER;
        }
        buf_append_string(&problem, query_refusal(error));
    }
    free_job(job);
    fill_problem(reply, error, buf_slice(&problem));
    buf_release(&problem);
    return PAGE_READY;
}

struct page event_metrics_page(struct event_metrics *metrics)
{
    return (struct page){
        .path = "/events/metrics",
        .methods = METHOD_BIT(HTTP_GET),
        .context = metrics,
        .handle = handle,
    };
}
