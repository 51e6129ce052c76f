/* Turns the Origin of a request into the entry of the list that allows it. */
#include "proto/front/origins.h"

#include "config/options/string_list.h"
#include "proto/front/host_pattern.h"

/* A host of the greatest length (RFC 1035, 2.3.4) behind the longest scheme in use, with a port. What is allowed is kept
 * until its reply is written. */
#define ORIGIN_MAX 300

static bool is_any(const char *entry)
{
    return strcmp(entry, "*") == 0;
}

static bool is_wild_port(struct slice entry)
{
    return entry.len > 2 && entry.data[entry.len - 2] == ':' && entry.data[entry.len - 1] == '*';
}

static bool allows(struct slice entry, struct slice origin)
{
    if (is_wild_port(entry)) {
        entry.len -= 2;
        origin = host_without_port(origin);
    }
    return host_pattern_matches(entry, origin);
}

int origins_find(const struct string_list *list, struct slice origin)
{
    if (origin.len == 0) {
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (is_any(list->items[i]) || (origin.len <= ORIGIN_MAX && allows(slice_from_string(list->items[i]), origin))) {
            return (int)i;
        }
    }
    return -1;
}

bool origins_is_pattern(const char *entry)
{
    return !is_any(entry) && strchr(entry, '*') != NULL;
}

bool origins_vary(const struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_any(list->items[i])) {
            return true;
        }
    }
    return false;
}
