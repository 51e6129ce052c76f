/* The options of a configuration that is made of several files. */
#include "config/tables/sections.h"

#include "config/options/include_options.h"
#include "config/tables/rows.h"

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option include_rows[] = {
    { "file",             STRING(include_options, path),                       NULL,               "1",     NULL,
      "The file; relative to the folder of the file that includes it.", .required = true },
    { "prefix",           STRING(include_options, prefix),                     "",                 NULL,    NULL,
      "What the paths of its routes, queries, pages and files begin with: `/shop`." },
    { "host",             STRINGS(include_options, hosts),                     "",                 NULL,    NULL,
      "The hosts that they are served for, as `http.hosts` has them; those that name hosts themselves keep theirs." },
    { "names",            STRING(include_options, names),                      "",                 NULL,    "32",
      "What the names of its streams (and their tables), replies, queries and lookups begin with: `shop_`. So two presets that "
      "both have a stream `events` can stand side by side." },
};
/* clang-format on */

const struct option_table include_table = SHORT_TABLE(include_rows, "file");
