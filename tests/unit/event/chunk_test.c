#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/ticket.h"
#include "pipeline/pipeline_io.h"
#include "schema_fixture.h"

static struct field_options fields[] = {
    FIELD("s", "String"),        FIELD("n", "UInt16", .default_value = "7"), FIELD("maybe", "Nullable(String)"),
    FIELD("a", "Array(String)"), FIELD("an", "Array(Nullable(UInt8))"),      FIELD("m", "Map(String, String)"),
    FIELD("d", "Decimal(9, 2)"),
};
static const struct stream_options options = { .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields) };

static const char full[] =
    "{\"s\":\"x\",\"n\":1,\"maybe\":\"y\",\"a\":[\"p\",\"q\"],\"an\":[null,2],\"m\":{\"k\":\"v\"},\"d\":1.5}";
static const char full_row[] =
    "{\"s\":\"x\",\"n\":1,\"maybe\":\"y\",\"a\":[\"p\",\"q\"],\"an\":[null,2],\"m\":{\"k\":\"v\"},\"d\":\"1.5\"";
static const char empty_row[] = "{\"s\":\"\",\"n\":7,\"maybe\":null,\"a\":[],\"an\":[],\"m\":{},\"d\":\"0\"";

static int start(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture, &options);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    fixture_release(*state);
    return 0;
}

static void assert_row(struct fixture *fixture, uint64_t row, const char *expected)
{
    assert_int_equal(strncmp(fixture_row(fixture, row), expected, strlen(expected)), 0);
}

static void absent_values_are_padded_between_and_behind(void **state)
{
    static const char *const events[] = { "{}", full, "{}", "{}", full, "{}" };
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        assert_int_equal(fixture_event(*state, events[i]), OK);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        assert_row(*state, i, events[i] == full ? full_row : empty_row);
    }
}

static void a_column_one_value_short_is_found(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        struct column *column = &fixture->chunk->columns[i];
        struct buf *const values[] = { &column->data, &column->offsets, &column->nulls, &column->keys };
        for (size_t k = 0; k < ARRAY_LENGTH(values); k++) {
            chunk_clear(fixture->chunk);
            assert_int_equal(fixture_event(fixture, full), OK);
            assert_true(chunk_seal(fixture->chunk));
            assert_true(chunk_is_whole(fixture->chunk));
            bool used = values[k]->len != 0;
            values[k]->len = 0;
            assert_int_equal(chunk_is_whole(fixture->chunk), !used);
        }
        chunk_clear(fixture->chunk);
        assert_int_equal(fixture_event(fixture, full), OK);
        assert_true(chunk_seal(fixture->chunk));
        column->rows--;
        assert_false(chunk_is_whole(fixture->chunk));
    }
    chunk_clear(fixture->chunk);
    assert_true(chunk_is_whole(fixture->chunk));
}

static void a_row_undone_leaves_no_trace(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_event(fixture, full), OK);
    size_t before = chunk_bytes(fixture->chunk);
    assert_int_equal(
        fixture_event(fixture,
                      "{\"s\":\"x\",\"n\":1,\"maybe\":\"y\",\"a\":[\"p\"],\"an\":[1],\"m\":{\"k\":\"v\"},\"d\":\"x\"}"),
        ERROR_INVALID_VALUE);
    assert_int_equal(chunk_bytes(fixture->chunk), before);
    assert_int_equal(fixture->chunk->rows, 1);
    assert_int_equal(fixture_event(fixture, full), OK);
    assert_row(fixture, 1, full_row);
}

static void truncating_keeps_the_first_rows_whole(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t keep = 0; keep <= 6; keep++) {
        chunk_clear(fixture->chunk);
        for (uint32_t i = 0; i < 6; i++) {
            assert_int_equal(fixture_event(fixture, i % 2 == 0 ? full : "{}"), OK);
        }
        chunk_truncate(fixture->chunk, keep);
        assert_int_equal(fixture->chunk->rows, keep);
        assert_int_equal(fixture_event(fixture, full), OK);
        for (uint32_t i = 0; i < keep; i++) {
            assert_row(fixture, i, i % 2 == 0 ? full_row : empty_row);
        }
        assert_row(fixture, keep, full_row);
    }
}

static void clearing_keeps_the_memory_for_the_next_rows(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_event(fixture, full), OK);
    assert_non_null(chunk_add_ticket(fixture->chunk));
    const char *data = fixture->chunk->columns[0].data.data;
    chunk_clear(fixture->chunk);
    assert_int_equal(fixture->chunk->rows, 0);
    assert_int_equal(fixture->chunk->ticket_count, 0);
    assert_int_equal(chunk_bytes(fixture->chunk), 0);
    assert_int_equal(fixture_event(fixture, full), OK);
    assert_ptr_equal(fixture->chunk->columns[0].data.data, data);
    assert_row(fixture, 0, full_row);
}

static void shedding_gives_large_values_back_and_keeps_the_tickets(void **state)
{
    struct fixture *fixture = *state;
    struct chunk *chunk = fixture->chunk;
    assert_int_equal(fixture_event(fixture, full), OK);
    assert_non_null(chunk_add_ticket(chunk));
    const char *kept = chunk->columns[1].data.data;
    buf_append_fill(&chunk->columns[0].data, 0, (size_t)5 << 20);
    chunk_shed(chunk);
    assert_true(chunk_bytes(chunk) < 1000);
    assert_int_equal(chunk->columns[0].data.cap, 0);
    assert_ptr_equal(chunk->columns[1].data.data, kept);
    assert_int_equal(chunk->ticket_count, 1);
    chunk_clear(chunk);
    assert_int_equal(fixture_event(fixture, full), OK);
    assert_row(fixture, 0, full_row);
}

static void tickets_begin_at_the_row_to_come(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 100; i++) {
        struct ticket *ticket = chunk_add_ticket(fixture->chunk);
        assert_non_null(ticket);
        assert_int_equal(ticket->first_row, i);
        assert_int_equal(ticket->rows, 0);
        assert_int_equal(fixture_event(fixture, "{}"), OK);
    }
    assert_int_equal(fixture->chunk->ticket_count, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_values_are_padded_between_and_behind, start, end),
        cmocka_unit_test_setup_teardown(a_column_one_value_short_is_found, start, end),
        cmocka_unit_test_setup_teardown(a_row_undone_leaves_no_trace, start, end),
        cmocka_unit_test_setup_teardown(truncating_keeps_the_first_rows_whole, start, end),
        cmocka_unit_test_setup_teardown(clearing_keeps_the_memory_for_the_next_rows, start, end),
        cmocka_unit_test_setup_teardown(shedding_gives_large_values_back_and_keeps_the_tickets, start, end),
        cmocka_unit_test_setup_teardown(tickets_begin_at_the_row_to_come, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
