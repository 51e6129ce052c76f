/* A question that waits for a thread of the service, or is asked by one: GET /events/metrics and named queries are kinds of it. */
#pragma once

#include "base/metrics/metrics.h"
#include "proto/front/page_reply.h"

struct query_job;
struct query_runner; /* a thread of the service: one question at a time */
struct query_service;
struct json_parser;
struct answer_share;
struct store_query;
struct store_reply;

struct query_job_ops {
    /* A query thread; may block. Fills the reply. */
    void (*run)(struct query_job *job, struct query_runner *runner, struct page_reply *reply);
    /* Any thread: it cannot be run, for this reason. Fills the reply. */
    void (*refuse)(struct query_job *job, enum error error, const char *detail, struct page_reply *reply);
    /* Any thread. Takes the reply to whoever waits for it, and the job's memory. */
    void (*finish)(struct query_job *job, struct page_reply *reply);
};

/* The head of every kind. */
struct query_job {
    const struct query_job_ops *ops;
    int64_t timeout_ns;  /* of each of its statements; what waits longer is not asked at all */
    uint64_t client;     /* query_queue_client of who asks */
    int64_t deadline_ns; /* monotonic; set by query_enqueue */
    uint64_t turn;       /* likewise */
    struct query_job *next;
};

/* Not OK: the job is still the caller's. */
MUST_CHECK enum error query_enqueue(struct query_service *service, struct query_job *job);

/* What goes with an error of query_enqueue. */
const char *query_refusal(enum error error);

/* Asks the servers in turn until one can be reached; rows are appended. */
void query_ask(struct query_runner *runner, const struct store_query *query, struct buf *rows,
               struct store_reply *reply);

/* What a client is told of a store's refusal: no more than the code. The log gets the rest. `name` is the query's. */
#define QUERY_DETAIL_MAX 128
enum error query_explain(const char *name, const struct store_reply *reply, char detail[QUERY_DETAIL_MAX]);

/* One more in a counter without labels. Any thread. */
void query_count(struct query_service *service, enum metric metric);

/* The thread's own; the share is NULL if memory is short. */
struct json_parser *query_runner_parser(struct query_runner *runner);
struct answer_share *query_runner_share(struct query_runner *runner);

/* Which tables collapse what came twice, by the index of the stream: those of the mask are looked at, at most once a minute. False: *reply says
 * why it is not known. */
MUST_CHECK bool query_collapses(struct query_runner *runner, uint64_t streams, bool *collapses,
                                struct store_reply *reply);
