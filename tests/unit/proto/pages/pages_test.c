#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "event/stream.h"
#include "proto/front/page.h"
#include "proto/pages/pages.h"

static enum error admits;

enum error pipeline_admits(const struct pipeline *pipeline)
{
    (void)pipeline;
    return admits;
}

static struct fixture {
    struct pages_source source;
    struct page pages[PAGES_MAX];
    size_t count;
    struct status_part *store;
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
    fixture.store = status_add(fixture.source.board, "store");
    status_set(fixture.store, STATUS_OK, "answers");
    fixture.count = pages_fill(fixture.pages, &fixture.source);
    admits = OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pages_release(&fixture.source);
    metrics_free(fixture.source.metrics);
    status_board_free(fixture.source.board);
    return 0;
}

static struct page_reply get(const char *path, const char *query)
{
    struct page_reply reply = { .status = 200 };
    struct page_request request = { .method = HTTP_GET,
                                    .path = slice_from_string(path),
                                    .query = slice_from_string(query) };
    for (size_t i = 0; i < fixture.count; i++) {
        if (strcmp(fixture.pages[i].path, path) == 0) {
            const struct page *page = &fixture.pages[i];
            assert_int_equal(page->handle(page->context, &request, &reply, (struct page_later){ 0 }), PAGE_READY);
            return reply;
        }
    }
    fail_msg("there is no page %s", path);
    return reply;
}

static void expect(const char *path, const char *query, int status, const char *part)
{
    struct page_reply reply = get(path, query);
    assert_int_equal(reply.status, status);
    assert_non_null(reply.content_type);
    assert_non_null(strstr(buf_c_string(&reply.body), part));
    page_reply_release(&reply);
}

static void readyz_is_ready_while_events_are_accepted(void **state)
{
    (void)state;
    expect("/readyz", "", 200, "ready\n");
    status_set(fixture.store, STATUS_DEGRADED, "does not answer");
    expect("/readyz", "", 200, "store: degraded since ");
    status_set(fixture.store, STATUS_DOWN, "wrong password");
    expect("/readyz", "", 503, ": wrong password\n");
}

static void readyz_says_why_events_are_refused(void **state)
{
    (void)state;
    admits = ERROR_DRAINING;
    expect("/readyz", "", 503, "the gateway is shutting down");
    expect("/health", "", 503, "\"status\":\"down\"");
}

static void readyz_lists_healthy_parts_only_if_asked(void **state)
{
    (void)state;
    struct page_reply reply = get("/readyz", "");
    assert_null(strstr(buf_c_string(&reply.body), "store"));
    page_reply_release(&reply);
    expect("/readyz", "verbose", 200, "store: ok since ");
}

static void livez_lives_whatever_happens(void **state)
{
    (void)state;
    status_set(fixture.store, STATUS_DOWN, "gone");
    admits = ERROR_DISK_FULL;
    expect("/livez", "", 200, "ok");
    expect("/ping", "", 200, "pong");
}

static void health_lists_every_part(void **state)
{
    (void)state;
    status_set(fixture.store, STATUS_DEGRADED, "says \"no\"");
    expect("/health", "", 200, "\"reason\":\"says \\\"no\\\"\"");
    expect("/health", "", 200, "{\"status\":\"degraded\",\"parts\":[{\"name\":\"store\"");
}

static void status_shows_the_identity_of_each_stream(void **state)
{
    (void)state;
    struct metrics_cells *cells = metrics_thread(fixture.source.metrics);
    const struct metric_events events[] = { { .received = 4, .accepted = 3, .refused = 1, .reason = ERROR_WRONG_TYPE },
                                            { .received = 1, .refused = 1, .reason = ERROR_TOO_LONG } };
    metric_count_events(cells, PROTOCOL_HTTP, 0, &events[0]);
    metric_count_events(cells, PROTOCOL_HTTP, 0, &events[1]);
    expect("/status", "", 200,
           "{\"stream\":\"events\",\"received\":5,\"accepted\":3,\"duplicate\":0,\"rejected\":2,\"dropped\":0,"
           "\"in_flight\":0,");
    expect("/status", "", 200, "\"version\":\"1.2.3\"");
}

static enum page_result say_hello(void *context, const struct page_request *request, struct page_reply *reply,
                                  struct page_later later)
{
    (void)context, (void)request, (void)later;
    reply->content_type = "text/plain";
    buf_append_string(&reply->body, "hello");
    return PAGE_READY;
}

static void metrics_of_an_event_are_the_read_apis(void **state)
{
    (void)state;
    static const struct page other = { .path = "/events/metrics", .handle = say_hello };
    expect("/metrics", "event_name=x", 200, "# HELP sluice_");
    fixture.source.event_metrics = &other;
    expect("/metrics", "event_name=x", 200, "hello");
    expect("/metrics", "", 200, "# HELP sluice_");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(readyz_is_ready_while_events_are_accepted),
        TEST(readyz_says_why_events_are_refused),
        TEST(readyz_lists_healthy_parts_only_if_asked),
        TEST(livez_lives_whatever_happens),
        TEST(health_lists_every_part),
        TEST(status_shows_the_identity_of_each_stream),
        TEST(metrics_of_an_event_are_the_read_apis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
