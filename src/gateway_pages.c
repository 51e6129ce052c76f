/* Turns a configuration into the table of pages. */
#include "gateway_pages.h"

#include "base/assert.h"
#include "config/options/options.h"
#include "proto/files/static_files.h"
#include "proto/pages/assets.h"

#include <stdlib.h>

bool gateway_pages_check(const struct config *config, struct buf *problems)
{
    return static_files_check(config->files, config->files_count, problems);
}

static bool start_parts(struct gateway_pages *pages, const struct config *config, struct buf *problem)
{
    pages->files = static_files_start(config->files, config->files_count, page_post, problem);
    return pages->files != NULL;
}

bool gateway_pages_start(struct gateway_pages *pages, const struct config *config, const struct pages_source *source,
                         const struct page *queries, size_t query_count, struct buf *problem)
{
    size_t most = PAGES_MAX + ASSETS_MAX + query_count + config->files_count;
    pages->source = *source;
    pages->items = calloc(most, sizeof *pages->items);
    if (pages->items == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    if (!start_parts(pages, config, problem)) {
        return false;
    }
    pages->count = pages_fill(pages->items, &pages->source);
    pages->count += assets_fill(pages->items + pages->count);
    for (size_t i = 0; i < query_count; i++) {
        pages->items[pages->count++] = queries[i];
    }
    static_files_pages(pages->files, pages->items + pages->count);
    pages->count += config->files_count;
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
    free(pages->items);
    *pages = (struct gateway_pages){ 0 };
}
