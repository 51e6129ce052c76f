/* Turns a configuration into compiled streams, and into all that can be said against it without starting anything. */
#include "config/options/options.h"
#include "gateway.h"
#include "gateway_limits.h"
#include "gateway_lookups.h"
#include "gateway_pages.h"
#include "gateway_routes.h"
#include "gateway_streams.h"
#include "memory_plan.h"

#include "event/stream.h"
#include "pipeline/dedup/dedup.h"
#include "proto/http_syntax/key_field.h"
#include "proto/server/server.h"
#include "proto/udp/udp.h"
#include "query/lookup_refresh.h"
#include "query/query_pages.h"
#include "store/store.h"
#include "store/table/setup.h"
#include "store/table/table_judge.h"

#include <stdlib.h>

void gateway_streams_free(struct stream **streams, size_t count)
{
    for (size_t i = 0; streams != NULL && i < count; i++) {
        stream_free(streams[i]);
    }
    free(streams);
}

/* Each line of `found` behind the name of the file. */
static void tell_problems(const char *file, const struct buf *found, const char *separator, struct buf *problems)
{
    struct slice rest = buf_slice(found);
    struct slice line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            buf_printf(problems, "%s%s%.*s\n", file, separator, (int)line.len, (const char *)line.data);
        }
    }
}

/* What a key is shown in, as a source: it would be stored with each event. */
static bool check_sources(const struct stream_options *stream, struct buf *found)
{
    static const struct slice prefix = { "@header.", 8 };
    bool fit = true;
    for (size_t i = 0; i < stream->field_count; i++) {
        const struct field_options *field = &stream->fields[i];
        for (size_t k = 0; k < field->from.count; k++) {
            struct slice from = slice_from_string(field->from.items[k]);
            if (slice_starts_with(from, prefix) && http_field_shows_key(slice_after(from, prefix.len))) {
                buf_printf(found,
                           "%d: %s.%s.from: found %s, which shows a key, expected another: fill: key_name stores whose "
                           "it is\n",
                           field->line, stream->name, field->name, field->from.items[k]);
                fit = false;
            }
        }
    }
    return fit;
}

struct stream **gateway_streams_compile(const struct config *config, struct buf *problems)
{
    struct stream **streams = calloc(config->stream_count + 1, sizeof *streams);
    struct buf found = { 0 };
    bool whole = streams != NULL;
    for (size_t i = 0; streams != NULL && i < config->stream_count; i++) {
        streams[i] = stream_compile(&config->streams[i], i, &found);
        whole = streams[i] != NULL && table_check_stream(streams[i], &found) && whole;
        whole = check_sources(&config->streams[i], &found) && whole;
        tell_problems(config->streams[i].file, &found, ":", problems);
        buf_clear(&found);
    }
    buf_release(&found);
    if (!whole) {
        gateway_streams_free(streams, config->stream_count);
        return NULL;
    }
    return streams;
}

struct query_service_config gateway_query_config(const struct config *config, struct stream **streams)
{
    return (struct query_service_config){
        .options = &config->query,
        .dedup = &config->dedup,
        .stored = &config->store,
        .queries = config->queries,
        .query_count = config->query_count,
        .replies = config->replies,
        .reply_count = config->reply_count,
        .streams = streams,
        .stream_count = config->stream_count,
    };
}

/* The pages are made, though nobody asks them: so their paths are known. */
static bool check_routes(const struct config *config, struct stream *const *streams,
                         const struct query_service_config *query_config, struct buf *problems)
{
    const struct pages_source source = { .streams = streams, .stream_count = config->stream_count, .version = "" };
    struct query_pages *queries = query_pages_new(query_config, NULL, problems);
    struct lookups *lookups = gateway_lookups_new(config, streams, NULL, problems);
    struct gateway_pages pages = { 0 };
    struct gateway_routes routes = { 0 };
    size_t count = 0;
    const struct page *list = queries == NULL ? NULL : query_pages_list(queries, &count);
    const struct gateway_pages_parts parts = { &source, list, count, lookups, NULL };
    bool fits = queries != NULL && lookups != NULL && gateway_pages_start(&pages, config, &parts, problems) &&
                gateway_routes_compile(&routes, config, streams, pages.items, pages.count, problems);
    gateway_routes_release(&routes);
    gateway_pages_stop(&pages);
    gateway_pages_free(&pages);
    query_pages_free(queries);
    lookups_free(lookups);
    return fits;
}

void gateway_doubts(const struct config *config, struct buf *doubts)
{
    struct buf found = { 0 };
    server_doubts(&config->http, &found);
    tell_problems(config->file, &found, ":", doubts);
    gateway_access_doubts(config, doubts);
    gateway_limits_doubts(config->file, &config->limits, config->keys, config->key_count, doubts);
    buf_release(&found);
}

bool gateway_check(const struct config *config, struct buf *problems)
{
    struct stream **streams = gateway_streams_compile(config, problems);
    bool fits = false;
    struct access *access = NULL;
    bool keys = false;
    struct query_service_config queries = { 0 };
    if (streams != NULL) {
        queries = gateway_query_config(config, streams);
        fits = query_check(&queries, problems);
        keys = gateway_access_new(config, streams, &access, problems);
        fits = keys && fits;
    }
    struct buf found = { 0 };
    fits = server_check(&config->http, &found) && fits;
    fits = memory_plan_check(config, &found) && fits;
    fits = store_check(&config->store, &found) && fits;
    fits = dedup_check(&config->dedup, &found) && fits;
    tell_problems(config->file, &found, ": ", problems);
    buf_clear(&found);
    fits = server_check_listeners(&config->http, &found) && fits;
    if (keys) { /* else what it names may be none by their fault */
        fits = udp_check(&config->udp, config->streams, config->stream_count, access, &found) && fits;
    }
    tell_problems(config->file, &found, ":", problems); /* these know their line */
    fits = gateway_pages_check(config, problems) && fits;
    fits = setup_check(config->setup, config->setup_count, problems) && fits;
    buf_release(&found);
    fits = fits && check_routes(config, streams, &queries, problems);
    gateway_access_free(access);
    gateway_streams_free(streams, config->stream_count);
    return fits;
}
