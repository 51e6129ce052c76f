/* A configuration's queries, compiled, for tests of them. */
#pragma once

#include "config/config.h"
#include "event/stream.h"
#include "proto/front/page.h"
#include "query/named_query.h"
#include "query/query_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_WORLD_STREAMS                                                                                            \
    "streams:\n"                                                                                                       \
    "  - name: events\n"                                                                                               \
    "    fields: [ { name: user_id, type: UInt32 }, { name: event_name, type: String }, { name: at, type: DateTime } " \
    "]\n"                                                                                                              \
    "  - name: other\n"                                                                                                \
    "    table: ot`her\n"                                                                                              \
    "    fields: [ { name: a, type: String } ]\n"

struct query_world {
    struct config config;
    struct stream *streams[8];
    struct named_query *query; /* the first; NULL: problems say why */
    struct buf problems;
};

static inline const char *query_world_nothing(const char *name)
{
    (void)name;
    return NULL;
}

/* `queries` stands behind the streams. */
static inline void query_world_init(struct query_world *world, const char *queries)
{
    struct buf text = { 0 };
    *world = (struct query_world){ 0 };
    buf_append_string(&text, QUERY_WORLD_STREAMS);
    buf_append_string(&text, queries);
    if (config_parse(&world->config, "test.yaml", buf_slice(&text), query_world_nothing, &world->problems)) {
        for (size_t i = 0; i < world->config.stream_count; i++) {
            world->streams[i] = stream_compile(&world->config.streams[i], i, &world->problems);
        }
        struct named_query_world names = { .streams = world->streams,
                                           .stream_count = world->config.stream_count,
                                           .replies = world->config.replies,
                                           .reply_count = world->config.reply_count,
                                           .database = "db",
                                           .knows = query_reply_knows };
        world->query = named_query_compile(&world->config.queries[0], &names, &world->problems);
    }
    buf_release(&text);
}

static inline void query_world_release(struct query_world *world)
{
    named_query_free(world->query);
    for (size_t i = 0; i < world->config.stream_count; i++) {
        stream_free(world->streams[i]);
    }
    buf_release(&world->problems);
    config_free(&world->config);
}

/* What a request of GET /?query binds. */
static inline enum error query_world_bind(const struct query_world *world, struct slice query,
                                          struct bound_value *values, const struct parameter **at_fault,
                                          struct buf *problem)
{
    struct page_request request = { .method = HTTP_GET, .path = SLICE("/"), .query = query };
    return named_query_bind(world->query, &request, INT64_C(1700000000000000000), values, at_fault, problem);
}
