/* Turns the name of a reply into the replies of the route that names it. */
#include "proto/route/route_replies.h"

#include "config/options/reply_options.h"
#include "config/options/route_options.h"
#include "proto/reply/event_names.h"
#include "proto/reply/reply_set.h"

const struct reply_options *reply_list_find(const struct reply_list *list, const char *scope, const char *name)
{
    const struct reply_options *plain = NULL;
    size_t before = strlen(scope);
    for (size_t i = 0; i < list->count; i++) {
        const char *candidate = list->items[i].name;
        if (strncmp(candidate, scope, before) == 0 && strcmp(candidate + before, name) == 0) {
            return &list->items[i];
        }
        plain = strcmp(candidate, name) == 0 ? &list->items[i] : plain;
    }
    return plain;
}

const struct reply_options *reply_list_get(const struct reply_list *list, const char *scope, const char *name,
                                           const char *file, int line, const char *option, struct buf *problems)
{
    const struct reply_options *found = reply_list_find(list, scope, name);
    if (found != NULL) {
        return found;
    }
    buf_printf(problems, "%s:%d: %s: found \"%s\", expected a name of replies:", file, line, option, name);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(problems, " %s", list->items[i].name);
    }
    buf_append_string(problems, list->count == 0 ? " there is none\n" : "\n");
    return NULL;
}

static bool knows_any(const void *context, struct slice name)
{
    (void)context, (void)name;
    return true;
}

/* A line that is there already is told once. */
static void add_lines(struct slice lines, struct buf *problems)
{
    struct slice line;
    while (slice_split(&lines, '\n', &line)) {
        bool told =
            line.len == 0 || (problems->len != 0 && memmem(problems->data, problems->len, line.data, line.len) != NULL);
        if (!told) {
            buf_append_slice(problems, line);
            buf_append_byte(problems, '\n');
        }
    }
}

bool reply_list_check(const struct reply_list *list, struct buf *problems)
{
    struct buf found = { 0 };
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        struct reply_set *set = reply_set_compile(&list->items[i], knows_any, NULL, &found);
        good = good && set != NULL;
        reply_set_free(set);
    }
    add_lines(buf_slice(&found), problems);
    buf_release(&found);
    return good;
}

struct names {
    const struct route_options *route;
    bool lookup;
};

static bool is_of_pairs(const struct string_pairs *pairs, struct slice member)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (slice_equal(slice_from_string(pairs->values[i]), member)) {
            return true;
        }
    }
    return false;
}

static bool is_given(const struct route_options *route, struct slice member)
{
    for (size_t i = 0; i < route->source_count; i++) {
        const struct route_source_options *source = &route->event[i];
        const struct string_pairs *pairs[] = { &source->made,    &source->constant, &source->cookies,
                                               &source->headers, &source->query,    &source->path };
        for (size_t k = 0; k < ARRAY_LENGTH(pairs); k++) {
            if (is_of_pairs(pairs[k], member)) {
                return true;
            }
        }
    }
    return false;
}

/* "{name}" or "{name...}" stands in the pattern. */
static bool is_in_pattern(const char *pattern, struct slice name)
{
    for (const char *at = pattern; (at = strchr(at, '{')) != NULL; at++) {
        bool same = strncmp(at + 1, name.data, name.len) == 0;
        if (same && (at[1 + name.len] == '}' || at[1 + name.len] == '.')) {
            return true;
        }
    }
    return false;
}

bool route_has_part(const struct route_options *route, struct slice name)
{
    if (route->prefix != NULL && is_in_pattern(route->prefix, name)) {
        return true;
    }
    for (size_t i = 0; i < route->path.count; i++) {
        if (is_in_pattern(route->path.items[i], name)) {
            return true;
        }
    }
    return false;
}

static bool knows(const void *context, struct slice name)
{
    const struct names *names = context;
    if (event_names_know(name) || (names->lookup && slice_equal(name, SLICE("value")))) {
        return true;
    }
    struct slice path = SLICE("path.");
    if (slice_starts_with(name, path)) {
        return name.len > path.len && route_has_part(names->route, slice_after(name, path.len));
    }
    return is_given(names->route, name);
}

struct reply_set *route_replies_compile(const struct reply_list *list, const struct route_options *route, bool lookup,
                                        const char *option, struct buf *problems)
{
    const struct reply_options *options =
        reply_list_get(list, route->scope, route->reply, route->file, route->line, option, problems);
    struct names names = { route, lookup };
    return options != NULL ? reply_set_compile(options, knows, &names, problems) : NULL;
}
