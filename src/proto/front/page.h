/* Pages: what is answered to a path, beside the doors for events. A part of the gateway gives its pages to the server as rows
 * of a table. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/ticket.h"
#include "proto/front/http_method.h"

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
