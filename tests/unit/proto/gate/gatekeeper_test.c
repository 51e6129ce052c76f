/* The gatekeeper: one answer for all doors, before anything is parsed. The pipeline is played by this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/stream.h"
#include "proto/gate/gatekeeper.h"

struct pipeline {
    enum error admits;
    enum error admits_full_stream;
};

static const struct stream stream = { .name = "events" };
static const struct stream full_stream = { .name = "full" };

enum error pipeline_admits(const struct pipeline *pipeline)
{
    return pipeline->admits;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *asked)
{
    return asked == &full_stream ? pipeline->admits_full_stream : OK;
}

static void lets_in_what_there_is_room_for(void **state)
{
    (void)state;
    static const struct {
        struct pipeline pipeline;
        const struct stream *stream;
        enum error error;
    } rows[] = {
        { { OK, OK }, &stream, OK },
        { { OK, OK }, NULL, OK },
        { { ERROR_QUEUE_FULL, OK }, &stream, ERROR_QUEUE_FULL },
        { { ERROR_STARTING, OK }, NULL, ERROR_STARTING },
        { { OK, ERROR_JOURNAL_FULL }, &full_stream, ERROR_JOURNAL_FULL },
        { { OK, ERROR_JOURNAL_FULL }, &stream, OK },
        { { OK, ERROR_JOURNAL_FULL }, NULL, OK }, /* it names its stream itself */
        { { ERROR_DISK_FULL, ERROR_JOURNAL_FULL }, &full_stream, ERROR_DISK_FULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct gatekeeper gatekeeper = { .pipeline = &rows[i].pipeline };
        assert_int_equal(gatekeeper_admits(&gatekeeper, rows[i].stream), rows[i].error);
    }
}

static void a_payload_may_weigh_what_the_door_takes(void **state)
{
    (void)state;
    assert_int_equal(gatekeeper_weigh(0, 0, ERROR_BODY_TOO_LARGE), OK);
    assert_int_equal(gatekeeper_weigh(1000, 1000, ERROR_BODY_TOO_LARGE), OK);
    assert_int_equal(gatekeeper_weigh(1001, 1000, ERROR_BODY_TOO_LARGE), ERROR_BODY_TOO_LARGE);
    assert_int_equal(gatekeeper_weigh(UINT64_MAX, 1000, ERROR_MESSAGE_TOO_LARGE), ERROR_MESSAGE_TOO_LARGE);
}

static void connections_and_websockets_of_an_address_are_counted_apart(void **state)
{
    (void)state;
    const struct http_options http = { .max_per_address = 2 };
    const struct websocket_options websocket = { .max_connections = 2, .max_per_address = 1 };
    const struct client_address first = { { 1 } }, second = { { 2 } }, third = { { 3 } };
    struct gatekeeper gatekeeper;
    assert_true(gatekeeper_init(&gatekeeper, NULL, &http, &websocket));
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_CONNECTION, &first), OK);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_WEBSOCKET, &first), OK);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_WEBSOCKET, &first), ERROR_TOO_MANY_OF_ADDRESS);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_WEBSOCKET, &second), OK);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_WEBSOCKET, &third), ERROR_TOO_MANY_WEBSOCKETS);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_CONNECTION, &first), OK);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_CONNECTION, &first), ERROR_TOO_MANY_OF_ADDRESS);
    gatekeeper_leave(&gatekeeper, GATEKEEPER_WEBSOCKET, &first);
    assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_WEBSOCKET, &third), OK);
    gatekeeper_release(&gatekeeper);
}

static void without_limits_anybody_may_come(void **state)
{
    (void)state;
    const struct gatekeeper gatekeeper = { 0 };
    const struct client_address client = { { 1 } };
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gatekeeper_enter(&gatekeeper, GATEKEEPER_CONNECTION, &client), OK);
    }
    gatekeeper_leave(&gatekeeper, GATEKEEPER_CONNECTION, &client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_what_there_is_room_for),
        cmocka_unit_test(a_payload_may_weigh_what_the_door_takes),
        cmocka_unit_test(connections_and_websockets_of_an_address_are_counted_apart),
        cmocka_unit_test(without_limits_anybody_may_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
