/* Turns rows of all kinds into what cannot be said of one of them alone. */
#include "proto/route/route_compile.h"

#include "config/options/http_options.h"
#include "config/options/string_list.h"
#include "proto/front/hosts.h"
#include "proto/front/http_method.h"
#include "proto/front/page.h"
#include "proto/route/route_pattern.h"

#include <stdlib.h>

struct checked {
    const struct route *route;
    struct route_pattern pattern;
};

static bool names_hosts(const struct route *route)
{
    return route->hosts != NULL && route->hosts->count != 0;
}

/* One that names hosts comes before one that does not: they do not clash. */
static bool hosts_clash(const struct route *a, const struct route *b)
{
    if (names_hosts(a) != names_hosts(b)) {
        return false;
    }
    return !names_hosts(a) || hosts_overlap(a->hosts, b->hosts);
}

static bool same_paths(const struct checked *a, const struct checked *b)
{
    bool apart = a->route->exact_slash && b->route->exact_slash && a->pattern.slash != b->pattern.slash;
    return !apart && route_pattern_order(&a->pattern, &b->pattern) == 0;
}

static bool clash(const struct checked *a, const struct checked *b)
{
    return (a->route->methods & b->route->methods) != 0 && a->route->last == b->route->last && same_paths(a, b) &&
           hosts_clash(a->route, b->route);
}

static const char *name_of_methods(unsigned methods)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = { { METHOD_BIT(HTTP_GET), "GET" },
                  { METHOD_BIT(HTTP_POST), "POST" },
                  { METHOD_BIT(HTTP_PUT), "PUT" },
                  { METHOD_BIT(HTTP_PATCH), "PATCH" },
                  { METHOD_BIT(HTTP_DELETE), "DELETE" } };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if ((methods & names[i].bit) != 0) {
            return names[i].name;
        }
    }
    return "HEAD";
}

static void tell_clash(const struct checked *first, const struct checked *second, struct buf *problems)
{
    const struct route *a = first->route, *b = second->route;
    buf_printf(problems,
               "%s:%d: found %s %.*s, which %s:%d serves already%s; expected another path or method, or a host of its "
               "own\n",
               b->file, b->line, name_of_methods(a->methods & b->methods), (int)second->pattern.length,
               second->pattern.text, a->file, a->line, names_hosts(a) ? " for the same host" : "");
}

/* Rows of the configuration; what is built in gives way. */
static void check_clashes(const struct checked *rows, size_t count, struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i && rows[i].route->file != NULL; k++) {
            if (rows[k].route->file != NULL && clash(&rows[k], &rows[i])) {
                tell_clash(&rows[k], &rows[i], problems);
                break;
            }
        }
    }
}

/* A listener that serves the page, and not what stands in its place. */
static bool has_home(const struct route *page, const struct route *instead, const struct http_options *http)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        unsigned serves = http->listeners[i].serves;
        if ((serves & route_side(page)) != 0 && (serves & route_side(instead)) == 0) {
            return true;
        }
    }
    return false;
}

static void check_displaced(const struct checked *page, const struct checked *rows, size_t count,
                            const struct http_options *http, struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        const struct route *instead = rows[i].route;
        if (instead->file == NULL || names_hosts(instead) || !clash(page, &rows[i]) ||
            has_home(page->route, instead, http)) {
            continue;
        }
        buf_printf(
            problems,
            "%s:%d: found %.*s, which is a page of operators; expected admin.listen to be given, where that page "
            "stays (or an entry of http.listeners with serves: [admin])\n",
            instead->file, instead->line, (int)page->pattern.length, page->pattern.text);
        return;
    }
}

static void check_pages(const struct checked *rows, size_t count, const struct http_options *http, struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        const struct route *route = rows[i].route;
        if (route->file == NULL && route->kind == ROUTE_PAGE && route->page->admin) {
            check_displaced(&rows[i], rows, count, http, problems);
        }
    }
}

static struct checked *compile_rows(const struct route_list *list, size_t *count, struct buf *problems)
{
    struct checked *rows = calloc(list->count + 1, sizeof *rows);
    if (rows == NULL) {
        buf_append_string(problems, "routes: out of memory\n");
    }
    for (size_t i = 0; rows != NULL && i < list->count; i++) {
        const struct route *route = &list->items[i];
        struct buf problem = { 0 };
        rows[*count].route = route;
        if (route_pattern_compile(&rows[*count].pattern, route->prefix, route->path, &problem)) {
            ++*count;
        } else {
            buf_printf(problems, "%s:%d: path: %s\n", route->file, route->line, buf_c_string(&problem));
        }
        buf_release(&problem);
    }
    return rows;
}

bool routes_check(const struct route_list *list, const struct http_options *http, struct buf *problems)
{
    size_t before = problems->len, count = 0;
    struct checked *rows = compile_rows(list, &count, problems);
    if (rows != NULL) {
        check_clashes(rows, count, problems);
        check_pages(rows, count, http, problems);
    }
    for (size_t i = 0; i < count; i++) {
        route_pattern_release(&rows[i].pattern);
    }
    free(rows);
    return problems->len == before && !problems->failed;
}
