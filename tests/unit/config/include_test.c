/* Files that include others, against the configuration that they must become together, or what they must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELDS "fields: [{ name: a, type: String }]"

static char folder[] = "/tmp/include_test.XXXXXX";

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void load(struct config *config, const char *text)
{
    struct buf problems = { 0 };
    write_file("main.yaml", text);
    if (!config_load(config, path_of("main.yaml"), nothing_set, &problems)) {
        fail_msg("refused: %s", buf_c_string(&problems));
    }
    buf_release(&problems);
}

/* The configuration is refused, and what is said has all of these pieces. */
static void must_say(const char *text, const char *first, const char *second)
{
    struct config config;
    struct buf problems = { 0 };
    write_file("main.yaml", text);
    assert_false(config_load(&config, path_of("main.yaml"), nothing_set, &problems));
    const char *said = buf_c_string(&problems);
    assert_non_null(said);
    if (strstr(said, first) == NULL || strstr(said, second) == NULL) {
        fail_msg("expected \"%s\" and \"%s\" in: %s", first, second, said);
    }
    buf_release(&problems);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || mkdir(path_of("inner"), 0700) != 0) {
        return -1;
    }
    write_file("a.yaml", "setup: a.sql\nhttp: { listen: \":1\", max_body: 1MiB }\n"
                         "streams:\n  - { name: events, " FIELDS " }\n  - { name: more, table: other, " FIELDS " }\n");
    write_file("d.yaml", "setup: { file: d.sql }\n");
    write_file("b.yaml", "http: { listen: \":2\" }\nstreams:\n  - { name: events, " FIELDS " }\n");
    write_file("inner/c.yaml", "include: ../a.yaml\nlog: { level: error }\n");
    write_file("loop.yaml", "include: loop.yaml\n");
    write_file("bad.yaml", "streams:\n  - { name: broken, surprise: 1, " FIELDS " }\n");
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "a.yaml",    "b.yaml",   "d.yaml",   "inner/c.yaml",
                                         "loop.yaml", "bad.yaml", "main.yaml" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        unlink(path_of(names[i]));
    }
    return rmdir(path_of("inner")) + rmdir(folder);
}

static void joins_lists_with_its_own_items_first(void **state)
{
    struct config config;
    (void)state;
    load(&config, "include: a.yaml\nstreams:\n  - { name: mine, " FIELDS " }\n");
    assert_int_equal(config.stream_count, 3);
    assert_string_equal(config.streams[0].name, "mine");
    assert_string_equal(config.streams[1].name, "events");
    assert_string_equal(config.streams[2].table, "other");
    config_free(&config);
}

static void joins_lists_that_are_written_short(void **state)
{
    struct config config;
    (void)state;
    load(&config, "include: [{ file: a.yaml, names: a_ }, { file: d.yaml }]\nsetup: main.sql\n");
    assert_int_equal(config.setup_count, 3);
    assert_string_equal(config.setup[0].path, "main.sql");
    assert_string_equal(config.setup[1].path, "a.sql");
    assert_string_equal(config.setup[2].path, "d.sql");
    config_free(&config);
}

static void wins_over_what_it_includes(void **state)
{
    struct config config;
    (void)state;
    load(&config, "include: [a.yaml]\nhttp: { listen: \":9\" }\n");
    assert_string_equal(config.http.listen, ":9");
    assert_int_equal(config.http.max_body_bytes, 1024 * 1024);
    config_free(&config);
}

static void finds_files_beside_the_one_that_names_them(void **state)
{
    struct config config;
    (void)state;
    load(&config, "include: inner/c.yaml\n");
    assert_int_equal(config.stream_count, 2);
    assert_string_equal(config.http.listen, ":1");
    config_free(&config);
}

static void tells_two_of_the_same_name_apart_by_names(void **state)
{
    struct config config;
    (void)state;
    load(&config, "http: { listen: \":9\" }\n"
                  "include: [{ file: a.yaml, names: a_, prefix: /a }, { file: b.yaml, names: b_, host: b.example }]\n");
    assert_int_equal(config.stream_count, 3);
    assert_string_equal(config.streams[0].name, "a_events");
    assert_string_equal(config.streams[0].table, "a_events");
    assert_string_equal(config.streams[0].scope, "a_");
    assert_string_equal(config.streams[1].table, "a_other");
    assert_string_equal(config.streams[2].name, "b_events");
    config_free(&config);
}

static void names_both_places_of_a_clash(void **state)
{
    (void)state;
    must_say("include: [{ file: a.yaml, names: a_ }, b.yaml]\n",
             "b.yaml:1: http.listen: found another value than in line 2 of ", "a.yaml, expected");
    must_say("include: [a.yaml, b.yaml]\nhttp: { listen: \":9\" }\n",
             "b.yaml:3: streams[2].name: found \"events\" again (first in line 4 of ", "a.yaml)");
}

static void says_what_is_wrong_where_it_is_wrong(void **state)
{
    (void)state;
    must_say("include: bad.yaml\n", "bad.yaml:2: streams[0]: ", "unknown key \"surprise\"");
    must_say("include: nowhere.yaml\n", "nowhere.yaml: cannot be read", "main.yaml:1: include: found \"nowhere.yaml\"");
    must_say("include: loop.yaml\n", "loop.yaml:1: include", "at most 8 such steps");
    must_say("include: { file: a.yaml, prefix: shop }\n", "main.yaml:1: include.prefix: found \"shop\"", "\"/shop\"");
    must_say("include: { a.yaml: b }\n", "unknown key", "include");
}

static void keeps_what_only_an_include_may_say_from_files(void **state)
{
    (void)state;
    must_say("include: a.yaml\nstreams:\n  - { name: x, \"\": y, " FIELDS " }\n", "main.yaml:3", "unknown key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_lists_with_its_own_items_first),
        cmocka_unit_test(joins_lists_that_are_written_short),
        cmocka_unit_test(wins_over_what_it_includes),
        cmocka_unit_test(finds_files_beside_the_one_that_names_them),
        cmocka_unit_test(tells_two_of_the_same_name_apart_by_names),
        cmocka_unit_test(names_both_places_of_a_clash),
        cmocka_unit_test(says_what_is_wrong_where_it_is_wrong),
        cmocka_unit_test(keeps_what_only_an_include_may_say_from_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
