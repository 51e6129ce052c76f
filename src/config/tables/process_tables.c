/* The options of the process: its log, its end, and what it shows of itself. */
#include "config/tables/sections.h"

#include "base/log.h"
#include "config/options/drain_options.h"
#include "config/options/live_options.h"
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
static const struct option live_rows[] = {
    { "enabled",          BOOL(live_options, enabled),                         "true",             NULL,    NULL,
      "Whether /live and /live/events are served. They are pages of operators, as /metrics is." },
    { "viewers",          INTEGER(live_options, viewers),                      "16",               "1",     "1000",
      "How many may watch at the same time; others are answered 503 `too_many_viewers`. Each keeps at most 256 KiB." },
    { "tail_per_second",  INTEGER(live_options, tail_per_second),              "10",               "0",     "1000",
      "How many accepted events are shown each second, and how many refused ones; the others are counted alone. 0: none." },
    { "hide",             STRINGS(live_options, hide),                         "",                 NULL,    NULL,
      "Fields whose values are not shown of accepted events, beside those that look personal: docs/live.md, \"What is hidden\"." },
    { "show",             STRINGS(live_options, show),                         "",                 NULL,    NULL,
      "Fields whose values are shown although they look personal." },
};
/* clang-format on */

const struct option_table log_table = TABLE(log_rows);
const struct option_table drain_table = TABLE(drain_rows);
const struct option_table live_table = TABLE(live_rows);
