/* A client's own UUID as the identity of its event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/event_id.h"
#include "schema_fixture.h"

#define V4 "61f0c404-5cb3-41e7-907b-a6006ad3dba0"
#define V7 "01a22930-0000-7000-8000-000000000001"

static struct event_id id_of(const char *text)
{
    struct event_id id;
    assert_true(event_id_parse(&id, slice_from_string(text)));
    return id;
}

/* The event's id as its client is told, as its row has it, and as the filter knows it. */
static void takes(struct fixture *f, const char *event, const char *id)
{
    assert_int_equal(fixture_event(f, event), OK);
    const struct event_id wanted = id_of(id), scoped = event_id_in_stream(f->stream->name, &wanted);
    assert_memory_equal(validate_id(f->validator, f->chunk), &wanted, sizeof wanted);
    assert_memory_equal(&f->chunk->ids[f->chunk->rows - 1], &scoped, sizeof scoped);
    assert_true(event_id_is_stable(&scoped));
    assert_non_null(strstr(fixture_row(f, f->chunk->rows - 1), id));
}

/* An id is made, of the key if there is one. */
static struct event_id makes(struct fixture *f, const char *event, uint32_t defaulted)
{
    assert_int_equal(fixture_event(f, event), OK);
    assert_int_equal(validate_take_changes(f->validator).defaulted, defaulted);
    return *validate_id(f->validator, f->chunk);
}

static void a_uuid_of_the_client_is_the_id_else_one_is_made(void **state)
{
    struct field_options fields[] = { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid", "context.id")),
                                      FIELD("k", "String") };
    struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 2 };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    takes(&f, "{\"eid\":\"" V4 "\",\"k\":\"a\"}", V4);
    takes(&f, "{\"context\":{\"id\":\"" V7 "\"}}", V7);
    takes(&f, "{\"eid\":\"" V4 "\",\"context\":{\"id\":\"" V7 "\"}}", V4);
    takes(&f, "{\"eid\":\"61F0C404-5CB3-41E7-907B-A6006AD3DBA0\"}", V4);
    struct event_id made = makes(&f, "{\"k\":\"a\"}", 0);
    assert_true(event_id_is_made_up(&made));
    assert_memory_equal(&f.chunk->ids[f.chunk->rows - 1], &made, sizeof made);
    made = makes(&f, "{\"eid\":\"order-123\"}", 1);
    assert_true(event_id_is_made_up(&made));
    made = makes(&f, "{\"eid\":7}", 1);
    made = makes(&f, "{\"eid\":\"00000000-0000-0000-0000-000000000000\"}", 1);
    assert_false(event_id_is_zero(&made));
    (void)makes(&f, "{\"eid\":null}", 0);
    fixture_release(&f);
}

static void without_one_the_key_counts(void **state)
{
    struct field_options fields[] = { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid")),
                                      FIELD("k", "String") };
    struct stream_options options = {
        .line = 1, .name = "s", .fields = fields, .field_count = 2, .dedup_key = LIST("k")
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    takes(&f, "{\"eid\":\"" V4 "\",\"k\":\"a\"}", V4);
    struct event_id first = makes(&f, "{\"k\":\"a\"}", 0), again = makes(&f, "{\"k\":\"a\",\"eid\":\"x\"}", 1);
    assert_true(event_id_is_stable(&first));
    assert_memory_equal(&first, &again, sizeof first);
    fixture_release(&f);
}

/* What is no UUID is then not lost. */
static void another_field_may_read_the_same_path(void **state)
{
    struct field_options fields[] = { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("a.eid")),
                                      FIELD("eid", "String", .from = LIST("a.eid", "b")) };
    struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 2 };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    takes(&f, "{\"a\":{\"eid\":\"" V4 "\"}}", V4);
    assert_non_null(strstr(fixture_row(&f, 0), "\"eid\":\"" V4 "\""));
    (void)makes(&f, "{\"a\":{\"eid\":\"order-123\"}}", 1);
    assert_non_null(strstr(fixture_row(&f, 1), "\"eid\":\"order-123\""));
    (void)makes(&f, "{\"b\":\"" V4 "\"}", 0);
    fixture_release(&f);
}

static void the_same_uuid_in_two_streams_is_two_events(void **state)
{
    struct event_id id = id_of(V4);
    struct event_id a = event_id_in_stream("a", &id), b = event_id_in_stream("b", &id);
    (void)state;
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void what_an_id_may_stand_beside(void **state)
{
    const struct {
        struct field_options id, field;
        struct string_list order;
        const char *says; /* NULL: nothing */
    } rows[] = {
        { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid")), FIELD("t", "DateTime"), LIST("t"), NULL },
        { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid")),
          FIELD("t", "DateTime", .default_value = "now"), LIST("t"),
          "order_by names \"t\", which the event does not say" },
        { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("b")),
          FIELD("t", "String", .from = LIST("a", "b")),
          { 0 },
          "is the field t's second choice" },
        { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("a[].b")),
          FIELD("t", "String"),
          { 0 },
          "needs an Array type" },
        { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid"), .required = true),
          FIELD("t", "String"),
          { 0 },
          "takes no from, required or default" },
        { FIELD("row", "UUID", .fill = FILL_UUID, .from = LIST("eid")), FIELD("t", "String"), { 0 }, "takes no from" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options fields[] = { rows[i].id, rows[i].field };
        struct stream_options options = {
            .line = 1, .name = "s", .fields = fields, .field_count = 2, .order_by = rows[i].order
        };
        struct buf problems = { 0 };
        struct stream *stream = stream_compile(&options, 0, &problems);
        assert_int_equal(stream != NULL, rows[i].says == NULL);
        if (rows[i].says != NULL && strstr(buf_c_string(&problems), rows[i].says) == NULL) {
            fail_msg("%s: not: %s", rows[i].says, buf_c_string(&problems));
        }
        stream_free(stream);
        buf_release(&problems);
    }
}

/* A time that is that of receipt differs when the event comes again: such a table would keep both. */
static void the_table_is_not_sorted_by_a_time_of_receipt(void **state)
{
    struct field_options fields[] = { FIELD("row", "UUID", .fill = FILL_EVENT_ID, .from = LIST("eid")),
                                      FIELD("t", "DateTime", .default_value = "now") };
    struct stream_options options = { .line = 1, .name = "s", .fields = fields, .field_count = 2 };
    (void)state;
    struct stream *stream = fixture_compile(&options);
    assert_int_equal(stream->order_count, 1);
    assert_int_equal(stream->order_columns[0], 0);
    assert_int_equal(stream->partition_column, -1);
    stream_free(stream);
    fields[1].default_value = NULL;
    stream = fixture_compile(&options);
    assert_int_equal(stream->order_count, 2);
    stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_of_the_client_is_the_id_else_one_is_made),
        cmocka_unit_test(without_one_the_key_counts),
        cmocka_unit_test(another_field_may_read_the_same_path),
        cmocka_unit_test(the_same_uuid_in_two_streams_is_two_events),
        cmocka_unit_test(what_an_id_may_stand_beside),
        cmocka_unit_test(the_table_is_not_sorted_by_a_time_of_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
