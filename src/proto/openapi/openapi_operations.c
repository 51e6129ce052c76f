/* Turns a configuration into the list of its operations. */
#include "proto/openapi/openapi.h"
#include "proto/openapi/openapi_operation.h"

#include "base/assert.h"
#include "config/options/named_query_options.h"
#include "config/options/page_options.h"
#include "config/options/reply_options.h"
#include "config/options/route_options.h"
#include "event/stream.h"
#include "proto/route/route_compile.h"

#include <stdlib.h>

bool openapi_next_part(struct slice *rest, struct slice *literal, struct slice *capture)
{
    if (rest->len == 0) {
        return false;
    }
    const char *brace = memchr(rest->data, '{', rest->len);
    const char *end = brace == NULL ? NULL : memchr(brace, '}', rest->len - (size_t)(brace - rest->data));
    if (end == NULL) {
        *literal = *rest;
        *capture = SLICE("");
        *rest = slice_after(*rest, rest->len);
        return true;
    }
    *literal = slice_make(rest->data, (size_t)(brace - rest->data));
    *capture = slice_make(brace + 1, (size_t)(end - brace) - 1);
    if (capture->len > 3 && memcmp(capture->data + capture->len - 3, "...", 3) == 0) {
        capture->len -= 3;
    }
    *rest = slice_after(*rest, (size_t)(end - rest->data) + 1);
    return true;
}

void openapi_write_path(const struct openapi_operation *operation, struct buf *out)
{
    struct slice rest = slice_from_string(operation->path), literal, capture;
    buf_append_string(out, operation->prefix == NULL ? "" : operation->prefix);
    while (openapi_next_part(&rest, &literal, &capture)) {
        buf_append_slice(out, literal);
        if (capture.len != 0) {
            buf_append_byte(out, '{');
            buf_append_slice(out, capture);
            buf_append_byte(out, '}');
        }
    }
}

static void write_shape(const struct openapi_operation *operation, struct buf *out)
{
    struct slice rest = slice_from_string(operation->path), literal, capture;
    buf_append_string(out, operation->prefix == NULL ? "" : operation->prefix);
    while (openapi_next_part(&rest, &literal, &capture)) {
        buf_append_slice(out, literal);
        buf_append_string(out, capture.len != 0 ? "{}" : "");
    }
}

bool openapi_same_path(const struct openapi_operation *a, const struct openapi_operation *b)
{
    struct buf left = { 0 }, right = { 0 };
    write_shape(a, &left);
    write_shape(b, &right);
    bool same = slice_equal(buf_slice(&left), buf_slice(&right));
    buf_release(&left);
    buf_release(&right);
    return same;
}

/* What is served to any host is there under those that are listed, too. */
static bool is_seen(const struct string_list *of, const struct string_list *hosts)
{
    if (of == NULL || of->count == 0) {
        return true;
    }
    for (size_t i = 0; i < of->count; i++) {
        for (size_t k = 0; hosts != NULL && k < hosts->count; k++) {
            if (strcmp(of->items[i], hosts->items[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

struct list {
    struct openapi_operation *items;
    size_t count, room;
    const struct string_list *hosts;
};

static const struct string_list *hosts_of(const struct string_list *host, const struct string_list *included)
{
    return host->count != 0 ? host : included;
}

static bool is_taken(const struct list *list, const struct openapi_operation *operation)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].method == operation->method && openapi_same_path(&list->items[i], operation)) {
            return true;
        }
    }
    return false;
}

static void add(struct list *list, const struct openapi_operation *operation)
{
    if (is_seen(operation->hosts, list->hosts) && !is_taken(list, operation)) {
        ASSERT_BELOW(list->count, list->room);
        list->items[list->count++] = *operation;
    }
}

static void add_paths(struct list *list, struct openapi_operation operation, const struct string_list *paths,
                      unsigned methods)
{
    for (size_t i = 0; i < paths->count; i++) {
        for (enum http_method method = HTTP_GET; method <= HTTP_PATCH; method++) {
            if ((methods & METHOD_BIT(method)) != 0) {
                operation.path = paths->items[i];
                operation.method = method;
                add(list, &operation);
            }
        }
    }
}

static void add_route(struct list *list, const struct route_options *route)
{
    static const enum openapi_kind kinds[] = {
        [ROUTE_EVENTS] = OPENAPI_EVENTS, [ROUTE_WEBSOCKET] = OPENAPI_WEBSOCKET, [ROUTE_REPLY] = OPENAPI_REPLY
    };
    struct openapi_operation operation = {
        .prefix = route->prefix,
        .kind = kinds[routes_kind(route)],
        .hosts = hosts_of(&route->host, &route->included_hosts),
        .route = route,
    };
    add_paths(list, operation, &route->path, routes_methods(route));
}

static void add_configured(struct list *list, const struct openapi_source *source)
{
    for (size_t i = 0; i < source->route_count; i++) {
        add_route(list, &source->routes[i]);
    }
    for (size_t i = 0; i < source->query_count; i++) {
        const struct named_query_options *query = &source->queries[i];
        struct openapi_operation operation = {
            .prefix = query->prefix,
            .kind = OPENAPI_QUERY,
            .hosts = hosts_of(&query->host, &query->included_hosts),
            .query = query,
        };
        add_paths(list, operation, &query->path, METHOD_BIT(HTTP_GET));
    }
    for (size_t i = 0; i < source->page_count; i++) {
        const struct page_options *page = &source->pages[i];
        struct openapi_operation operation = {
            .prefix = page->prefix,
            .kind = OPENAPI_PAGE,
            .hosts = hosts_of(&page->host, &page->included_hosts),
            .page = page,
        };
        if (!page->admin || source->with_admin) {
            add_paths(list, operation, &page->path, METHOD_BIT(HTTP_GET));
        }
    }
}

static bool is_left_out(const char *const *paths, const char *path)
{
    while (paths != NULL && *paths != NULL && strcmp(*paths, path) != 0) {
        paths++;
    }
    return paths != NULL && *paths != NULL;
}

static void add_builtin(struct list *list, const struct openapi_source *source)
{
    for (size_t i = 0; i < openapi_builtin_count; i++) {
        const struct openapi_builtin *builtin = &openapi_builtins[i];
        struct openapi_operation operation = {
            .path = builtin->path, .method = builtin->method, .kind = builtin->kind, .builtin = builtin
        };
        if ((!builtin->admin || source->with_admin) && !is_left_out(source->left_out, builtin->path)) {
            add(list, &operation);
        }
    }
}

static size_t count_all(const struct openapi_source *source)
{
    size_t count = openapi_builtin_count;
    for (size_t i = 0; i < source->route_count; i++) {
        count += source->routes[i].path.count * (HTTP_PATCH + 1);
    }
    for (size_t i = 0; i < source->query_count; i++) {
        count += source->queries[i].path.count;
    }
    for (size_t i = 0; i < source->page_count; i++) {
        count += source->pages[i].path.count;
    }
    return count;
}

struct openapi_operation *openapi_operations(const struct openapi_source *source, const struct string_list *hosts,
                                             size_t *count)
{
    struct list list = { .room = count_all(source), .hosts = hosts };
    list.items = calloc(list.room + 1, sizeof *list.items);
    if (list.items != NULL) {
        add_configured(&list, source);
        add_builtin(&list, source);
    }
    *count = list.count;
    return list.items;
}

const struct reply_options *openapi_reply(const struct openapi_source *source, const char *scope, const char *name)
{
    for (int scoped = 1; name != NULL && scoped >= 0; scoped--) {
        size_t skip = scoped != 0 && scope != NULL ? strlen(scope) : 0;
        for (size_t i = 0; i < source->reply_count; i++) {
            const char *found = source->replies[i].name;
            if (strncmp(found, skip == 0 ? "" : scope, skip) == 0 && strcmp(found + skip, name) == 0) {
                return &source->replies[i];
            }
        }
    }
    return NULL;
}

static const struct stream *find_stream(const struct openapi_source *source, const char *scope, const char *name)
{
    for (int scoped = 1; scoped >= 0; scoped--) {
        size_t skip = scoped != 0 && scope != NULL ? strlen(scope) : 0;
        for (size_t i = 0; i < source->stream_count; i++) {
            const char *found = source->streams[i]->name;
            if (strncmp(found, skip == 0 ? "" : scope, skip) == 0 && strcmp(found + skip, name) == 0) {
                return source->streams[i];
            }
        }
    }
    return NULL;
}

const struct stream *openapi_stream(const struct openapi_source *source, const struct openapi_operation *operation)
{
    const struct route_options *route = operation->route;
    if (route != NULL && route->stream.name != NULL) {
        return find_stream(source, route->scope, route->stream.name);
    }
    bool chosen = route != NULL && (route->stream.capture != NULL || route->stream.by != NULL);
    return !chosen && source->stream_count == 1 ? source->streams[0] : NULL;
}

bool openapi_needs_key(const struct openapi_source *source, const struct openapi_operation *operation)
{
    if (!source->with_keys) {
        return false;
    }
    if (operation->route != NULL) {
        bool fixed = operation->kind == OPENAPI_REPLY && operation->route->lookup.table == NULL;
        return !operation->route->open && !fixed;
    }
    return operation->builtin != NULL ? !operation->builtin->open : operation->page == NULL || operation->page->admin;
}
