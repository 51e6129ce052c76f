/* Turns a configuration into the table of pages. */
#include "gateway_pages.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/options.h"
#include "proto/files/static_files.h"
#include "proto/openapi/openapi.h"
#include "proto/pages/assets.h"

#include <stdlib.h>

bool gateway_pages_check(const struct config *config, struct buf *problems)
{
    return static_files_check(config->files, config->files_count, problems);
}

/* Is there an address that serves all of it? */
static bool serves_together(const struct http_options *http, unsigned serves)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        if ((http->listeners[i].serves & serves) == serves) {
            return true;
        }
    }
    return false;
}

static bool start_openapi(struct gateway_pages *pages, const struct config *config, struct buf *problem)
{
    const struct openapi_source source = {
        .streams = pages->source.streams,
        .stream_count = pages->source.stream_count,
        .routes = config->routes,
        .route_count = config->route_count,
        .replies = config->replies,
        .reply_count = config->reply_count,
        .queries = config->queries,
        .query_count = config->query_count,
        .pages = config->pages,
        .page_count = config->page_count,
        .max_events = config->http.max_events,
        .with_admin = serves_together(&config->http, SERVES_PAGES | SERVES_ADMIN),
        .title = config->openapi.title,
        .version = pages->source.version,
        .now_wall_ns = clock_wall_ns(),
    };
    pages->openapi = config->openapi.serve ? openapi_new(&source) : NULL;
    if (config->openapi.serve && pages->openapi == NULL) {
        buf_append_string(problem, "openapi: out of memory");
        return false;
    }
    return true;
}

static bool start_parts(struct gateway_pages *pages, const struct config *config, struct buf *problem)
{
    pages->files = static_files_start(config->files, config->files_count, page_post, problem);
    return pages->files != NULL && start_openapi(pages, config, problem);
}

bool gateway_pages_start(struct gateway_pages *pages, const struct config *config, const struct pages_source *source,
                         const struct page *queries, size_t query_count, struct buf *problem)
{
    pages->source = *source;
    if (!start_parts(pages, config, problem)) {
        return false;
    }
    size_t most = PAGES_MAX + ASSETS_MAX + query_count + config->files_count + openapi_page_count(pages->openapi);
    pages->items = calloc(most, sizeof *pages->items);
    if (pages->items == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    pages->count = pages_fill(pages->items, &pages->source);
    pages->count += assets_fill(pages->items + pages->count);
    for (size_t i = 0; i < query_count; i++) {
        pages->items[pages->count++] = queries[i];
    }
    static_files_pages(pages->files, pages->items + pages->count);
    pages->count += config->files_count;
    openapi_pages(pages->openapi, pages->items + pages->count);
    pages->count += openapi_page_count(pages->openapi);
    ASSERT_AT_MOST(pages->count, most);
    return true;
}

void gateway_pages_stop(struct gateway_pages *pages)
{
    static_files_stop(pages->files);
}

void gateway_pages_free(struct gateway_pages *pages)
{
    pages_release(&pages->source);
    static_files_free(pages->files);
    openapi_free(pages->openapi);
    free(pages->items);
    *pages = (struct gateway_pages){ 0 };
}
