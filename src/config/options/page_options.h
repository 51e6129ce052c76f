/* Options: pages, texts with placeholders that are served at a path (proto/pages/page_templates.h), and what is said of the
 * whole surface. See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The status of the answer by the state of the gateway. */
struct page_status_options {
    int64_t ok;
    int64_t degraded;
    int64_t down;
};

/* One entry of `pages`. */
struct page_options {
    int line;
    const char *file;
    struct string_list path; /* patterns: proto/route/route_pattern.h */
    struct page_status_options status;
    const char *json; /* templates, one of both; NULL: not given */
    const char *text;
    const char *content_type; /* NULL: that of the template */
    struct string_pairs headers;
    struct string_list host;
    bool admin;
    const char *prefix; /* stands before `path`; "" */
    struct string_list included_hosts;
};

/* The section `openapi`. */
struct openapi_options {
    bool serve;
    const char *title;
    const char *swagger; /* the folder of Swagger UI; "": it is searched for beside the program */
};
