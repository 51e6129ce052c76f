/* What is said of addresses that cannot be, and how those that are listened on are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "proto/server/listener.h"
#include "proto/server/server.h"

#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)

static struct http_listener_options short_form(const char *option, const char *listen, unsigned serves)
{
    return (struct http_listener_options){ .listen = listen, .serves = serves, .option = option };
}

static struct http_listener_options entry(int line, const char *listen, unsigned serves)
{
    return (struct http_listener_options){
        .line = line, .listen = listen, .serves = serves, .option = "http.listeners[].listen"
    };
}

/* NULL: nothing is wrong. */
static void must_say(struct http_listener_options *listeners, size_t count, const char *expected)
{
    struct http_options http = { .listeners = listeners, .listener_count = count };
    struct buf problems = { 0 };
    assert_int_equal(listeners_check(&http, &problems), expected == NULL);
    if (expected != NULL) {
        assert_string_equal(buf_c_string(&problems), expected);
    }
    buf_release(&problems);
}

static void addresses_that_can_all_be_are_good(void **state)
{
    (void)state;
    must_say((struct http_listener_options[]){ short_form("http.listen", "0.0.0.0:8080", ALL) }, 1, NULL);
    must_say((struct http_listener_options[]){ short_form("http.listen", ":0", SERVES_EVENTS),
                                               short_form("admin.listen", ":0", SERVES_ADMIN),
                                               entry(3, "127.0.0.1:0", ALL), entry(4, "127.0.0.1:1", SERVES_PAGES),
                                               entry(5, "[::1]:1", SERVES_PAGES), entry(6, "127.0.0.2:1", ALL) },
             6, NULL);
}

static void each_bad_address_is_a_line(void **state)
{
    (void)state;
    must_say((struct http_listener_options[]){ short_form("http.listen", "8080", ALL) }, 1,
             " listen on 8080: expected host:port, [ipv6]:port or :port, the port at most 65535\n");
    must_say((struct http_listener_options[]){ entry(3, "::1:80", ALL), entry(4, "a:65536", ALL) }, 2,
             "3: http.listeners[].listen: listen on ::1:80: expected host:port, [ipv6]:port or :port, the port at most "
             "65535\n"
             "4: http.listeners[].listen: listen on a:65536: expected host:port, [ipv6]:port or :port, the port at "
             "most 65535\n");
}

static void an_address_given_twice_is_a_line_with_the_cure(void **state)
{
    (void)state;
    must_say((struct http_listener_options[]){ short_form("http.listen", ":9100", ALL),
                                               short_form("admin.listen", ":9100", SERVES_ADMIN) },
             2, " admin.listen: :9100 is that of http.listen already; give another, or leave it empty\n");
    must_say((struct http_listener_options[]){ short_form("http.listen", ":1", ALL), entry(3, ":1", ALL),
                                               entry(4, "127.0.0.1:1", ALL), entry(5, "[::1]:2", ALL),
                                               entry(6, "[0:0::1]:2", ALL) },
             5,
             "3: http.listeners[].listen: :1 is that of http.listen already; give another, or leave it out\n"
             "4: http.listeners[].listen: 127.0.0.1:1 cannot be listened on beside :1, which is that of http.listen; "
             "give another port\n"
             "6: http.listeners[].listen: [0:0::1]:2 cannot be listened on beside [::1]:2, which is that of "
             "http.listeners[].listen; give another port\n");
}

static void somebody_must_serve_events(void **state)
{
    (void)state;
    must_say((struct http_listener_options[]){ entry(3, ":1", SERVES_PAGES), entry(4, ":2", SERVES_ADMIN) }, 2,
             " http.listeners: none serves events, expected one that does: serves: [events, pages, admin]\n");
    must_say((struct http_listener_options[]){ entry(3, ":1", SERVES_EVENTS) }, 1, NULL);
    must_say((struct http_listener_options[]){ entry(3, ":1", SERVES_ROUTES) }, 1, NULL);
}

static void operators_listeners_are_kept_apart_from_those_of_events(void **state)
{
    static const struct {
        unsigned serves;
        bool apart;
    } rows[] = {
        { SERVES_ADMIN, true },   { SERVES_ADMIN | SERVES_PAGES, true },   { SERVES_ADMIN | SERVES_EVENTS, false },
        { SERVES_PAGES, false }, /* strangers may ask for those: they do not share what probes have */
        { SERVES_EVENTS, false }, { SERVES_ROUTES | SERVES_ADMIN, false }, { ALL, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_listener_options options = entry(1, ":1", rows[i].serves);
        assert_int_equal(server_keeps_apart(&options), rows[i].apart);
    }
}

static void an_address_is_told_with_its_port_and_what_is_not_all(void **state)
{
    static const struct {
        const char *listen;
        unsigned serves;
        const char *expected;
    } rows[] = {
        { "0.0.0.0:0", ALL, "0.0.0.0:4711" },
        { ":0", SERVES_ADMIN, ":4711(admin)" },
        { "[::1]:4711", SERVES_EVENTS | SERVES_PAGES, "[::1]:4711(events+pages)" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_listener_options options = entry(1, rows[i].listen, rows[i].serves);
        struct listener listener = { .options = &options, .port = 4711 };
        struct buf out = { 0 };
        listener_describe(&listener, &out);
        assert_string_equal(buf_c_string(&out), rows[i].expected);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_can_all_be_are_good),
        cmocka_unit_test(each_bad_address_is_a_line),
        cmocka_unit_test(an_address_given_twice_is_a_line_with_the_cure),
        cmocka_unit_test(somebody_must_serve_events),
        cmocka_unit_test(operators_listeners_are_kept_apart_from_those_of_events),
        cmocka_unit_test(an_address_is_told_with_its_port_and_what_is_not_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
