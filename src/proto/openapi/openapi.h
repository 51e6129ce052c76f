/* The OpenAPI 3.1 document of a running configuration: its streams, routes, queries and pages, at /openapi.json.
 *
 * It is written once at start, for each set of hosts that the configuration serves something under: whoever asks by such a
 * name sees what is there by that name. */
#pragma once

#include "proto/front/page.h"

struct files_options;
struct named_query_options;
struct page_options;
struct reply_options;
struct route_options;
struct stream;

/* Borrowed; all but the counts may be NULL. Outlives the document. */
struct openapi_source {
    struct stream *const *streams;
    size_t stream_count;
    const struct route_options *routes;
    size_t route_count;
    const struct reply_options *replies;
    size_t reply_count;
    const struct named_query_options *queries;
    size_t query_count;
    const struct page_options *pages;
    size_t page_count;
    uint64_t max_events;         /* of one request */
    bool with_keys;              /* somebody must show one */
    bool with_admin;             /* pages of operators are at the same address */
    const char *const *left_out; /* paths of the gateway's own that are not served; NULL ends them, NULL: none */
    const char *title;
    const char *version;
    int64_t now_wall_ns; /* what times in examples say */
};

/* Appends the document for those who call the gateway by one of `hosts` (NULL or empty: by a name that is nowhere listed). */
void openapi_write(const struct openapi_source *source, const struct string_list *hosts, struct buf *out);

struct openapi;

/* NULL: memory is short. */
struct openapi *openapi_new(const struct openapi_source *source);
size_t openapi_page_count(const struct openapi *openapi);
void openapi_pages(struct openapi *openapi, struct page *pages);

/* While nobody asks its pages: what they say becomes that of another one of the same hosts, and that one's what they said. */
void openapi_swap(struct openapi *openapi, struct openapi *other);

void openapi_free(struct openapi *openapi);
