/* Answers that are kept, and those who wait for one; replies are caught in place of the server's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "query/query_cache.h"

#include <stdio.h>
#include <string.h>

#define NOW_NS (100 * NS_PER_SECOND)
#define REPLIES 128

static struct page_reply posted[REPLIES]; /* by token.sequence */
static int posted_count;

/* In place of the server's. */
void page_post(struct page_later later, struct page_reply *reply)
{
    page_reply_release(&posted[later.token.sequence]);
    posted[later.token.sequence] = *reply;
    posted_count++;
}

static int forget_posted(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        page_reply_release(&posted[i]);
        posted[i] = (struct page_reply){ 0 };
    }
    posted_count = 0;
    return 0;
}

static struct query_waiter waiter_of(uint64_t number)
{
    return (struct query_waiter){ .later = { .token = { .sequence = number } } };
}

static struct page_reply reply_of(const char *body)
{
    struct page_reply reply = { .status = 200, .content_type = "application/json" };
    buf_append_string(&reply.body, body);
    return reply;
}

static enum query_cached ask(struct query_cache *cache, uint64_t key, uint64_t number, int64_t now_ns,
                             struct page_reply *reply)
{
    struct query_waiter waiter = waiter_of(number);
    *reply = (struct page_reply){ 0 };
    return query_cache_ask(cache, (struct hash128){ 1, key }, &waiter, now_ns, reply);
}

static void settle(struct query_cache *cache, uint64_t key, const char *body, int64_t keep_ns)
{
    struct page_reply reply = reply_of(body);
    query_cache_settle(cache, (struct hash128){ 1, key }, &reply, keep_ns == 0 ? 0 : NOW_NS + keep_ns, NOW_NS);
}

static void assert_headers(struct page_reply *reply, const char *line)
{
    const char *headers = buf_c_string(&reply->headers);
    if (headers == NULL || strstr(headers, line) == NULL) {
        fail_msg("no \"%s\" in %s", line, headers);
    }
}

static void a_smaller_bound_lets_the_oldest_answers_go(void **state)
{
    struct query_cache *cache = query_cache_new(1 << 20);
    struct page_reply reply;
    (void)state;
    for (uint64_t key = 1; key <= 8; key++) {
        assert_int_equal(ask(cache, key, key, NOW_NS, &reply), QUERY_FIRST);
        settle(cache, key, "an answer", NS_PER_SECOND);
    }
    uint64_t whole = query_cache_bytes(cache);
    query_cache_bound(cache, whole / 2);
    assert_true(query_cache_bytes(cache) <= whole / 2 && query_cache_bytes(cache) != 0);
    assert_int_equal(ask(cache, 1, 9, NOW_NS, &reply), QUERY_FIRST);
    assert_int_equal(ask(cache, 8, 10, NOW_NS, &reply), QUERY_CACHED);
    page_reply_release(&reply);
    settle(cache, 1, "an answer", 0);
    query_cache_free(cache);
}

static void a_hundred_equal_questions_are_asked_once(void **state)
{
    struct query_cache *cache = query_cache_new(1 << 20);
    struct page_reply reply;
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(ask(cache, 1, i, NOW_NS, &reply), i == 0 ? QUERY_FIRST : QUERY_AWAITED);
    }
    settle(cache, 1, "[1]", NS_PER_SECOND);
    assert_int_equal(posted_count, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(posted[i].status, 200);
        assert_string_equal(buf_c_string(&posted[i].body), "[1]");
    }
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_CACHED);
    assert_string_equal(buf_c_string(&reply.body), "[1]");
    page_reply_release(&reply);
    query_cache_free(cache);
}

static void an_answer_is_kept_for_its_time_and_a_failure_is_not(void **state)
{
    struct query_cache *cache = query_cache_new(1 << 20);
    struct page_reply reply;
    (void)state;
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_FIRST);
    settle(cache, 1, "x", 3 * NS_PER_SECOND);
    assert_headers(&posted[0], "Cache-Control: max-age=3\r\n");
    assert_int_equal(ask(cache, 1, 0, NOW_NS + NS_PER_SECOND, &reply), QUERY_CACHED);
    assert_headers(&reply, "Cache-Control: max-age=2\r\n");
    page_reply_release(&reply);
    assert_int_equal(ask(cache, 1, 0, NOW_NS + 3 * NS_PER_SECOND, &reply), QUERY_FIRST);
    settle(cache, 1, "failed", 0);
    assert_int_equal(posted[0].headers.len, 0);
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_FIRST);
    settle(cache, 1, "x", 0);
    assert_int_equal(query_cache_bytes(cache), 0);
    query_cache_free(cache);
}

static void who_has_the_answer_is_told_so(void **state)
{
    struct query_cache *cache = query_cache_new(1 << 20);
    struct page_reply reply;
    char tag[64];
    (void)state;
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_FIRST);
    settle(cache, 1, "x", 3 * NS_PER_SECOND);
    const char *at = strstr(buf_c_string(&posted[0].headers), "ETag: ");
    assert_non_null(at);
    snprintf(tag, sizeof tag, "\"other\", W/%.34s", at + strlen("ETag: "));
    struct query_waiter waiter = waiter_of(0);
    waiter.tags = query_tags_read(slice_from_string(tag));
    reply = (struct page_reply){ 0 };
    assert_int_equal(query_cache_ask(cache, (struct hash128){ 1, 1 }, &waiter, NOW_NS, &reply), QUERY_CACHED);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body.len, 0);
    assert_headers(&reply, "ETag: ");
    page_reply_release(&reply);
    waiter.tags = query_tags_read(SLICE("\"00000000000000000000000000000000\", x, \"\""));
    assert_int_equal(query_cache_ask(cache, (struct hash128){ 1, 1 }, &waiter, NOW_NS, &reply), QUERY_CACHED);
    assert_int_equal(reply.status, 200);
    page_reply_release(&reply);
    query_cache_free(cache);
}

static void the_least_recently_used_answers_make_room(void **state)
{
    enum { LARGE = 10000 };
    struct query_cache *cache = query_cache_new(4 * LARGE);
    struct page_reply reply;
    char body[LARGE + 1];
    (void)state;
    memset(body, 'x', LARGE);
    body[LARGE] = '\0';
    for (uint64_t key = 0; key < 20; key++) {
        assert_int_equal(ask(cache, key, key, NOW_NS, &reply), QUERY_FIRST);
        settle(cache, key, body, NS_PER_SECOND);
        assert_true(query_cache_bytes(cache) <= 4 * LARGE);
        if (key > 0) {
            assert_int_equal(ask(cache, 0, 0, NOW_NS, &reply), QUERY_CACHED); /* it stays, for it is asked for */
            page_reply_release(&reply);
        }
    }
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_FIRST);
    settle(cache, 1, body, 0);
    query_cache_free(cache);
}

static void what_is_larger_than_all_the_room_is_given_and_not_kept(void **state)
{
    struct query_cache *cache = query_cache_new(1000);
    struct page_reply reply;
    char body[2001];
    (void)state;
    memset(body, 'x', 2000);
    body[2000] = '\0';
    assert_int_equal(ask(cache, 1, 0, NOW_NS, &reply), QUERY_FIRST);
    settle(cache, 1, body, NS_PER_SECOND);
    assert_int_equal(posted[0].body.len, 2000);
    assert_int_equal(query_cache_bytes(cache), 0);
    query_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_smaller_bound_lets_the_oldest_answers_go, forget_posted, forget_posted),
        cmocka_unit_test_setup_teardown(a_hundred_equal_questions_are_asked_once, forget_posted, forget_posted),
        cmocka_unit_test_setup_teardown(an_answer_is_kept_for_its_time_and_a_failure_is_not, forget_posted,
                                        forget_posted),
        cmocka_unit_test_setup_teardown(who_has_the_answer_is_told_so, forget_posted, forget_posted),
        cmocka_unit_test_setup_teardown(the_least_recently_used_answers_make_room, forget_posted, forget_posted),
        cmocka_unit_test_setup_teardown(what_is_larger_than_all_the_room_is_given_and_not_kept, forget_posted,
                                        forget_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
