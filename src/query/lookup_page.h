/* The pages of routes with a `lookup`: what the table has for a request, answered by `found` and `missing` of a reply. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct lookup_pages;
struct lookups;
struct page;
struct reply_options;
struct route_options;

struct lookup_pages_config {
    const struct route_options *routes; /* all; those without a lookup are left out */
    size_t route_count;
    const struct reply_options *replies;
    size_t reply_count;
    const struct lookups *lookups;
};

/* NULL with a line for each problem: "file:line: routes: /path: lookup: …". Borrows all. */
struct lookup_pages *lookup_pages_new(const struct lookup_pages_config *config, struct buf *problems);
void lookup_pages_free(struct lookup_pages *pages); /* takes NULL */

const struct page *lookup_pages_list(const struct lookup_pages *pages, size_t *count);
