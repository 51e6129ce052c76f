/* The document of a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "config/config.h"
#include "event/stream.h"
#include "proto/openapi/openapi.h"

static const char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

struct fixture {
    struct config config;
    struct stream *streams[4];
    struct openapi_source source;
};

static struct fixture load(const char *text)
{
    struct fixture f = { 0 };
    struct buf problems = { 0 };
    bool loaded = config_parse(&f.config, "test.yaml", slice_from_string(text), nothing, &problems);
    if (!loaded) {
        fail_msg("%s", buf_c_string(&problems));
    }
    for (size_t i = 0; i < f.config.stream_count; i++) {
        f.streams[i] = stream_compile(&f.config.streams[i], i, &problems);
        assert_non_null(f.streams[i]);
    }
    f.source = (struct openapi_source){
        .stream_count = f.config.stream_count,
        .routes = f.config.routes,
        .route_count = f.config.route_count,
        .replies = f.config.replies,
        .reply_count = f.config.reply_count,
        .queries = f.config.queries,
        .query_count = f.config.query_count,
        .pages = f.config.pages,
        .page_count = f.config.page_count,
        .max_events = 100,
        .title = "Test",
        .version = "1",
    };
    buf_release(&problems);
    return f;
}

/* The document for those who call it by these hosts; the caller frees it. */
static char *document(struct fixture *f, const struct string_list *hosts)
{
    struct buf out = { 0 };
    f->source.streams = f->streams;
    openapi_write(&f->source, hosts, &out);
    assert_false(out.failed);
    char *text = strdup(buf_c_string(&out));
    buf_release(&out);
    return text;
}

static void unload(struct fixture *f)
{
    for (size_t i = 0; i < f->config.stream_count; i++) {
        stream_free(f->streams[i]);
    }
    config_free(&f->config);
}

static void expect(const char *text, const char *piece)
{
    if (strstr(text, piece) == NULL) {
        fail_msg("no %s in %s", piece, text);
    }
}

static void expect_not(const char *text, const char *piece)
{
    if (strstr(text, piece) != NULL) {
        fail_msg("%s in %s", piece, text);
    }
}

#define STREAM                                                                                                         \
    "streams:\n"                                                                                                       \
    "  - name: events\n"                                                                                               \
    "    unknown_fields: reject\n"                                                                                     \
    "    fields:\n"                                                                                                    \
    "      - { name: kind, type: String, from: [kind, type], required: true, one_of: [a, b] }\n"                       \
    "      - { name: user, type: String, required: true, min_length: 2, max_length: 9, comment: Who }\n"               \
    "      - { name: age, type: Nullable(UInt8), max: 120 }\n"                                                         \
    "      - { name: os, type: String, from: device.os, required: true }\n"                                            \
    "      - { name: prices, type: Array(Float64), from: \"items[].price\", max_items: 3 }\n"                          \
    "      - { name: tags, type: \"Array(String)\", max_items: 5 }\n"                                                  \
    "      - { name: labels, type: \"Map(String, String)\" }\n"                                                        \
    "      - { name: extra, type: JSON }\n"                                                                            \
    "      - { name: key, type: UUID }\n"                                                                              \
    "      - { name: received_at, type: DateTime, fill: received_at }\n"

static void a_stream_becomes_the_schema_of_its_events(void **state)
{
    (void)state;
    struct fixture f = load(STREAM);
    char *text = document(&f, NULL);
    expect(
        text,
        "\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},\"type\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
    expect(text, "\"user\":{\"description\":\"Who.\",\"type\":\"string\",\"minLength\":2,\"maxLength\":9}");
    expect(text, "\"age\":{\"type\":[\"integer\",\"null\"],\"format\":\"uint8\",\"minimum\":0,\"maximum\":120}");
    expect(text,
           "\"device\":{\"type\":\"object\",\"properties\":{\"os\":{\"type\":\"string\"}},\"required\":[\"os\"]}");
    expect(
        text,
        "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"price\":{\"type\":\"number\"");
    expect(text, "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":5}");
    expect(text, "\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}");
    expect(text, "\"key\":{\"type\":\"string\",\"format\":\"uuid\"}");
    expect(text, "\"required\":[\"user\",\"device\"],\"allOf\":[{\"anyOf\":[{\"required\":[\"kind\"]},{\"required\":["
                 "\"type\"]}]}]");
    expect(text, "\"additionalProperties\":false");
    expect_not(text, "received_at");
    free(text);
    unload(&f);
}

static void the_example_is_an_event_that_has_what_is_required(void **state)
{
    (void)state;
    struct fixture f = load(STREAM);
    char *text = document(&f, NULL);
    expect(text, "\"value\":{\"kind\":\"a\",\"user\":\"text\",\"device\":{\"os\":\"text\"}}");
    free(text);
    unload(&f);
}

static void routes_and_their_replies_are_operations(void **state)
{
    (void)state;
    struct fixture f =
        load(STREAM "replies:\n"
                    "  made: { accepted: { status: 201, json: '{\"id\":\"{id}\"}' } }\n"
                    "routes:\n"
                    "  - { path: \"/v1/{user}/events\", methods: [PUT], stream: events, items: one, reply: made,\n"
                    "      event: [ body, { path: [user] } ] }\n"
                    "  - { path: /v1/many, stream: events, items: batch, max_events: 7 }\n");
    char *text = document(&f, NULL);
    expect(text, "\"/v1/{user}/events\":{\"put\":");
    expect(
        text,
        "{\"in\":\"path\",\"name\":\"user\",\"required\":true,\"schema\":{\"description\":\"Who.\",\"type\":\"string\","
        "\"minLength\":2,\"maxLength\":9}}");
    expect(text, "\"201\":{\"description\":\"Created\",\"content\":{\"application/json\":");
    expect(text, "\"#/components/schemas/part_of_events\"");
    expect(text, "\"batch\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":7,");
    free(text);
    unload(&f);
}

static void an_operation_shows_the_answers_that_it_can_give_and_no_others(void **state)
{
    (void)state;
    struct fixture f = load(
        STREAM "lookups: { links: { sql: 'SELECT kind, user FROM {rows:events}' } }\n"
               "replies:\n"
               "  all: { any: { status: 299, json: '{\"ok\":true}' } }\n"
               "  go: { any: { redirect: /there } }\n"
               "  link: { found: { status: 307, redirect: \"{value}\" }, missing: { status: 410, text: gone } }\n"
               "routes:\n"
               "  - { path: /one, stream: events, items: one, reply: all }\n"
               "  - { path: /go, methods: [GET], reply: go }\n"
               "  - { path: \"/l/{x}\", methods: [GET], reply: link, lookup: { table: links, key: \"{path.x}\" } }\n");
    char *text = document(&f, NULL);
    expect(text, "\"examples\":{\"accepted\":{\"value\":{\"ok\":true}},\"duplicate\":{\"value\":{\"ok\":true}},"
                 "\"rejected\":{\"value\":{\"ok\":true}},\"refused\":");
    expect(text, "\"302\":{\"description\":\"Found\"}");
    expect(text, "\"307\":{\"description\":\"Temporary Redirect\"}");
    expect(text, "\"410\":{\"description\":\"Gone\"");
    const char *fixed = strstr(text, "\"/go\":"), *end = fixed == NULL ? NULL : strstr(fixed, "\"400\":");
    if (end == NULL || memmem(fixed, (size_t)(end - fixed), "\"202\":", 6) != NULL) {
        fail_msg("a fixed reply accepts no events: %s", fixed);
    }
    free(text);
    unload(&f);
}

static void each_set_of_hosts_sees_what_is_there_for_it(void **state)
{
    (void)state;
    struct fixture f = load(STREAM "routes:\n"
                                   "  - { path: /a, host: a.example }\n"
                                   "  - { path: /b, host: b.example }\n"
                                   "  - { path: /c }\n");
    char *text = document(&f, NULL);
    expect(text, "\"/c\":");
    expect_not(text, "\"/a\":");
    free(text);
    text = document(&f, &f.config.routes[0].host);
    expect(text, "\"/a\":");
    expect(text, "\"/c\":");
    expect_not(text, "\"/b\":");
    free(text);
    struct openapi *openapi = openapi_new(&f.source);
    assert_int_equal(openapi_page_count(openapi), 3);
    openapi_free(openapi);
    unload(&f);
}

static void a_configured_path_takes_the_place_of_a_built_in_one(void **state)
{
    (void)state;
    struct fixture f =
        load(STREAM "pages: [ { path: /health, json: '{\"status\":\"{gateway:healthy|unhealthy}\"}' } ]\n");
    f.source.with_admin = true;
    char *text = document(&f, NULL);
    const char *first = strstr(text, "\"/health\":");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"/health\":"));
    expect_not(text, "schemas/Health\"");
    free(text);
    unload(&f);
}

static void keys_are_asked_for_where_they_are_needed_and_nowhere_without_them(void **state)
{
    (void)state;
    struct fixture f = load(STREAM "routes: [ { path: /pixel, methods: get, open: true, stream: s } ]\n");
    char *text = document(&f, NULL);
    expect_not(text, "securitySchemes");
    expect_not(text, "\"code\":\"key_missing\"");
    expect(text, "\"security\":[]");
    free(text);
    f.source.with_keys = true;
    f.source.with_admin = true;
    text = document(&f, NULL);
    expect(text, "\"securitySchemes\":{\"bearer\"");
    expect(text, "\"code\":\"key_missing\"");
    expect(text, "\"code\":\"stream_forbidden\"");
    expect_not(text, "\"code\":\"bad_signature\"");
    static const struct {
        const char *path, *security;
    } rows[] = {
        { "\"/events\":", "[{\"bearer\":[]},{\"basic\":[]},{\"header\":[]},{\"query\":[]}]" },
        { "\"/metrics\":", "[{\"bearer\":[]},{\"basic\":[]},{\"header\":[]}]" },
        { "\"/livez\":", "[]" },
        { "\"/pixel\":", "[]" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *at = strstr(text, rows[i].path);
        assert_non_null(at);
        at = strstr(at, "\"security\":");
        assert_non_null(at);
        assert_memory_equal(at + strlen("\"security\":"), rows[i].security, strlen(rows[i].security));
    }
    free(text);
    unload(&f);
}

static void every_code_that_events_may_be_answered_with_has_an_example(void **state)
{
    (void)state;
    struct fixture f = load(STREAM);
    char *text = document(&f, NULL);
    static const enum error codes[] = { ERROR_MISSING_FIELD,  ERROR_INVALID_JSON, ERROR_UNSUPPORTED_TYPE,
                                        ERROR_JOURNAL_FULL,   ERROR_STARTING,     ERROR_TOO_MANY_EVENTS,
                                        ERROR_UNKNOWN_STREAM, ERROR_TIMEOUT,      ERROR_INTERNAL };
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        char piece[80];
        snprintf(piece, sizeof piece, "\"code\":\"%s\"", error_info(codes[i])->code);
        expect(text, piece);
    }
    expect_not(text, "\"code\":\"bad_frame\"");
    free(text);
    unload(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_becomes_the_schema_of_its_events),
        cmocka_unit_test(the_example_is_an_event_that_has_what_is_required),
        cmocka_unit_test(routes_and_their_replies_are_operations),
        cmocka_unit_test(an_operation_shows_the_answers_that_it_can_give_and_no_others),
        cmocka_unit_test(each_set_of_hosts_sees_what_is_there_for_it),
        cmocka_unit_test(a_configured_path_takes_the_place_of_a_built_in_one),
        cmocka_unit_test(keys_are_asked_for_where_they_are_needed_and_nowhere_without_them),
        cmocka_unit_test(every_code_that_events_may_be_answered_with_has_an_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
