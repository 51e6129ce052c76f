/* Turns the Host of a request into whether it is one of the gateway's names. */
#include "proto/front/hosts.h"

#include "config/options/string_list.h"
#include "proto/front/host_pattern.h"

static bool is_ipv4(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9')) {
            return false;
        }
    }
    return true;
}

static bool leads_nowhere_else(struct slice name)
{
    return name.len == 0 || name.data[0] == '[' || is_ipv4(name) || slice_equal_nocase(name, SLICE("localhost")) ||
           host_pattern_matches(SLICE("*.localhost"), name);
}

static bool has_port(struct slice host)
{
    return host_without_port(host).len != host.len;
}

/* "a.example." is the same host. */
static struct slice without_last_dot(struct slice name)
{
    return name.len > 1 && name.data[name.len - 1] == '.' ? slice_make(name.data, name.len - 1) : name;
}

bool hosts_list(const struct string_list *list, struct slice host)
{
    struct slice name = without_last_dot(host_without_port(host));
    for (size_t i = 0; i < list->count; i++) {
        struct slice entry = slice_from_string(list->items[i]);
        if (host_pattern_matches(entry, has_port(entry) ? host : name)) {
            return true;
        }
    }
    return false;
}

bool hosts_take(const struct string_list *list, struct slice host)
{
    return list->count == 0 || leads_nowhere_else(without_last_dot(host_without_port(host))) || hosts_list(list, host);
}

/* What a pattern's star is followed by: ".a.example". */
static bool tails_overlap(struct slice a, struct slice b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    return slice_equal_nocase(slice_after(a, a.len - least), slice_after(b, b.len - least));
}

static bool entries_overlap(struct slice a, struct slice b)
{
    struct slice star = SLICE("*");
    if (has_port(a) && has_port(b) &&
        !slice_equal(slice_after(a, host_without_port(a).len), slice_after(b, host_without_port(b).len))) {
        return false;
    }
    a = host_without_port(a);
    b = host_without_port(b);
    if (slice_starts_with(a, star) && slice_starts_with(b, star)) {
        return tails_overlap(slice_after(a, star.len), slice_after(b, star.len));
    }
    return host_pattern_matches(a, b) || host_pattern_matches(b, a);
}

bool hosts_overlap(const struct string_list *a, const struct string_list *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            if (entries_overlap(slice_from_string(a->items[i]), slice_from_string(b->items[k]))) {
                return true;
            }
        }
    }
    return a->count == 0 || b->count == 0;
}

bool hosts_is_entry(struct slice entry)
{
    struct slice name = host_without_port(entry);
    return host_are_labels(slice_starts_with(name, SLICE("*.")) ? slice_after(name, 2) : name);
}

bool hosts_check(const struct string_list *list, struct buf *problems)
{
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        if (!hosts_is_entry(slice_from_string(list->items[i]))) {
            buf_printf(problems,
                       "http.hosts: found \"%s\", expected a name as clients send it in Host: events.example, "
                       "*.events.example or events.example:8443, without a scheme or a path; addresses and localhost "
                       "are always taken\n",
                       list->items[i]);
            good = false;
        }
    }
    return good;
}
