/* Turns a configuration into the table of pages. */
#include "gateway_pages.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "proto/files/static_files.h"
#include "proto/live/live.h"
#include "proto/openapi/openapi.h"
#include "proto/openapi/openapi_schema.h"
#include "proto/pages/assets.h"
#include "proto/pages/landing.h"
#include "proto/pages/page_templates.h"
#include "proto/pages/swagger.h"
#include "query/lookup_page.h"

#include <stdlib.h>

bool gateway_pages_check(const struct config *config, struct buf *problems)
{
    bool fits = static_files_check(config->files, config->files_count, problems);
    return page_templates_check(config->pages, config->page_count, problems) && fits;
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

static bool with_admin(const struct config *config)
{
    return serves_together(&config->http, SERVES_PAGES | SERVES_ADMIN);
}

/* Of the gateway's own, what the configuration switched off. */
static void leave_out(struct gateway_pages *pages, const struct config *config)
{
    const struct {
        const char *path;
        bool served;
    } switches[] = { { "/demo", config->http.demo },
                     { "/events/metrics", config->query.event_metrics },
                     { "/live", config->live.enabled },
                     { "/live/events", config->live.enabled } };
    _Static_assert(ARRAY_LENGTH(switches) < ARRAY_LENGTH(pages->left_out), "one place for each, and the end");
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(switches); i++) {
        if (!switches[i].served) {
            pages->left_out[count++] = switches[i].path;
        }
    }
    if (!config->query.event_metrics) {
        pages->source.event_metrics = NULL;
    }
}

static bool is_left_out(const struct gateway_pages *pages, const char *path)
{
    size_t i = 0;
    while (pages->left_out[i] != NULL && strcmp(pages->left_out[i], path) != 0) {
        i++;
    }
    ASSERT_AT_MOST(i, ARRAY_LENGTH(pages->left_out) - 1);
    return pages->left_out[i] != NULL;
}

static struct openapi *write_openapi(const struct gateway_pages *pages, const struct config *config,
                                     struct stream *const *streams)
{
    const struct openapi_source source = {
        .streams = streams,
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
        .with_keys = config->key_count != 0,
        .with_admin = with_admin(config),
        .left_out = pages->left_out,
        .title = config->openapi.title,
        .version = pages->source.version,
        .now_wall_ns = clock_wall_ns(),
    };
    return openapi_new(&source);
}

static struct landing *write_landing(const struct gateway_pages *pages, const struct config *config,
                                     struct stream *const *streams)
{
    struct buf example = { 0 };
    openapi_schema_example(&example, NULL, streams[0], clock_wall_ns());
    const struct landing_source source = {
        .title = config->openapi.title,
        .version = pages->source.version,
        .streams = streams,
        .stream_count = pages->source.stream_count,
        .routes = config->routes,
        .route_count = config->openapi.serve ? config->route_count : 0, /* who tells of no paths does not here */
        .queries = config->queries,
        .query_count = config->openapi.serve ? config->query_count : 0,
        .example = buf_slice(&example),
        .with_admin = with_admin(config),
        .with_openapi = config->openapi.serve,
        .with_demo = config->http.demo,
        .with_counts = config->query.event_metrics,
        .with_live = config->live.enabled,
    };
    struct landing *landing = calloc(1, sizeof *landing);
    if (landing != NULL && (!landing_init(landing, &source) || example.failed)) {
        landing_release(landing);
        free(landing);
        landing = NULL;
    }
    buf_release(&example);
    return landing;
}

bool gateway_pages_write(const struct gateway_pages *pages, const struct config *config, struct stream *const *streams,
                         struct pages_texts *texts)
{
    texts->openapi = config->openapi.serve ? write_openapi(pages, config, streams) : NULL;
    texts->landing = write_landing(pages, config, streams);
    return texts->landing != NULL && (!config->openapi.serve || texts->openapi != NULL);
}

void gateway_pages_swap(struct gateway_pages *pages, struct pages_texts *texts, const struct access *access)
{
    live_refresh(pages->live, access);
    ASSERT_EQUAL(pages->texts.openapi == NULL, texts->openapi == NULL);
    if (texts->openapi != NULL) {
        openapi_swap(pages->texts.openapi, texts->openapi);
    }
    struct landing said = *pages->texts.landing;
    *pages->texts.landing = *texts->landing;
    *texts->landing = said;
}

void pages_texts_release(struct pages_texts *texts)
{
    openapi_free(texts->openapi);
    if (texts->landing != NULL) {
        landing_release(texts->landing);
    }
    free(texts->landing);
    *texts = (struct pages_texts){ 0 };
}

/* Those of the configuration, and Swagger UI's if it is there. */
static bool start_folders(struct gateway_pages *pages, const struct config *config)
{
    pages->folders = calloc(config->files_count + 1, sizeof *pages->folders);
    if (pages->folders == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->files_count; i++) {
        pages->folders[pages->folder_count++] = config->files[i];
    }
    if (config->openapi.serve && swagger_find(config->openapi.swagger, &pages->swagger) &&
        buf_c_string(&pages->swagger) != NULL) {
        pages->folders[pages->folder_count++] = swagger_files(pages->swagger.data);
    }
    return true;
}

static bool start_live(struct gateway_pages *pages, const struct config *config, const struct access *access,
                       struct buf *problem)
{
    const struct pages_source *source = &pages->source;
    const struct live_config of_live = {
        .options = &config->live,
        .numbers = {
            .metrics = source->metrics,
            .board = source->board,
            .pipeline = source->pipeline,
            .version = source->version,
            .started_wall_ns = source->started_wall_ns,
            .streams = source->streams,
            .stream_count = source->stream_count,
            .max_journal_bytes = config->journal.max_bytes,
            .min_free_bytes = config->journal.min_free,
            .max_dead_letter_bytes = config->journal.max_dead_letter_bytes,
            .max_queue_events = config->commit.queue_events,
        },
        .access = access,
        .post = page_post,
    };
    pages->live = live_new(&of_live);
    if (pages->live == NULL) {
        buf_append_string(problem, "pages: out of memory");
    } else if (source->metrics != NULL) {
        metric_set(source->metrics, METRIC_LIVE_VIEWERS_MAX, 0, (double)config->live.viewers);
    }
    return pages->live != NULL;
}

static bool start_parts(struct gateway_pages *pages, const struct config *config, const struct access *access,
                        struct buf *problem)
{
    if (!gateway_pages_write(pages, config, pages->source.streams, &pages->texts) || !start_folders(pages, config)) {
        buf_append_string(problem, "pages: out of memory");
        return false;
    }
    pages->files = static_files_start(pages->folders, pages->folder_count, page_post, problem);
    if (pages->files == NULL || !start_live(pages, config, access, problem)) {
        return false;
    }
    pages->templates = page_templates_new(config->pages, config->page_count, &pages->source, problem);
    return pages->templates != NULL;
}

static bool start_lookups(struct gateway_pages *pages, const struct config *config, const struct lookups *lookups,
                          struct buf *problem)
{
    const struct lookup_pages_config of_lookups = {
        .routes = config->routes,
        .route_count = config->route_count,
        .replies = config->replies,
        .reply_count = config->reply_count,
        .lookups = lookups,
    };
    pages->lookups = lookup_pages_new(&of_lookups, problem);
    return pages->lookups != NULL;
}

static void add(struct gateway_pages *pages, struct page page)
{
    pages->items[pages->count++] = page;
}

/* Its place in the table, if it is served. */
static void add_own(struct gateway_pages *pages, struct page page)
{
    if (!is_left_out(pages, page.path)) {
        add(pages, page);
    }
}

static void add_assets(struct gateway_pages *pages)
{
    struct page assets[ASSETS_MAX];
    size_t count = assets_fill(assets);
    for (size_t i = 0; i < count; i++) {
        add_own(pages, assets[i]);
    }
}

static void add_of_openapi(struct gateway_pages *pages, const struct config *config)
{
    openapi_pages(pages->texts.openapi, pages->items + pages->count);
    pages->count += openapi_page_count(pages->texts.openapi);
    if (config->openapi.serve && pages->folder_count == config->files_count) {
        add(pages, swagger_missing());
    }
}

bool gateway_pages_start(struct gateway_pages *pages, const struct config *config,
                         const struct gateway_pages_parts *parts, struct buf *problem)
{
    pages->source = *parts->source;
    leave_out(pages, config);
    if (!start_parts(pages, config, parts->access, problem) || !start_lookups(pages, config, parts->lookups, problem)) {
        return false;
    }
    size_t lookup_count;
    const struct page *of_lookups = lookup_pages_list(pages->lookups, &lookup_count);
    size_t most = PAGES_MAX + ASSETS_MAX + LIVE_PAGES + parts->query_count + lookup_count + config->files_count +
                  openapi_page_count(pages->texts.openapi) + page_templates_count(pages->templates) + 2;
    pages->items = calloc(most, sizeof *pages->items);
    if (pages->items == NULL) {
        buf_append_string(problem, "pages: out of memory");
        return false;
    }
    pages->count = pages_fill(pages->items, &pages->source);
    add_assets(pages);
    pages->count += live_pages(pages->live, pages->items + pages->count);
    if (parts->query_count != 0) {
        add_own(pages, parts->queries[0]); /* /events/metrics; a query of the configuration may have taken the path */
    }
    for (size_t i = 1; i < parts->query_count; i++) {
        add(pages, parts->queries[i]);
    }
    for (size_t i = 0; i < lookup_count; i++) {
        add(pages, of_lookups[i]);
    }
    static_files_pages(pages->files, pages->items + pages->count);
    pages->count += pages->folder_count;
    page_templates_pages(pages->templates, pages->items + pages->count);
    pages->count += page_templates_count(pages->templates);
    add_of_openapi(pages, config);
    add(pages, landing_page(pages->texts.landing));
    ASSERT_AT_MOST(pages->count, most);
    return true;
}

void gateway_pages_stop(struct gateway_pages *pages)
{
    live_stop(pages->live);
    static_files_stop(pages->files);
}

void gateway_pages_free(struct gateway_pages *pages)
{
    pages_release(&pages->source);
    static_files_free(pages->files);
    live_free(pages->live);
    pages_texts_release(&pages->texts);
    page_templates_free(pages->templates);
    lookup_pages_free(pages->lookups);
    buf_release(&pages->swagger);
    free(pages->folders);
    free(pages->items);
    *pages = (struct gateway_pages){ 0 };
}
