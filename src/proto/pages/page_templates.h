/* Pages that the configuration writes: a text with placeholders (page_states.h), and a status by the state of the gateway. */
#pragma once

#include "proto/pages/page_states.h"

struct page;
struct page_options;
struct page_templates;

/* Appends "file:line: pages[0].json: found …, expected …" for each that is not right; false if there was any. */
MUST_CHECK bool page_templates_check(const struct page_options *options, size_t count, struct buf *problems);

/* The options and the source outlive it. NULL with *problem. */
struct page_templates *page_templates_new(const struct page_options *options, size_t count,
                                          const struct pages_source *source, struct buf *problem);

/* A page for each path of each option. */
size_t page_templates_count(const struct page_templates *templates);
void page_templates_pages(struct page_templates *templates, struct page *pages);

/* Once the server has ended. Takes NULL. */
void page_templates_free(struct page_templates *templates);
