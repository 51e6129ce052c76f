/* Pages: what is answered to a path, beside the doors for events. A part of the gateway gives its pages to the server as rows
 * of a table. */
#pragma once

#include "base/bytes.h"
#include "proto/front/http_method.h"
#include "proto/front/page_reply.h"

struct access_key;
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
    const struct access_key *key;    /* that was shown, as long as the call takes; NULL: none */
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
