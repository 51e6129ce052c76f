/* Turns rows into a table, and a path, a host and a method into the row that serves them. */
#include "proto/route/route_table.h"

#include "base/assert.h"
#include "config/options/string_list.h"
#include "proto/front/hosts.h"
#include "proto/route/route_pattern.h"

#include <stdlib.h>

struct table_row {
    struct route route;
    struct slice path; /* of rows without names: what they are equal to */
    struct route_pattern pattern;
};

/* Building. */

enum tier { TIER_PATHS, TIER_PATTERNS, TIER_LASTS, TIER_ELSEWHERE };

static bool names_hosts(const struct route *route)
{
    return route->hosts != NULL && route->hosts->count != 0;
}

static size_t place_of_length(size_t length)
{
    return length < ROUTE_LENGTHS ? length : ROUTE_LENGTHS - 1;
}

static enum tier tier_of(const struct table_row *row, unsigned serves)
{
    if ((serves & route_side(&row->route)) == 0) {
        return TIER_ELSEWHERE;
    }
    return row->route.last ? TIER_LASTS : route_pattern_is_path(&row->pattern) ? TIER_PATHS : TIER_PATTERNS;
}

struct sorting {
    enum tier tier;
    size_t index; /* in the list: what is equal stays in order */
    struct table_row row;
};

static int order_numbers(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int order_rows(const void *left, const void *right)
{
    const struct sorting *a = left, *b = right;
    int order = order_numbers(a->tier, b->tier);
    if (order == 0 && a->tier == TIER_PATHS) {
        order = order_numbers(place_of_length(a->row.path.len), place_of_length(b->row.path.len));
    } else if (order == 0) {
        order = route_pattern_order(&a->row.pattern, &b->row.pattern);
    }
    if (order == 0) {
        order = order_numbers(!names_hosts(&a->row.route), !names_hosts(&b->row.route));
    }
    if (order == 0) {
        order = order_numbers(a->row.route.file == NULL, b->row.route.file == NULL);
    }
    return order != 0 ? order : order_numbers(a->index, b->index);
}

/* Where the tiers begin. */
static void mark_places(struct route_table *table, const struct sorting *sorted)
{
    size_t at = 0;
    for (size_t place = 0; place <= ROUTE_LENGTHS; place++) {
        while (at < table->count && sorted[at].tier == TIER_PATHS && place_of_length(sorted[at].row.path.len) < place) {
            at++;
        }
        table->of_length[place] = at;
    }
    size_t *const ends[] = { &table->patterns, &table->lasts, &table->elsewhere };
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        while (at < table->count && sorted[at].tier <= (enum tier)i) {
            at++;
        }
        *ends[i] = at;
    }
    ASSERT_EQUAL(table->of_length[ROUTE_LENGTHS], table->patterns);
}

static bool fill(struct sorting *sorting, const struct route *route, size_t index, unsigned serves, struct buf *problem)
{
    struct table_row *row = &sorting->row;
    row->route = *route;
    if (!route_pattern_compile(&row->pattern, route->prefix, route->path, problem)) {
        return false;
    }
    row->path = slice_make(row->pattern.text, row->pattern.length);
    sorting->tier = tier_of(row, serves);
    sorting->index = index;
    return true;
}

static void take_rows(struct route_table *table, const struct sorting *sorted)
{
    for (size_t i = 0; i < table->count; i++) {
        table->rows[i] = sorted[i].row;
    }
}

bool route_table_init(struct route_table *table, const struct route_list *routes, unsigned serves, struct buf *problem)
{
    struct sorting *sorted = calloc(routes->count + 1, sizeof *sorted);
    *table = (struct route_table){ .rows = calloc(routes->count + 1, sizeof *table->rows) };
    bool filled = sorted != NULL && table->rows != NULL;
    if (!filled) {
        buf_append_string(problem, "out of memory");
    }
    for (size_t i = 0; filled && i < routes->count; i++) {
        filled = fill(&sorted[i], &routes->items[i], i, serves, problem);
        table->count += filled;
    }
    if (filled) {
        qsort(sorted, table->count, sizeof *sorted, order_rows);
        mark_places(table, sorted);
    }
    take_rows(table, sorted);
    free(sorted);
    return filled;
}

void route_table_release(struct route_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        route_pattern_release(&table->rows[i].pattern);
    }
    free(table->rows);
    *table = (struct route_table){ 0 };
}

/* Finding. */

struct search {
    struct slice path; /* as it came */
    struct slice bare; /* without a slash at its end */
    struct slice host;
    enum http_method method;
    unsigned allow;
    bool events_are_taken; /* a route of the configuration takes events here: what is built in does not */
};

/* "/events/" is "/events". */
static inline struct slice without_slash(struct slice path)
{
    return slice_make(path.data, path.len - (path.len > 1 && path.data[path.len - 1] == '/'));
}

/* The path is the row's: the host and the method? */
static const struct route *judge(const struct route *route, struct search *search)
{
    if (names_hosts(route) && !hosts_list(route->hosts, search->host)) {
        return NULL;
    }
    if (search->events_are_taken && route->kind == ROUTE_EVENTS && route->file == NULL) {
        return NULL;
    }
    if (search->method != HTTP_OTHER && (route->methods & METHOD_BIT(search->method)) != 0) {
        return route;
    }
    search->allow |= route->methods | METHOD_BIT(HTTP_OPTIONS);
    search->events_are_taken |= route->kind == ROUTE_EVENTS && route->file != NULL;
    return NULL;
}

static inline bool is_path(const struct table_row *row, const struct search *search)
{
    return slice_equal(row->path, search->bare) &&
           (!row->route.exact_slash || row->pattern.slash == (search->bare.len != search->path.len));
}

static const struct route *find_path(const struct route_table *table, struct search *search)
{
    size_t place = place_of_length(search->bare.len);
    for (size_t i = table->of_length[place]; i < table->of_length[place + 1]; i++) {
        const struct table_row *row = &table->rows[i];
        const struct route *route = is_path(row, search) ? judge(&row->route, search) : NULL;
        if (route != NULL) {
            return route;
        }
    }
    return NULL;
}

static const struct route *find_pattern(const struct route_table *table, size_t from, size_t to, struct search *search,
                                        struct captures *captures)
{
    for (size_t i = from; i < to; i++) {
        const struct table_row *row = &table->rows[i];
        if (route_pattern_match(&row->pattern, search->path, row->route.exact_slash, captures)) {
            const struct route *route = judge(&row->route, search);
            if (route != NULL) {
                return route;
            }
        }
    }
    captures->count = 0;
    return NULL;
}

/* `lasts`: those that are asked last are meant, too. */
static bool is_elsewhere(const struct route_table *table, struct slice path, bool lasts)
{
    struct captures captures;
    for (size_t i = table->elsewhere; i < table->count; i++) {
        const struct table_row *row = &table->rows[i];
        if ((lasts || !row->route.last) &&
            route_pattern_match(&row->pattern, path, row->route.exact_slash, &captures)) {
            return true;
        }
    }
    return false;
}

const struct route *route_table_find(const struct route_table *table, struct slice path, struct slice host,
                                     enum http_method method, struct captures *captures, unsigned *allow)
{
    struct search search = { .path = path, .bare = without_slash(path), .host = host, .method = method };
    captures->count = 0;
    const struct route *route =
        table->first == NULL ? NULL : route_table_find(table->first, path, host, method, captures, allow);
    if (route != NULL) {
        return route;
    }
    route = find_path(table, &search);
    if (route == NULL) {
        route = find_pattern(table, table->patterns, table->lasts, &search, captures);
    }
    if (route == NULL && search.allow == 0 && !is_elsewhere(table, path, false)) {
        route = find_pattern(table, table->lasts, table->elsewhere, &search, captures);
    }
    *allow = route != NULL ? 0 : search.allow;
    return route;
}

static bool takes_events(const struct route *route)
{
    return route->kind == ROUTE_EVENTS || route->kind == ROUTE_WEBSOCKET;
}

bool route_table_find_sent(const struct route_table *table, struct slice *path, struct slice host,
                           enum http_method method, struct captures *captures, unsigned *allow, struct buf *decoded,
                           const struct route **route)
{
    bool escaped = path->len != 0 && memchr(path->data, '%', path->len) != NULL;
    buf_clear(decoded);
    if (escaped && !route_path_decode(*path, decoded)) {
        return false;
    }
    if (escaped) {
        *path = buf_slice(decoded);
    }
    *route = route_table_find(table, *path, host, method, captures, allow);
    if (escaped && (*route == NULL || !takes_events(*route))) {
        route_path_restore(decoded);
    }
    return true;
}

bool route_table_serves_elsewhere(const struct route_table *table, struct slice path)
{
    return is_elsewhere(table, path, true);
}
