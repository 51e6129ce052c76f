/* The pages of the read API, and what they share. */
#pragma once

#include "base/bytes.h"
#include "query/query_config.h"

struct buf;
struct page;
struct query_pages;
struct query_service;

/* False with a line in *problems for each query that cannot be: "file:line: queries.name: …". Connects to nothing. */
MUST_CHECK bool query_check(const struct query_service_config *config, struct buf *problems);

/* NULL with *problem. Borrows the configuration and the service. */
struct query_pages *query_pages_new(const struct query_service_config *config, struct query_service *service,
                                    struct buf *problem);
void query_pages_free(struct query_pages *pages); /* takes NULL */

/* While nobody asks pages: the numbers of the same queries anew. */
void query_pages_reload(struct query_pages *pages, const struct query_options *options,
                        const struct named_query_options *queries);

/* That of /events/metrics first. */
const struct page *query_pages_list(const struct query_pages *pages, size_t *count);
