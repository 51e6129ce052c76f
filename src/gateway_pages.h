/* The pages of a gateway: built-in ones, those of the queries, and those that the configuration asks for. */
#pragma once

#include "proto/front/page.h"
#include "proto/pages/pages.h"

struct access;
struct config;
struct files_options;
struct landing;
struct live;
struct lookup_pages;
struct lookups;
struct openapi;
struct page_templates;
struct static_files;
struct stream;

/* What is written of a configuration once. */
struct pages_texts {
    struct openapi *openapi; /* NULL: not served */
    struct landing *landing;
};

struct gateway_pages {
    struct page *items; /* the server's table of routes borrows them */
    size_t count;
    struct pages_source source;
    struct static_files *files;
    struct live *live;
    struct files_options *folders; /* of the configuration, and Swagger UI's if it is there */
    size_t folder_count;
    struct buf swagger; /* its folder */
    struct pages_texts texts;
    const char *left_out[5]; /* paths of the gateway's own that the configuration switched off; NULL ends them */
    struct page_templates *templates;
    struct lookup_pages *lookups;
};

/* Appends a line for each page that the configuration asks for and cannot have ("file:7: files[0].folder: …"); false if there
 * was any. */
MUST_CHECK bool gateway_pages_check(const struct config *config, struct buf *problems);

/* What they are made of beside the configuration. */
struct gateway_pages_parts {
    const struct pages_source *source; /* copied, and its pages' own part filled */
    const struct page *queries;        /* copied; query_count of them */
    size_t query_count;
    const struct lookups *lookups;
    const struct access *access; /* NULL: there are no keys */
};

/* Zeroed before. False with *problem. */
MUST_CHECK bool gateway_pages_start(struct gateway_pages *pages, const struct config *config,
                                    const struct gateway_pages_parts *parts, struct buf *problem);

/* The texts of a configuration that differs in what reloads, and of its streams. False: memory is short; pages_texts_release follows
 * either way. */
MUST_CHECK bool gateway_pages_write(const struct gateway_pages *pages, const struct config *config,
                                    struct stream *const *streams, struct pages_texts *texts);

/* While nobody asks pages: they say what is in *texts, which has what they said. Those who watch need one of these keys. */
void gateway_pages_swap(struct gateway_pages *pages, struct pages_texts *texts, const struct access *access);
void pages_texts_release(struct pages_texts *texts);

/* Before the server stops: what comes later is answered 503 from now on. */
void gateway_pages_stop(struct gateway_pages *pages);

/* Once the server has ended; those that were never started are fine. */
void gateway_pages_free(struct gateway_pages *pages);
