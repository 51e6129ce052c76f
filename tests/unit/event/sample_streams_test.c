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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles_the_sample_and_the_presets),
        cmocka_unit_test(takes_both_spellings_in_the_sample),
        cmocka_unit_test(the_message_id_tells_equal_events_apart_in_the_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
