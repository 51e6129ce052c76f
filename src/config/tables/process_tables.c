/* The options of the process: its log, and its end. */
#include "config/tables/sections.h"

#include "base/log.h"
#include "config/options/drain_options.h"
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
/* clang-format on */

const struct option_table log_table = TABLE(log_rows);
const struct option_table drain_table = TABLE(drain_rows);
