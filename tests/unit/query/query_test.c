/* The threads of the read API: a store that answers by script, replies caught in place of the server's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "query/query.h"
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define REPLIES 16

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct page_reply replies[REPLIES]; /* by token.sequence */
    int replied;
    bool blocked; /* queries wait */
    int asked;
    struct store_query last; /* its texts are gone */
    bool down[2];
    enum store_outcome outcome;
} scene = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* In place of the server's. */
void page_post(struct page_later later, struct page_reply *reply)
{
    pthread_mutex_lock(&scene.mutex);
    scene.replies[later.token.sequence] = *reply;
    scene.replied++;
    pthread_cond_broadcast(&scene.changed);
    pthread_mutex_unlock(&scene.mutex);
}

static struct store_session *session_new(struct store *store)
{
    (void)store;
    return calloc(1, 1);
}

static void session_free(struct store_session *session)
{
    free(session);
}

static void run_query(struct store_session *session, size_t server, const struct store_query *query, struct buf *out,
                      struct store_reply *reply)
{
    (void)session;
    pthread_mutex_lock(&scene.mutex);
    scene.asked++;
    scene.last = *query;
    pthread_cond_broadcast(&scene.changed);
    while (scene.blocked) {
        pthread_cond_wait(&scene.changed, &scene.mutex);
    }
    *reply = (struct store_reply){ .outcome = scene.down[server] ? STORE_UNREACHABLE : scene.outcome,
                                   .message = "the script says so" };
    pthread_mutex_unlock(&scene.mutex);
    buf_append_string(out, "7\t2\n");
}

static const struct store_ops ops = { .session_new = session_new, .session_free = session_free, .query = run_query };
static const char *const server_names[] = { "one", "two" };
static struct store store = { .ops = &ops, .server_count = 2, .server_names = server_names, .database = "default" };
static struct field_options fields[] = {
    { .name = "timestamp", .type = "DateTime64(3)", .max_past_ns = -1, .max_future_ns = -1 },
};
static struct stream_options stream_options = {
    .name = "events", .table = "events", .fields = fields, .field_count = 1
};
static const struct query_options options = {
    .threads = 1, .queue = 2, .max_per_address = 2, .timeout_ns = 10 * NS_PER_SECOND
};

static struct stream *streams[1];
static struct metrics *metrics;
static struct query_service *service;

static struct query_options kept; /* that the service borrows */

static void start_with(struct query_options with)
{
    static const char *const names[] = { "events" };
    static const struct store_options stored = { .database = "default" };
    struct buf problem = { 0 };
    kept = with;
    scene.replied = scene.asked = 0;
    scene.blocked = scene.down[0] = scene.down[1] = false;
    scene.outcome = STORE_DONE;
    streams[0] = stream_compile(&stream_options, 0, &problem);
    assert_non_null(streams[0]);
    metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 }, .servers = { server_names, 2 } });
    struct query_service_config config = {
        .options = &kept, .stored = &stored, .streams = streams, .stream_count = 1, .store = &store, .metrics = metrics
    };
    service = query_new(&config, &problem);
    assert_non_null(service);
    assert_true(query_start(service, &problem));
    buf_release(&problem);
}

static void stop(void)
{
    query_stop(service);
    query_free(service);
    metrics_free(metrics);
    stream_free(streams[0]);
}

/* Handles GET /events/metrics?arguments as the request of this number; *reply is filled if it is answered at once. */
static enum page_result get(const char *arguments, uint64_t number, struct page_reply *reply)
{
    size_t count;
    struct page page = query_pages(service, &count)[0];
    struct page_request request = { .method = HTTP_GET,
                                    .path = slice_from_string(page.path),
                                    .query = slice_from_string(arguments) };
    *reply = (struct page_reply){ 0 };
    return page.handle(page.context, &request, reply, (struct page_later){ .token = { .sequence = number } });
}

static void get_later(uint64_t number)
{
    struct page_reply reply;
    assert_int_equal(get("from=1&to=2", number, &reply), PAGE_LATER);
}

/* Waits up to ten seconds until `replies` have come and `asked` queries have begun. */
static void wait_for(int replies, int asked)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&scene.mutex);
    while ((scene.replied < replies || scene.asked < asked) && late == 0) {
        late = pthread_cond_timedwait(&scene.changed, &scene.mutex, &until);
    }
    pthread_mutex_unlock(&scene.mutex);
    assert_int_equal(late, 0);
}

static void set_blocked(bool blocked)
{
    pthread_mutex_lock(&scene.mutex);
    scene.blocked = blocked;
    pthread_cond_broadcast(&scene.changed);
    pthread_mutex_unlock(&scene.mutex);
}

static void expect_reply(struct page_reply *reply, int status, const char *says)
{
    assert_int_equal(reply->status, status);
    assert_non_null(buf_c_string(&reply->body));
    if (strstr(reply->body.data, says) == NULL) {
        fail_msg("the reply says %s", reply->body.data);
    }
    assert_null(strstr(reply->body.data, "the script says")); /* the server's words are for the log */
    buf_release(&reply->body);
}

static void answers_with_what_the_store_says(void **state)
{
    (void)state;
    start_with(options);
    get_later(0);
    wait_for(1, 1);
    assert_string_equal(scene.replies[0].content_type, "application/json");
    expect_reply(&scene.replies[0], 200, "\"total_count\":7,\"unique_user_count\":2,\"grouped_metrics\":[]}");
    stop();
}

static void a_bad_argument_is_answered_at_once(void **state)
{
    (void)state;
    struct page_reply reply;
    start_with(options);
    assert_int_equal(get("from=tomorrow", 0, &reply), PAGE_READY);
    expect_reply(&reply, 400, "from: found");
    assert_int_equal(scene.asked, 0);
    stop();
}

static void a_full_queue_refuses_and_counts(void **state)
{
    (void)state;
    struct page_reply reply;
    start_with(options);
    set_blocked(true);
    get_later(0);
    wait_for(0, 1); /* it runs; two more may wait */
    get_later(1);
    get_later(2);
    assert_int_equal(get("", 3, &reply), PAGE_READY);
    expect_reply(&reply, 503, "query.queue");
    assert_int_equal(metric_read(metrics, METRIC_QUERIES_REFUSED, 0, 0, OK), 1);
    assert_int_equal(metric_read(metrics, METRIC_QUERIES, 0, 0, OK), 3);
    set_blocked(false);
    wait_for(3, 3);
    for (int i = 0; i < 3; i++) {
        expect_reply(&scene.replies[i], 200, "\"total_count\":7");
    }
    stop();
}

static void a_server_that_is_down_is_passed_over(void **state)
{
    (void)state;
    for (int down = 0; down < 2; down++) {
        start_with(options);
        scene.down[down] = true;
        get_later(0);
        get_later(1);
        wait_for(2, 3);
        expect_reply(&scene.replies[0], 200, "\"total_count\":7");
        expect_reply(&scene.replies[1], 200, "\"total_count\":7");
        stop();
    }
}

static void failures_say_whose_they_are(void **state)
{
    (void)state;
    static const struct {
        enum store_outcome outcome;
        int status;
        const char *says;
    } cases[] = { { STORE_UNREACHABLE, 503, "could not be asked; the gateway's log says more" },
                  { STORE_UNKNOWN, 503, "query.timeout" },
                  { STORE_ANSWERED, 502, "failed; the gateway's log says more" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        start_with(options);
        scene.outcome = cases[i].outcome;
        get_later(0);
        wait_for(1, 1);
        expect_reply(&scene.replies[0], cases[i].status, cases[i].says);
        stop();
    }
}

static void what_has_waited_too_long_is_not_asked(void **state)
{
    (void)state;
    struct query_options hurried = options;
    hurried.timeout_ns = 0;
    start_with(hurried);
    get_later(0);
    wait_for(1, 0);
    expect_reply(&scene.replies[0], 503, "waited longer than query.timeout");
    assert_int_equal(scene.asked, 0);
    stop();
}

static void numbers_of_a_reload_hold_for_what_is_asked_then(void **state)
{
    (void)state;
    struct page_reply reply;
    start_with(options);
    get_later(0);
    wait_for(1, 1);
    assert_int_equal(scene.last.max_rows_to_read, 0);
    kept.max_rows_to_read = 9;
    kept.max_memory = 1 << 20;
    kept.timeout_ns = 3 * NS_PER_SECOND;
    kept.max_range_ns = NS_PER_SECOND / 2;
    query_reload(service, NULL);
    assert_int_equal(get("from=1&to=2", 1, &reply), PAGE_READY);
    expect_reply(&reply, 400, "query.max_range");
    kept.max_range_ns = 0;
    get_later(2);
    wait_for(2, 2);
    assert_int_equal(scene.last.max_rows_to_read, 9);
    assert_int_equal(scene.last.max_memory, 1 << 20);
    assert_int_equal(scene.last.timeout_ns, 3 * NS_PER_SECOND);
    expect_reply(&scene.replies[0], 200, "\"total_count\":7");
    expect_reply(&scene.replies[2], 200, "\"total_count\":7");
    stop();
}

static void release_from_another_thread(void *unused)
{
    (void)unused;
    set_blocked(false);
}

static void stopping_answers_what_waits(void **state)
{
    (void)state;
    start_with(options);
    set_blocked(true);
    get_later(0);
    wait_for(0, 1);
    get_later(1);
    get_later(2);
    struct thread helper = { 0 };
    assert_int_equal(thread_start(&helper, "helper", release_from_another_thread, NULL), OK);
    stop();
    thread_join(&helper);
    assert_int_equal(scene.replied, 3);
    for (int i = 0; i < 3; i++) {
        buf_release(&scene.replies[i].body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_what_the_store_says),
        cmocka_unit_test(a_bad_argument_is_answered_at_once),
        cmocka_unit_test(a_full_queue_refuses_and_counts),
        cmocka_unit_test(a_server_that_is_down_is_passed_over),
        cmocka_unit_test(failures_say_whose_they_are),
        cmocka_unit_test(what_has_waited_too_long_is_not_asked),
        cmocka_unit_test(stopping_answers_what_waits),
        cmocka_unit_test(numbers_of_a_reload_hold_for_what_is_asked_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
