/* The page at "/", and the one of a Swagger UI that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "config/options/files_options.h"
#include "config/options/named_query_options.h"
#include "config/options/route_options.h"
#include "event/stream.h"
#include "proto/pages/landing.h"
#include "proto/pages/swagger.h"

static struct page_reply ask(struct page page, const char *fields)
{
    struct page_reply reply = { .status = 200 };
    struct page_request request = { .method = HTTP_GET, .path = SLICE("/"), .fields = slice_from_string(fields) };
    assert_int_equal(page.handle(page.context, &request, &reply, (struct page_later){ 0 }), PAGE_READY);
    return reply;
}

static bool contains(const struct buf *text, const char *word)
{
    return memmem(text->data, text->len, word, strlen(word)) != NULL;
}

static struct landing landing_of(bool with_admin)
{
    static struct stream stream = { .name = "a&b", .table = "<t>", .column_count = 7 };
    static struct stream *const streams[] = { &stream };
    const struct landing_source source = {
        .title = "Shop <1>",
        .version = "9.9",
        .streams = streams,
        .stream_count = 1,
        .example = SLICE("{\"x\":\"</pre>\"}"),
        .with_admin = with_admin,
        .with_openapi = true,
        .with_demo = with_admin,
        .with_counts = with_admin,
    };
    struct landing landing = { 0 };
    assert_true(landing_init(&landing, &source));
    return landing;
}

static void browsers_get_a_page_with_relative_links_and_escaped_names(void **state)
{
    (void)state;
    struct landing landing = landing_of(true);
    struct page_reply reply = ask(landing_page(&landing), "Accept: text/html,application/json;q=0.9\r\n");
    assert_string_equal(reply.content_type, "text/html; charset=utf-8");
    assert_true(contains(&reply.body, "<h1>Shop &lt;1&gt;</h1>"));
    assert_true(contains(&reply.body, "a&amp;b"));
    assert_true(contains(&reply.body, "table &lt;t&gt;"));
    assert_true(contains(&reply.body, "{&quot;x&quot;:&quot;&lt;/pre&gt;&quot;}"));
    assert_true(contains(&reply.body, "href=\"./swagger/\""));
    assert_true(contains(&reply.body, "href=\"./metrics\""));
    assert_false(contains(&reply.body, "href=\"/"));
    assert_false(contains(&reply.body, "<!--"));
    assert_false(contains(&reply.body, "<script"));
    assert_true(contains(&reply.headers, "Content-Security-Policy: default-src 'none'"));
    assert_true(contains(&reply.headers, "frame-ancestors 'none'"));
    assert_true(contains(&reply.headers, "Referrer-Policy: no-referrer"));
    page_reply_release(&reply);
    landing_release(&landing);
}

static void what_is_switched_off_is_not_linked(void **state)
{
    (void)state;
    struct landing landing = landing_of(false);
    assert_false(contains(&landing.html, "./demo"));
    assert_false(contains(&landing.html, "./events/metrics"));
    assert_false(contains(&landing.json, "./demo"));
    landing_release(&landing);
    landing = landing_of(true);
    assert_true(contains(&landing.html, "./demo"));
    assert_true(contains(&landing.html, "./events/metrics"));
    landing_release(&landing);
}

static void paths_of_the_configuration_are_shown_unless_they_are_of_one_host(void **state)
{
    (void)state;
    const char *paths[] = { "/a/{x<y}" }, *there[] = { "/there" }, *top[] = { "/top" }, *hosts[] = { "a.example" };
    struct route_options routes[] = { { .prefix = "/shop", .path = { paths, 1 } },
                                      { .prefix = "", .path = { there, 1 }, .host = { hosts, 1 } } };
    struct named_query_options query = { .path = { top, 1 } };
    static struct stream stream = { .name = "s", .table = "t" };
    static struct stream *const streams[] = { &stream };
    const struct landing_source source = { .title = "T",
                                           .version = "1",
                                           .streams = streams,
                                           .stream_count = 1,
                                           .routes = routes,
                                           .route_count = 2,
                                           .queries = &query,
                                           .query_count = 1,
                                           .example = SLICE("{}") };
    struct landing landing = { 0 };
    assert_true(landing_init(&landing, &source));
    assert_true(contains(&landing.html, "<li><code>/shop/a/{x&lt;y}</code> <span class=\"soft\">takes events</span>"));
    assert_true(contains(&landing.html, "<li><code>/top</code> <span class=\"soft\">a query</span>"));
    assert_false(contains(&landing.html, "/there"));
    landing_release(&landing);
    landing = landing_of(false);
    assert_false(contains(&landing.html, "own API"));
    landing_release(&landing);
}

static void clients_that_ask_for_json_get_json(void **state)
{
    (void)state;
    struct landing landing = landing_of(false);
    struct page_reply reply = ask(landing_page(&landing), "Accept: application/json\r\n");
    assert_string_equal(reply.content_type, "application/json");
    assert_true(contains(&reply.body, "\"streams\":[\"a&b\"]"));
    assert_false(contains(&reply.body, "./metrics"));
    page_reply_release(&reply);
    reply = ask(landing_page(&landing), "Accept: */*\r\n");
    assert_string_equal(reply.content_type, "text/html; charset=utf-8");
    page_reply_release(&reply);
    landing_release(&landing);
}

static void without_its_files_swagger_says_how_to_get_them(void **state)
{
    (void)state;
    struct buf path = { 0 };
    assert_false(swagger_find("/nowhere", &path));
    struct page_reply reply = ask(swagger_missing(), "");
    assert_int_equal(reply.status, 404);
    assert_true(contains(&reply.body, "make swagger"));
    page_reply_release(&reply);
    buf_release(&path);
}

static void its_files_ask_nothing_of_other_hosts(void **state)
{
    (void)state;
    struct files_options options = swagger_files("/x");
    assert_string_equal(options.headers.names[0], "Content-Security-Policy");
    assert_non_null(strstr(options.headers.values[0], "script-src 'self'; style-src 'self'; "));
    assert_non_null(strstr(options.headers.values[0], "connect-src 'self'"));
    assert_null(strstr(options.headers.values[0], "http"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_switched_off_is_not_linked),
        cmocka_unit_test(browsers_get_a_page_with_relative_links_and_escaped_names),
        cmocka_unit_test(paths_of_the_configuration_are_shown_unless_they_are_of_one_host),
        cmocka_unit_test(clients_that_ask_for_json_get_json),
        cmocka_unit_test(without_its_files_swagger_says_how_to_get_them),
        cmocka_unit_test(its_files_ask_nothing_of_other_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
