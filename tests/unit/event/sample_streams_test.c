/* The streams of config/: each must compile, and the sample must have the columns that its page promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/path.h"
#include "event/stream.h"
#include "project_files.h"
#include "schema_fixture.h"

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static struct stream *must_compile(struct config *config, const char *path)
{
    struct buf problems = { 0 };
    struct stream *stream = NULL;
    if (config_load(config, project_file(path), nothing_set, &problems)) {
        assert_int_equal(config->stream_count, 1);
        stream = stream_compile(&config->streams[0], 0, &problems);
    }
    if (stream == NULL) {
        fail_msg("%s: %s", path, buf_c_string(&problems));
    }
    assert_int_equal(problems.len, 0);
    buf_release(&problems);
    return stream;
}

static void compiles_the_sample_and_the_presets(void **state)
{
    static const char *const paths[] = { "config/sluice.yaml", "config/presets/minimal.yaml",
                                         "config/presets/clickhouse.yaml", "config/presets/high-throughput.yaml",
                                         "config/presets/clickhouse-18.yaml" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct config config;
        struct stream *stream = must_compile(&config, paths[i]);
        assert_string_equal(stream->table, "events");
        assert_int_not_equal(stream->event_id_column, -1);
        assert_string_equal(stream->columns[stream->time_column].name, "timestamp");
        stream_free(stream);
        config_free(&config);
    }
}

static int column_at(const struct path_node *node, const char *key)
{
    const struct path_node *child = path_child(node, key, strlen(key));
    assert_non_null(child);
    return child->column;
}

static void takes_both_spellings_in_the_sample(void **state)
{
    (void)state;
    struct config config;
    struct stream *stream = must_compile(&config, "config/sluice.yaml");
    int event_name = column_at(stream->paths, "event_name");
    int channel = column_at(stream->paths, "channel");
    assert_string_equal(stream->columns[event_name].name, "event_name");
    assert_int_equal(column_at(stream->paths, "name"), event_name);
    assert_string_equal(stream->columns[channel].name, "channel");
    assert_int_equal(column_at(stream->paths, "channel_type"), channel);
    assert_int_equal(stream->key_required, 4);
    assert_int_equal(stream->key_count, 5);
    assert_string_equal(stream->columns[stream->key_columns[4]].name, "message_id");
    assert_int_equal(stream->key_columns[0], event_name);
    stream_free(stream);
    config_free(&config);
}

#define EQUAL_BUT_FOR_THE_ID                                                                                           \
    "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\""

static void the_message_id_tells_equal_events_apart_in_the_sample(void **state)
{
    static const char *const events[] = {
        EQUAL_BUT_FOR_THE_ID "}",
        EQUAL_BUT_FOR_THE_ID ",\"message_id\":\"m1\"}",
        EQUAL_BUT_FOR_THE_ID ",\"message_id\":\"m2\"}",
        EQUAL_BUT_FOR_THE_ID ",\"message_id\":\"m1\",\"campaign_id\":\"c\"}",
    };
    (void)state;
    struct config config;
    struct fixture fixture;
    stream_free(must_compile(&config, "config/sluice.yaml"));
    fixture_init(&fixture, &config.streams[0]);
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        assert_int_equal(fixture_event(&fixture, events[i]), OK);
        assert_true(event_id_is_stable(&fixture.chunk->ids[i]));
    }
    const struct event_id *ids = fixture.chunk->ids;
    struct event_id without_it; /* docs/protocol.md has the vector */
    assert_true(event_id_parse(&without_it, SLICE("d4bcfafe-22e2-81a3-9c12-af9f53a615d2")));
    assert_memory_equal(&ids[0], &without_it, sizeof without_it);
    assert_memory_not_equal(&ids[1], &ids[0], sizeof without_it);
    assert_memory_not_equal(&ids[1], &ids[2], sizeof without_it);
    assert_memory_equal(&ids[1], &ids[3], sizeof without_it);
    fixture_release(&fixture);
    config_free(&config);
}

/* As the documents of two services that it replaces print them: each value is in a column, and none is in `extra`. */
static void the_sample_takes_documented_events_whole(void **state)
{
    static const struct {
        const char *event;
        const char *columns[18];
    } rows[] = {
        { "{\"name\":\"page_view\",\"channel_type\":\"web\",\"timestamp\":1234567890,\"previous_timestamp\":1234567880,"
          "\"date\":\"2024-01-15T10:30:00Z\",\"user_id\":\"user-123\",\"user_pseudo_id\":\"pseudo-456\",\"event_"
          "params\":["
          "{\"key\":\"page_title\",\"string_value\":\"Home Page\"},{\"key\":\"scroll_depth\",\"number_value\":75.5},"
          "{\"key\":\"is_logged_in\",\"boolean_value\":true}],\"user_params\":[{\"key\":\"a\",\"number_value\":1.5}],"
          "\"app_info\":{\"id\":\"com.example.app\",\"version\":\"2.1.0\"},\"items\":[{\"id\":\"SKU-001\",\"name\":"
          "\"Shirt\","
          "\"brand\":\"Nike\",\"variant\":\"Large\",\"price_in_usd\":29.99,\"quantity\":2,\"revenue_in_usd\":59.98}]}",
          { "\"event_name\":\"page_view\"", "\"timestamp\":\"2009-02-13 23:31:30.000\"",
            "\"previous_timestamp\":\"2009-02-13 23:31:20.000\"", "\"date\":\"2024-01-15 10:30:00.000\"",
            "\"user_pseudo_id\":\"pseudo-456\"", "\"app_id\":\"com.example.app\"", "\"app_version\":\"2.1.0\"",
            "\"event_param_floats\":[0,75.5,0]", "\"event_param_bools\":[0,0,1]", "\"user_param_floats\":[1.5]",
            "\"item_brands\":[\"Nike\"]", "\"item_variants\":[\"Large\"]", "\"item_prices\":[29.99]",
            "\"item_quantities\":[\"2\"]", "\"item_revenues\":[59.98]", "\"extra\":\"{}\"" } },
        { "{\"event_name\":\"purchase\",\"channel\":\"web\",\"campaign_id\":\"summer\",\"user_id\":\"u\",\"timestamp\":"
          "1723475612,"
          "\"tags\":[\"a\"],\"metadata\":{\"amount\":99.99}}",
          { "\"campaign_id\":\"summer\"", "\"tags\":[\"a\"]", "\"metadata\":\"{\\\"amount\\\":99.99}\"",
            "\"date\":null", "\"previous_timestamp\":null", "\"extra\":\"{}\"" } },
        { "{\"event_name\":\"e\",\"channel\":\"web\",\"user_id\":\"u\",\"page\":\"/"
          "\",\"device\":{\"os\":\"x\",\"category\":\"c\"},"
          "\"items\":[{\"id\":\"1\",\"list_id\":\"l\",\"params\":[{\"key\":\"k\"}]}]}",
          { "\"extra\":\"{\\\"page\\\":\\\"/"
            "\\\",\\\"device\\\":{\\\"os\\\":\\\"x\\\"},\\\"items\\\":[{\\\"list_id\\\":\\\"l\\\","
            "\\\"params\\\":[{\\\"key\\\":\\\"k\\\"}]}]}\"",
            "\"device_category\":\"c\"" } },
    };
    (void)state;
    struct config config;
    struct fixture fixture;
    stream_free(must_compile(&config, "config/sluice.yaml"));
    fixture_init(&fixture, &config.streams[0]);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (fixture_event(&fixture, rows[i].event) != OK) {
            fail_msg("%s", fixture.error.message);
        }
        const char *row = fixture_row(&fixture, i);
        for (size_t j = 0; rows[i].columns[j] != NULL; j++) {
            if (strstr(row, rows[i].columns[j]) == NULL) {
                fail_msg("%s is not in %s", rows[i].columns[j], row);
            }
        }
    }
    fixture_release(&fixture);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles_the_sample_and_the_presets),
        cmocka_unit_test(takes_both_spellings_in_the_sample),
        cmocka_unit_test(the_sample_takes_documented_events_whole),
        cmocka_unit_test(the_message_id_tells_equal_events_apart_in_the_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
