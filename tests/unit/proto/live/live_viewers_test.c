/* Those who watch: how many, what each gets, and what becomes of those who are slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics/metrics.h"
#include "config/options/access_options.h"
#include "event/stream.h"
#include "proto/access/access.h"
#include "proto/front/page_stream.h"
#include "proto/live/live_viewers.h"

#include <stdio.h>

#define MAX 3

static int posted;

static void post(struct page_later later, struct page_reply *reply)
{
    (void)later;
    posted++;
    page_reply_release(reply);
}

static struct metrics *metrics;

static void begin(struct live_viewers *viewers, const struct access *access)
{
    static const char *names[] = { "a", "b" };
    metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 2 } });
    posted = 0;
    assert_true(live_viewers_init(
        viewers, &(struct live_viewers_config){ .max = MAX, .access = access, .metrics = metrics, .post = post }));
}

static void end(struct live_viewers *viewers)
{
    live_viewers_release(viewers);
    metrics_free(metrics);
}

static const struct live_interest all = { .kinds = { true, true, true }, .all_streams = true };

static struct page_stream *watch(struct live_viewers *viewers, const struct live_interest *interest,
                                 const struct access_key *key)
{
    struct page_stream *stream = NULL;
    assert_int_equal(live_viewers_add(viewers, interest, key, (struct page_later){ .thread = NULL }, &stream), OK);
    return stream;
}

/* What waits for it, as text. */
static const char *taken(struct page_stream *stream, bool *goes_on)
{
    static char text[256];
    struct buf out = { 0 };
    *goes_on = stream->ops->take(stream, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.len, out.data == NULL ? "" : (const char *)out.data);
    buf_release(&out);
    return text;
}

static void assert_taken(struct page_stream *stream, const char *text)
{
    bool goes_on;
    assert_string_equal(taken(stream, &goes_on), text);
    assert_true(goes_on);
}

static void assert_ended(struct page_stream *stream)
{
    bool goes_on;
    taken(stream, &goes_on);
    assert_false(goes_on);
    stream->ops->ended(stream);
}

static void as_many_watch_as_the_option_says_and_a_place_is_free_again(void **state)
{
    (void)state;
    struct live_viewers viewers;
    struct page_stream *streams[MAX], *more = NULL;
    begin(&viewers, NULL);
    for (size_t i = 0; i < MAX; i++) {
        streams[i] = watch(&viewers, &all, NULL);
    }
    assert_int_equal(live_viewers_add(&viewers, &all, NULL, (struct page_later){ .thread = NULL }, &more),
                     ERROR_TOO_MANY_VIEWERS);
    assert_null(more);
    assert_int_equal((int)metric_state(metrics, METRIC_LIVE_VIEWERS, 0), MAX);
    streams[1]->ops->ended(streams[1]);
    streams[1] = watch(&viewers, &all, NULL);
    for (size_t i = 0; i < MAX; i++) {
        streams[i]->ops->ended(streams[i]);
    }
    assert_int_equal((int)metric_state(metrics, METRIC_LIVE_VIEWERS, 0), 0);
    end(&viewers);
}

static void each_is_told_of_its_kinds_and_streams_alone(void **state)
{
    (void)state;
    struct live_viewers viewers;
    struct live_interest refused_of_b = { .kinds = { [LIVE_REFUSED] = true } };
    stream_set_add(&refused_of_b.streams, 1);
    begin(&viewers, NULL);
    assert_false(live_viewers_want(&viewers, LIVE_REFUSED));
    struct page_stream *one = watch(&viewers, &all, NULL), *two = watch(&viewers, &refused_of_b, NULL);
    assert_true(live_viewers_want(&viewers, LIVE_REFUSED));
    live_viewers_give(&viewers, LIVE_REFUSED, 0, SLICE("a"));
    live_viewers_give(&viewers, LIVE_REFUSED, 1, SLICE("b"));
    live_viewers_give(&viewers, LIVE_REFUSED, LIVE_NO_STREAM, SLICE("-"));
    live_viewers_give(&viewers, LIVE_ACCEPTED, 1, SLICE("B"));
    assert_taken(one, "ab-B");
    assert_taken(two, "b");
    one->ops->ended(one);
    assert_false(live_viewers_want(&viewers, LIVE_ACCEPTED));
    assert_true(live_viewers_want(&viewers, LIVE_REFUSED));
    two->ops->ended(two);
    assert_false(live_viewers_want(&viewers, LIVE_REFUSED));
    end(&viewers);
}

static void what_a_slow_viewer_has_no_room_for_is_skipped_whole_and_others_get_it(void **state)
{
    (void)state;
    struct live_viewers viewers;
    struct buf large = { 0 };
    buf_append_fill(&large, 'x', LIVE_WAITING_BYTES - 1);
    begin(&viewers, NULL);
    struct page_stream *slow = watch(&viewers, &all, NULL), *quick = watch(&viewers, &all, NULL);
    assert_int_equal(live_viewers_give(&viewers, LIVE_NUMBERS, 0, buf_slice(&large)), 0);
    bool goes_on;
    taken(quick, &goes_on);
    assert_int_equal(live_viewers_give(&viewers, LIVE_NUMBERS, 0, SLICE("two")), 1);
    assert_int_equal(live_viewers_give(&viewers, LIVE_NUMBERS, 0, SLICE("3")), 0);
    assert_taken(quick, "two3");
    struct buf out = { 0 };
    assert_true(slow->ops->take(slow, &out));
    assert_int_equal(out.len, LIVE_WAITING_BYTES);
    assert_int_equal(out.data[out.len - 1], '3');
    buf_release(&out);
    buf_release(&large);
    slow->ops->ended(slow);
    quick->ops->ended(quick);
    end(&viewers);
}

static void one_word_to_its_thread_is_enough_until_something_is_taken(void **state)
{
    (void)state;
    struct live_viewers viewers;
    begin(&viewers, NULL);
    struct page_stream *one = watch(&viewers, &all, NULL);
    live_viewers_nudge(&viewers, false);
    assert_int_equal(posted, 0);
    live_viewers_give(&viewers, LIVE_NUMBERS, 0, SLICE("1"));
    live_viewers_nudge(&viewers, false);
    live_viewers_nudge(&viewers, false);
    assert_int_equal(posted, 1);
    live_viewers_nudge(&viewers, true);
    assert_int_equal(posted, 2);
    assert_taken(one, "1");
    live_viewers_give(&viewers, LIVE_NUMBERS, 0, SLICE("2"));
    live_viewers_nudge(&viewers, false);
    assert_int_equal(posted, 3);
    one->ops->ended(one);
    end(&viewers);
}

static void bytes_for_one_who_has_gone_do_not_reach_who_took_the_place(void **state)
{
    (void)state;
    struct live_viewers viewers;
    struct live_interest interest;
    uint64_t serial;
    begin(&viewers, NULL);
    struct page_stream *first = watch(&viewers, &all, NULL);
    assert_true(live_viewers_interest(&viewers, 0, &interest, &serial));
    first->ops->ended(first);
    assert_false(live_viewers_interest(&viewers, 0, &interest, &(uint64_t){ 0 }));
    struct page_stream *second = watch(&viewers, &all, NULL);
    assert_ptr_equal(first, second);
    live_viewers_give_one(&viewers, 0, serial, SLICE("secret"));
    assert_taken(second, "");
    second->ops->ended(second);
    end(&viewers);
}

static void the_end_of_the_gateway_ends_all_and_lets_nobody_in(void **state)
{
    (void)state;
    struct live_viewers viewers;
    struct page_stream *late = NULL;
    begin(&viewers, NULL);
    struct page_stream *one = watch(&viewers, &all, NULL);
    live_viewers_close(&viewers);
    assert_int_equal(posted, 1);
    assert_int_equal(live_viewers_add(&viewers, &all, NULL, (struct page_later){ .thread = NULL }, &late),
                     ERROR_DRAINING);
    assert_ended(one);
    end(&viewers);
}

/* Keys. */

static struct access *access_of(const char *sha256, bool disabled, unsigned scopes, const char *stream)
{
    static const char *streams[1];
    static struct key_options key;
    static struct stream of_b = { .name = "b", .index = 1 }, of_a = { .name = "a", .index = 0 };
    static struct stream *const known[] = { &of_a, &of_b };
    struct buf problems = { 0 };
    streams[0] = stream;
    key = (struct key_options){ .file = "f",
                                .name = "watcher",
                                .sha256 = sha256,
                                .scopes = scopes,
                                .subject = "",
                                .expires = "",
                                .disabled = disabled,
                                .streams = { streams, stream != NULL } };
    struct access *access = access_new(&key, 1, known, 2, &problems);
    assert_non_null(access);
    buf_release(&problems);
    return access;
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static bool stays(struct access *before, struct access *after)
{
    struct live_viewers viewers;
    begin(&viewers, before);
    struct page_stream *one = watch(&viewers, &all, access_named(before, SLICE("watcher")));
    struct page_stream *nobody = watch(&viewers, &all, NULL); /* of an operators' listener */
    live_viewers_judge(&viewers, 0);
    assert_taken(one, "");
    live_viewers_ask(&viewers, after, 0);
    bool goes_on;
    taken(one, &goes_on);
    assert_taken(nobody, "");
    one->ops->ended(one);
    nobody->ops->ended(nobody);
    end(&viewers);
    access_free(before);
    access_free(after);
    return goes_on;
}

static void who_watches_by_a_key_that_is_no_more_sees_nothing_more(void **state)
{
    (void)state;
    assert_true(stays(access_of(HASH, false, ACCESS_ADMIN, NULL), access_of(HASH, false, ACCESS_ADMIN, NULL)));
    assert_false(stays(access_of(HASH, false, ACCESS_ADMIN, NULL), access_of(HASH, true, ACCESS_ADMIN, NULL)));
    assert_false(stays(access_of(HASH, false, ACCESS_ADMIN, NULL), access_of(HASH, false, ACCESS_READ, NULL)));
    assert_false(stays(access_of(HASH, false, ACCESS_ADMIN, NULL), access_of(HASH, false, ACCESS_ADMIN, "b")));
    assert_true(stays(access_of(HASH, false, ACCESS_ADMIN, "b"), access_of(HASH, false, ACCESS_ADMIN, "b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_watch_as_the_option_says_and_a_place_is_free_again),
        cmocka_unit_test(each_is_told_of_its_kinds_and_streams_alone),
        cmocka_unit_test(what_a_slow_viewer_has_no_room_for_is_skipped_whole_and_others_get_it),
        cmocka_unit_test(one_word_to_its_thread_is_enough_until_something_is_taken),
        cmocka_unit_test(bytes_for_one_who_has_gone_do_not_reach_who_took_the_place),
        cmocka_unit_test(the_end_of_the_gateway_ends_all_and_lets_nobody_in),
        cmocka_unit_test(who_watches_by_a_key_that_is_no_more_sees_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
