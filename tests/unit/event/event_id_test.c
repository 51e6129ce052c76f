#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/event_id.h"
#include "schema_fixture.h"

/* These hold for ever and on every gateway: a change here makes every client's retry a new event. docs/protocol.md has the
 * same list. */
static const struct {
    struct slice key;
    const char *id;
} key_vectors[] = {
    { SLICE("\1\6events"), "e21b9efb-e055-8208-853e-572f1e0a4448" },
    { SLICE("\1\6events\4view\5user1\x00\x1c\x2b\x51\x93\x01\x00\x00\3web"), "d4bcfafe-22e2-81a3-9c12-af9f53a615d2" },
    { SLICE("\1\6events\4view\5user1\x00\x1c\x2b\x51\x93\x01\x00\x00\3web\12message_id\2m1"),
      "c478a674-cf3d-878b-9b7e-984053077a4c" },
};

static const struct field_options fields_of_vectors[] = {
    FIELD("event_name", "LowCardinality(String)", .required = true),
    FIELD("user_id", "String"),
    FIELD("timestamp", "DateTime64(3)"),
    FIELD("channel", "LowCardinality(String)"),
    FIELD("seq", "UInt32"),
};

static const struct {
    const char *event, *id;
} event_vectors[] = {
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\",\"seq\":1}",
      "59e14216-aa5d-8ae2-930b-f4a21629c866" },
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":\"2024-11-22T00:00:00Z\",\"channel\":\"web\","
      "\"seq\":1}",
      "59e14216-aa5d-8ae2-930b-f4a21629c866" },
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600001,\"channel\":\"web\",\"seq\":1}",
      "dee4a39b-1e6b-8e1c-9ee8-c5c6dd1f2fa9" },
    { "{\"event_name\":\"\",\"user_id\":\"\",\"timestamp\":0,\"channel\":\"\",\"seq\":0}",
      "ab57b15f-09b8-8d93-a890-fb71172ab3e5" },
    { "{\"event_name\":\"h\xc3\xa9\",\"user_id\":\"a\\u0000b\",\"timestamp\":-1,\"channel\":\"tv\",\"seq\":4294967295}",
      "e244e3a8-43ed-8502-b7de-37c17478a199" },
};

static void assert_id(const struct event_id *id, const char *expected, const char *what)
{
    char text[EVENT_ID_TEXT + 1] = "";
    event_id_format(id, text);
    if (strcmp(text, expected) != 0) {
        print_error("%s: %s, not %s\n", what, text, expected);
        fail();
    }
}

static void keys_have_the_ids_of_the_protocol(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(key_vectors); i++) {
        struct event_id id = event_id_from_key(key_vectors[i].key);
        assert_true(event_id_is_stable(&id));
        assert_id(&id, key_vectors[i].id, "key");
    }
}

static void events_have_the_ids_of_the_protocol(void **state)
{
    struct stream_options options = {
        .name = "events",
        .dedup_key = LIST("event_name", "user_id", "timestamp", "channel", "seq"),
        .fields = (struct field_options *)(uintptr_t)fields_of_vectors,
        .field_count = ARRAY_LENGTH(fields_of_vectors),
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    for (size_t i = 0; i < ARRAY_LENGTH(event_vectors); i++) {
        assert_int_equal(fixture_event(&fixture, event_vectors[i].event), OK);
        assert_id(&fixture.chunk->ids[i], event_vectors[i].id, event_vectors[i].event);
    }
    fixture_release(&fixture);
}

static const struct {
    const char *event, *id;
} optional_vectors[] = {
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\"}",
      "d4bcfafe-22e2-81a3-9c12-af9f53a615d2" }, /* as if there were no optional fields */
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\","
      "\"message_id\":null,\"other_id\":null}",
      "d4bcfafe-22e2-81a3-9c12-af9f53a615d2" },
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\","
      "\"message_id\":\"m1\"}",
      "c478a674-cf3d-878b-9b7e-984053077a4c" },
    { "{\"message_id\":\"m2\",\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,"
      "\"channel\":\"web\"}",
      "97f47725-4af2-80e6-b2ed-c1df4eb68b0d" },
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\","
      "\"other_id\":\"m1\"}",
      "bb5b26f9-6ffa-8f30-a76a-b99ae7ad5b8f" },
    { "{\"event_name\":\"view\",\"user_id\":\"user1\",\"timestamp\":1732233600,\"channel\":\"web\","
      "\"message_id\":\"\"}",
      "47d8f425-d0f4-8365-bd5b-395874f77ab1" },
};

static void optional_fields_of_the_key_count_where_an_event_has_them(void **state)
{
    struct field_options fields[] = {
        FIELD("event_name", "LowCardinality(String)"),
        FIELD("user_id", "String"),
        FIELD("timestamp", "DateTime64(3)"),
        FIELD("channel", "LowCardinality(String)"),
        FIELD("message_id", "String"),
        FIELD("other_id", "String"),
    };
    struct stream_options options = {
        .name = "events",
        .dedup_key = LIST("message_id?", "event_name", "user_id", "timestamp", "channel", "other_id?"),
        .fields = fields,
        .field_count = ARRAY_LENGTH(fields),
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    for (size_t i = 0; i < ARRAY_LENGTH(optional_vectors); i++) {
        assert_int_equal(fixture_event(&fixture, optional_vectors[i].event), OK);
        assert_id(&fixture.chunk->ids[i], optional_vectors[i].id, optional_vectors[i].event);
    }
    assert_int_equal(fixture_event(&fixture, "{\"event_name\":\"view\",\"message_id\":\"m1\"}"), OK);
    assert_false(event_id_is_stable(&fixture.chunk->ids[ARRAY_LENGTH(optional_vectors)]));
    fixture_release(&fixture);
}

static void formats_and_parses(void **state)
{
    struct event_id id;
    char text[EVENT_ID_TEXT];
    (void)state;
    assert_true(event_id_parse(&id, SLICE("00112233-4455-8677-8899-AABBCCDDEEFF")));
    assert_int_equal(id.bytes[0], 0x00);
    assert_int_equal(id.bytes[15], 0xFF);
    event_id_format(&id, text);
    assert_memory_equal(text, "00112233-4455-8677-8899-aabbccddeeff", EVENT_ID_TEXT);
    assert_false(event_id_parse(&id, SLICE("00112233-4455-8677-8899-aabbccddeef")));
    assert_false(event_id_parse(&id, SLICE("00112233-4455-8677-8899-aabbccddeefg")));
    assert_false(event_id_parse(&id, SLICE("001122334-455-8677-8899-aabbccddeeff")));
}

static void wire_form_reverses_each_half(void **state)
{
    struct event_id id, back;
    uint8_t wire[16];
    (void)state;
    assert_true(event_id_parse(&id, SLICE("00112233-4455-6677-8899-aabbccddeeff")));
    event_id_to_wire(&id, wire);
    assert_memory_equal(wire, "\x77\x66\x55\x44\x33\x22\x11\x00\xff\xee\xdd\xcc\xbb\xaa\x99\x88", 16);
    event_id_to_wire((const struct event_id *)(const void *)wire, back.bytes);
    assert_memory_equal(&back, &id, sizeof id);
}

static void generated_ids_carry_the_time_and_stay_in_order(void **state)
{
    struct event_id_generator generator;
    struct event_id last = { { 0 } };
    (void)state;
    event_id_generator_init(&generator);
    for (int i = 0; i < 10000; i++) { /* more than one millisecond's counter holds; the clock also steps back */
        int64_t wall_ns = FIXTURE_NOW_NS - (i % 3) * NS_PER_SECOND;
        struct event_id id = event_id_generate(&generator, wall_ns);
        assert_false(event_id_is_stable(&id));
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
        assert_true(memcmp(&id, &last, sizeof id) > 0);
        last = id;
    }
    struct event_id id = event_id_generate(&generator, FIXTURE_NOW_NS + 5 * NS_PER_SECOND);
    assert_memory_equal(id.bytes, "\x01\x93\x51\x2b\x2f\x88", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_ids_of_the_protocol),
        cmocka_unit_test(events_have_the_ids_of_the_protocol),
        cmocka_unit_test(optional_fields_of_the_key_count_where_an_event_has_them),
        cmocka_unit_test(formats_and_parses),
        cmocka_unit_test(wire_form_reverses_each_half),
        cmocka_unit_test(generated_ids_carry_the_time_and_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
