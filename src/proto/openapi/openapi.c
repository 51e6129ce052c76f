/* Turns the documents into pages. */
#include "proto/openapi/openapi.h"

#include "base/assert.h"
#include "base/hash.h"
#include "config/options/named_query_options.h"
#include "config/options/page_options.h"
#include "config/options/route_options.h"

#include <stdio.h>
#include <stdlib.h>

struct document {
    const struct string_list *hosts; /* NULL: of any other name */
    struct buf text;
    char etag[24];
};

/* Invariant: the first document has no hosts. */
struct openapi {
    struct document *items;
    size_t count;
};

static bool same_hosts(const struct string_list *a, const struct string_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void add_hosts(struct openapi *openapi, const struct string_list *own, const struct string_list *included)
{
    const struct string_list *hosts = own->count != 0 ? own : included;
    if (hosts->count == 0) {
        return;
    }
    for (size_t i = 1; i < openapi->count; i++) {
        if (same_hosts(openapi->items[i].hosts, hosts)) {
            return;
        }
    }
    openapi->items[openapi->count++].hosts = hosts;
}

static void collect_hosts(struct openapi *openapi, const struct openapi_source *source)
{
    openapi->count = 1;
    for (size_t i = 0; i < source->route_count; i++) {
        add_hosts(openapi, &source->routes[i].host, &source->routes[i].included_hosts);
    }
    for (size_t i = 0; i < source->query_count; i++) {
        add_hosts(openapi, &source->queries[i].host, &source->queries[i].included_hosts);
    }
    for (size_t i = 0; i < source->page_count; i++) {
        add_hosts(openapi, &source->pages[i].host, &source->pages[i].included_hosts);
    }
}

static bool write_documents(struct openapi *openapi, const struct openapi_source *source)
{
    for (size_t i = 0; i < openapi->count; i++) {
        struct document *document = &openapi->items[i];
        openapi_write(source, document->hosts, &document->text);
        if (document->text.failed) {
            return false;
        }
        snprintf(document->etag, sizeof document->etag, "\"%016llx\"",
                 (unsigned long long)hash_xxh3_64(document->text.data, document->text.len));
    }
    return true;
}

struct openapi *openapi_new(const struct openapi_source *source)
{
    ASSERT(source->stream_count != 0);
    size_t most = 1 + source->route_count + source->query_count + source->page_count;
    struct openapi *openapi = calloc(1, sizeof *openapi);
    if (openapi != NULL) {
        openapi->items = calloc(most, sizeof *openapi->items);
    }
    if (openapi == NULL || openapi->items == NULL) {
        free(openapi);
        return NULL;
    }
    collect_hosts(openapi, source);
    ASSERT_AT_MOST(openapi->count, most);
    if (!write_documents(openapi, source)) {
        openapi_free(openapi);
        return NULL;
    }
    return openapi;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct document *document = context;
    struct slice etag = slice_from_string(document->etag);
    (void)later;
    reply->content_type = "application/json";
    reply->cache_control = "no-cache";
    page_header(reply, "ETag", etag);
    if (slice_equal(page_field(request, "if-none-match"), etag)) {
        reply->status = 304;
    } else {
        buf_append_slice(&reply->body, buf_slice(&document->text));
    }
    return PAGE_READY;
}

size_t openapi_page_count(const struct openapi *openapi)
{
    return openapi == NULL ? 0 : openapi->count;
}

void openapi_pages(struct openapi *openapi, struct page *pages)
{
    for (size_t i = 0; i < openapi_page_count(openapi); i++) {
        pages[i] = (struct page){
            .path = "/openapi.json",
            .methods = METHOD_BIT(HTTP_GET),
            .any_origin = true, /* editors of other origins read it */
            .context = &openapi->items[i],
            .handle = handle,
            .hosts = openapi->items[i].hosts,
        };
    }
}

void openapi_swap(struct openapi *openapi, struct openapi *other)
{
    ASSERT_EQUAL(openapi->count, other->count);
    for (size_t i = 0; i < openapi->count; i++) {
        struct document *mine = &openapi->items[i], *its = &other->items[i];
        ASSERT(i == 0 || same_hosts(mine->hosts, its->hosts));
        const struct document said = *mine;
        mine->text = its->text;
        memcpy(mine->etag, its->etag, sizeof mine->etag);
        its->text = said.text;
        memcpy(its->etag, said.etag, sizeof its->etag);
    }
}

void openapi_free(struct openapi *openapi)
{
    for (size_t i = 0; openapi != NULL && i < openapi->count; i++) {
        buf_release(&openapi->items[i].text);
    }
    if (openapi != NULL) {
        free(openapi->items);
        free(openapi);
    }
}
