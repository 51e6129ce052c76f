/* Events of several streams by turns: one has more columns, one more nodes in its tree of paths, one arrays and JSON, one a
 * long name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "counted_allocations.h"
#include "event/chunk.h"
#include "event/event_id.h"
#include "schema_fixture.h"

#define WIDE 200
#define LONG_NAME "a_stream_whose_name_is_longer_than_those_of_all_others_and_so_is_the_front_of_its_keys"

static struct field_options wide_fields[WIDE];
static char wide_names[WIDE][8];
static struct stream_options wide = { .name = "wide", .fields = wide_fields, .field_count = WIDE };

static struct field_options deep_fields[] = {
    FIELD("a", "String", .from = LIST("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p")),
    FIELD("b", "UInt64", .from = LIST("b.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p")),
};
static const struct stream_options deep = { .name = "deep", .fields = deep_fields, .field_count = 2 };

static struct field_options mixed_fields[] = {
    FIELD("ids", "Array(UInt32)", .from = LIST("items[].id")),
    FIELD("names", "Array(String)", .from = LIST("items[].name")),
    FIELD("about", "JSON"),
    FIELD("ip", "String", .fill = FILL_CLIENT_IP),
    FIELD("at", "DateTime64(3)", .default_value = "now"),
    FIELD("rest", "String"),
};
static const struct stream_options mixed = { .name = "mixed",
                                             .fields = mixed_fields,
                                             .field_count = 6,
                                             .unknown_fields = UNKNOWN_COLLECT,
                                             .collect_into = "rest",
                                             .max_keys = 50 };

static struct field_options keyed_fields[] = { FIELD("k", "String", .required = true) };
static const struct stream_options keyed = {
    .name = LONG_NAME, .fields = keyed_fields, .field_count = 1, .dedup_key = LIST("k")
};

static const struct {
    const struct stream_options *options;
    const char *event, *row; /* a part of it */
} turns[] = {
    { &wide, "{\"c0\":1,\"c199\":2}", "\"c199\":2" },
    { &deep, "{\"a\":{\"b\":{\"c\":{\"d\":{}}}},\"b\":{\"b\":{\"c\":null}}}", "\"a\":\"\"" },
    { &mixed, "{\"items\":[{\"id\":1,\"name\":\"x\"},{\"id\":2}],\"about\":{\"a\":{\"b\":[1,2]}},\"z\":5}",
      "\"names\":[\"x\",\"\"]" },
    { &keyed, "{\"k\":\"v\"}", "\"k\":\"v\"" },
};
#define STREAMS ARRAY_LENGTH(turns)

static struct stream *streams[STREAMS];
static struct fixture fixtures[STREAMS]; /* the first one's validator takes all */

static int start(void **state)
{
    (void)state;
    for (size_t i = 0; i < WIDE; i++) {
        snprintf(wide_names[i], sizeof wide_names[i], "c%zu", i);
        wide_fields[i] = (struct field_options)FIELD(wide_names[i], "UInt8", .required = i % 199 == 0);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        fixture_init(&fixtures[i], turns[i].options);
        fixtures[i].stream->index = i;
        streams[i] = fixtures[i].stream;
    }
    fixture_know(&fixtures[0], streams, STREAMS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAMS; i++) {
        fixture_release(&fixtures[i]);
    }
    return 0;
}

/* An event of the stream, checked by the validator that all share. */
static enum error take(size_t index, const char *event)
{
    struct fixture turn = fixtures[index];
    turn.validator = fixtures[0].validator;
    enum error error = fixture_event(&turn, event);
    fixtures[index].text = turn.text;
    fixtures[index].error = turn.error;
    return error;
}

static void streams_that_alternate_allocate_nothing_after_the_first_round(void **state)
{
    (void)state;
    for (size_t round = 0; round < 50; round++) {
        size_t before = counted_allocations;
        for (size_t i = 0; i < STREAMS; i++) {
            assert_int_equal(take(i, turns[i].event), OK);
            chunk_clear(fixtures[i].chunk);
        }
        assert_true(round == 0 || counted_allocations == before);
    }
}

static void what_is_refused_by_turns_allocates_nothing_either(void **state)
{
    (void)state;
    for (size_t round = 0; round < 10; round++) {
        size_t before = counted_allocations;
        assert_int_equal(take(0, "{\"c0\":1}"), ERROR_MISSING_FIELD);
        assert_int_equal(take(1, "{\"a\":{\"b\":1}}"), ERROR_WRONG_TYPE);
        assert_int_equal(take(2, "{\"items\":[{\"id\":\"x\"}]}"), ERROR_WRONG_TYPE);
        assert_int_equal(take(3, "{}"), ERROR_MISSING_FIELD);
        assert_true(round == 0 || counted_allocations == before);
    }
}

/* What one stream's event left must not be found in another's. */
static void each_stream_keeps_its_own_rules_and_keys(void **state)
{
    (void)state;
    struct event_id alone, among;
    assert_int_equal(take(3, "{\"k\":\"v\"}"), OK);
    alone = fixtures[3].chunk->ids[0];
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < STREAMS; i++) {
            chunk_clear(fixtures[i].chunk);
            assert_int_equal(take(i, turns[i].event), OK);
            among = fixtures[i].chunk->ids[0];
            assert_int_equal(memcmp(&alone, &among, sizeof alone) == 0, i == 3);
            const char *row = fixture_row(&fixtures[i], 0);
            assert_true(strstr(row, turns[i].row) != NULL);
        }
    }
    assert_int_equal(take(0, "{\"c0\":1}"), ERROR_MISSING_FIELD);
    assert_string_equal(fixtures[0].error.field, "c199");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams_that_alternate_allocate_nothing_after_the_first_round, start, end),
        cmocka_unit_test_setup_teardown(what_is_refused_by_turns_allocates_nothing_either, start, end),
        cmocka_unit_test_setup_teardown(each_stream_keeps_its_own_rules_and_keys, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
