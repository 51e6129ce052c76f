/* Configuration files, good and bad, against what they must become or say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "command/commands.h"
#include "config/config.h"
#include "config/describe/describe.h"
#include "config/tables/option_table.h"
#include "config/yaml/environment.h"
#include "config/yaml/scalar.h"
#include "project_files.h"

#define STREAM "streams:\n  - name: events\n    fields:\n      - { name: a, type: String }\n"

static const char *environment(const char *name)
{
    static const char *const set[][2] = {
        { "PORT", "9000" },
        { "EMPTY", "" },
        { "TRICKY", "${PORT}: [x]" },
        { "SIZE", "1MiB" },
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

static const char *const everything_set[][2] = {
    { "SLUICE_LOG_LEVEL", "error" },
    { "SLUICE_HTTP", ":1" },
    { "SLUICE_UDP", ":2" },
    { "SLUICE_DATA", "/data" },
    { "SLUICE_DURABILITY", "os" },
    { "SLUICE_DEDUP", "redis" },
    { "REDIS_URL", "redis://r" },
    { "SLUICE_STORE", "clickhouse" },
    { "SLUICE_LIBCHDB", "/lib/chdb.so" },
    { "CLICKHOUSE_URL", "http://c" },
    { "CLICKHOUSE_USER", "u" },
    { "CLICKHOUSE_PASSWORD", "p" },
    { "CLICKHOUSE_DATABASE", "d" },
    { "SLUICE_DRAIN_TIMEOUT", "7s" },
    { "REDIS_PASSWORD", "r" },
    { "SLUICE_TLS_CERTIFICATE", "/c.pem" },
    { "SLUICE_TLS_KEY", "/k.pem" },
};

static const char *all_of_them(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(everything_set); i++) {
        if (strcmp(everything_set[i][0], name) == 0) {
            return everything_set[i][1];
        }
    }
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

static void one_stream_of_several_leaves_room_in_the_journal(void **state)
{
    (void)state;
    struct config config = must_parse("journal: { max_bytes: 8MiB }\n" STREAM);
    assert_int_equal(config.streams[0].max_journal_bytes, 8 << 20);
    config_free(&config);
    config = must_parse("journal: { max_bytes: 8MiB }\n" STREAM
                        "  - name: others\n    max_journal: 1MiB\n    fields:\n      - { name: a, type: String }\n");
    assert_int_equal(config.streams[0].max_journal_bytes, 6 << 20);
    assert_int_equal(config.streams[1].max_journal_bytes, 1 << 20);
    config_free(&config);
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
                                      "    batch: { strategy: time, max_delay: 5ms }\n"
                                      "    fields:\n"
                                      "      - name: a\n"
                                      "        type: DateTime64(3)\n"
                                      "        from: [x.y, z]\n"
                                      "        required: true\n"
                                      "        max_past: 2d\n"
                                      "        max_future: 0\n"
                                      "      - { name: b, type: 'Map(String, String)', default: '', min: -1.5, "
                                      "max: 9, max_items: 3, max_length: 4, fill: client_ip, anonymize: yes, "
                                      "one_of: [u, v], comment: c }\n");
    assert_int_equal(config.log.level, LOG_DEBUG);
    assert_int_equal(config.log.format, LOG_JSON);
    assert_string_equal(config.http.listen, "[::1]:80");
    assert_int_equal(config.http.max_body_bytes, 2000000);
    assert_int_equal(config.http.max_header_bytes, 2048);
    assert_int_equal(config.http.body_timeout_ns, 1500 * NS_PER_MS);
    assert_int_equal(config.http.cors_origins.count, 1);
    assert_string_equal(config.http.cors_origins.items[0], "*");
    assert_int_equal(config.http.trusted_proxies.count, 0);
    assert_int_equal(config.journal.durability, DURABILITY_MEMORY);
    assert_int_equal(config.journal.min_free, 0);
    assert_false(config.store.create_table);
    assert_string_equal(config.store.password, "a: \"b\"");
    assert_int_equal(config.query.queue, 64);
    const struct stream_options *stream = &config.streams[0];
    assert_int_equal(stream->line, 13);
    assert_string_equal(stream->table, "other");
    assert_string_equal(stream->dedup_key.items[1], "b");
    assert_string_equal(stream->order_by.items[0], "b");
    assert_string_equal(stream->partition_by, "");
    assert_int_equal(stream->unknown_fields, UNKNOWN_COLLECT);
    assert_string_equal(stream->collect_into, "b");
    assert_int_equal(stream->batch.strategy, BATCH_TIME);
    assert_int_equal(stream->batch.max_rows, 100000);
    assert_int_equal(stream->batch.max_delay_ns, 5 * NS_PER_MS);
    assert_int_equal(stream->field_count, 2);
    const struct field_options *a = &stream->fields[0];
    assert_string_equal(a->from.items[0], "x.y");
    assert_int_equal(a->from.count, 2);
    assert_true(a->required);
    assert_int_equal(a->max_past_ns, INT64_C(2) * 86400 * NS_PER_SECOND);
    assert_int_equal(a->max_future_ns, 0);
    const struct field_options *b = &stream->fields[1];
    assert_int_equal(b->line, 28);
    assert_string_equal(b->type, "Map(String, String)");
    assert_string_equal(b->default_value, "");
    assert_string_equal(b->min, "-1.5");
    assert_string_equal(b->max, "9");
    assert_int_equal(b->max_items, 3);
    assert_int_equal(b->max_length, 4);
    assert_int_equal(b->fill, FILL_CLIENT_IP);
    assert_true(b->anonymize);
    assert_string_equal(b->one_of.items[1], "v");
    assert_string_equal(b->comment, "c");
    config_free(&config);
}

static void follows_aliases(void **state)
{
    (void)state;
    struct config config = must_parse("streams:\n"
                                      "  - { name: a, fields: &f [ { name: x, type: String } ] }\n"
                                      "  - { name: b, fields: *f }\n");
    assert_int_equal(config.stream_count, 2);
    assert_string_equal(config.streams[1].fields[0].name, "x");
    config_free(&config);
}

static void puts_the_environment_into_values(void **state)
{
    static const char *const rows[][2] = {
        { "${PORT}", "9000" },
        { "a${PORT}b${PORT}", "a9000b9000" },
        { "${UNSET:-d:-e}", "d:-e" },
        { "${EMPTY:-d}", "d" },
        { "${PORT:-d}", "9000" },
        { "'${A:-${PORT}}'", "9000" },
        { "'${A:-x${EMPTY:-y}z}'", "xyz" },
        { "x${UNSET:-}", "x" },
        { "'${TRICKY}'", "${PORT}: [x]" },
        { "$${PORT}", "${PORT}" },
        { "$PORT $ {} }", "$PORT $ {} }" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "http:\n  listen: %s\n" STREAM, rows[i][0]);
        struct config config = must_parse(text);
        assert_string_equal(config.http.listen, rows[i][1]);
        config_free(&config);
    }
    struct config config = must_parse("http: { max_body: '${SIZE}', cors_origins: '${EMPTY}' }\n" STREAM);
    assert_int_equal(config.http.max_body_bytes, 1 << 20);
    assert_int_equal(config.http.cors_origins.count, 0);
    config_free(&config);
}

/* One option's wrong value, and what is said of it. */
static void says_what_a_value_must_be(void **state)
{
    static const struct {
        const char *section, *pair, *problem;
    } rows[] = {
        { "http", "max_body: 1",
          "http.max_body: found \"1\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "max_body: 2GiB",
          "http.max_body: found \"2GiB\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "max_body: 1.5MiB",
          "http.max_body: found \"1.5MiB\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "max_body: 99999999999TiB",
          "http.max_body: found \"99999999999TiB\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "max_body: -1KiB",
          "http.max_body: found \"-1KiB\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "max_body: 3MiBs",
          "http.max_body: found \"3MiBs\", expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http",
          "max_body:", "http.max_body: found nothing, expected a size such as 512KiB or 64MiB (range 1KiB to 1GiB)" },
        { "http", "io_threads: 65", "http.io_threads: found \"65\", expected a whole number (range 1 to 64)" },
        { "http", "io_threads: two", "http.io_threads: found \"two\", expected a whole number (range 1 to 64)" },
        { "http", "io_threads: 18446744073709551617",
          "http.io_threads: found \"18446744073709551617\", expected a whole number (range 1 to 64)" },
        { "http", "idle_timeout: 10",
          "http.idle_timeout: found \"10\", expected a duration such as 500ms, 10s or 1h (range 100ms to 1d)" },
        { "http", "idle_timeout: 2d",
          "http.idle_timeout: found \"2d\", expected a duration such as 500ms, 10s or 1h (range 100ms to 1d)" },
        { "drain", "delay: -1s",
          "drain.delay: found \"-1s\", expected a duration such as 500ms, 10s or 1h (range 0 to 10m)" },
        { "http", "listen: ''", "http.listen: found nothing, expected text that is not empty" },
        { "http", "listen: \"a\\0b\"", "http.listen: found \"a?b\", expected text without NUL characters" },
        { "http", "listen: [a]", "http.listen: found a list, expected a single value" },
        { "http", "listen: ${UNSET}",
          "http.listen: found ${UNSET} but UNSET is not set, expected it in the environment, or ${UNSET:-default}" },
        { "http", "listen: ${PORT", "http.listen: found ${ without }, expected ${NAME} or ${NAME:-default}" },
        { "http", "listen: ${PORT-1}", "http.listen: found ${PORT-1}, expected ${NAME} or ${NAME:-default}" },
        { "http", "listen: ${}", "http.listen: found ${}, expected ${NAME} or ${NAME:-default}" },
        { "http", "listen: '${A:-${A:-${A:-${A:-${A:-x}}}}}'",
          "http.listen: found defaults in defaults in …, expected at most 4" },
        { "http", "listen: '${A:-${PORT}'", "http.listen: found ${ without }, expected ${NAME} or ${NAME:-default}" },
        { "http", "cors_origins: { a: b }",
          "http.cors_origins: found a mapping of keys, expected a value or a list of values" },
        { "http", "cors_origins: [[a]]", "http.cors_origins: found a list, expected a single value" },
        { "http", "cors_origins: ['']", "http.cors_origins: found nothing, expected text that is not empty" },
        { "journal", "durability: disk", "journal.durability: found \"disk\", expected one of fsync, os, memory" },
        { "store", "create_table: maybe", "store.create_table: found \"maybe\", expected true or false" },
        { "http", "max_boddy: 1MiB", "http: found the unknown key \"max_boddy\", expected perhaps \"max_body\"" },
        { "http", "something: 1",
          "http: found the unknown key \"something\", expected a key of docs/configuration.md" },
        { "http", "[a]: 1", "http: found the unknown key a list, expected a key of docs/configuration.md" },
        { "http", "<<: { listen: a }", "http: found a merge key \"<<\", expected the keys themselves" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[256];
        char expected[320];
        snprintf(text, sizeof text, STREAM "%s:\n  %s\n", rows[i].section, rows[i].pair);
        snprintf(expected, sizeof expected, "test.yaml:6: %s\n", rows[i].problem);
        must_refuse(slice_from_string(text), expected);
    }
}

/* Whole files, and all that is said of them. */
static void says_what_is_wrong_with_a_file(void **state)
{
#define FIELDS ", fields: [ { name: a, type: String } ] }\n"
    static const char *const rows[][2] = {
        { "", "test.yaml:1: streams: found nothing, expected it to be given\n" },
        { "# only a comment\n", "test.yaml:1: streams: found nothing, expected it to be given\n" },
        { "streams: []\n", "test.yaml:1: streams: found 0 entries, expected 1 to 256\n" },
        { "streams:\n", "test.yaml:1: streams: found nothing, expected a list, each entry behind a \"- \"\n" },
        { "hello\n", "test.yaml:1: found a single value, expected a mapping of keys\n" },
        { "- a\n", "test.yaml:1: found a list, expected a mapping of keys\n" },
        { "http: 8080\n" STREAM, "test.yaml:1: http: found a single value, expected a mapping of keys\n" },
        { STREAM "http: {}\nhttp: {}\n",
          "test.yaml:6: http: found the key a second time (first in line 5), expected it once\n" },
        { STREAM "htpp: {}\n", "test.yaml:5: found the unknown key \"htpp\", expected perhaps \"http\"\n" },
        { STREAM "---\n" STREAM, "test.yaml:5: found a second document, expected one per file\n" },
        { STREAM "http:\n\tlisten: a\n",
          "test.yaml:6: not YAML: found character that cannot start any token while scanning for the next token (from "
          "line 6); found a tab, expected spaces in front of a key or value\n" },
        { STREAM "http: { listen: a\n",
          "test.yaml:6: not YAML: did not find expected ',' or '}' while parsing a flow mapping (from line 5); "
          "within { } and [ ] a text that has braces, brackets or commas needs quotes\n" },
        { STREAM "http: *nowhere\n", "test.yaml:5: not YAML: found undefined alias\n" },
        { "streams:\n  - {}\n", "test.yaml:2: streams[0].name: found nothing, expected it to be given\n"
                                "test.yaml:2: streams[0].fields: found nothing, expected it to be given\n" },
        { "streams:\n  - { name: a b" FIELDS,
          "test.yaml:2: streams[0].name: found \"a b\", expected a name of 1 to 64 letters, digits and _\n" },
        { "streams:\n  - { name: a" FIELDS "  - { name: a" FIELDS,
          "test.yaml:3: streams[1].name: found \"a\" again (first in line 2), expected a name of its own\n" },
        { "streams:\n  - name: a\n    fields:\n      - { name: m, type: Map(String, String) }\n      - { type: Int8 "
          "}\n",
          "test.yaml:4: streams[0].fields[0]: found the unknown key \"String)\", expected a key of "
          "docs/configuration.md; a type with a comma needs quotes around it\n"
          "test.yaml:5: streams[0].fields[1].name: found nothing, expected it to be given\n" },
        { "journal: { max_bytes: 8MiB }\n" STREAM "    max_journal: 9MiB\n",
          "test.yaml:3: streams[0].max_journal: found 9437184 bytes, expected 0, or 256KiB to journal.max_bytes, which "
          "is "
          "8388608\n" },
        { STREAM "    max_journal: 1KiB\n",
          "test.yaml:2: streams[0].max_journal: found 1024 bytes, expected 0, or 256KiB to journal.max_bytes, which is "
          "10737418240\n" },
        { STREAM "writer: { backoff_min: 2s, backoff_max: 1s }\n",
          "test.yaml: writer.backoff_max: found a duration below writer.backoff_min, expected one that is not\n" },
        { "log: { level: loud }\nhttp:\n  io_threads: 0\nstreams: &s\n  - { name: a, fields: *s }\n",
          "test.yaml:1: log.level: found \"loud\", expected one of debug, info, warn, error\n"
          "test.yaml:3: http.io_threads: found \"0\", expected a whole number (range 1 to 64)\n"
          "test.yaml:5: streams[0].fields[0]: found the unknown key \"fields\", expected a key of "
          "docs/configuration.md\n"
          "test.yaml:5: streams[0].fields[0].type: found nothing, expected it to be given\n" },
    };
#undef FIELDS
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        must_refuse(slice_from_string(rows[i][0]), rows[i][1]);
    }
}

static void says_which_file_cannot_be_read(void **state)
{
    (void)state;
    struct config config;
    struct buf problems = { 0 };
    assert_false(config_load(&config, "/nowhere/sluice.yaml", environment, &problems));
    assert_string_equal(buf_c_string(&problems), "/nowhere/sluice.yaml: cannot be read: No such file or directory\n");
    buf_release(&problems);
}

/* Whatever the bytes are: an answer, and with a refusal at least one line. */
static void must_answer(struct slice text)
{
    struct config config;
    struct buf problems = { 0 };
    if (config_parse(&config, "test.yaml", text, nothing_set, &problems)) {
        assert_int_equal(problems.len, 0);
        config_free(&config);
    } else {
        assert_true(problems.len != 0 && problems.data[problems.len - 1] == '\n');
    }
    buf_release(&problems);
}

static void survives_a_file_cut_anywhere(void **state)
{
    (void)state;
    struct buf text = project_file_bytes("config/sluice.yaml");
    for (size_t len = 0; len < text.len; len += 37) {
        char *exact = malloc(len + 1); /* so that reading past it is seen by ASan */
        memcpy(exact, text.data, len);
        must_answer(slice_make(exact, len));
        free(exact);
    }
    buf_release(&text);
}

static void survives_flipped_bytes_and_garbage(void **state)
{
    (void)state;
    struct buf text = project_file_bytes("config/presets/clickhouse.yaml");
    uint32_t random = 1;
    for (int round = 0; round < 400; round++) {
        char saved[8];
        size_t at[8];
        for (size_t i = 0; i < 8; i++) {
            random = random * 1664525u + 1013904223u;
            at[i] = (random >> 8) % text.len;
            saved[i] = text.data[at[i]];
            text.data[at[i]] = (char)(random >> 24);
        }
        must_answer(buf_slice(&text));
        for (size_t i = 8; i-- > 0;) {
            text.data[at[i]] = saved[i];
        }
    }
    for (int round = 0; round < 100; round++) {
        char garbage[256];
        for (size_t i = 0; i < sizeof garbage; i++) {
            random = random * 1664525u + 1013904223u;
            garbage[i] = (char)(random >> 24);
        }
        must_answer(slice_make(garbage, sizeof garbage));
    }
    buf_release(&text);
}

static void bounds_what_aliases_multiply(void **state)
{
    (void)state;
    struct buf text = { 0 };
    buf_append_string(&text, "streams:\n  - name: s\n    fields:\n      - &f { name: a, type: String, one_of: &o [");
    for (int i = 0; i < 20000; i++) {
        buf_append_string(&text, "x,");
    }
    buf_append_string(&text, "] }\n");
    for (int i = 0; i < 900; i++) {
        buf_append_string(&text, "      - *f\n");
    }
    must_refuse(buf_slice(&text), "test.yaml: needs more memory than a configuration may take\n");
    buf_clear(&text);
    buf_append_fill(&text, '#', 1024 * 1024 + 1);
    must_refuse(buf_slice(&text), "test.yaml: found 1048577 bytes, expected a file of at most 1048576\n");
    buf_release(&text);
}

static void loads_the_sample_and_the_presets_with_nothing_set(void **state)
{
    static const char *const presets[] = { "config/presets/minimal.yaml",
                                           "config/presets/clickhouse.yaml",
                                           "config/presets/high-throughput.yaml",
                                           "config/presets/clickhouse-18.yaml",
                                           "config/presets/000-event-tracking-api.yaml",
                                           "config/presets/001-event-stream.yaml",
                                           "config/presets/003-traffic.yaml" };
    (void)state;
    struct config config;
    for (size_t i = 0; i < ARRAY_LENGTH(presets); i++) {
        must_load(&config, presets[i]);
        assert_int_equal(config.stream_count, 1);
        config_free(&config);
    }
    must_load(&config, "config/sluice.yaml");
    assert_int_equal(config.stream_count, 1);
    assert_int_equal(config.streams[0].dedup_key.count, 5);
    for (size_t i = 0; i < config.streams[0].field_count; i++) {
        assert_non_null(config.streams[0].fields[i].comment);
    }
    config_free(&config);
}

static const char *promised_only(const char *name)
{
    static const char *const set[][2] = {
        { "SLUICE_HTTP", ":1" },          { "SLUICE_DATA", "/data" },      { "SLUICE_STORE", "clickhouse" },
        { "CLICKHOUSE_URL", "http://c" }, { "CLICKHOUSE_USER", "u" },      { "CLICKHOUSE_PASSWORD", "p" },
        { "CLICKHOUSE_DATABASE", "d" },   { "SLUICE_DEDUP", "redis" },     { "REDIS_URL", "redis://r" },
        { "SLUICE_DURABILITY", "os" },    { "SLUICE_LOG_LEVEL", "ERROR" }, { "SLUICE_UDP", ":2" },
        { "SLUICE_DRAIN_TIMEOUT", "7s" }, { "SLUICE_LIBCHDB", NULL },      { "SLUICE_TLS_CERTIFICATE", "c" },
        { "SLUICE_TLS_KEY", "k" },        { "REDIS_PASSWORD", NULL },      { "REDIS_PASSWORD_FILE", NULL },
        { "REDIS_URL_FILE", NULL },       { "CLICKHOUSE_URL_FILE", NULL }, { "CLICKHOUSE_PASSWORD_FILE", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(set); i++) {
        if (strcmp(set[i][0], name) == 0) {
            return set[i][1];
        }
    }
    fail_msg("the sample reads %s, which is not promised", name);
    return NULL;
}

static void names_of_enumerations_are_read_in_any_case(void **state)
{
    (void)state;
    struct config config =
        must_parse("log: { level: ERROR, format: Json }\n"
                   "journal: { durability: OS }\n"
                   "dedup: { kind: NONE, on_error: Reject }\n"
                   "store: { kind: ClickHouse }\n"
                   "streams: [ { name: s, table: t, unknown_fields: REJECT, batch: { strategy: Adaptive }, "
                   "fields: [ { name: at, type: DateTime, fill: Received_At } ] } ]\n");
    assert_int_equal(config.log.level, LOG_ERROR);
    assert_int_equal(config.log.format, LOG_JSON);
    assert_int_equal(config.journal.durability, DURABILITY_OS);
    assert_int_equal(config.dedup.kind, DEDUP_NONE);
    assert_int_equal(config.dedup.on_error, DEDUP_ON_ERROR_REJECT);
    assert_int_equal(config.store.kind, STORE_CLICKHOUSE);
    assert_int_equal(config.streams[0].unknown_fields, UNKNOWN_REJECT);
    assert_int_equal(config.streams[0].batch.strategy, BATCH_ADAPTIVE);
    assert_int_equal(config.streams[0].fields[0].fill, FILL_RECEIVED_AT);
    config_free(&config);
}

static void reads_the_promised_environment_in_the_sample(void **state)
{
    (void)state;
    struct config config;
    struct buf problems = { 0 };
    assert_true(config_load(&config, project_file("config/sluice.yaml"), promised_only, &problems));
    assert_string_equal(config.http.listen, ":1");
    assert_string_equal(config.http.listeners[0].tls.certificate, "c");
    assert_string_equal(config.http.listeners[0].tls.key, "k");
    assert_int_equal(config.udp.listener_count, 1);
    assert_string_equal(config.udp.listeners[0].listen, ":2");
    assert_string_equal(config.journal.data, "/data");
    assert_int_equal(config.store.kind, STORE_CLICKHOUSE);
    assert_string_equal(config.store.url, "http://c");
    assert_string_equal(config.store.user, "u");
    assert_string_equal(config.store.password, "p");
    assert_string_equal(config.store.database, "d");
    assert_int_equal(config.dedup.kind, DEDUP_REDIS);
    assert_string_equal(config.dedup.redis_url, "redis://r");
    assert_int_equal(config.journal.durability, DURABILITY_OS);
    assert_int_equal(config.log.level, LOG_ERROR);
    assert_true(config.drain.timeout_ns == 7 * NS_PER_SECOND);
    config_free(&config);
    buf_release(&problems);
}

static void assert_everything_is_set(const struct config *config)
{
    assert_int_equal(config->log.level, LOG_ERROR);
    assert_string_equal(config->http.listen, ":1");
    assert_string_equal(config->http.tls.certificate, "/c.pem");
    assert_string_equal(config->http.tls.key, "/k.pem");
    assert_string_equal(config->udp.listeners[0].listen, ":2");
    assert_string_equal(config->journal.data, "/data");
    assert_int_equal(config->journal.durability, DURABILITY_OS);
    assert_int_equal(config->dedup.kind, DEDUP_REDIS);
    assert_string_equal(config->dedup.redis_url, "redis://r");
    assert_string_equal(config->dedup.redis_password, "r");
    assert_int_equal(config->store.kind, STORE_CLICKHOUSE);
    assert_string_equal(config->store.library, "/lib/chdb.so");
    assert_string_equal(config->store.url, "http://c");
    assert_string_equal(config->store.user, "u");
    assert_string_equal(config->store.password, "p");
    assert_string_equal(config->store.database, "d");
    assert_true(config->drain.timeout_ns == 7 * NS_PER_SECOND);
}

static void the_environment_needs_no_mention_in_the_file(void **state)
{
    static const char *const files[] = {
        STREAM,
        "log: { level: debug }\nhttp: { listen: ':80' }\nudp: { listeners: [ { listen: ':81' }, { listen: ':82' } ] }\n"
        "journal: { data: /x, durability: memory }\ndedup: { kind: none, redis_url: redis://x }\n"
        "store: { kind: embedded, library: /x, url: http://x, user: x, password: x, database: x }\n"
        "drain: { timeout: 1s }\n" STREAM,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct config config;
        struct buf problems = { 0 };
        assert_true(config_parse(&config, "test.yaml", slice_from_string(files[i]), all_of_them, &problems));
        assert_everything_is_set(&config);
        assert_int_equal(config.udp.listener_count, i == 0 ? 1 : 2);
        assert_string_equal(config.udp.listeners[i].listen, i == 0 ? ":2" : ":82");
        config_free(&config);
        buf_release(&problems);
    }
    assert_int_equal(environment_option_count, ARRAY_LENGTH(everything_set));
}

static const char *dedup_is_wrong(const char *name)
{
    return strcmp(name, "SLUICE_DEDUP") == 0 ? "rediss" : NULL;
}

static void names_the_variable_whose_value_is_wrong(void **state)
{
    (void)state;
    struct config config;
    struct buf problems = { 0 };
    assert_false(config_parse(&config, "test.yaml", slice_from_string(STREAM), dedup_is_wrong, &problems));
    assert_string_equal(buf_c_string(&problems),
                        "environment: SLUICE_DEDUP: found \"rediss\", expected one of memory, redis, none\n");
    buf_release(&problems);
}

static void names_unknown_variables_with_the_nearest_known(void **state)
{
    char *variables[] = {
        "PATH=/bin",
        "SLUICE_DEDPU=redis",
        "SLUICE_DEDUP=redis",
        "SLUICE_REGION=eu",
        "SLUICE_OTHER=x",
        "SLUICE_SERVICE_HOST=10.0.0.1",
        "SLUICE_PORT=tcp://10.0.0.1:80",
        "SLUICE_PORT_80_TCP=x",
        "SLUICE_CRASH_POINT=",
        "SLUICE_DURABLE=fsync",
        "SLUICE_REG=x",
        NULL,
    };
    struct buf lines = { 0 };
    (void)state;
    environment_unknown(variables, SLICE("a: SLUICE_OTHER\nb: ${SLUICE_REGION:-us}\n"), &lines);
    assert_string_equal(buf_c_string(&lines),
                        "SLUICE_DEDPU means nothing here, perhaps SLUICE_DEDUP is meant\n"
                        "SLUICE_OTHER means nothing here: the variables are in docs/configuration.md\n"
                        "SLUICE_DURABLE means nothing here: the variables are in docs/configuration.md\n"
                        "SLUICE_REG means nothing here: the variables are in docs/configuration.md\n");
    buf_release(&lines);
}

/* The sample shows the defaults: what it says, a file that says nothing means too (but for lists, which are empty). */
static void shows_the_defaults_in_the_sample(void **state)
{
    (void)state;
    struct config sample;
    must_load(&sample, "config/sluice.yaml");
    struct config bare = must_parse(STREAM);
    for (size_t i = 0; i < option_sections.count; i++) {
        const struct option *section = &option_sections.rows[i];
        for (size_t k = 0; section->type == OPTION_GROUP && k < section->table->count; k++) {
            const struct option *option = &section->table->rows[k];
            const char *shown = (const char *)&sample + section->offset + option->offset;
            const char *meant = (const char *)&bare + section->offset + option->offset;
            const char *texts[2];
            if (option->type == OPTION_STRING) {
                memcpy(&texts[0], shown, sizeof texts[0]);
                memcpy(&texts[1], meant, sizeof texts[1]);
                assert_string_equal(texts[0], texts[1]);
            } else if (option->type != OPTION_STRINGS && option->type != OPTION_LIST) {
                size_t size = option->type == OPTION_BOOL   ? sizeof(bool)
                              : option->type == OPTION_ENUM ? sizeof(int)
                                                            : 8;
                if (memcmp(shown, meant, size) != 0) {
                    fail_msg("%s.%s differs", section->key, option->key);
                }
            }
        }
    }
    config_free(&sample);
    config_free(&bare);
}

static void has_at_most_64_rows_and_a_help_each(const struct option_table *table)
{
    assert_in_range(table->count, 1, 64);
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        if (option->inherits != INHERITS_NOTHING) {
            continue;
        }
        assert_true(option->help[strlen(option->help) - 1] == '.');
        assert_true((option->type == OPTION_ENUM || option->type == OPTION_SET) == (option->names != NULL));
        assert_true((option->type == OPTION_GROUP || option->type == OPTION_LIST) == (option->table != NULL));
        if (option->table != NULL) {
            has_at_most_64_rows_and_a_help_each(option->table);
        }
    }
}

static void keeps_the_rules_of_the_tables(void **state)
{
    (void)state;
    has_at_most_64_rows_and_a_help_each(&option_sections);
}

static void documents_every_option(void **state)
{
    (void)state;
    struct buf page = { 0 };
    config_describe(&page);
    assert_project_page("docs/configuration.md", &page, "config_test");
    buf_clear(&page);
    commands_manual("sluice.yaml", &page);
    assert_project_page("share/man/sluice.yaml.5", &page, "config_test");
    buf_release(&page);
}

static void durations_are_written_as_they_are_read(void **state)
{
    static const char *const texts[] = { "0s", "1ns", "1500us", "1500ms", "1s", "90s", "90m", "25h", "1d", "3650d" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        int64_t ns;
        char written[SCALAR_DURATION_SIZE];
        assert_true(scalar_duration(slice_from_string(texts[i]), &ns));
        assert_string_equal(scalar_write_duration(ns, written), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_written_as_they_are_read),
        cmocka_unit_test(gives_every_option_its_default),
        cmocka_unit_test(one_stream_of_several_leaves_room_in_the_journal),
        cmocka_unit_test(reads_what_the_file_says),
        cmocka_unit_test(follows_aliases),
        cmocka_unit_test(puts_the_environment_into_values),
        cmocka_unit_test(says_what_a_value_must_be),
        cmocka_unit_test(says_what_is_wrong_with_a_file),
        cmocka_unit_test(says_which_file_cannot_be_read),
        cmocka_unit_test(survives_a_file_cut_anywhere),
        cmocka_unit_test(survives_flipped_bytes_and_garbage),
        cmocka_unit_test(bounds_what_aliases_multiply),
        cmocka_unit_test(loads_the_sample_and_the_presets_with_nothing_set),
        cmocka_unit_test(names_of_enumerations_are_read_in_any_case),
        cmocka_unit_test(reads_the_promised_environment_in_the_sample),
        cmocka_unit_test(the_environment_needs_no_mention_in_the_file),
        cmocka_unit_test(names_the_variable_whose_value_is_wrong),
        cmocka_unit_test(names_unknown_variables_with_the_nearest_known),
        cmocka_unit_test(shows_the_defaults_in_the_sample),
        cmocka_unit_test(keeps_the_rules_of_the_tables),
        cmocka_unit_test(documents_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
