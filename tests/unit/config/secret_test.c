/* Secrets in files of their own, and what no option may hold that goes into a header or a statement. */
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
#include "store/store.h"

static const char *variables[8][2]; /* what is set: name and value */

static const char *variable(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(variables) && variables[i][0] != NULL; i++) {
        if (strcmp(variables[i][0], name) == 0) {
            return variables[i][1];
        }
    }
    return NULL;
}

static void set_variables(const char *name, const char *value, const char *other, const char *others)
{
    memset(variables, 0, sizeof variables);
    variables[0][0] = name;
    variables[0][1] = value;
    variables[1][0] = other;
    variables[1][1] = others;
}

static bool parse(struct config *config, const char *text, struct buf *problems)
{
    struct buf whole = { 0 };
    buf_append_string(&whole, text);
    buf_append_string(
        &whole, "\nstreams: [{ name: s, dedup_key: [a], fields: [{ name: a, type: String, required: true }] }]\n");
    bool fine = config_parse(config, "test", buf_slice(&whole), variable, problems);
    buf_c_string(problems);
    buf_release(&whole);
    return fine;
}

static char path[64];

static void write_secret(struct slice bytes)
{
    snprintf(path, sizeof path, "/tmp/sluice-secret-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

static void a_password_is_read_from_its_file(void **state)
{
    static const struct slice files[] = { SLICE("p:s '\"\\w"), SLICE("p:s '\"\\w\n"), SLICE("p:s '\"\\w\r\n") };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct config config;
        struct buf problems = { 0 };
        char text[256];
        write_secret(files[i]);
        snprintf(text, sizeof text, "store: { password_file: %s }\ndedup: { redis_password_file: %s }", path, path);
        if (!parse(&config, text, &problems)) {
            fail_msg("%s", problems.data);
        }
        assert_string_equal(config.store.password, "p:s '\"\\w");
        assert_string_equal(config.dedup.redis_password, "p:s '\"\\w");
        config_free(&config);
        buf_release(&problems);
        unlink(path);
    }
}

static void what_a_file_of_a_secret_must_be_is_said_without_it(void **state)
{
    static char long_secret[5000];
    memset(long_secret, 'x', sizeof long_secret);
    const struct slice files[] = { SLICE(""),         SLICE("\n"),     SLICE("two\nlines"),
                                   SLICE("hush\x1b"), SLICE("hu\0sh"), { long_secret, sizeof long_secret } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct config config;
        struct buf problems = { 0 };
        char text[256];
        write_secret(files[i]);
        snprintf(text, sizeof text, "store: { password_file: %s }", path);
        assert_false(parse(&config, text, &problems));
        assert_non_null(strstr(problems.data, "store.password_file"));
        assert_non_null(strstr(problems.data, "expected one line"));
        assert_null(strstr(problems.data, "hush"));
        buf_release(&problems);
        unlink(path);
    }
}

static void a_file_that_is_not_there_and_two_passwords_are_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "store: { password_file: /nonexistent/secret }", "cannot read /nonexistent/secret: No such file" },
        { "dedup: { redis_password_file: /nonexistent/secret }", "dedup.redis_password_file" },
        { "dedup: { redis_password_file: /tmp, redis_password: hush }", "found beside dedup.redis_password" },
        { "store: { password_file: /tmp, password: hush }", "found beside store.password" },
        { "store: { password_file: /tmp }", "Is a directory" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        struct buf problems = { 0 };
        assert_false(parse(&config, rows[i].text, &problems));
        if (strstr(problems.data, rows[i].says) == NULL || strstr(problems.data, "hush") != NULL) {
            fail_msg("%s", problems.data);
        }
        buf_release(&problems);
    }
}

static void a_file_of_a_variable_stands_for_its_value(void **state)
{
    struct config config;
    struct buf problems = { 0 };
    (void)state;
    write_secret(SLICE("sesame\n"));
    set_variables("CLICKHOUSE_PASSWORD_FILE", path, "REDIS_PASSWORD_FILE", path);
    assert_true(parse(&config, "store: { password: of_the_file }", &problems));
    assert_string_equal(config.store.password, "sesame");
    assert_string_equal(config.dedup.redis_password, "sesame");
    config_free(&config);
    unlink(path);
    write_secret(SLICE("rediss://me:sesame@h"));
    set_variables("REDIS_URL_FILE", path, NULL, NULL);
    assert_true(parse(&config, "", &problems));
    assert_string_equal(config.dedup.redis_url, "rediss://me:sesame@h");
    config_free(&config);
    unlink(path);
    set_variables("CLICKHOUSE_PASSWORD_FILE", "", NULL, NULL);
    assert_true(parse(&config, "store: { password: of_the_file }", &problems));
    assert_string_equal(config.store.password, "of_the_file");
    config_free(&config);
    buf_release(&problems);
    set_variables(NULL, NULL, NULL, NULL);
}

static void what_is_wrong_with_the_file_of_a_variable_is_said_without_it(void **state)
{
    static const struct {
        const char *holds, *other, *value, *says;
    } rows[] = {
        { "hush", "CLICKHOUSE_PASSWORD", "hush",
          "environment: CLICKHOUSE_PASSWORD_FILE: found beside CLICKHOUSE_PASSWORD, expected one of them\n" },
        { "", NULL, NULL, "environment: CLICKHOUSE_PASSWORD_FILE: /tmp/sluice-secret-" },
        { "\n", NULL, NULL, "holds nothing" },
        { "hush\nhush\n", NULL, NULL, "several lines" },
        { "hush\x1b", NULL, NULL, "control characters" },
        { NULL, NULL, NULL, "environment: CLICKHOUSE_PASSWORD_FILE: cannot read /tmp/sluice-secret-" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        struct buf problems = { 0 };
        write_secret(slice_from_string(rows[i].holds != NULL ? rows[i].holds : ""));
        if (rows[i].holds == NULL) {
            unlink(path);
        }
        set_variables("CLICKHOUSE_PASSWORD_FILE", path, rows[i].other, rows[i].value);
        assert_false(parse(&config, "", &problems));
        if (strstr(problems.data, rows[i].says) == NULL || strstr(problems.data, "hush") != NULL) {
            fail_msg("%s", problems.data);
        }
        buf_release(&problems);
        unlink(path);
    }
    set_variables(NULL, NULL, NULL, NULL);
}

/* It would end the line of the header that it goes into. */
static void no_option_brings_a_line_end_into_a_header_or_a_statement(void **state)
{
    static const char *const rows[] = {
        "store: { password: \"hush\\nX-Evil: 1\" }",
        "store: { user: \"hush\\r\\nX-Evil: 1\" }",
        "store: { database: \"hush\\n\" }",
        "store: { url: \"http://hush\\n\" }",
        "store: { library: \"hush\\x7f\" }",
        "http: { cors_origins: [\"https://hush.example\\r\\nSet-Cookie: a\"] }",
        "http: { trusted_proxies: [\"hush\\n\"] }",
        "dedup: { redis_url: \"redis://hush\\n\" }",
        "dedup: { redis_prefix: \"hush\\n\" }",
        "journal: { data: \"hush\\n\" }",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        struct buf problems = { 0 };
        if (parse(&config, rows[i], &problems)) {
            fail_msg("%s was taken", rows[i]);
        }
        assert_non_null(strstr(problems.data, "control character"));
        assert_null(strstr(problems.data, "hush"));
        buf_release(&problems);
    }
}

static void values_of_a_field_may_have_line_ends(void **state)
{
    (void)state;
    struct config config;
    struct buf problems = { 0 };
    const char *text =
        "streams: [{ name: s, dedup_key: [a], partition_by: \"toYYYYMM(\\n t)\", fields: [{ name: a, type: String, "
        "default: \"x\\ny\", one_of: [\"x\\ny\"], comment: \"two\\nlines\" }] }]\n";
    bool fine = config_parse(&config, "test", slice_from_string(text), variable, &problems);
    if (!fine) {
        fail_msg("%s", buf_c_string(&problems));
    }
    assert_string_equal(config.streams[0].fields[0].one_of.items[0], "x\ny");
    config_free(&config);
}

static void credentials_of_a_url_hide_no_line_end(void **state)
{
    static const char *const urls[] = { "http://me:hush%0aX-Evil:1@h:1", "http://me%0D:hush@h:1",
                                        "http://:%7f%00@h:1" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        struct store_options options = { .kind = STORE_CLICKHOUSE, .url = urls[i] };
        struct buf problems = { 0 };
        assert_false(store_check(&options, &problems));
        assert_null(strstr(buf_c_string(&problems), "hush"));
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_read_from_its_file),
        cmocka_unit_test(what_a_file_of_a_secret_must_be_is_said_without_it),
        cmocka_unit_test(a_file_that_is_not_there_and_two_passwords_are_refused),
        cmocka_unit_test(a_file_of_a_variable_stands_for_its_value),
        cmocka_unit_test(what_is_wrong_with_the_file_of_a_variable_is_said_without_it),
        cmocka_unit_test(no_option_brings_a_line_end_into_a_header_or_a_statement),
        cmocka_unit_test(values_of_a_field_may_have_line_ends),
        cmocka_unit_test(credentials_of_a_url_hide_no_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
