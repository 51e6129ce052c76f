/* http.hosts: the names by which the gateway may be called. A page of an attacker's whose name is made to lead to the
 * gateway's address (DNS rebinding) is of the gateway's own origin, but for the Host that it sends. Pure.
 *
 * An entry is a name, "*." in front of it stands for one label or more, and a port behind it, if it matters:
 * "events.example", "*.events.example", "events.example:8443". */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

struct string_list;

/* An empty list takes all; a request without Host (HTTP/1.0) is no browser's. Addresses and localhost are always taken:
 * nobody can make them lead elsewhere, and probes use them. */
bool hosts_take(const struct string_list *list, struct slice host);

/* Whether the list has this name, whatever it leads to; an empty one has none. */
bool hosts_list(const struct string_list *list, struct slice host);

/* Whether some Host can be in both lists; an empty list has all. */
bool hosts_overlap(const struct string_list *a, const struct string_list *b);

/* Whether it can be an entry. */
bool hosts_is_entry(struct slice entry);

/* False with a line for each entry that no Host can equal. */
MUST_CHECK bool hosts_check(const struct string_list *list, struct buf *problems);
