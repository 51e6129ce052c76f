/* Where sealed segments go: two destinations each get all of them, and the bytes go with the last that needs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/segment/segment.h"
#include "journal_fixture.h"
#include "pipeline/destinations.h"

/* What a destination was given and has not settled. */
struct receiver {
    struct journal *journal; /* its own */
    struct segment *held[8];
    size_t count;
};

/* The fixture's journal is the first destination's; the second has a journal below it, with gauges of its own. */
struct two {
    struct fixture *f;
    char folder[96];
    struct journal_options options;
    struct metrics *metrics;
    struct status_board *board;
    struct journal *second;
    struct segment *recovered;
    struct receiver receivers[2];
    struct destinations destinations;
};

static void receive(void *context, struct segment *segment)
{
    struct receiver *receiver = context;
    assert_null(segment->next);
    receiver->held[receiver->count++] = segment;
}

static void open_second(struct two *two)
{
    static const char *const names[] = { "events" };
    struct buf problem = { 0 };
    two->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    two->board = status_board_new();
    struct journal_config config = { .options = &two->options,
                                     .streams = two->f->streams,
                                     .stream_count = 1,
                                     .metrics = two->metrics,
                                     .board = two->board,
                                     .io = &fault_io };
    two->second = journal_open(&config, &two->recovered, &problem);
    assert_non_null(two->second);
    two->receivers[1].journal = two->second;
    fault_clear();
}

static void close_second(struct two *two)
{
    for (size_t i = 0; i < two->receivers[1].count; i++) {
        segment_free(two->receivers[1].held[i]);
    }
    two->receivers[1].count = 0;
    while (two->recovered != NULL) {
        struct segment *segment = two->recovered;
        two->recovered = segment->next;
        segment_free(segment);
    }
    journal_close(two->second);
    metrics_free(two->metrics);
    status_board_free(two->board);
}

static void start(struct two *two, void **state)
{
    *two = (struct two){ .f = *state };
    snprintf(two->folder, sizeof two->folder, "%s/output", two->f->folder);
    assert_int_equal(mkdir(two->folder, 0750), 0);
    two->options = two->f->options;
    two->options.data = two->folder;
    open_second(two);
    two->receivers[0].journal = two->f->journal;
    destinations_init(&two->destinations);
    destinations_add(&two->destinations, (struct destination){ NULL, receive, &two->receivers[0] });
    destinations_add(&two->destinations, (struct destination){ two->second, receive, &two->receivers[1] });
}

static void stop(struct two *two)
{
    for (size_t i = 0; i < two->receivers[0].count; i++) {
        segment_free(two->receivers[0].held[i]);
    }
    destinations_release(&two->destinations);
    close_second(two);
}

/* Rows [first, first + count), sealed and on their way. */
static void send(struct two *two, unsigned first, unsigned count)
{
    fixture_put(two->f, first, count);
    destinations_submit(&two->destinations, journal_seal(two->f->journal, 0));
}

static void settle(struct receiver *receiver)
{
    assert_int_equal(journal_remove(receiver->journal, receiver->held[--receiver->count]), OK);
}

static void assert_events(struct two *two, uint64_t first, uint64_t second)
{
    assert_int_equal(journal_events(two->f->journal, 0), first);
    assert_int_equal(journal_events(two->second, 0), second);
}

static void each_destination_has_every_segment_until_it_has_settled_it(void **state)
{
    struct two two;
    start(&two, state);
    send(&two, 0, 20);
    send(&two, 20, 15);
    assert_int_equal(two.receivers[0].count, 2);
    assert_int_equal(two.receivers[1].count, 2);
    assert_segment(two.receivers[0].held[1], 20, 15);
    assert_segment(two.receivers[1].held[1], 20, 15);
    assert_events(&two, 35, 35);
    settle(&two.receivers[0]);
    settle(&two.receivers[0]);
    assert_events(&two, 0, 35);
    assert_segment(two.receivers[1].held[0], 0, 20); /* its bytes are still there */
    assert_segment(two.receivers[1].held[1], 20, 15);
    settle(&two.receivers[1]);
    settle(&two.receivers[1]);
    assert_events(&two, 0, 0);
    stop(&two);
}

static void one_destination_may_split_what_the_other_keeps_whole(void **state)
{
    struct two two;
    struct segment *halves[2];
    start(&two, state);
    send(&two, 0, 20);
    assert_int_equal(journal_split(two.second, two.receivers[1].held[0], 6, &halves[0], &halves[1]), OK);
    assert_events(&two, 20, 20);
    assert_segment(two.receivers[0].held[0], 0, 20);
    assert_segment(halves[0], 0, 6);
    assert_segment(halves[1], 6, 14);
    two.receivers[1].held[0] = halves[1];
    assert_int_equal(journal_remove(two.second, halves[0]), OK);
    settle(&two.receivers[0]);
    assert_events(&two, 0, 14);
    settle(&two.receivers[1]);
    assert_events(&two, 0, 0);
    stop(&two);
}

static void a_start_finds_in_each_journal_what_that_one_still_needs(void **state)
{
    struct two two;
    start(&two, state);
    send(&two, 0, 10);
    send(&two, 10, 20);
    settle(&two.receivers[0]); /* the newer one is stored at the first */
    close_second(&two);        /* killed; nothing was settled at the second */
    open_second(&two);
    assert_segment(two.recovered, 0, 10);
    assert_segment(two.recovered->next, 10, 20);
    assert_true(two.recovered->recovered);
    assert_events(&two, 10, 30);
    stop(&two);
}

static void goes_to_all_or_to_none(void **state)
{
    struct two two;
    start(&two, state);
    fault.link_errno = ENOSPC;
    send(&two, 0, 10);
    fault.link_errno = 0;
    send(&two, 10, 10); /* behind the one that waits: their order stays */
    assert_int_equal(two.receivers[0].count, 0);
    assert_int_equal(two.receivers[1].count, 0);
    assert_events(&two, 20, 0);
    destinations_retry(&two.destinations);
    assert_int_equal(two.receivers[0].count, 2);
    assert_segment(two.receivers[0].held[0], 0, 10);
    assert_segment(two.receivers[1].held[1], 10, 10);
    assert_events(&two, 20, 20);
    destinations_retry(&two.destinations);
    assert_int_equal(two.receivers[0].count, 2);
    stop(&two);
}

static void a_link_that_may_not_be_durable_is_not_counted_on(void **state)
{
    struct two two;
    start(&two, state);
    fixture_put(two.f, 0, 10);
    struct segment *segment = journal_seal(two.f->journal, 0);
    fault_take();
    fault.folder_errno = EIO;
    destinations_submit(&two.destinations, segment);
    assert_string_equal(fault_take(), "LFU"); /* linked, not synced, unlinked */
    assert_int_equal(two.receivers[0].count, 0);
    fault.folder_errno = 0;
    destinations_retry(&two.destinations);
    assert_string_equal(fault_take(), "LF");
    assert_int_equal(two.receivers[0].count, 1);
    assert_int_equal(two.receivers[1].count, 1);
    stop(&two);
}

static void what_a_start_has_found_is_not_given_again(void **state)
{
    struct two two;
    struct segment *shared;
    start(&two, state);
    fixture_put(two.f, 0, 10);
    struct segment *segment = journal_seal(two.f->journal, 0);
    assert_int_equal(journal_share(two.second, segment, &shared), OK);
    segment_free(shared); /* a process that ended here */
    close_second(&two);
    open_second(&two);
    two.destinations.items[1].journal = two.second;
    assert_int_equal(journal_events(two.second, 0), 10);
    destinations_submit(&two.destinations, segment);
    assert_int_equal(two.receivers[0].count, 1);
    assert_int_equal(two.receivers[1].count, 0);
    assert_segment(two.recovered, 0, 10);
    assert_events(&two, 10, 10);
    stop(&two);
}

static void segments_in_memory_are_shared_too(void **state)
{
    struct two two;
    start(&two, state);
    send(&two, 0, 20);
    assert_null(two.receivers[1].held[0]->path);
    settle(&two.receivers[0]);
    assert_segment(two.receivers[1].held[0], 0, 20);
    settle(&two.receivers[1]);
    assert_events(&two, 0, 0);
    stop(&two);
}

static void one_alone_gets_what_it_is_given_at_once(void **state)
{
    struct fixture *f = *state;
    struct receiver receiver = { .journal = f->journal };
    struct destinations destinations;
    destinations_init(&destinations);
    destinations_add(&destinations, (struct destination){ NULL, receive, &receiver });
    fixture_put(f, 0, 10);
    struct segment *segment = journal_seal(f->journal, 0);
    fault_take();
    destinations_submit(&destinations, segment);
    assert_ptr_equal(receiver.held[0], segment);
    assert_string_equal(fault_take(), "");
    destinations_retry(&destinations);
    assert_int_equal(receiver.count, 1);
    settle(&receiver);
    destinations_release(&destinations);
}

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

static int with_memory(void **state)
{
    return fixture_start(state, DURABILITY_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fsync, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_destination_has_every_segment_until_it_has_settled_it),
        TEST(one_destination_may_split_what_the_other_keeps_whole),
        TEST(a_start_finds_in_each_journal_what_that_one_still_needs),
        TEST(goes_to_all_or_to_none),
        TEST(a_link_that_may_not_be_durable_is_not_counted_on),
        TEST(what_a_start_has_found_is_not_given_again),
        TEST(one_alone_gets_what_it_is_given_at_once),
        cmocka_unit_test_setup_teardown(segments_in_memory_are_shared_too, with_memory, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
