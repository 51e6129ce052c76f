/* Whose an event is: the name of the key that its request showed, in its id (tenant: key) and in its row (fill: key_name). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/event_id.h"
#include "event/request_fields.h"
#include "schema_fixture.h"

#define EVENT "{\"name\":\"view\",\"n\":1}"

static struct field_options fields[] = {
    FIELD("name", "String", .required = true),
    FIELD("n", "UInt8"),
    FIELD("tenant", "LowCardinality(String)", .fill = FILL_KEY_NAME),
};

/* The id of an event that comes with a key; NULL: without one, "": by a door that knows of none. */
static struct event_id id_with(struct fixture *f, const char *event, const char *key_name)
{
    struct request_fields request = { .key_name = slice_from_string(key_name == NULL ? "" : key_name) };
    f->context.request = key_name == NULL ? NULL : &request;
    assert_int_equal(fixture_event(f, event), OK);
    assert_int_equal(validate_finish(f->validator, &f->context, f->chunk), OK);
    return f->chunk->ids[f->chunk->rows - 1];
}

static bool same(struct event_id a, struct event_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

static void assert_id(struct event_id id, const char *text)
{
    char found[EVENT_ID_TEXT + 1] = { 0 };
    event_id_format(&id, found);
    assert_string_equal(found, text);
}

static void the_same_event_of_two_keys_is_two_events(void **state)
{
    struct stream_options options = {
        .line = 1, .name = "events", .dedup_key = LIST("name"), .tenant = TENANT_KEY, .fields = fields, .field_count = 2
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    struct event_id shop = id_with(&f, EVENT, "shop"), app = id_with(&f, EVENT, "app"), none = id_with(&f, EVENT, NULL);
    assert_true(event_id_is_stable(&shop) && event_id_is_stable(&none));
    assert_false(same(shop, app) || same(shop, none) || same(app, none));
    assert_true(same(shop, id_with(&f, EVENT, "shop")));
    assert_true(same(none, id_with(&f, EVENT, "")));
    assert_true(same(shop, event_id_from_key(SLICE("\2\6events\4shop\4view"))));
    assert_true(same(none, event_id_from_key(SLICE("\2\6events\0\4view"))));
    assert_id(shop, "41f49c1e-9dcf-8eda-b848-6545d3934ad0"); /* docs/protocol.md */
    assert_id(none, "b6e3af20-e0bf-895d-8c4a-3857d721df54");
    /* What stands in the key of one cannot be moved into the name of another. */
    assert_false(same(id_with(&f, "{\"name\":\"bc\"}", "a"), id_with(&f, "{\"name\":\"c\"}", "ab")));
    fixture_release(&f);
}

static void without_it_the_key_is_no_part_of_the_id(void **state)
{
    struct stream_options options = {
        .line = 1, .name = "events", .dedup_key = LIST("name"), .fields = fields, .field_count = 3
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    assert_true(same(id_with(&f, EVENT, "shop"), id_with(&f, EVENT, NULL)));
    assert_true(same(id_with(&f, EVENT, "shop"), event_id_from_key(SLICE("\1\6events\4view"))));
    fixture_release(&f);
}

/* Whatever the event says. */
static void a_column_has_the_name_of_the_key(void **state)
{
    static const char forged[] = "{\"name\":\"view\",\"tenant\":\"shop\",\"key_name\":\"shop\"}";
    struct stream_options options = {
        .line = 1, .name = "s", .dedup_key = LIST("name", "tenant"), .fields = fields, .field_count = 3
    };
    (void)state;
    for (size_t keys = 0; keys <= options.dedup_key.count; keys++) {
        struct stream_options some = options;
        struct fixture f;
        some.dedup_key.count = keys;
        fixture_init(&f, &some);
        struct event_id shop = id_with(&f, EVENT, "shop"), evil = id_with(&f, forged, "evil");
        struct event_id none = id_with(&f, forged, NULL);
        const char *expected[] = { "\"shop\"", "\"evil\"", "\"tenant\":\"\"" };
        for (uint32_t row = 0; row < ARRAY_LENGTH(expected); row++) {
            if (strstr(fixture_row(&f, row), expected[row]) == NULL) {
                fail_msg("%s: %s", expected[row], fixture_row(&f, row));
            }
        }
        assert_int_equal(same(shop, evil), keys == 1);
        assert_int_equal(same(none, evil), keys == 1);
        assert_true(event_id_is_stable(&shop) == (keys != 0));
        assert_true(keys < 2 || same(shop, id_with(&f, EVENT, "shop")));
        fixture_release(&f);
    }
}

/* The states of two keys are rows of their own. */
static void the_key_of_an_update_may_name_it(void **state)
{
    struct stream_options options = { .line = 1,
                                      .name = "s",
                                      .fields = fields,
                                      .field_count = 3,
                                      .upsert = { .key = LIST("name", "tenant"), .version = "updated_at" } };
    struct fixture f;
    (void)state;
    fixture_init(&f, &options);
    struct event_id shop = id_with(&f, EVENT, "shop"), app = id_with(&f, EVENT, "app");
    assert_memory_not_equal(shop.bytes, app.bytes, 6);
    assert_true(same(shop, id_with(&f, EVENT, "shop")));
    assert_non_null(strstr(fixture_row(&f, 1), "\"app\""));
    fixture_release(&f);
}

/* An event that is refused behind its tenant takes back what was begun, and the next is as if it had not been. */
static void a_refused_event_leaves_nothing_of_its_tenant(void **state)
{
    struct stream_options options = { .line = 1,
                                      .name = "s",
                                      .dedup_key = LIST("tenant", "name"),
                                      .tenant = TENANT_KEY,
                                      .fields = fields,
                                      .field_count = 3 };
    struct fixture f;
    struct request_fields request = { .key_name = SLICE("evil") };
    (void)state;
    fixture_init(&f, &options);
    struct event_id first = id_with(&f, EVENT, "shop");
    f.context.request = &request;
    assert_int_not_equal(fixture_event(&f, "{\"name\":\"view\",\"n\":\"many\"}"), OK);
    assert_true(same(first, id_with(&f, EVENT, "shop")));
    assert_int_equal(f.chunk->rows, 2);
    fixture_release(&f);
}

static void what_it_does_not_go_with_is_told(void **state)
{
    const struct {
        struct field_options field;
        struct string_list dedup_key, upsert_key;
        enum tenant tenant;
        const char *says;
    } rows[] = {
        { FIELD("k", "String", .fill = FILL_KEY_NAME), LIST("name"), { 0 }, TENANT_KEY, NULL },
        { FIELD("k", "UInt8", .fill = FILL_KEY_NAME), LIST("name"), { 0 }, TENANT_NONE, "needs a String, not UInt8" },
        { FIELD("k", "String", .fill = FILL_KEY_NAME, .lower = true), LIST("name"), { 0 }, TENANT_NONE, "as it is" },
        { FIELD("k", "String", .fill = FILL_KEY_NAME, .max_length = 9), LIST("name"), { 0 }, TENANT_NONE, "as it is" },
        { FIELD("k", "String", .fill = FILL_KEY_NAME, .from = LIST("k")),
          LIST("name"),
          { 0 },
          TENANT_NONE,
          "takes no from" },
        { FIELD("k", "String", .fill = FILL_KEY_NAME), LIST("name", "k?"), { 0 }, TENANT_NONE, "always fills" },
        { FIELD("k", "String", .fill = FILL_KEY_NAME), LIST("k"), { 0 }, TENANT_NONE, "names no field of the event" },
        { FIELD("k", "Nullable(String)", .fill = FILL_KEY_NAME),
          LIST("name", "k"),
          { 0 },
          TENANT_NONE,
          "not a scalar" },
        { FIELD("k", "String", .fill = FILL_HOST), LIST("name", "k"), { 0 }, TENANT_NONE, "which the gateway fills" },
        { FIELD("k", "String"), { 0 }, { 0 }, TENANT_KEY, "tenant: key needs a dedup_key" },
        { FIELD("k", "UUID", .fill = FILL_EVENT_ID, .from = LIST("id")),
          LIST("name"),
          { 0 },
          TENANT_KEY,
          "names no tenant" },
        { FIELD("k", "String"), { 0 }, LIST("name"), TENANT_KEY, "name a field with fill: key_name there" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct field_options both[] = { fields[0], rows[i].field };
        struct stream_options options = { .line = 1,
                                          .name = "s",
                                          .fields = both,
                                          .field_count = 2,
                                          .dedup_key = rows[i].dedup_key,
                                          .tenant = rows[i].tenant,
                                          .upsert = { .key = rows[i].upsert_key, .version = "updated_at" } };
        struct buf problems = { 0 };
        struct stream *stream = stream_compile(&options, 0, &problems);
        const char *said = buf_c_string(&problems);
        if ((stream != NULL) != (rows[i].says == NULL) || (stream == NULL && strstr(said, rows[i].says) == NULL)) {
            fail_msg("%zu: %s", i, said);
        }
        stream_free(stream);
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_event_of_two_keys_is_two_events),
        cmocka_unit_test(without_it_the_key_is_no_part_of_the_id),
        cmocka_unit_test(a_column_has_the_name_of_the_key),
        cmocka_unit_test(the_key_of_an_update_may_name_it),
        cmocka_unit_test(a_refused_event_leaves_nothing_of_its_tenant),
        cmocka_unit_test(what_it_does_not_go_with_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
