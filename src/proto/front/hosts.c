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

bool hosts_take(const struct string_list *list, struct slice host)
{
    struct slice name = without_last_dot(host_without_port(host));
    if (list->count == 0 || leads_nowhere_else(name)) {
        return true;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct slice entry = slice_from_string(list->items[i]);
        if (host_pattern_matches(entry, has_port(entry) ? host : name)) {
            return true;
        }
    }
    return false;
}

static bool is_good(struct slice entry)
{
    struct slice name = host_without_port(entry);
    return host_are_labels(slice_starts_with(name, SLICE("*.")) ? slice_after(name, 2) : name);
}

bool hosts_check(const struct string_list *list, struct buf *problems)
{
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_good(slice_from_string(list->items[i]))) {
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
