/* Pages that a configuration writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/page_options.h"
#include "event/stream.h"
#include "proto/front/page.h"
#include "proto/pages/page_templates.h"
#include "proto/pages/pages.h"

static enum error admits;

enum error pipeline_admits(const struct pipeline *pipeline)
{
    (void)pipeline;
    return admits;
}

static struct fixture {
    struct pages_source source;
    struct status_part *gateway, *first_server, *second_server;
} fixture;

static int set_up(void **state)
{
    static const char *names[] = { "events" };
    static struct stream stream = { .name = "events" };
    static struct stream *streams[] = { &stream };
    (void)state;
    fixture.source = (struct pages_source){
        .metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } }),
        .board = status_board_new(),
        .version = "1.2.3",
        .started_wall_ns = clock_wall_ns(),
        .streams = streams,
        .stream_count = 1,
    };
    fixture.gateway = status_add(fixture.source.board, "gateway");
    fixture.first_server = status_add(fixture.source.board, "store:a");
    fixture.second_server = status_add(fixture.source.board, "store:b");
    status_set(fixture.gateway, STATUS_OK, "accepting events");
    status_set(fixture.first_server, STATUS_OK, "answers");
    status_set(fixture.second_server, STATUS_OK, "answers");
    admits = OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_free(fixture.source.metrics);
    status_board_free(fixture.source.board);
    return 0;
}

/* The page's answer now. */
static struct page_reply ask(const struct page_options *options)
{
    struct buf problem = { 0 };
    struct page_reply reply = { .status = 200 };
    struct page page;
    struct page_request request = { .method = HTTP_GET, .path = SLICE("/p"), .client_ip = SLICE("192.0.2.7") };
    struct page_templates *templates = page_templates_new(options, 1, &fixture.source, &problem);
    assert_non_null(templates);
    assert_int_equal(page_templates_count(templates), 1);
    page_templates_pages(templates, &page);
    assert_int_equal(page.handle(page.context, &request, &reply, (struct page_later){ 0 }), PAGE_READY);
    page_templates_free(templates);
    buf_release(&problem);
    return reply;
}

static const char *path = "/p";

static struct page_options page_of(const char *json)
{
    return (struct page_options){
        .line = 4, .file = "f.yaml", .path = { &path, 1 }, .status = { 200, 207, 503 }, .json = json
    };
}

static void expect(const char *json, int status, const char *body)
{
    struct page_options options = page_of(json);
    struct page_reply reply = ask(&options);
    assert_string_equal(buf_c_string(&reply.body), body);
    assert_int_equal(reply.status, status);
    page_reply_release(&reply);
}

static void words_and_status_follow_the_state_of_the_parts(void **state)
{
    static const char ok[] = "{\"g\":\"{gateway:up|down}\",\"s\":\"{store:connected|away}\",\"d\":\"{dedup}\"}";
    (void)state;
    expect(ok, 200, "{\"g\":\"up\",\"s\":\"connected\",\"d\":\"ok\"}");
    status_set(fixture.first_server, STATUS_DEGRADED, "refused");
    expect(ok, 207, "{\"g\":\"up\",\"s\":\"connected\",\"d\":\"ok\"}"); /* the other one answers */
    status_set(fixture.second_server, STATUS_DEGRADED, "refused");
    expect(ok, 207, "{\"g\":\"up\",\"s\":\"away\",\"d\":\"ok\"}");
    status_set(fixture.gateway, STATUS_DOWN, "draining");
    expect(ok, 503, "{\"g\":\"down\",\"s\":\"away\",\"d\":\"ok\"}");
}

static void a_gateway_that_refuses_events_is_down(void **state)
{
    (void)state;
    admits = ERROR_JOURNAL_FULL;
    expect("[\"{gateway:a|b|c}\",\"{gateway.reason}\"]", 503,
           "[\"c\",\"the journal has reached its limit; try again\"]");
}

static void reasons_are_there_only_where_something_is_wrong(void **state)
{
    static const char json[] = "{\"s\":\"{store:up|down}\"{store.reason?,\"why\":{store.reason}}}";
    (void)state;
    expect(json, 200, "{\"s\":\"up\"}");
    status_set(fixture.first_server, STATUS_DEGRADED, "says \"no\"");
    expect(json, 207, "{\"s\":\"up\",\"why\":\"says \\\"no\\\"\"}");
}

static void numbers_and_counters_are_json(void **state)
{
    (void)state;
    struct page_options options =
        page_of("{\"c\":{counters},\"n\":{connections},\"v\":\"{version}\",\"ip\":\"{client_ip}\"}");
    struct page_reply reply = ask(&options);
    const char *text = buf_c_string(&reply.body);
    assert_non_null(strstr(text, "{\"c\":{\"received\":0,\"accepted\":0,"));
    assert_non_null(strstr(text, "\"n\":0,\"v\":\"1.2.3\",\"ip\":\"192.0.2.7\"}"));
    page_reply_release(&reply);
}

static void a_text_has_its_type_and_headers(void **state)
{
    const char *names[] = { "Cache-Control" }, *values[] = { "no-store" };
    (void)state;
    struct page_options options = page_of(NULL);
    options.text = "{gateway:pong|gone}\n";
    options.headers = (struct string_pairs){ names, values, 1 };
    struct page_reply reply = ask(&options);
    assert_string_equal(reply.content_type, "text/plain; charset=utf-8");
    assert_string_equal(buf_c_string(&reply.body), "pong\n");
    assert_string_equal(buf_c_string(&reply.headers), "Cache-Control: no-store\r\n");
    page_reply_release(&reply);
}

static void pages_that_cannot_be_written_are_told_with_the_cure(void **state)
{
    static const char *const wrong[] = {
        "{\"a\":{nobody}}",         "{\"a\":\"{gateway:up}\"}", "{\"a\":\"{gateway:a|b|c|d}\"}",
        "{\"a\":\"{gateway:|b}\"}", "{\"a\":{version}",         "{\"a\":\"{store.cause}\"}"
    };
    const char *names[] = { "Content-Length", "X Y" }, *values[] = { "1", "1" };
    struct buf problems = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct page_options options = page_of(wrong[i]);
        buf_clear(&problems);
        if (page_templates_check(&options, 1, &problems)) {
            fail_msg("%s was taken", wrong[i]);
        }
        assert_non_null(strstr(buf_c_string(&problems), "f.yaml:4: pages[0].json: "));
    }
    struct page_options options = page_of(NULL);
    options.headers = (struct string_pairs){ names, values, 2 };
    buf_clear(&problems);
    assert_false(page_templates_check(&options, 1, &problems));
    const char *text = buf_c_string(&problems);
    assert_non_null(strstr(text, "found neither json nor text"));
    assert_non_null(strstr(text, "found \"Content-Length\""));
    assert_non_null(strstr(text, "found \"X Y\""));
    buf_release(&problems);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(words_and_status_follow_the_state_of_the_parts),
        TEST(a_gateway_that_refuses_events_is_down),
        TEST(reasons_are_there_only_where_something_is_wrong),
        TEST(numbers_and_counters_are_json),
        TEST(a_text_has_its_type_and_headers),
        TEST(pages_that_cannot_be_written_are_told_with_the_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
