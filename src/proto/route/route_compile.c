/* Turns the options of routes into rows, and into all that can be said against them. */
#include "proto/route/route_compile_private.h"

#include "config/options/http_options.h"
#include "config/options/route_options.h"
#include "proto/front/hosts.h"
#include "proto/front/http_method.h"
#include "proto/reply/reply_set.h"
#include "proto/route/route_pattern.h"
#include "proto/values/event_sources.h"

#include <stdio.h>
#include <stdlib.h>

#define GET METHOD_BIT(HTTP_GET)
#define POST METHOD_BIT(HTTP_POST)

static const enum http_method methods_of_options[] = { [ROUTE_GET] = HTTP_GET,
                                                       [ROUTE_POST] = HTTP_POST,
                                                       [ROUTE_PUT] = HTTP_PUT,
                                                       [ROUTE_PATCH] = HTTP_PATCH,
                                                       [ROUTE_DELETE] = HTTP_DELETE };

unsigned routes_methods(const struct route_options *options)
{
    unsigned methods = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(methods_of_options); i++) {
        methods |= (options->methods & (1u << i)) != 0 ? METHOD_BIT(methods_of_options[i]) : 0;
    }
    return methods != 0 ? methods : options->websocket || options->lookup.table != NULL ? GET : POST;
}

/* A request without a body, of which nothing else is read, is no event. */
enum route_kind routes_kind(const struct route_options *options)
{
    const struct route_stream_options *stream = &options->stream;
    bool events = stream->name != NULL || stream->capture != NULL || stream->by != NULL || options->source_count != 0;
    if (options->websocket) {
        return ROUTE_WEBSOCKET;
    }
    if (options->lookup.table != NULL) {
        return ROUTE_REPLY;
    }
    return !events && options->reply != NULL && routes_methods(options) == GET ? ROUTE_REPLY : ROUTE_EVENTS;
}

void route_tell(const struct compiling *compiling, const char *option, const char *format, ...)
{
    const struct route_options *options = compiling->options;
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    buf_printf(compiling->problems, "%s:%d: routes: %s: %s: %s\n", options->file, options->line,
               options->path.count != 0 ? options->path.items[0] : "", option, message);
}

/* Paths, methods, hosts. */

static void check_paths(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    if (options->path.count == 0) {
        route_tell(compiling, "path", "found an empty list, expected a path");
    }
    for (size_t i = 0; i < options->path.count; i++) {
        struct route_pattern pattern;
        struct buf problem = { 0 };
        if (route_pattern_compile(&pattern, options->prefix, options->path.items[i], &problem)) {
            route_pattern_release(&pattern);
        } else {
            route_tell(compiling, "path", "%s", buf_c_string(&problem));
        }
        buf_release(&problem);
    }
}

static bool reads_body_alone(const struct route_options *options)
{
    for (size_t i = 0; i < options->source_count; i++) {
        if (options->event[i].kind == SOURCE_ARGUMENTS && options->event[i].body_into == NULL) {
            return false;
        }
    }
    return true;
}

static void check_methods(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    unsigned methods = routes_methods(options);
    enum route_kind kind = routes_kind(options);
    if (kind == ROUTE_WEBSOCKET && methods != GET) {
        route_tell(compiling, "methods", "found others than GET, expected GET: a WebSocket is opened by it");
    } else if (kind == ROUTE_EVENTS && (methods & GET) != 0 && reads_body_alone(options)) {
        route_tell(
            compiling, "event",
            "found nothing but a body, which a GET has not; expected other sources: event: [ { query: \"*\" } ]");
    }
}

static void check_hosts(const struct compiling *compiling)
{
    const struct string_list *hosts = &compiling->options->host;
    for (size_t i = 0; i < hosts->count; i++) {
        if (!hosts_is_entry(slice_from_string(hosts->items[i]))) {
            route_tell(compiling, "host",
                       "found \"%s\", expected a name as clients send it in Host: events.example, *.events.example or "
                       "events.example:8443",
                       hosts->items[i]);
        }
    }
}

/* Payloads. */

static void compile_envelope(const struct compiling *compiling)
{
    const struct string_list *names = &compiling->options->envelope;
    struct slice *slices = calloc(names->count + 1, sizeof *slices);
    if (slices == NULL) {
        route_tell(compiling, "envelope", "out of memory");
        return;
    }
    for (size_t i = 0; i < names->count; i++) {
        slices[i] = slice_from_string(names->items[i]);
    }
    compiling->route->shape.envelope = slices;
    compiling->route->shape.envelope_count = names->count;
}

static void compile_items(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    struct event_route *route = compiling->route;
    struct slice items = slice_from_string(options->items);
    bool one = slice_equal(items, SLICE("one"));
    bool member = !one && !slice_equal(items, SLICE("auto"));
    bool optional = member && items.data[items.len - 1] == '?';
    route->form = one ? PAYLOAD_ONE : member && !optional ? PAYLOAD_MEMBER : PAYLOAD_MANY;
    if (member) {
        route->shape.items = slice_make(items.data, items.len - optional);
    }
    compile_envelope(compiling);
    if (one && (options->envelope.count != 0 || options->allow_empty)) {
        route_tell(compiling, "items",
                   "found \"one\" beside %s, which is of lists; expected the member that holds the list",
                   options->allow_empty ? "allow_empty" : "envelope");
    }
}

static void must_have_part(const struct compiling *compiling, const char *option, const char *name)
{
    bool all = strcmp(name, "*") == 0;
    if (!all && !route_has_part(compiling->options, slice_from_string(name))) {
        route_tell(compiling, option, "found \"%s\", expected a name that stands in braces in the path", name);
    }
}

/* A part that no path has would be missing in each event. */
static void check_parts(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    for (size_t i = 0; i < options->source_count; i++) {
        const struct route_source_options *source = &options->event[i];
        for (size_t k = 0; k < source->path.count; k++) {
            must_have_part(compiling, "event.path", source->path.names[k]);
        }
        if (source->pairs != NULL) {
            must_have_part(compiling, "event.pairs", source->pairs);
        }
    }
}

static void compile_sources(const struct compiling *compiling)
{
    struct event_sources *sources = NULL;
    check_parts(compiling);
    if (event_sources_compile(compiling->options, &sources, compiling->problems)) {
        compiling->route->sources = sources;
    }
    if (sources != NULL && compiling->options->websocket) {
        route_tell(compiling, "event",
                   "found other sources than the body, expected none: a message of a WebSocket is its event");
    }
}

static void check_bounds(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    const struct http_options *http = compiling->scene->http;
    if (options->max_events > http->max_events) {
        route_tell(compiling, "max_events", "found %llu, expected at most http.max_events, which is %llu",
                   (unsigned long long)options->max_events, (unsigned long long)http->max_events);
    }
    if (options->max_body_bytes > http->max_body_bytes) {
        route_tell(compiling, "max_body", "found %llu bytes, expected at most http.max_body, which is %llu",
                   (unsigned long long)options->max_body_bytes, (unsigned long long)http->max_body_bytes);
    }
}

static void compile_replies(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    char name[256];
    if (options->reply == NULL || options->websocket || options->lookup.table != NULL) {
        return; /* that of a lookup: query/lookup_page.c */
    }
    snprintf(name, sizeof name, "routes: %s: reply", options->path.count != 0 ? options->path.items[0] : "");
    struct reply_set *replies =
        route_replies_compile(&compiling->scene->replies, options, false, name, compiling->problems);
    compiling->route->replies = replies;
    if (replies != NULL && routes_kind(options) == ROUTE_REPLY && reply_set_find(replies, REPLY_OK) == NULL) {
        route_tell(compiling, "reply",
                   "found \"%s\", which has neither `ok` nor `any`; expected one of them, as this route takes "
                   "no events (without `stream` and `event`)",
                   options->reply);
    }
}

/* As a value of its own: then it is not where a key is looked for. */
static bool reads_key(const struct route_options *options)
{
    for (size_t i = 0; i < options->source_count; i++) {
        const struct string_pairs *query = &options->event[i].query;
        for (size_t k = 0; k < query->count; k++) {
            if (strcmp(query->names[k], "key") == 0) {
                return true;
            }
        }
    }
    return false;
}

static void compile(const struct compiling *compiling)
{
    const struct route_options *options = compiling->options;
    *compiling->route = (struct event_route){
        .options = options,
        .shape = { .atomic = options->atomic,
                   .allow_empty = options->allow_empty,
                   .max_events = options->max_events,
                   .secret = options->secret.count != 0 },
        .max_body_bytes = options->max_body_bytes,
        .waits_stored = options->ack == ROUTE_ACK_STORED,
        .open = options->open,
        .own_key = reads_key(options),
    };
    check_paths(compiling);
    check_methods(compiling);
    check_hosts(compiling);
    compile_items(compiling);
    compile_sources(compiling);
    check_bounds(compiling);
    compile_replies(compiling);
    if (routes_kind(options) != ROUTE_REPLY) {
        route_streams_compile(compiling);
    }
}

bool routes_compile(struct routes *routes, const struct route_options *options, size_t count,
                    const struct route_scene *scene, struct buf *problems)
{
    size_t before = problems->len;
    *routes = (struct routes){ .options = options, .events = calloc(count + 1, sizeof *routes->events) };
    if (routes->events == NULL) {
        buf_append_string(problems, "routes: out of memory\n");
        return false;
    }
    routes->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct compiling compiling = { &options[i], scene, &routes->events[i], problems };
        compile(&compiling);
    }
    return problems->len == before && !problems->failed;
}

void routes_release(struct routes *routes)
{
    for (size_t i = 0; i < routes->count; i++) {
        free((void *)routes->events[i].shape.envelope);
        route_streams_release(&routes->events[i]);
        reply_set_free((struct reply_set *)(uintptr_t)routes->events[i].replies);
        event_sources_free((struct event_sources *)(uintptr_t)routes->events[i].sources);
    }
    free(routes->events);
    *routes = (struct routes){ 0 };
}

static struct route row_of(const struct routes *routes, size_t index)
{
    const struct route_options *options = &routes->options[index];
    return (struct route){
        .kind = routes_kind(options),
        .methods = routes_methods(options),
        .prefix = options->prefix,
        .hosts = options->host.count != 0 ? &options->host : &options->included_hosts,
        .exact_slash = options->slash == ROUTE_SLASH_EXACT,
        .last = options->order == ROUTE_ORDER_LAST,
        .acks = options->acks,
        .events = &routes->events[index],
        .replies = routes->events[index].replies,
        .file = options->file,
        .line = options->line,
    };
}

bool route_list_add_routes(struct route_list *list, const struct routes *routes)
{
    bool added = true;
    for (size_t i = 0; i < routes->count; i++) {
        struct route row = row_of(routes, i);
        const struct string_list *paths = &routes->options[i].path;
        if (routes->options[i].lookup.table != NULL) {
            continue; /* it is a page: query/lookup_page.h */
        }
        for (size_t k = 0; added && k < paths->count; k++) {
            row.path = paths->items[k];
            added = route_list_add(list, &row);
        }
    }
    return added;
}
