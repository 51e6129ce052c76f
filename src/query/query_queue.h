/* The questions that wait for a thread, in fair turns: each client's next one comes before another client's next but one,
 * whoever sent how many, and whenever. A client is an address (of IPv6: its /64). Plain data; the caller has a lock.
 *
 * Start-time fair queueing: a question's turn is one more than that of the same client's last one, waiting or running, and no
 * less than the present turn. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct query_job;

struct query_turn {
    uint64_t client;
    uint64_t turn;
    bool busy;
};

/* Invariant: `waiting` is the length of the list from `first`, whose turns do not fall. */
struct query_queue {
    struct query_job *first;
    int64_t waiting;
    uint64_t turn;              /* of the question that was taken last */
    struct query_turn *running; /* by thread */
    size_t threads;
};

/* Zeroed before. False: memory is short. */
MUST_CHECK bool query_queue_init(struct query_queue *queue, size_t threads);
void query_queue_release(struct query_queue *queue);

/* job->client is set. ERROR_STORE_UNAVAILABLE: `max` wait; ERROR_TOO_MANY_OF_ADDRESS: `max_per_client` of this client do. */
MUST_CHECK enum error query_queue_add(struct query_queue *queue, struct query_job *job, int64_t max,
                                      int64_t max_per_client);

/* The next for this thread, until query_queue_done; NULL: none waits. */
struct query_job *query_queue_take(struct query_queue *queue, size_t thread);
void query_queue_done(struct query_queue *queue, size_t thread);

/* The client behind a request's address as text. */
uint64_t query_queue_client(struct slice address_text);
