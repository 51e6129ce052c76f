/* Keys of the configuration, and of a file of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

#define STREAMS "\nstreams: [{ name: s, dedup_key: [a], fields: [{ name: a, type: String, required: true }] }]\n"

static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

static bool parse(struct config *config, const char *text, struct buf *problems)
{
    struct buf whole = { 0 };
    buf_append_string(&whole, text);
    buf_append_string(&whole, STREAMS);
    bool fine = config_parse(config, "main.yaml", buf_slice(&whole), no_variable, problems);
    buf_c_string(problems);
    buf_release(&whole);
    return fine;
}

static char path[64];

static void write_keys(const char *text)
{
    snprintf(path, sizeof path, "/tmp/sluice-keys-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void a_key_has_all_that_its_entry_says(void **state)
{
    struct config config;
    struct buf problems = { 0 };
    (void)state;
    assert_true(parse(&config,
                      "keys:\n  shop: { sha256: ab, scopes: [write, admin], streams: s, origins: [https://a], "
                      "expires: 2027-01-31, disabled: true }\n  app: { scopes: read, subject: CN=app }",
                      &problems));
    assert_int_equal(config.key_count, 2);
    const struct key_options *key = config.keys;
    assert_string_equal(key->name, "shop");
    assert_string_equal(key->sha256, "ab");
    assert_int_equal(key->scopes, ACCESS_WRITE | ACCESS_ADMIN);
    assert_string_equal(key->streams.items[0], "s");
    assert_string_equal(key->origins.items[0], "https://a");
    assert_string_equal(key->expires, "2027-01-31");
    assert_true(key->disabled);
    assert_int_equal(key->line, 2);
    assert_string_equal(key->file, "main.yaml");
    assert_string_equal(key[1].subject, "CN=app");
    assert_int_equal(key[1].streams.count, 0);
    config_free(&config);
    buf_release(&problems);
}

static void keys_of_a_file_follow_those_of_the_configuration(void **state)
{
    static const char *const files[] = {
        "- { name: b, scopes: write, sha256: cd }\n- { name: c, scopes: read }\n",
        "b: { scopes: write, sha256: cd }\nc: { scopes: read }\n",
        "keys:\n- { name: b, scopes: write, sha256: cd }\n- { name: c, scopes: read }\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct config config;
        struct buf problems = { 0 };
        char text[256];
        write_keys(files[i]);
        snprintf(text, sizeof text, "keys: [{ name: a, scopes: write }]\nkeys_file: %s", path);
        if (!parse(&config, text, &problems)) {
            fail_msg("%s", problems.data);
        }
        assert_int_equal(config.key_count, 3);
        assert_string_equal(config.keys[0].name, "a");
        assert_string_equal(config.keys[1].name, "b");
        assert_string_equal(config.keys[1].sha256, "cd");
        assert_string_equal(config.keys[1].file, path);
        assert_string_equal(config.keys[2].name, "c");
        config_free(&config);
        buf_release(&problems);
        unlink(path);
    }
}

static void a_problem_of_a_file_of_keys_names_it_and_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "- { name: b, scopes: write }\n- { name: c, scopes: wriet }\n", ":2: keys[1].scopes: found \"wriet\"" },
        { "- name: b\n", ":1: keys[0].scopes: found nothing" },
        { "- { name: b, scopes: write, key: 7 }\n", ":1: keys[0]: found the unknown key \"key\"" },
        { "- name: b\n scopes: [write]\n", "not YAML" },
        { "just text\n", "keys: found a single value, expected a list" },
        { "", "keys: found no key, expected one or more: without keys everybody may come in" },
        { "slw_d0e2c23694\n\n# …\n- name: b\n", ":1: keys: found a key itself, expected what stands behind it" },
        { "- { name: b, scopes: write }\nsla_d0e2c23694\n", ":2: keys: found a key itself" },
        { "keys: []\n", "keys: found 0 entries, expected 1 to 10000" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        struct buf problems = { 0 };
        char text[256];
        write_keys(rows[i].text);
        snprintf(text, sizeof text, "keys_file: %s", path);
        if (parse(&config, text, &problems) || strstr(problems.data, rows[i].says) == NULL ||
            strncmp(problems.data, path, strlen(path)) != 0) {
            fail_msg("expected \"%s\", found \"%s\"", rows[i].says, problems.data);
        }
        buf_release(&problems);
        unlink(path);
    }
}

static void a_file_that_is_not_there_is_a_problem_and_no_open_door(void **state)
{
    struct config config;
    struct buf problems = { 0 };
    (void)state;
    assert_false(parse(&config, "keys_file: nowhere/keys.yaml", &problems));
    assert_non_null(strstr(problems.data, "nowhere/keys.yaml: cannot be read"));
    buf_clear(&problems);
    assert_false(parse(&config, "keys: []", &problems));
    assert_non_null(strstr(problems.data, "keys: found 0 entries"));
    buf_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_all_that_its_entry_says),
        cmocka_unit_test(keys_of_a_file_follow_those_of_the_configuration),
        cmocka_unit_test(a_problem_of_a_file_of_keys_names_it_and_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_a_problem_and_no_open_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
