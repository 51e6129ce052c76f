/* Compiles the queries of a configuration, and makes their pages. */
#include "query/query_pages.h"

#include "base/assert.h"
#include "config/options/query_options.h"
#include "config/options/store_options.h"
#include "proto/front/page.h"
#include "query/event_metrics.h"
#include "query/named_page.h"
#include "query/query_reply.h"

#include <stdlib.h>

struct query_pages {
    struct event_metrics metrics;
    struct named_query **queries;
    size_t query_count;
    struct named_page *named;
    struct query_cache *cache;
    struct page *list;
    size_t count;
};

static void free_queries(struct named_query **queries, size_t count)
{
    for (size_t i = 0; queries != NULL && i < count; i++) {
        named_query_free(queries[i]);
    }
    free(queries);
}

static bool names_are_unique(const struct query_service_config *config, struct buf *problems)
{
    bool unique = true;
    for (size_t i = 0; i < config->query_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct named_query_options *query = &config->queries[i], *first = &config->queries[k];
            if (strcmp(query->name, first->name) == 0) {
                buf_printf(problems,
                           "%s:%d: queries.%s: found the name again, first in %s:%d; expected one of its own\n",
                           query->file, query->line, query->name, first->file, first->line);
                unique = false;
            }
        }
    }
    return unique;
}

/* One for each of the configuration; NULL with *problems. */
static struct named_query **compile(const struct query_service_config *config, struct buf *problems)
{
    struct named_query_world world = {
        .streams = config->streams,
        .stream_count = config->stream_count,
        .replies = config->replies,
        .reply_count = config->reply_count,
        .database = config->stored->database,
        .knows = query_reply_knows,
    };
    struct named_query **queries = calloc(config->query_count + 1, sizeof *queries);
    bool whole = queries != NULL && names_are_unique(config, problems);
    for (size_t i = 0; queries != NULL && i < config->query_count; i++) {
        queries[i] = named_query_compile(&config->queries[i], &world, problems);
        whole = whole && queries[i] != NULL;
    }
    if (!whole) {
        free_queries(queries, config->query_count);
        return NULL;
    }
    return queries;
}

bool query_check(const struct query_service_config *config, struct buf *problems)
{
    struct named_query **queries = compile(config, problems);
    bool fine = queries != NULL;
    free_queries(queries, config->query_count);
    if (config->options->user[0] != '\0' && config->stored->kind != STORE_CLICKHOUSE) {
        buf_append_string(problems, "query.user: the store in process has no users; leave it out\n");
        fine = false;
    }
    return fine;
}

static size_t count_pages(const struct query_service_config *config)
{
    size_t count = 1;
    for (size_t i = 0; i < config->query_count; i++) {
        count += config->queries[i].path.count;
    }
    return count;
}

static struct named_numbers numbers_of(const struct named_query_options *query, const struct query_options *options)
{
    return (struct named_numbers){
        .timeout_ns = query->timeout_ns != 0 ? query->timeout_ns : options->timeout_ns,
        .cache_ns = query->cache_ns,
        .max_rows = (uint64_t)query->max_rows,
        .max_bytes = query->max_bytes,
    };
}

static void add_named(struct query_pages *pages, size_t index, const struct query_service_config *config,
                      struct query_service *service)
{
    const struct named_query *query = pages->queries[index];
    struct named_page *page = &pages->named[index];
    *page = (struct named_page){
        .service = service,
        .query = query,
        .store = config->store,
        .cache = pages->cache,
        .stream_count = config->stream_count,
        .numbers = numbers_of(query->options, config->options),
    };
    for (size_t i = 0; i < query->options->path.count; i++) {
        pages->list[pages->count++] = named_page_of(page, i);
    }
}

static bool fill(struct query_pages *pages, const struct query_service_config *config, struct query_service *service,
                 struct buf *problem)
{
    size_t most = count_pages(config);
    pages->queries = compile(config, problem);
    if (pages->queries == NULL) {
        return false;
    }
    pages->query_count = config->query_count;
    pages->named = calloc(config->query_count + 1, sizeof *pages->named);
    pages->list = calloc(most, sizeof *pages->list);
    pages->cache = query_cache_new(config->options->cache_bytes);
    if (pages->named == NULL || pages->list == NULL || pages->cache == NULL) {
        buf_append_string(problem, "query: out of memory");
        return false;
    }
    pages->metrics =
        (struct event_metrics){ service, config->options, config->store, config->streams, config->stream_count };
    pages->list[pages->count++] = event_metrics_page(&pages->metrics);
    for (size_t i = 0; i < config->query_count; i++) {
        add_named(pages, i, config, service);
    }
    ASSERT_EQUAL(pages->count, most);
    return true;
}

void query_pages_reload(struct query_pages *pages, const struct query_options *options,
                        const struct named_query_options *queries)
{
    for (size_t i = 0; i < pages->query_count; i++) {
        ASSERT(strcmp(pages->named[i].query->options->name, queries[i].name) == 0);
        pages->named[i].numbers = numbers_of(&queries[i], options);
    }
    query_cache_bound(pages->cache, options->cache_bytes);
}

struct query_pages *query_pages_new(const struct query_service_config *config, struct query_service *service,
                                    struct buf *problem)
{
    struct query_pages *pages = calloc(1, sizeof *pages);
    if (pages == NULL) {
        buf_append_string(problem, "query: out of memory");
        return NULL;
    }
    if (!fill(pages, config, service, problem)) {
        query_pages_free(pages);
        return NULL;
    }
    return pages;
}

void query_pages_free(struct query_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    query_cache_free(pages->cache);
    free_queries(pages->queries, pages->query_count);
    free(pages->named);
    free(pages->list);
    free(pages);
}

const struct page *query_pages_list(const struct query_pages *pages, size_t *count)
{
    *count = pages->count;
    return pages->list;
}
