/* The answer owed to one request: from the moment the request is taken until its bytes are written. A connection keeps
 * its answers in a ring, so that they leave in the order of the requests whatever the order in which fates come. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/event_id.h"
#include "proto/http_syntax/http_reply.h"
#include "proto/limits/limit_state.h"

#include <stddef.h>
#include <stdint.h>

struct http_request;
struct io_context;
struct page_reply;
struct page_stream;
struct request_values;
struct route_reply;
struct slice;
struct stream;
struct submission;
struct ticket;

enum answer_state {
    ANSWER_SUBMIT, /* waits for session_ops.submitted */
    ANSWER_COMMIT, /* waits for its completion */
    ANSWER_STORE,  /* completed; waits for the store, until deadline_ns */
    ANSWER_PAGE,   /* waits for page_post */
    ANSWER_READY,
    ANSWER_STREAM, /* its head is written, what follows is written as it comes */
};

/* ANSWER_UPGRADE: the body is the whole reply, and what follows it is no HTTP. */
enum answer_kind { ANSWER_BODY, ANSWER_ONE, ANSWER_MANY, ANSWER_UPGRADE };

/* What a reply of the configuration takes beside the answer, at most. */
#define ROUTE_REPLY_BYTES 4096

/* Zeroed to begin with; `body`, `headers` and `origin` keep their memory from request to request. */
struct http_answer {
    enum answer_state state;
    enum answer_kind kind;
    bool wait_stored;
    bool stored; /* the store was faster than the completion, or the wait is over well */
    struct http_reply reply;
    struct limit_state limit; /* what its client is told of its limits */
    struct http_counts counts;
    struct event_id id; /* ANSWER_ONE */
    bool id_of_client;  /* perhaps */
    int64_t deadline_ns;
    int64_t received_ns;             /* when its request was whole */
    uint32_t series;                 /* of its route: METRIC_REPLY_SECONDS */
    size_t weighed;                  /* bytes of the body that are counted as kept */
    struct buf body;                 /* ANSWER_BODY: the body; ANSWER_MANY: its lists; ANSWER_UPGRADE: all */
    struct buf headers;              /* reply.headers */
    struct buf origin;               /* reply.origin, unless all are allowed */
    struct route_reply *route_reply; /* what is answered instead of the usual, owned; NULL: nothing is */
    struct page_stream *stream;      /* what follows the body; NULL: nothing does */
};

/* What the request says about its answer: HEAD, keep-alive, CORS. */
void http_answer_begin(struct http_answer *answer, const struct io_context *context,
                       const struct http_request *request);

/* Ready with a problem. `detail` empty: the error's own text. */
void http_answer_problem(struct http_answer *answer, enum error error, struct slice detail, struct slice errors);

/* Of an answer that has a `route_reply`: what it is told on the way. */
void http_answer_take_stream(struct http_answer *answer, const struct stream *stream);
void http_answer_take_members(struct http_answer *answer, const struct request_values *values);
void http_answer_take_submission(struct http_answer *answer,
                                 const struct submission *submission); /* after the usual one */
/* Does its reply list the ids of all events? */
bool http_answer_lists_ids(const struct http_answer *answer);

/* Ready with the reply to OPTIONS: `allow` are METHOD_BITs. */
void http_answer_options(struct http_answer *answer, const struct http_request *request, unsigned allow);

/* Ready with the 101 that stands in its body. */
void http_answer_upgrade(struct http_answer *answer);

/* A completion. May leave it waiting for the store. */
void http_answer_complete(struct http_answer *answer, const struct ticket *ticket, int64_t deadline_ns);

/* The segment is in the store. */
void http_answer_stored(struct http_answer *answer);

/* The wait for the store is over: accepted is all that can be said. */
void http_answer_expire(struct http_answer *answer);

/* What a page answered; takes body, headers and stream. */
void http_answer_page(struct http_answer *answer, struct page_reply *page);

/* Appends a ready answer to `out`, counts it, and makes the slot fit for the next request, or the answer an ANSWER_STREAM. */
void http_answer_write(struct http_answer *answer, struct io_context *context, struct buf *out);

/* Appends what an ANSWER_STREAM has now. False: it has ended, and http_answer_clear follows. */
MUST_CHECK bool http_answer_stream(struct http_answer *answer, struct buf *out);

/* Big bodies are given back at once, small ones kept. */
void http_answer_clear(struct http_answer *answer);
void http_answer_release(struct http_answer *answer);
