/* Pages: what is answered to a path, beside the doors for events. A part of the gateway gives its pages to the server as rows
 * of a table. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/ticket.h"
#include "proto/front/http_method.h"

struct captures;

/* What a page sees. Slices are valid during the call; what a PAGE_LATER needs is copied. */
struct page_request {
    enum http_method method;
    struct slice path;               /* without the query, percent-decoded */
    struct slice sent_path;          /* likewise, as sent */
    struct slice query;              /* behind '?', as sent */
    const struct captures *captures; /* of the path's pattern; NULL: it has none */
    struct slice host;               /* as sent, with its port; empty: HTTP/1.0 */
    struct slice client_ip;          /* behind trusted proxies */
    enum error admin;                /* OK: who asks may see what operators see; else why not */
    struct slice fields;             /* all header lines, as sent: page_field reads them */
};

/* The value of a header field, without the spaces around it; of several the first. `name` is in lower case:
 * "if-none-match". data is NULL: it was not sent. */
struct slice page_field(const struct page_request *request, const char *name);

/* What the path's pattern captured under this name; data is NULL: it has no such part. */
struct slice page_capture(const struct page_request *request, struct slice name);

/* The value of a query argument, percent-decoded ('+' is a space) into `out` (cleared first). False if it is absent;
 * *malformed is set if its escapes are not valid; out->failed: memory is short, and nothing is known. */
bool page_argument(struct slice query, const char *name, struct buf *out, bool *malformed);

/* What a page answers. The memory of body and headers is the caller's, until page_reply_release. HEAD, 204, 304: the
 * server leaves the body out. */
struct page_reply {
    int status;                /* any of http_reply.c's table */
    const char *content_type;  /* lives as long as the page; NULL: there is no body */
    const char *cache_control; /* likewise; NULL: nothing is said */
    struct buf body;
    struct buf headers; /* whole lines, as page_header writes them */
    uint64_t length;    /* to HEAD, instead of a body: the bytes that GET would get; 0: those of the body */
};

/* Appends a header line. The value ends at its first control character, so that no value makes a line of its own. `name` is
 * a constant, and none that the server writes itself: Content-Type, Content-Length, Date, Connection. */
void page_header(struct page_reply *reply, const char *name, struct slice value);

/* Whether page_header may be asked to write a field of this name: one of a configuration. */
bool page_header_is_free(const char *name);

static inline void page_reply_release(struct page_reply *reply)
{
    buf_release(&reply->body);
    buf_release(&reply->headers);
}

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

struct string_list;

/* The scope that a key must have, where there are keys. */
enum page_needs { PAGE_NEEDS_READ, PAGE_NEEDS_ADMIN, PAGE_NEEDS_NOTHING };

/* Zero is the default of everything but `path`, `methods` and `handle`. Strings and lists outlive the server. */
struct page {
    const char *path; /* a pattern: "/a", "/a/{name}", "/a/{rest...}" (proto/route/route_pattern.h) */
    unsigned methods; /* METHOD_BIT(HTTP_GET); GET implies HEAD */
    enum page_needs needs;
    bool admin; /* of operators: served where SERVES_ADMIN is, not where SERVES_PAGES is */
    void *context;
    /* I/O thread; must not block. PAGE_LATER: page_post follows, once, from any thread. */
    enum page_result (*handle)(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later);
    bool unlimited;  /* of probes: `limits` do not refuse it */
    bool any_host;   /* whatever http.hosts says */
    bool any_origin; /* scripts of any origin may read it, whatever http.cors_origins says */

    /* Of pages that the configuration asks for. */
    const char *prefix;              /* stands before `path`: "/tracker"; NULL or "": nothing */
    const struct string_list *hosts; /* as proto/front/host_pattern.h; NULL or empty: any */
    bool exact_slash;                /* "/a/" is not "/a" */
    bool last;                       /* asked only for paths that no other route has */
    const char *file;                /* and `line`, for messages; NULL: it is built in */
    int line;
};

/* Any thread. Takes the reply's body and headers. If the client has gone, the reply is dropped. */
void page_post(struct page_later later, struct page_reply *reply);
