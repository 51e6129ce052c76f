/* The options of the process: what its configuration is made of, its log, its end. */
#include "config/tables/sections.h"

#include "base/log.h"
#include "config/options/drain_options.h"
#include "config/options/include_options.h"
#include "config/options/log_options.h"
#include "config/tables/rows.h"

static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL
};
static const char *const log_formats[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", NULL };

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option log_rows[] = {
    { "level",            ENUM(log_options, level),                            "info",             NULL,    NULL,
      "Lines below this level are not written.", .names = log_levels, .reloads = true },
    { "format",           ENUM(log_options, format),                           "text",             NULL,    NULL,
      "One line each on stderr, as key=value text or as JSON.", .names = log_formats },
    { "core_dumps",       BOOL(log_options, core_dumps),                       "false",            NULL,    NULL,
      "Let a crash write a core, and debuggers of the same user look into the process. Both show events, keys and passwords." },
};

static const struct option drain_rows[] = {
    { "delay",            DURATION(drain_options, delay_ns),                   "0s",               NULL,    "10m",
      "After SIGTERM, how long /readyz answers 503 before anything else ends.", .reloads = true },
    { "timeout",          DURATION(drain_options, timeout_ns),                 "1s",               NULL,    "1h",
      "After that, how long waiting events are stored while the listeners are still open, if the store answers. The rest stays in "
      "the journal for the next start.", .reloads = true },
};

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

const struct option_table log_table = TABLE(log_rows);
const struct option_table drain_table = TABLE(drain_rows);
const struct option_table include_table = SHORT_TABLE(include_rows, "file");
