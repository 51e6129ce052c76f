/* Configuration files, good and bad, against what they must become or say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/config.h"
#include "config/option_table.h"

#define STREAM "streams:\n  - name: events\n    fields:\n      - { name: a, type: String }\n"

static const char *environment(const char *name)
{
    static const char *const set[][2] = {
        { "PORT", "9000" }, { "EMPTY", "" }, { "TRICKY", "${PORT}: [x]" }, { "SIZE", "1MiB" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(set); i++) {
        if (strcmp(set[i][0], name) == 0) {
            return set[i][1];
        }
    }
    return NULL;
}

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static void print_problems(struct buf *problems)
{
    const char *text = buf_c_string(problems);
    print_error("%s", problems->len != 0 && text != NULL ? text : "");
}

static struct config must_parse(const char *text)
{
    struct config config;
    struct buf problems = { 0 };
    if (!config_parse(&config, "test.yaml", slice_from_string(text), environment, &problems)) {
        print_problems(&problems);
        fail_msg("refused:\n%s", text);
    }
    assert_int_equal(problems.len, 0);
    buf_release(&problems);
    return config;
}

/* The problems must be exactly `expected`. */
static void must_refuse(struct slice text, const char *expected)
{
    struct config config;
    struct buf problems = { 0 };
    assert_false(config_parse(&config, "test.yaml", text, environment, &problems));
    assert_null(config.memory);
    assert_string_equal(buf_c_string(&problems), expected);
    buf_release(&problems);
}

/* `path` from the root of the repository. */
static const char *project_file(const char *path)
{
    static char full[1024];
    const char *tests = strstr(__FILE__, "tests/unit/");
    snprintf(full, sizeof full, "%.*s%s", (int)(tests - __FILE__), __FILE__, path);
    return full;
}

static void must_load(struct config *config, const char *path)
{
    struct buf problems = { 0 };
    if (!config_load(config, project_file(path), nothing_set, &problems)) {
        print_problems(&problems);
        fail_msg("%s is refused", path);
    }
    buf_release(&problems);
}

static void gives_every_option_its_default(void **state)
{
    (void)state;
    struct config config = must_parse(STREAM);
    assert_int_equal(config.log.level, LOG_INFO);
    assert_string_equal(config.http.listen, "0.0.0.0:8080");
    assert_int_equal(config.http.max_body_bytes, 16 << 20);
    assert_int_equal(config.http.idle_timeout_ns, 75 * NS_PER_SECOND);
    assert_int_equal(config.http.cors_origins.count, 0);
    assert_int_equal(config.http.trusted_proxies.count, 2);
    assert_string_equal(config.http.trusted_proxies.items[1], "::1");
    assert_string_equal(config.admin.listen, "");
    assert_int_equal(config.journal.durability, DURABILITY_FSYNC);
    assert_int_equal(config.journal.max_bytes, UINT64_C(10) << 30);
    assert_int_equal(config.dedup.kind, DEDUP_MEMORY);
    assert_int_equal(config.dedup.redis_timeout_ns, 500 * NS_PER_MS);
    assert_int_equal(config.store.kind, STORE_EMBEDDED);
    assert_true(config.store.create_table);
    assert_int_equal(config.writer.breaker_failures, 5);
    assert_int_equal(config.drain.delay_ns, 0);
    assert_int_equal(config.stream_count, 1);
    const struct stream_options *stream = &config.streams[0];
    assert_string_equal(stream->table, "events");
    assert_null(stream->partition_by);
    assert_int_equal(stream->batch.strategy, BATCH_HYBRID);
    assert_int_equal(stream->batch.max_rows, 100000);
    assert_int_equal(stream->batch.max_delay_ns, NS_PER_SECOND);
    const struct field_options *field = &stream->fields[0];
    assert_int_equal(field->line, 4);
    assert_null(field->default_value);
    assert_null(field->comment);
    assert_int_equal(field->max_past_ns, -1);
    assert_int_equal(field->from.count, 0);
    config_free(&config);
}

static void reads_what_the_file_says(void **state)
{
    (void)state;
    struct config config = must_parse("log: { level: debug, format: json }\n"
                                      "http:\n"
                                      "  listen: '[::1]:80'\n"
                                      "  max_body: 2 MB\n"
                                      "  max_header: 2048\n"
                                      "  body_timeout: 1500ms\n"
                                      "  cors_origins: '*'\n"
                                      "  trusted_proxies: []\n"
                                      "journal: { durability: memory, min_free: 0 }\n"
                                      "store: { create_table: no, password: 'a: \"b\"' }\n"
                                      "query:\n"
                                      "streams:\n"
                                      "  - name: s_1\n"
                                      "    table: other\n"
                                      "    dedup_key: [a, b]\n"
                                      "    order_by: b\n"
                                      "    partition_by: ''\n"
                                      "    unknown_fields: collect\n"
                                      "    collect_into: b\n"
                                      "    batch: { strategy: time, max_delay: 250us000 }\n" + 0);
    config_free(&config);
}
