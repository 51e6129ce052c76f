/* Where the pages of operators are, of each kind of configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/http_options.h"
#include "inspect/admin_url.h"

#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)
#define TLS .tls = { .certificate = "cert.pem" }

/* `url` NULL: there is none. */
static void must_find(const struct http_listener_options *listeners, size_t count, const char *url)
{
    const struct http_options http = { .listeners = (struct http_listener_options *)listeners,
                                       .listener_count = count };
    struct buf found = { 0 }, problem = { 0 };
    bool secure = false;
    assert_int_equal(admin_url_find(&http, &found, &secure, &problem), url != NULL);
    if (url != NULL) {
        assert_string_equal(buf_c_string(&found), url);
        assert_int_equal(secure, strncmp(url, "https", 5) == 0);
    } else {
        assert_non_null(strstr(buf_c_string(&problem), "--url"));
    }
    buf_release(&found);
    buf_release(&problem);
}

#define MUST_FIND(url, ...)                                                                                            \
    must_find((const struct http_listener_options[]){ __VA_ARGS__ },                                                   \
              sizeof((const struct http_listener_options[]){ __VA_ARGS__ }) / sizeof(struct http_listener_options),    \
              url)

static void what_listens_everywhere_is_asked_on_the_loopback(void **state)
{
    (void)state;
    MUST_FIND("http://127.0.0.1:8080", { .listen = "0.0.0.0:8080", .serves = ALL });
    MUST_FIND("http://127.0.0.1:8080", { .listen = ":8080", .serves = ALL });
    MUST_FIND("http://[::1]:8080", { .listen = "[::]:8080", .serves = ALL });
    MUST_FIND("http://[fe80::1]:8080", { .listen = "[fe80::1]:8080", .serves = ALL });
    MUST_FIND("http://10.1.2.3:80", { .listen = "10.1.2.3:80", .serves = ALL });
    MUST_FIND("https://127.0.0.1:8443", { .listen = ":8443", .serves = ALL, TLS });
}

static void an_address_without_events_is_asked_first_then_one_without_tls(void **state)
{
    (void)state;
    MUST_FIND("http://127.0.0.1:2", { .listen = ":1", .serves = ALL }, { .listen = ":2", .serves = SERVES_ADMIN });
    MUST_FIND("https://127.0.0.1:2", { .listen = ":1", .serves = ALL },
              { .listen = ":2", .serves = SERVES_ADMIN, TLS });
    MUST_FIND("http://127.0.0.1:2", { .listen = ":1", .serves = ALL, TLS }, { .listen = ":2", .serves = ALL });
    MUST_FIND("http://127.0.0.1:1", { .listen = ":1", .serves = ALL }, { .listen = ":2", .serves = ALL });
}

static void what_serves_no_admin_or_has_no_port_yet_is_not_asked(void **state)
{
    (void)state;
    MUST_FIND(NULL, { .listen = ":1", .serves = SERVES_EVENTS });
    MUST_FIND(NULL, { .listen = ":0", .serves = ALL, .option = "http.listen" });
    MUST_FIND(NULL, { .listen = ":1", .serves = ALL, .redirect_https = "true" });
    MUST_FIND("https://127.0.0.1:2", { .listen = ":1", .serves = ALL, .redirect_https = "true" },
              { .listen = ":2", .serves = ALL, TLS });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_listens_everywhere_is_asked_on_the_loopback),
        cmocka_unit_test(an_address_without_events_is_asked_first_then_one_without_tls),
        cmocka_unit_test(what_serves_no_admin_or_has_no_port_yet_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
