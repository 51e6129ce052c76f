/* The updates of one stream: which are news, and the order of their versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/stream_options.h"
#include "event/event_id.h"
#include "pipeline/commit/updates.h"
#include "schema_fixture.h"

#include <unistd.h>

#include "pipeline/commit/version_mark.h"

static struct field_options fields[] = {
    FIELD("id", "UInt64"),
    FIELD("url", "String"),
    FIELD("tags", "Array(String)"),
    FIELD("seen", "DateTime", .default_value = "now"),
    FIELD("fine", "DateTime64(9)", .fill = FILL_RECEIVED_AT),
    FIELD("number", "UInt64", .fill = FILL_RECEIVED_AT),
    FIELD("more", "JSON"),
};

static const char *const key[] = { "id" };

static struct stream_options options_with(const char *version)
{
    return (struct stream_options){ .line = 9,
                                    .name = "s",
                                    .upsert = { { (const char **)(uintptr_t)key, 1 }, version },
                                    .unknown_fields = UNKNOWN_COLLECT,
                                    .collect_into = "more",
                                    .fields = fields,
                                    .field_count = ARRAY_LENGTH(fields) };
}

static struct fixture *begin(const char *version)
{
    static struct fixture fixture;
    static struct stream_options options;
    options = options_with(version);
    fixture_init(&fixture, &options);
    return &fixture;
}

static struct event_id id_of(struct fixture *fixture, const char *event)
{
    assert_int_equal(fixture_event(fixture, event), OK);
    return fixture->chunk->ids[fixture->chunk->rows - 1];
}

static int64_t version_of(const struct fixture *fixture, uint32_t row)
{
    const struct column *column = &fixture->chunk->columns[fixture->stream->version_column];
    int64_t version;
    memcpy(&version, column->data.data + row * sizeof version, sizeof version);
    return version;
}

static void a_state_is_its_key_and_all_its_values(void **state)
{
    (void)state;
    static const char *const others[] = {
        "{\"id\":2,\"url\":\"/a\"}",
        "{\"id\":1,\"url\":\"/b\"}",
        "{\"id\":1}",
        "{\"id\":1,\"url\":\"/a\",\"tags\":[]}",
        "{\"id\":1,\"url\":\"/a\",\"tags\":[\"x\"]}",
        "{\"id\":1,\"url\":\"/a\",\"tags\":[\"x\",\"\"]}",
        "{\"id\":1,\"url\":\"/a\",\"seen\":1732233600}",
        "{\"id\":1,\"url\":\"/a\",\"unknown\":1}",
    };
    struct fixture *fixture = begin("updated_at");
    struct event_id ids[ARRAY_LENGTH(others) + 1] = { id_of(fixture, "{\"id\":1,\"url\":\"/a\"}") };
    struct event_id again = id_of(fixture, "{ \"url\":\"\\u002fa\", \"id\":1 }");
    assert_memory_equal(&ids[0], &again, sizeof again);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        ids[i + 1] = id_of(fixture, others[i]);
        assert_true(event_id_is_stable(&ids[i + 1]));
        assert_int_equal(memcmp(ids[i + 1].bytes, ids[0].bytes, 8) == 0, i != 0); /* the half that is the key's */
        for (size_t j = 0; j <= i; j++) {
            assert_memory_not_equal(&ids[i + 1], &ids[j], sizeof ids[0]);
        }
    }
    assert_int_equal(fixture_event(fixture, "{\"url\":\"/a\"}"), ERROR_MISSING_FIELD);
    fixture_release(fixture);
}

static bool takes(struct updates *updates, struct fixture *fixture, const char *event)
{
    assert_int_equal(fixture_event(fixture, event), OK);
    return updates_take(updates, fixture->chunk, fixture->chunk->rows - 1);
}

static void only_the_last_state_again_is_a_repeat(void **state)
{
    (void)state;
    struct fixture *fixture = begin("updated_at");
    struct updates *updates = updates_new(fixture->stream, true, 0);
    assert_true(takes(updates, fixture, "{\"id\":1,\"url\":\"/a\"}"));
    assert_false(takes(updates, fixture, "{\"id\":1,\"url\":\"/a\"}"));
    assert_true(takes(updates, fixture, "{\"id\":2,\"url\":\"/a\"}"));
    assert_true(takes(updates, fixture, "{\"id\":1,\"url\":\"/b\"}"));
    assert_true(takes(updates, fixture, "{\"id\":1,\"url\":\"/a\"}")); /* the way back */
    assert_false(takes(updates, fixture, "{\"id\":1,\"url\":\"/a\"}"));
    assert_false(takes(updates, fixture, "{\"id\":2,\"url\":\"/a\"}"));
    updates_forget(updates);
    assert_true(takes(updates, fixture, "{\"id\":1,\"url\":\"/a\"}"));
    updates_free(updates);
    updates = updates_new(fixture->stream, false, 0);
    assert_true(takes(updates, fixture, "{\"id\":3}"));
    assert_true(takes(updates, fixture, "{\"id\":3}"));
    updates_free(updates);
    fixture_release(fixture);
}

/* Two in one tick, a clock that is set back, and one that goes on: each later update has a greater version. */
static void each_later_update_has_a_greater_version(void **state)
{
    static const struct {
        const char *name;
        int64_t tick_ns;
    } versions[] = { { "updated_at", 1000 }, { "fine", 1 }, { "number", 1000 } };
    static const int64_t moments[] = { 0, 0, 1, -3600 * NS_PER_SECOND, 2, NS_PER_SECOND, NS_PER_SECOND };
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
        struct fixture *fixture = begin(versions[v].name);
        struct updates *updates = updates_new(fixture->stream, true, 0);
        int64_t last = 0;
        for (uint32_t i = 0; i < ARRAY_LENGTH(moments); i++) {
            char event[64];
            snprintf(event, sizeof event, "{\"id\":1,\"url\":\"%u\"}", i);
            fixture->context.received_wall_ns = FIXTURE_NOW_NS + moments[i];
            assert_true(takes(updates, fixture, event));
            assert_true(version_of(fixture, i) > last);
            last = version_of(fixture, i);
            assert_true(updates_last_ns(updates) > last * versions[v].tick_ns - 1);
        }
        assert_int_equal(last, (FIXTURE_NOW_NS + NS_PER_SECOND) / versions[v].tick_ns + 1);
        updates_free(updates);
        updates = updates_new(fixture->stream, true, FIXTURE_NOW_NS + 9 * NS_PER_SECOND);
        assert_true(takes(updates, fixture, "{\"id\":1}"));
        assert_int_equal(version_of(fixture, ARRAY_LENGTH(moments)),
                         (FIXTURE_NOW_NS + 9 * NS_PER_SECOND) / versions[v].tick_ns + 1);
        updates_free(updates);
        fixture_release(fixture);
    }
}

static void a_mark_outlives_the_process_and_a_torn_write(void **state)
{
    (void)state;
    char folder[] = "/tmp/sluice-versions-XXXXXX", path[64];
    struct version_mark mark;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/versions", folder);
    assert_true(version_mark_open(&mark, folder));
    assert_int_equal(mark.floor_ns, 0);
    assert_true(version_mark_cover(&mark, 5 * NS_PER_SECOND));
    assert_int_equal(mark.marked_ns, 6 * NS_PER_SECOND);
    assert_true(version_mark_cover(&mark, 6 * NS_PER_SECOND)); /* covered: nothing is synced */
    assert_int_equal(mark.marked_ns, 6 * NS_PER_SECOND);
    assert_true(version_mark_cover(&mark, 7 * NS_PER_SECOND));
    version_mark_close(&mark);
    assert_true(version_mark_open(&mark, folder));
    assert_int_equal(mark.floor_ns, 7 * NS_PER_SECOND); /* killed: what was used exactly */
    assert_int_equal(mark.marked_ns, 8 * NS_PER_SECOND);
    assert_int_equal(pwrite(mark.fd, "x", 1, 1024 + 9), 1); /* the machine started anew: another boot */
    version_mark_close(&mark);
    assert_true(version_mark_open(&mark, folder));
    assert_int_equal(mark.floor_ns, 8 * NS_PER_SECOND);
    assert_int_equal(pwrite(mark.fd, "x", 1, 512 + 3), 1); /* the second write was torn */
    version_mark_close(&mark);
    assert_true(version_mark_open(&mark, folder));
    assert_int_equal(mark.floor_ns, 6 * NS_PER_SECOND);
    version_mark_close(&mark);
    assert_false(version_mark_open(&mark, "/nowhere/at/all"));
    assert_true(version_mark_cover(&mark, 1));
    unlink(path);
    rmdir(folder);
}

static void an_id_of_the_client_is_none_of_an_update(void **state)
{
    (void)state;
    struct field_options own[] = { FIELD("id", "UInt64"),
                                   FIELD("event_id", "UUID", .fill = FILL_EVENT_ID, .from = LIST("message_id")) };
    struct stream_options options = options_with("updated_at");
    struct buf problems = { 0 };
    options.unknown_fields = UNKNOWN_IGNORE;
    options.collect_into = NULL;
    options.fields = own;
    options.field_count = ARRAY_LENGTH(own);
    assert_null(stream_compile(&options, 0, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "upsert takes no id of the client"));
    buf_release(&problems);
}

static void what_stands_against_an_upsert_is_told(void **state)
{
    const struct {
        struct string_list key, dedup_key, order_by;
        const char *version, *says;
    } rows[] = {
        { LIST("nothing"), { 0 }, { 0 }, "updated_at", "upsert.key names \"nothing\", which is not a field" },
        { LIST("tags"), { 0 }, { 0 }, "updated_at", "upsert.key names \"tags\", which is not a scalar" },
        { LIST("id", "url?"), { 0 }, { 0 }, "updated_at", "must have its whole key" },
        { LIST("seen"), { 0 }, { 0 }, "updated_at", "seen: is part of upsert.key and needs no default" },
        { LIST("id"), LIST("id"), { 0 }, "updated_at", "upsert takes no dedup_key" },
        { LIST("id"), { 0 }, LIST("id"), "updated_at", "upsert takes no dedup_key and no order_by" },
        { LIST("id"), { 0 }, { 0 }, "url", "upsert.version must be a field of type DateTime64(6)" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct stream_options options = options_with(rows[i].version);
        struct buf problems = { 0 };
        options.upsert.key = rows[i].key;
        options.dedup_key = rows[i].dedup_key;
        options.order_by = rows[i].order_by;
        assert_null(stream_compile(&options, 0, &problems));
        if (strstr(buf_c_string(&problems), rows[i].says) == NULL) {
            fail_msg("%s: %s", rows[i].says, problems.data);
        }
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_its_key_and_all_its_values),
        cmocka_unit_test(only_the_last_state_again_is_a_repeat),
        cmocka_unit_test(each_later_update_has_a_greater_version),
        cmocka_unit_test(a_mark_outlives_the_process_and_a_torn_write),
        cmocka_unit_test(what_stands_against_an_upsert_is_told),
        cmocka_unit_test(an_id_of_the_client_is_none_of_an_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
