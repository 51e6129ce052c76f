/* Turns what a route says of its stream into that stream, or into what chooses it. */
#include "proto/route/route_compile_private.h"

#include "config/options/route_options.h"
#include "event/stream.h"
#include "pipeline/payload/stream_choice.h"
#include "proto/route/route_pattern.h"

#include <stdlib.h>

static const struct stream *find_stream(const struct route_scene *scene, const char *scope, const char *name)
{
    struct slice front = slice_from_string(scope), back = slice_from_string(name);
    for (size_t i = 0; i < scene->stream_count; i++) {
        struct slice whole = slice_from_string(scene->streams[i]->name);
        if (whole.len == front.len + back.len && slice_starts_with(whole, front) &&
            slice_equal(slice_after(whole, front.len), back)) {
            return scene->streams[i];
        }
    }
    return *scope != '\0' ? find_stream(scene, "", name) : NULL;
}

/* One of the route's own file is meant before one of all. */
static const struct stream *must_find_stream(const struct compiling *compiling, const char *option, const char *name)
{
    const struct route_scene *scene = compiling->scene;
    const struct stream *stream = find_stream(scene, compiling->options->scope, name);
    if (stream == NULL) {
        struct buf names = { 0 };
        stream_describe_unknown(scene->streams, scene->stream_count, slice_from_string(name), &names);
        route_tell(compiling, option, "%s", buf_c_string(&names));
        buf_release(&names);
    }
    return stream;
}

static void compile_capture(const struct compiling *compiling, const char *name)
{
    const struct string_list *paths = &compiling->options->path;
    for (size_t i = 0; i < paths->count; i++) {
        struct route_pattern pattern;
        struct buf unused = { 0 };
        struct slice text = slice_from_string(name);
        if (route_pattern_compile(&pattern, NULL, paths->items[i], &unused)) {
            if (!route_pattern_has(&pattern, text)) {
                route_tell(compiling, "stream.capture", "found \"%s\", expected a name in braces of the path %s", name,
                           paths->items[i]);
            }
            route_pattern_release(&pattern);
        }
        buf_release(&unused);
    }
    compiling->route->stream_capture = slice_from_string(name);
}

/* `{ value: stream }`, or the name of each stream. */
static void fill_choice(const struct compiling *compiling, struct stream_choice *choice, struct slice *values,
                        const struct stream **streams)
{
    const struct string_pairs *names = &compiling->options->stream.names;
    const struct route_scene *scene = compiling->scene;
    for (size_t i = 0; i < names->count; i++) {
        values[i] = slice_from_string(names->names[i]);
        streams[i] = must_find_stream(compiling, "stream.names", names->values[i]);
    }
    for (size_t i = 0; names->count == 0 && i < scene->stream_count; i++) {
        values[i] = slice_from_string(scene->streams[i]->name);
        streams[i] = scene->streams[i];
    }
    choice->values = values;
    choice->streams = streams;
    choice->count = names->count != 0 ? names->count : scene->stream_count;
}

static void compile_choice(const struct compiling *compiling)
{
    const struct route_stream_options *options = &compiling->options->stream;
    const struct route_scene *scene = compiling->scene;
    struct stream_choice *choice = calloc(1, sizeof *choice);
    compiling->route->shape.choice = choice;
    if (strcmp(compiling->options->items, "one") != 0) {
        route_tell(compiling, "stream.by",
                   "found it without items: one, expected that: the events of a list go to one stream");
    }
    size_t most = options->names.count + scene->stream_count;
    struct slice *values = calloc(most + 1, sizeof *values);
    const struct stream **streams = calloc(most + 1, sizeof *streams);
    if (choice == NULL || values == NULL || streams == NULL) {
        free(values);
        free(streams);
        route_tell(compiling, "stream.by", "out of memory");
        return;
    }
    choice->member = slice_from_string(options->by);
    choice->otherwise =
        options->otherwise != NULL ? must_find_stream(compiling, "stream.else", options->otherwise) : NULL;
    fill_choice(compiling, choice, values, streams);
    compiling->route->stream = choice->otherwise != NULL ? choice->otherwise : scene->streams[0];
}

void route_streams_compile(const struct compiling *compiling)
{
    const struct route_stream_options *stream = &compiling->options->stream;
    if ((stream->name != NULL) + (stream->capture != NULL) + (stream->by != NULL) > 1) {
        route_tell(compiling, "stream", "found two ways to choose it, expected one of name, capture, by");
    } else if (stream->name != NULL) {
        compiling->route->stream = must_find_stream(compiling, "stream", stream->name);
    } else if (stream->capture != NULL) {
        compile_capture(compiling, stream->capture);
    } else if (stream->by != NULL) {
        compile_choice(compiling);
    } else {
        compiling->route->stream = compiling->scene->stream_count != 0 ? compiling->scene->streams[0] : NULL;
    }
    if (stream->by == NULL && (stream->names.count != 0 || stream->otherwise != NULL)) {
        route_tell(compiling, "stream",
                   "found names or else without by, expected the member of the event that chooses");
    }
}

void route_streams_release(const struct event_route *route)
{
    const struct stream_choice *choice = route->shape.choice;
    if (choice != NULL) {
        free((void *)(uintptr_t)choice->values);
        free((void *)(uintptr_t)choice->streams);
        free((void *)(uintptr_t)choice);
    }
}
