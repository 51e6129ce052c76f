/* What of rejected input is personal, by the options: a copy of them that a reload replaces as a whole. Immutable once made. */
#pragma once

#include "config/options/rejects_options.h"

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct stream;

struct reject_rules {
    enum rejects_personal personal;
    size_t hide_count, show_count;
    char **names; /* those that are hidden, then those that are shown */
};

/* False: memory is short. */
MUST_CHECK bool reject_rules_init(struct reject_rules *rules, const struct rejects_options *options);
void reject_rules_release(struct reject_rules *rules);

/* What the options or the stream (NULL: none) say of keeping. */
bool reject_rules_keep(const struct stream *stream);
bool reject_rules_cut(const struct reject_rules *rules, const struct stream *stream);

enum reject_named { NAMED_NOTHING, NAMED_PERSONAL, NAMED_SHOWN };

/* What the names of a member say: its key, its path in the event, its column ("": it has none). */
enum reject_named reject_rules_judge(const struct reject_rules *rules, struct slice key, struct slice path,
                                     const char *column);
