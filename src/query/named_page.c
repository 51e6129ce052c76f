/* Turns requests into jobs, and results into replies. */
#include "query/named_page.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "proto/front/page.h"
#include "query/answer_share.h"
#include "query/query_job.h"
#include "query/query_queue.h"
#include "query/query_reply.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

struct named_job {
    struct query_job job;
    const struct named_page *page;
    struct named_numbers numbers;
    struct bound_value *values;
    struct result *results;
    struct query_waiter waiter;
    bool cached; /* the cache has the waiter */
    struct hash128 key;
    int64_t keep_ns; /* how long the answer may be given again; 0: not */
    int64_t asked_wall_ns;
};

static void free_job(struct named_job *job)
{
    const struct named_query *query = job->page->query;
    for (size_t i = 0; job->values != NULL && i < query->parameter_count; i++) {
        bound_value_release(&job->values[i]);
    }
    for (size_t i = 0; job->results != NULL && i < query->statement_count; i++) {
        result_release(&job->results[i]);
    }
    free(job->values);
    free(job->results);
    free(job);
}

/* --- parameters of a statement --- */

struct binding {
    struct store_parameter parameters[QUERY_PARAMETERS_MAX];
    size_t count;
    struct buf items; /* struct slice, of all arrays */
};

static void bind_items(const struct bound_value *value, struct buf *items, size_t *count)
{
    size_t begin = 0;
    *count = value->ends.len / sizeof(size_t);
    for (size_t i = 0; i < *count; i++) {
        size_t end;
        memcpy(&end, value->ends.data + i * sizeof end, sizeof end);
        struct slice item = end == begin ? SLICE("") : slice_make(value->text.data + begin, end - begin);
        buf_append(items, &item, sizeof item);
        begin = end;
    }
}

/* Points the arrays at their items, once the list has its place. */
static void settle_items(struct binding *binding, const size_t *offsets)
{
    static const struct slice none = { NULL, 0 };
    for (size_t i = 0; i < binding->count; i++) {
        struct store_parameter *parameter = &binding->parameters[i];
        if (strncmp(parameter->type, "Array(", strlen("Array(")) == 0) {
            parameter->items = parameter->item_count == 0
                                   ? &none
                                   : (const struct slice *)(const void *)(binding->items.data + offsets[i]);
        }
    }
}

static void bind(const struct named_query *query, const struct statement *statement, const struct bound_value *values,
                 struct binding *binding)
{
    size_t offsets[QUERY_PARAMETERS_MAX];
    binding->count = 0;
    binding->items = (struct buf){ 0 };
    for (size_t i = 0; i < query->parameter_count; i++) {
        const struct parameter *parameter = &query->parameters[i];
        if ((statement->uses >> i & 1) == 0 || parameter_is_choice(parameter)) {
            continue;
        }
        struct store_parameter *bound = &binding->parameters[binding->count];
        bool array = parameter->spec.type.shape == SHAPE_ARRAY;
        *bound = (struct store_parameter){ .name = parameter->options->name,
                                           .type = parameter->bound_type.data,
                                           .value = array ? SLICE("") : buf_slice(&values[i].text),
                                           .null = !array && !values[i].present };
        offsets[binding->count++] = binding->items.len;
        if (array) {
            bind_items(&values[i], &binding->items, &bound->item_count);
        }
    }
    settle_items(binding, offsets);
}

/* --- asking --- */

static void ask_statement(struct named_job *job, const struct statement *statement, struct query_runner *runner,
                          const bool *collapses, struct buf *rows, struct store_reply *reply)
{
    const struct named_query *query = job->page->query;
    struct binding binding;
    struct buf sql = { 0 };
    statement_append_sql(statement, job->values, job->page->store->database, collapses, &sql);
    bind(query, statement, job->values, &binding);
    struct store_query question = {
        .sql = buf_slice(&sql),
        .parameters = binding.parameters,
        .parameter_count = binding.count,
        .format = result_format(statement->options->shape),
        .timeout_ns = job->numbers.timeout_ns,
        .max_result_bytes = job->numbers.max_bytes,
        .max_result_rows = job->numbers.max_rows,
        .read_only = true,
    };
    *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE, .message = "out of memory" };
    if (!sql.failed && !binding.items.failed) {
        query_ask(runner, &question, rows, reply);
    }
    buf_release(&binding.items);
    buf_release(&sql);
}

static enum error ask_one(struct named_job *job, size_t index, struct query_runner *runner, const bool *collapses,
                          char detail[QUERY_DETAIL_MAX])
{
    const struct named_query *query = job->page->query;
    const struct statement *statement = &query->statements[index];
    struct store_reply reply;
    struct buf rows = { 0 }, problem = { 0 };
    enum error error = OK;
    ask_statement(job, statement, runner, collapses, &rows, &reply);
    if (reply.outcome != STORE_DONE || rows.failed) {
        error = query_explain(query->options->name, &reply, detail);
    } else if (!result_make(statement->options->shape, buf_slice(&rows), query_runner_parser(runner),
                            &job->results[index], &problem)) {
        snprintf(detail, QUERY_DETAIL_MAX, "%.*s", (int)problem.len, problem.len == 0 ? "" : problem.data);
        error = ERROR_STORE_FAILED;
    }
    buf_release(&rows);
    buf_release(&problem);
    return error;
}

static enum error ask_all(struct named_job *job, struct query_runner *runner, char detail[QUERY_DETAIL_MAX])
{
    const struct named_query *query = job->page->query;
    bool *collapses = calloc(job->page->stream_count + 1, sizeof *collapses);
    struct store_reply reply;
    uint64_t streams = 0;
    enum error error = collapses == NULL ? ERROR_OUT_OF_MEMORY : OK;
    for (size_t i = 0; i < query->statement_count; i++) {
        streams |=
            statement_is_skipped(&query->statements[i], job->values) ? 0 : statement_streams(&query->statements[i]);
    }
    if (error == OK && streams != 0 && !query_collapses(runner, streams, collapses, &reply)) {
        error = query_explain(query->options->name, &reply, detail);
    }
    for (size_t i = 0; error == OK && i < query->statement_count; i++) {
        if (!statement_is_skipped(&query->statements[i], job->values)) {
            error = ask_one(job, i, runner, collapses, detail);
        }
    }
    free(collapses);
    return error;
}

/* From Redis, or from the store and into Redis. */
static enum error find_results(struct named_job *job, struct query_runner *runner, char detail[QUERY_DETAIL_MAX])
{
    int64_t cache_ns = job->numbers.cache_ns;
    size_t count = job->page->query->statement_count;
    struct answer_share *share =
        cache_ns != 0 && job->page->query->options->cache_in == QUERY_CACHE_REDIS ? query_runner_share(runner) : NULL;
    int64_t left_ns;
    job->keep_ns = cache_ns;
    if (share != NULL && answer_share_get(share, job->key, query_runner_parser(runner), job->results, count,
                                          clock_wall_ns(), &left_ns)) {
        job->keep_ns = left_ns < cache_ns ? left_ns : cache_ns;
        query_count(job->page->service, METRIC_QUERIES_CACHED);
        return OK;
    }
    enum error error = ask_all(job, runner, detail);
    if (error == OK && share != NULL) {
        answer_share_put(share, job->key, job->results, count, clock_wall_ns(), cache_ns);
    }
    return error;
}

static bool is_missing(const struct named_job *job)
{
    bool empty = named_query_tells_missing(job->page->query);
    for (size_t i = 0; i < job->page->query->statement_count; i++) {
        empty = empty && (job->results[i].json.len == 0 || job->results[i].empty);
    }
    return empty;
}

static void run(struct query_job *head, struct query_runner *runner, struct page_reply *reply)
{
    struct named_job *job = (struct named_job *)head;
    char detail[QUERY_DETAIL_MAX] = "";
    enum error error = find_results(job, runner, detail);
    if (error != OK) {
        query_count(job->page->service, METRIC_QUERIES_FAILED);
    }
    struct query_fate fate = { .outcome = error != OK       ? REPLY_FAILED
                                          : is_missing(job) ? REPLY_MISSING
                                                            : REPLY_OK,
                               .error = error,
                               .detail = slice_from_string(detail),
                               .values = job->values,
                               .results = error == OK ? job->results : NULL,
                               .now_wall_ns = job->asked_wall_ns };
    job->keep_ns = error == OK ? job->keep_ns : 0;
    query_reply_write(job->page->query, &fate, reply);
}

static void refuse(struct query_job *head, enum error error, const char *detail, struct page_reply *reply)
{
    const struct named_job *job = (struct named_job *)head;
    struct query_fate fate = { .outcome = REPLY_FULL,
                               .error = error,
                               .detail = slice_from_string(detail),
                               .values = job->values,
                               .now_wall_ns = job->asked_wall_ns };
    query_reply_write(job->page->query, &fate, reply);
}

static void finish(struct query_job *head, struct page_reply *reply)
{
    struct named_job *job = (struct named_job *)head;
    if (job->cached) {
        int64_t now_ns = clock_monotonic_ns();
        query_cache_settle(job->page->cache, job->key, reply, job->keep_ns == 0 ? 0 : now_ns + job->keep_ns, now_ns);
    } else {
        page_post(job->waiter.later, reply);
    }
    free_job(job);
}

static const struct query_job_ops ops = { run, refuse, finish };

static struct named_job *new_job(const struct named_page *page, const struct page_request *request,
                                 struct page_later later, int64_t now_wall_ns)
{
    struct named_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return NULL;
    }
    *job = (struct named_job){ .job = { .ops = &ops,
                                        .timeout_ns = page->numbers.timeout_ns,
                                        .client = query_queue_client(request->client_ip) },
                               .page = page,
                               .numbers = page->numbers,
                               .waiter.later = later,
                               .asked_wall_ns = now_wall_ns };
    job->values = calloc(page->query->parameter_count + 1, sizeof *job->values);
    job->results = calloc(page->query->statement_count, sizeof *job->results);
    if (job->values == NULL || job->results == NULL) {
        free_job(job);
        return NULL;
    }
    return job;
}

/* --- requests --- */

static enum page_result answer_problem(struct named_job *job, enum error error, const char *detail,
                                       struct page_reply *reply)
{
    refuse(&job->job, error, detail, reply);
    free_job(job);
    return PAGE_READY;
}

static enum page_result enqueue(struct named_job *job, struct page_reply *reply)
{
    enum error error = query_enqueue(job->page->service, &job->job);
    if (error == OK) {
        return PAGE_LATER;
    }
    if (!job->cached) {
        return answer_problem(job, error, query_refusal(error), reply);
    }
    struct page_reply answer = { 0 }; /* others may wait for it already */
    refuse(&job->job, error, query_refusal(error), &answer);
    finish(&job->job, &answer);
    return PAGE_LATER;
}

static enum page_result ask(struct named_job *job, const struct page_request *request, struct page_reply *reply)
{
    const struct named_page *page = job->page;
    if (job->numbers.cache_ns == 0) {
        return enqueue(job, reply);
    }
    if (!named_query_key(page->query, job->values, &job->key)) {
        return answer_problem(job, ERROR_OUT_OF_MEMORY, "", reply);
    }
    job->waiter.tags = query_tags_read(page_field(request, "if-none-match"));
    switch (query_cache_ask(page->cache, job->key, &job->waiter, clock_monotonic_ns(), reply)) {
    case QUERY_FIRST: job->cached = true; return enqueue(job, reply);
    case QUERY_CROWDED:
        return answer_problem(job, ERROR_STORE_UNAVAILABLE, "too many wait for the same answer; try again", reply);
    case QUERY_CACHED:
        query_count(page->service, METRIC_QUERIES_CACHED);
        free_job(job);
        return PAGE_READY;
    case QUERY_AWAITED:
        query_count(page->service, METRIC_QUERIES_CACHED);
        free_job(job);
        return PAGE_LATER;
    }
    return PAGE_READY;
}

static enum page_result reject(struct named_job *job, enum error error, const struct parameter *at_fault,
                               const struct buf *problem, struct page_reply *reply)
{
    struct query_fate fate = { .outcome = error == ERROR_OUT_OF_MEMORY ? REPLY_FULL : REPLY_REJECTED,
                               .error = error,
                               .detail = buf_slice(problem),
                               .at_fault = at_fault,
                               .values = job->values,
                               .now_wall_ns = job->asked_wall_ns };
    query_count(job->page->service, METRIC_QUERIES_REJECTED);
    query_reply_write(job->page->query, &fate, reply);
    free_job(job);
    return PAGE_READY;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct named_page *page = context;
    const struct parameter *at_fault;
    struct buf problem = { 0 };
    struct named_job *job = new_job(page, request, later, clock_wall_ns());
    if (job == NULL) {
        page_problem(reply, ERROR_OUT_OF_MEMORY, (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 });
        return PAGE_READY;
    }
    enum error error = named_query_bind(page->query, request, job->asked_wall_ns, job->values, &at_fault, &problem);
    enum page_result result = error == OK ? ask(job, request, reply) : reject(job, error, at_fault, &problem, reply);
    buf_release(&problem);
    return result;
}

struct page named_page_of(struct named_page *page, size_t index)
{
    const struct named_query_options *options = page->query->options;
    ASSERT_BELOW(index, options->path.count);
    return (struct page){
        .path = options->path.items[index],
        .methods = METHOD_BIT(HTTP_GET),
        .context = page,
        .handle = handle,
        .prefix = options->prefix,
        .hosts = page->query->hosts,
        .exact_slash = options->slash == QUERY_SLASH_EXACT,
        .file = options->file,
        .line = options->line,
    };
}
