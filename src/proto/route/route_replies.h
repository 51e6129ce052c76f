/* The replies of a route: the entry of `replies` that it names, compiled with the placeholders that this route has. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct reply_options;
struct reply_set;
struct route_options;

struct reply_list {
    const struct reply_options *items;
    size_t count;
};

/* The entry of this name: with the scope in front, else as it is. NULL: there is none. */
const struct reply_options *reply_list_find(const struct reply_list *list, const char *scope, const char *name);

/* What `option` ("routes[3].reply") of `file`, line `line`, names. NULL, with a problem that says which names there are. */
const struct reply_options *reply_list_get(const struct reply_list *list, const char *scope, const char *name,
                                           const char *file, int line, const char *option, struct buf *problems);

/* All entries, whoever names them: what is wrong with them but for their placeholders, which only a route or a query can
 * know. False with a line for each problem that is not among *problems yet. */
MUST_CHECK bool reply_list_check(const struct reply_list *list, struct buf *problems);

/* Whether one of its paths has {name} or {name...}. */
bool route_has_part(const struct route_options *route, struct slice name);

/* Of a route that has a `reply`. Its placeholders: those of events (reply/event_names.h), parts of its paths ("path.x"), and
 * members that its sources give. `lookup`: {value} as well. NULL, with a line for each problem. */
struct reply_set *route_replies_compile(const struct reply_list *list, const struct route_options *route, bool lookup,
                                        const char *option, struct buf *problems);
