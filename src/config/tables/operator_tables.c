/* The options of what operators are shown of events: the page /live, and rejected input that is kept. */
#include "config/tables/sections.h"

#include "config/options/live_options.h"
#include "config/options/rejects_options.h"
#include "config/tables/rows.h"

static const char *const rejects_personals[] = { [PERSONAL_CUT] = "cut", [PERSONAL_KEEP] = "keep", NULL };

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
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

static const struct option rejects_rows[] = {
    { "keep",             SIZE(rejects_options, keep_bytes),                   "0",                NULL,    "1TiB",
      "Most bytes of rejected input that is kept in `<data>/rejects`; the oldest file goes for the next. At least 1MiB; 0: nothing is kept.",
      .reloads = true },
    { "sample",           SHARE(rejects_options, sample),                      "1.0",              NULL,    "1",
      "The share of the refusals that is kept: 1.0 all, 0.01 one of a hundred.", .reloads = true },
    { "personal",         ENUM(rejects_options, personal),                     "cut",              NULL,    NULL,
      "What happens to values that are personal by their name, their field or their look: they are cut out, and what they were cut "
      "from is retried with `--cut` alone; or they are kept.", .names = rejects_personals, .reloads = true },
    { "hide",             STRINGS(rejects_options, hide),                      "",                 NULL,    NULL,
      "Fields and members of events that are cut, too.", .reloads = true },
    { "show",             STRINGS(rejects_options, show),                      "",                 NULL,    NULL,
      "Fields and members of events that are never cut.", .reloads = true },
};
/* clang-format on */

const struct option_table live_table = TABLE(live_rows);
const struct option_table rejects_table = TABLE(rejects_rows);
