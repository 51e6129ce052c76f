/* Turns streams of a configuration that was read anew into changes of those that are served. */
#include "gateway_streams_change.h"

#include "base/assert.h"
#include "config/options/lookup_options.h"
#include "config/options/stream_options.h"
#include "config/reload.h"
#include "config/tables/option_table.h"
#include "event/stream.h"
#include "pipeline/pipeline_change.h"

#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 1000 /* since the start: those before live on */

static const struct option_table *stream_table(void)
{
    for (size_t i = 0; i < option_sections.count; i++) {
        if (strcmp(option_sections.rows[i].key, "streams") == 0) {
            return option_sections.rows[i].table;
        }
    }
    ASSERT(false);
    return NULL;
}

static bool differ(const struct stream_options *a, const struct stream_options *b)
{
    struct buf lines = { 0 };
    config_tell_changes(stream_table(), a, b, &lines);
    bool differ = lines.len != 0 || lines.failed;
    buf_release(&lines);
    return differ;
}

static const struct field_options *find_field(const struct stream_options *stream, const char *name)
{
    for (size_t i = 0; i < stream->field_count; i++) {
        if (strcmp(stream->fields[i].name, name) == 0) {
            return &stream->fields[i];
        }
    }
    return NULL;
}

static bool has_new_fields(const struct stream_options *now, const struct stream_options *before)
{
    for (size_t i = 0; i < now->field_count; i++) {
        if (find_field(before, now->fields[i].name) == NULL) {
            return true;
        }
    }
    return false;
}

static bool same_from(const struct string_list *a, const struct string_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

static bool reads_request(const struct string_list *from)
{
    bool reads = false;
    for (size_t i = 0; i < from->count; i++) {
        reads = reads || from->items[i][0] == '@';
    }
    return reads;
}

/* A field of `now` reads something of requests, and did not before, or something else: routes were made for that. */
static bool reads_other_requests(const struct stream_options *now, const struct stream_options *before)
{
    static const struct string_list none;
    for (size_t i = 0; i < now->field_count; i++) {
        const struct field_options *old = find_field(before, now->fields[i].name);
        const struct string_list *from = &now->fields[i].from, *was = old == NULL ? &none : &old->from;
        if (!same_from(from, was) && (reads_request(from) || reads_request(was))) {
            return true;
        }
    }
    return false;
}

static bool feeds_lookup(const struct streams_options *all, const struct stream_options *stream)
{
    bool feeds = false;
    for (size_t i = 0; i < all->lookup_count; i++) {
        const char *through = all->lookups[i].write_through;
        feeds = feeds || (through != NULL && strcmp(through, stream->name) == 0);
    }
    return feeds;
}

/* NULL: it can be changed while it runs. May be in *text. */
static const char *why_not(const struct streams_options *all, size_t index, const struct stream *served,
                           struct pipeline *pipeline, struct buf *text)
{
    const struct stream_options *now = &all->items[index], *before = served->options;
    if (now->upsert.key.count != 0) {
        return "its events replace rows (upsert)";
    }
    if (feeds_lookup(all, now)) {
        return "a lookup is written through from it";
    }
    if (reads_other_requests(now, before) || reads_other_requests(before, now)) {
        return "its fields read other parts of the request (@)";
    }
    if (!has_new_fields(now, before)) {
        return NULL;
    }
    struct stream *compiled = stream_compile(now, index, text);
    bool fits = compiled != NULL && pipeline_takes_stream(pipeline, compiled, text);
    stream_free(compiled);
    return fits ? NULL : buf_c_string(text);
}

/* `mended`: another reload will do once somebody has mended what is said. */
static void tell(struct buf *restarts, const char *name, const char *why, bool mended)
{
    struct slice rest = slice_from_string(why == NULL ? "memory is short" : why), line;
    if (slice_split(&rest, '\n', &line)) {
        buf_printf(restarts, "streams[%s]: has changed, and %.*s; takes a restart%s\n", name, (int)line.len,
                   (const char *)line.data, mended ? ", or ALTER TABLE and another reload" : "");
    }
}

void streams_change_settle(const struct streams_options *next, struct stream *const *served, struct pipeline *pipeline,
                           size_t changed, struct buf *restarts)
{
    for (size_t i = 0; i < next->count; i++) {
        struct buf text = { 0 };
        const struct stream_options *options = served[i]->options;
        const char *why = NULL;
        bool differs = differ(options, &next->items[i]);
        if (differs) {
            why = changed < CHANGES_MAX ? why_not(next, i, served[i], pipeline, &text)
                                        : "streams have been changed 1,000 times since the start";
            changed++;
        }
        if (differs && (why != NULL || text.failed)) {
            tell(restarts, options->name, why, text.len != 0);
            next->items[i] = *options;
        }
        buf_release(&text);
    }
}

static bool compile_all(struct streams_change *change, const struct stream_options *next, size_t count,
                        struct stream *const *served, struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        change->streams[i] = served[i];
        if (differ(served[i]->options, &next[i])) {
            change->fresh[i] = stream_compile(&next[i], i, problems);
            if (change->fresh[i] == NULL) {
                return false;
            }
            change->streams[i] = change->fresh[i];
            change->count++;
        }
    }
    return true;
}

bool streams_change_compile(struct streams_change *change, const struct stream_options *next, size_t count,
                            struct stream *const *served, struct pipeline *pipeline, struct buf *problems)
{
    *change = (struct streams_change){ .stream_count = count };
    change->streams = calloc(count + 1, sizeof *change->streams);
    change->fresh = calloc(count + 1, sizeof *change->fresh);
    if (change->streams == NULL || change->fresh == NULL) {
        buf_append_string(problems, "streams: out of memory");
        return false;
    }
    if (!compile_all(change, next, count, served, problems)) {
        return false;
    }
    change->pipeline = change->count == 0 ? NULL : pipeline_change_new(pipeline, change->streams);
    if (change->count != 0 && change->pipeline == NULL) {
        buf_append_string(problems, "streams: out of memory");
    }
    return change->count == 0 || change->pipeline != NULL;
}

void streams_change_release(struct streams_change *change, bool made)
{
    for (size_t i = 0; !made && change->fresh != NULL && i < change->stream_count; i++) {
        stream_free(change->fresh[i]);
    }
    pipeline_change_free(change->pipeline);
    free(change->streams);
    free(change->fresh);
}
