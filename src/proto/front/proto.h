/* The contract of the front ends: how gateway ends them, and how pages get into the table of routes.
 *
 * A server has I/O threads, and one more for operators' listeners; each has its own sockets of all listeners that it serves
 * (SO_REUSEPORT), its own
 * libwebsockets context on its own libev loop, its own connections and its own pipeline_io. I/O threads share nothing but the tables of streams and
 * pages. HTTP/1.1 is parsed by http_parse.c on libwebsockets' raw role. */
#pragma once

#include "pipeline/pipeline.h"

struct front_end;
struct http_listener_options;

/* How a front end ends, in this order; gateway's thread calls, and none fails. And
 * whether it lives. */
struct front_end_ops {
    const char *threads; /* what its threads are called: "an I/O thread" */
    /* Any thread, until stop: how long that of its threads which has been longest at its present turn is at it. */
    int64_t (*turn_ns)(const struct front_end *front, int64_t now_ns);
    /* It takes nothing new from now on. Does not block. */
    void (*close)(struct front_end *front);
    /* Blocks until nothing is owed or the deadline; flushes the pipeline's chunks; ends its threads. No completion is
     * delivered after it returns. */
    void (*stop)(struct front_end *front, int64_t deadline_ns);
    /* After pipeline_stop and after the last page_post: until then others may still wake a thread that has ended. */
    void (*free)(struct front_end *front);
};

/* The first member of each front end. */
struct front_end {
    const struct front_end_ops *ops;
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH, HTTP_OTHER };

#define METHOD_BIT(method) (1u << (method))

/* What a page sees. Slices are valid during the call. */
struct page_request {
    enum http_method method;
    struct slice path;  /* without the query, percent-decoded */
    struct slice query; /* behind '?', as sent */
};

/* The value of a query argument, percent-decoded ('+' is a space) into `out` (cleared first). False if it is absent;
 * *malformed is set if its escapes are not valid; out->failed: memory is short, and nothing is known. */
bool page_argument(struct slice query, const char *name, struct buf *out, bool *malformed);

/* What a page answers. The body's memory is the caller's. HEAD: the server leaves the body out. */
struct page_reply {
    int status;
    const char *content_type;  /* a constant */
    const char *cache_control; /* likewise; NULL: nothing is said */
    struct buf body;
};

/* A reply body for an error: RFC 9457 {"type":"about:blank","title":…,"status":…,"code":…,"detail":…}, with
 * `"errors":[…]` if errors is not empty. Sets status and content type. */
void page_problem(struct page_reply *reply, enum error error, struct slice detail, struct slice errors);

struct server_thread;

/* Names a request whose answer comes later. */
struct page_later {
    struct server_thread *thread;
    struct token token;
};

enum page_result { PAGE_READY, PAGE_LATER };

struct page {
    const char *path; /* exact */
    unsigned methods; /* METHOD_BIT(HTTP_GET); GET implies HEAD */
    bool admin;       /* of operators: served where SERVES_ADMIN is, not where SERVES_PAGES is */
    void *context;
    /* I/O thread; must not block. PAGE_LATER: page_post follows, once, from any thread. */
    enum page_result (*handle)(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later);
    bool any_origin; /* scripts of any origin may read it, whatever http.cors_origins says */
};

/* Any thread. Takes the reply's body. If the client has gone, the reply is dropped. */
void page_post(struct page_later later, struct page_reply *reply);

/* Connections to the listeners that are kept apart; those of http.max_connections are others. */
#define SERVER_ADMIN_CONNECTIONS 64

/* A listener for operators, where no events come in, has a thread and connections apart from the others, which it shares
 * with its kind: whatever those are asked for, it answers. */
bool server_keeps_apart(const struct http_listener_options *listener);

struct server;

struct server_config {
    const struct http_options *http;
    const struct websocket_options *websocket;
    int64_t max_connections;      /* http.max_connections, as far as the process may open files */
    uint64_t max_receiving_bytes; /* http.max_receiving, or the share of memory that stands for it */
    uint64_t max_replying_bytes;
    struct pipeline *pipeline;
    struct metrics *metrics;
    const struct page *pages;
    size_t page_count;
};

/* Whether proxies and origins can be read; false with one line per problem. Opens nothing. */
MUST_CHECK bool server_check(const struct http_options *http, struct buf *problems);

/* The same of the listeners, for which a line begins with that of the configuration file and a colon, or with a space. */
MUST_CHECK bool server_check_listeners(const struct http_options *http, struct buf *problems);

/* Binds and starts the I/O threads. NULL with *problem ("listen on :8080: address already in use"). */
struct server *server_start(const struct server_config *config, struct buf *problem);

/* The address of the first listener that serves this (of enum http_serves), with the port that is bound: NULL, none does. */
const char *server_address(const struct server *server, unsigned serves, int *port);

/* Appends all addresses with the ports that are bound and what they serve, behind commas. */
void server_addresses(const struct server *server, struct buf *out);

/* close: the listening sockets close, idle connections too, requests that are not whole are answered 503, replies get
 * "Connection: close", WebSockets are told 1012. */
struct front_end *server_front(struct server *server);
