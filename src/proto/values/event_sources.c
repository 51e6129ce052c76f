/* Turns the options of a route's sources into a list of them. */
#include "proto/values/event_sources.h"

#include "config/options/route_options.h"
#include "proto/http_syntax/key_field.h"

#include <stdio.h>
#include <stdlib.h>

#define NO_KEYS "expected no field that shows a key; fill: key_name of a field stores whose it is"

static bool PRINTF_LIKE(3, 4)
    refuse(const struct route_source_options *options, struct buf *problems, const char *why, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, why);
    vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    buf_printf(problems, "%s:%d: routes.event: %s\n", options->file != NULL ? options->file : "", options->line, text);
    return false;
}

/* How many of its members say what it is; *kind: the last of them. */
static int count_kinds(const struct route_source_options *options, enum event_source_kind *kind)
{
    const struct {
        bool given;
        enum event_source_kind kind;
    } kinds[] = {
        { options->kind == SOURCE_BODY, FROM_BODY },
        { options->kind == SOURCE_FORM, FROM_FORM },
        { options->kind == SOURCE_MULTIPART, FROM_MULTIPART },
        { options->body_into != NULL, FROM_BODY_INTO },
        { options->query.count != 0, FROM_QUERY },
        { options->path.count != 0, FROM_PATH },
        { options->pairs != NULL, FROM_PAIRS },
        { options->cookies.count != 0, FROM_COOKIES },
        { options->headers.count != 0, FROM_HEADERS },
        { options->header_prefix != NULL, FROM_HEADER_PREFIX },
        { options->header_json != NULL, FROM_HEADER_JSON },
        { options->constant.count != 0, FROM_CONSTANT },
        { options->made.count != 0, FROM_MADE },
    };
    _Static_assert(ARRAY_LENGTH(kinds) == FROM_KINDS, "each kind has its row");
    int given = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (kinds[i].given) {
            *kind = kinds[i].kind;
            given++;
        }
    }
    return given;
}

static bool check_made(const struct route_source_options *options, struct buf *problems)
{
    bool fine = true;
    for (size_t i = 0; i < options->made.count; i++) {
        if (!slice_equal(slice_from_string(options->made.values[i]), SLICE("uuid"))) {
            fine = refuse(options, problems, "made.%s: found \"%s\", expected uuid", options->made.names[i],
                          options->made.values[i]);
        }
    }
    return fine;
}

/* Names a field that shows a key, which would be stored with the event. */
static bool check_headers(const struct route_source_options *options, struct buf *problems)
{
    bool fine = true;
    for (size_t i = 0; i < options->headers.count; i++) {
        if (http_field_shows_key(slice_from_string(options->headers.names[i]))) {
            fine = refuse(options, problems, "headers: found %s, " NO_KEYS, options->headers.names[i]);
        }
    }
    if (options->header_json != NULL && http_field_shows_key(slice_from_string(options->header_json))) {
        fine = refuse(options, problems, "header_json: found %s, " NO_KEYS, options->header_json);
    }
    return fine;
}

static bool compile_one(const struct route_source_options *options, struct event_source *source, struct buf *problems)
{
    int kinds = count_kinds(options, &source->kind);
    if (kinds != 1) {
        return refuse(options, problems,
                      "found %s, expected one of body, form, multipart, query, path, pairs, cookies, headers, "
                      "header_prefix, header_json, constant, made, body_into in each entry",
                      kinds == 0 ? "none" : "several");
    }
    source->options = options;
    bool named = source->kind == FROM_QUERY || source->kind == FROM_COOKIES || source->kind == FROM_HEADERS;
    if (options->base64_json && !named) {
        return refuse(options, problems, "found base64_json, which goes with query, cookies or headers");
    }
    return check_headers(options, problems) && check_made(options, problems);
}

static bool is_body(const struct event_source *source)
{
    return source->kind == FROM_BODY || source->kind == FROM_BODY_INTO;
}

/* Each kind of body once: more would say two things of one text. */
static bool check_bodies(const struct event_sources *sources, const struct route_options *route, struct buf *problems)
{
    unsigned seen = 0, bodies = 1u << FROM_BODY | 1u << FROM_FORM | 1u << FROM_MULTIPART | 1u << FROM_BODY_INTO;
    for (size_t i = 0; i < sources->count; i++) {
        unsigned bit = 1u << sources->items[i].kind;
        if ((seen & bodies & bit) != 0 || (is_body(&sources->items[i]) && (seen & 1u << FROM_BODY) != 0)) {
            return refuse(&route->event[i], problems, "found the body a second time, expected it once");
        }
        seen |= bit;
    }
    return true;
}

/* What comes behind the body wins over it. A form is a body, too, but of values like the others: the order of these tells. */
static void rank(struct event_sources *sources)
{
    bool behind = false;
    for (size_t i = 0; i < sources->count; i++) {
        sources->items[i].wins = behind;
        sources->items[i].group = (uint16_t)(i + 1);
        sources->kinds |= 1u << sources->items[i].kind;
        behind = behind || sources->items[i].kind == FROM_BODY;
    }
}

bool event_sources_compile(const struct route_options *route, struct event_sources **sources, struct buf *problems)
{
    *sources = NULL;
    if (route->source_count == 0 || (route->source_count == 1 && route->event[0].kind == SOURCE_BODY)) {
        enum event_source_kind kind;
        return route->source_count == 0 || count_kinds(&route->event[0], &kind) == 1 ||
               refuse(&route->event[0], problems, "found body and something else, expected one of them in each entry");
    }
    struct event_sources *made = calloc(1, sizeof *made);
    bool fine = made != NULL && (made->items = calloc(route->source_count, sizeof *made->items)) != NULL;
    if (!fine) {
        free(made);
        return refuse(&route->event[0], problems, "out of memory");
    }
    for (size_t i = 0; i < route->source_count; i++) {
        fine = compile_one(&route->event[i], &made->items[made->count++], problems) && fine;
    }
    if (!fine || !check_bodies(made, route, problems)) {
        event_sources_free(made);
        return false;
    }
    rank(made);
    *sources = made;
    return true;
}

void event_sources_free(struct event_sources *sources)
{
    if (sources != NULL) {
        free(sources->items);
        free(sources);
    }
}

bool event_sources_fill(const struct event_sources *sources)
{
    const unsigned bodies = 1u << FROM_BODY | 1u << FROM_FORM | 1u << FROM_MULTIPART | 1u << FROM_BODY_INTO;
    return (sources->kinds & ~bodies) != 0;
}
