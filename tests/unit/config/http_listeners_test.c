/* http.listeners and its short forms, against the list that they must become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/options/options.h"

#define STREAM "streams:\n  - name: events\n    fields:\n      - { name: a, type: String }\n"
#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)
#define BUT_ADMIN (SERVES_EVENTS | SERVES_PAGES)

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static const char *http_is_set(const char *name)
{
    return strcmp(name, "SLUICE_HTTP") == 0 ? ":9" : NULL;
}

struct expected {
    const char *listen;
    unsigned serves;
    const char *option;
    int line;
};

static void must_become(const char *head, const char *(*lookup)(const char *name), const struct expected *expected,
                        size_t count)
{
    struct config config;
    struct buf text = { 0 }, problems = { 0 };
    buf_printf(&text, "%s" STREAM, head);
    if (!config_parse(&config, "test.yaml", buf_slice(&text), lookup, &problems)) {
        fail_msg("%s is refused: %s", head, buf_c_string(&problems));
    }
    assert_int_equal(config.http.listener_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct http_listener_options *listener = &config.http.listeners[i];
        assert_string_equal(listener->listen, expected[i].listen);
        assert_int_equal(listener->serves, expected[i].serves);
        assert_string_equal(listener->option, expected[i].option);
        assert_int_equal(listener->line, expected[i].line);
    }
    config_free(&config);
    buf_release(&text);
    buf_release(&problems);
}

static void the_short_forms_are_listeners_of_the_list(void **state)
{
    (void)state;
    must_become("", nothing_set, (struct expected[]){ { "0.0.0.0:8080", ALL, "http.listen", 0 } }, 1);
    must_become("", http_is_set, (struct expected[]){ { ":9", ALL, "http.listen", 0 } }, 1);
    must_become("http: { listen: '[::1]:80' }\n", nothing_set,
                (struct expected[]){ { "[::1]:80", ALL, "http.listen", 0 } }, 1);
    must_become("admin: { listen: ':1' }\n", nothing_set,
                (struct expected[]){ { "0.0.0.0:8080", BUT_ADMIN, "http.listen", 0 },
                                     { ":1", SERVES_ADMIN, "admin.listen", 0 } },
                2);
    must_become("http: { listeners: [] }\n", nothing_set,
                (struct expected[]){ { "0.0.0.0:8080", ALL, "http.listen", 0 } }, 1);
}

static void each_listener_says_what_it_serves(void **state)
{
    (void)state;
    must_become("http:\n  listeners:\n    - { listen: ':1' }\n    - { listen: ':2', serves: Events }\n"
                "    - { listen: ':3', serves: [pages, admin] }\n",
                nothing_set,
                (struct expected[]){ { ":1", ALL, "http.listeners[0].listen", 3 },
                                     { ":2", SERVES_EVENTS, "http.listeners[1].listen", 4 },
                                     { ":3", SERVES_PAGES | SERVES_ADMIN, "http.listeners[2].listen", 5 } },
                3);
}

static void short_forms_that_are_given_stand_beside_the_list(void **state)
{
    (void)state;
    must_become(
        "admin: { listen: ':1' }\nhttp:\n  listeners:\n    - { listen: ':2' }\n    - { listen: ':3', serves: admin "
        "}\n",
        nothing_set,
        (struct expected[]){ { ":1", SERVES_ADMIN, "admin.listen", 0 },
                             { ":2", BUT_ADMIN, "http.listeners[0].listen", 4 },
                             { ":3", SERVES_ADMIN, "http.listeners[1].listen", 5 } },
        3);
    must_become("http:\n  listeners: [ { listen: ':2' } ]\n", http_is_set,
                (struct expected[]){ { ":9", ALL, "http.listen", 0 }, { ":2", ALL, "http.listeners[0].listen", 2 } },
                2);
}

static void must_refuse(const char *head, const char *expected)
{
    struct config config;
    struct buf text = { 0 }, problems = { 0 };
    buf_printf(&text, "%s" STREAM, head);
    assert_false(config_parse(&config, "test.yaml", buf_slice(&text), nothing_set, &problems));
    assert_string_equal(buf_c_string(&problems), expected);
    buf_release(&text);
    buf_release(&problems);
}

static void says_what_a_listener_must_be(void **state)
{
    (void)state;
#define LISTENER(text) "http:\n  listeners:\n    - " text "\n"
#define SERVES "test.yaml:3: http.listeners[0].serves: "
    must_refuse(LISTENER("{ listen: ':1', serves: [evnts] }"),
                SERVES "found \"evnts\", expected one of events, pages, admin, routes\n");
    must_refuse(LISTENER("{ listen: ':1', serves: 'events, admin' }"),
                SERVES "found \"events, admin\", expected one of events, pages, admin, routes\n");
    must_refuse(LISTENER("{ listen: ':1', serves: [] }"),
                SERVES "found an empty list, expected a word or a list of words\n");
    must_refuse(LISTENER("{ listen: ':1', serves: '' }"),
                SERVES "found nothing, expected one of events, pages, admin, routes\n");
    must_refuse(LISTENER("{ listen: ':1', serves: { events: yes } }"),
                SERVES "found a mapping of keys, expected a word or a list of words\n");
    must_refuse(LISTENER("{ listen: ':1', serves: [[events]] }"), SERVES "found a list, expected a single value\n");
    must_refuse(LISTENER("{ serves: events }"),
                "test.yaml:3: http.listeners[0].listen: found nothing, expected it to be given\n");
    must_refuse(LISTENER("{ listen: ':1', server: events }"),
                "test.yaml:3: http.listeners[0]: found the unknown key \"server\", expected perhaps \"serves\"\n");
    must_refuse("http: { listeners: ':1' }\n",
                "test.yaml:1: http.listeners: found a single value, expected a list, each entry behind a \"- \"\n");
}

static void sixteen_addresses_are_the_most(void **state)
{
    (void)state;
#define FIVE "{ listen: ':1' }, { listen: ':2' }, { listen: ':3' }, { listen: ':4' }, { listen: ':5' }, "
    must_refuse("http: { listeners: [ " FIVE FIVE FIVE "{ listen: ':6' }, { listen: ':7' } ] }\n",
                "test.yaml:1: http.listeners: found 17 entries, expected 0 to 16\n");
    must_refuse("admin: { listen: ':8' }\nhttp: { listen: ':9', listeners: [ " FIVE FIVE FIVE " ] }\n",
                "test.yaml:2: http.listeners: found 17 addresses, those of http.listen and admin.listen among them, "
                "expected at most 16\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_forms_are_listeners_of_the_list),
        cmocka_unit_test(each_listener_says_what_it_serves),
        cmocka_unit_test(short_forms_that_are_given_stand_beside_the_list),
        cmocka_unit_test(says_what_a_listener_must_be),
        cmocka_unit_test(sixteen_addresses_are_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
