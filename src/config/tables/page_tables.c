/* The options of what is served beside events: folders of files. */
#include "config/tables/sections.h"

#include "config/options/files_options.h"
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
/* clang-format on */

const struct option_table files_table = TABLE(files_rows);
