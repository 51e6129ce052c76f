/* The options of what is served beside events: pages, folders of files, the description of both. */
#include "config/tables/sections.h"

#include "config/options/files_options.h"
#include "config/options/page_options.h"
#include "config/tables/rows.h"

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option files_rows[] = {
    INHERITED_PREFIX(files_options), INHERITED_HOSTS(files_options),
    { "path",             STRING(files_options, path),                         NULL,               "1",     NULL,
      "Where the files are: `/docs`, or `/docs/{file...}`, which is the same.", .required = true },
    { "folder",           STRING(files_options, folder),                       NULL,               "1",     NULL,
      "The folder of the files; a relative one is beside the file that names it. Nothing outside it is served, nor hidden files.",
      .required = true },
    { "index",            STRING(files_options, index),                        "index.html",       NULL,    NULL,
      "The file that stands for a folder; empty: folders are not answered." },
    { "cache",            DURATION(files_options, cache_ns),                   "0s",               NULL,    "365d",
      "How long clients may keep a file; 0s: they ask each time whether it has changed." },
    { "max_size",         SIZE(files_options, max_bytes),                      "64MiB",            "1KiB",  "1GiB",
      "Most bytes of one answer; of larger files ranges are served." },
    { "headers",          PAIRS(files_options, headers),                       NULL,               NULL,    NULL,
      "More headers of each answer, such as `Content-Security-Policy: default-src 'self'`." },
    { "host",             STRINGS(files_options, host),                        "",                 NULL,    NULL,
      "The names by which they are there (`Host`): `a.example`, `*.a.example`; empty: all." },
};

static const struct option status_rows[] = {
    { "ok",               INTEGER(page_status_options, ok),                    "200",              "200",   "599",
      "Of a gateway that is well." },
    { "degraded",         INTEGER(page_status_options, degraded),              "200",              "200",   "599",
      "Of one that accepts events, but has a part that needs an operator's eye." },
    { "down",             INTEGER(page_status_options, down),                  "503",              "200",   "599",
      "Of one that refuses events." },
};

static const struct option_table status_table = TABLE(status_rows);

static const struct option page_rows[] = {
    INHERITED_PREFIX(page_options), INHERITED_HOSTS(page_options),
    { "path",             STRINGS(page_options, path),                         NULL,               "1",     NULL,
      "One path or a list, as `routes` have them.", .required = true },
    { "status",           GROUP(page_options, status),                         NULL,               NULL,    NULL,
      "The status of the answer, by the state of the gateway.", .table = &status_table },
    { "json",             STRING(page_options, json),                          NULL,               "1",     NULL,
      "The body: JSON with placeholders, which docs/routes.md lists. One within quotes is escaped, one outside of them is "
      "written as JSON.", .any_text = true },
    { "text",             STRING(page_options, text),                          NULL,               NULL,    NULL,
      "The body: a text with placeholders.", .any_text = true },
    { "content_type",     STRING(page_options, content_type),                  NULL,               "1",     NULL,
      "Its type; without it `application/json` or `text/plain; charset=utf-8`." },
    { "headers",          PAIRS(page_options, headers),                        NULL,               NULL,    NULL,
      "More headers of each answer." },
    { "host",             STRINGS(page_options, host),                         "",                 NULL,    NULL,
      "The names by which it is there (`Host`): `a.example`, `*.a.example`; empty: all." },
    { "admin",            BOOL(page_options, admin),                           "false",            NULL,    NULL,
      "It is of operators: where `admin` is served, not where `pages` are." },
};

static const struct option openapi_rows[] = {
    { "serve",            BOOL(openapi_options, serve),                        "true",             NULL,    NULL,
      "Serve /openapi.json and /swagger." },
    { "title",            STRING(openapi_options, title),                      "Sluice",           "1",     "200",
      "What the document is called." },
    { "swagger",          STRING(openapi_options, swagger),                    "",                 NULL,    NULL,
      "The folder of Swagger UI, which `make swagger` fills; empty: `share/swagger` beside the program, or above it." },
};
/* clang-format on */

const struct option_table files_table = TABLE(files_rows);
const struct option_table page_table = TABLE(page_rows);
const struct option_table openapi_table = TABLE(openapi_rows);
