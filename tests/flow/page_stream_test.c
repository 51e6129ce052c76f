/* Replies without an end, over a connection without sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/front/page_reply.h"
#include "proto/front/page_stream.h"

/* A part of the gateway that has something to say now and then. */
struct source {
    struct page_stream stream;
    struct buf waiting;
    bool done;
    int ended;
    struct token token;
};

static struct source source;

static bool take(struct page_stream *stream, struct buf *out)
{
    struct source *self = (struct source *)stream;
    buf_append_slice(out, buf_slice(&self->waiting));
    buf_clear(&self->waiting);
    return !self->done;
}

static void ended(struct page_stream *stream)
{
    ((struct source *)stream)->ended++;
}

static const struct page_stream_ops ops = { .take = take, .ended = ended };

static enum page_result serve_stream(void *context, const struct page_request *request, struct page_reply *reply,
                                     struct page_later later)
{
    (void)context, (void)request;
    source.token = later.token;
    source.stream.ops = &ops;
    reply->content_type = "text/event-stream";
    reply->stream = &source.stream;
    buf_append_string(&reply->body, "first\n");
    return PAGE_READY;
}

static const struct page streams[] = { { .path = "/stream", .methods = METHOD_BIT(HTTP_GET), .handle = serve_stream } };

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"

static struct wire *stream_wire(void)
{
    struct wire *wire = wire_new();
    struct buf problem = { 0 };
    source = (struct source){ .done = false };
    route_table_release(&wire->routes);
    assert_true(route_list_add_pages(&wire->rows, streams, 1));
    assert_true(route_table_init(&wire->routes, &wire->rows, SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN, &problem));
    return wire;
}

static void free_stream_wire(struct wire *wire)
{
    wire_free(wire);
    assert_int_equal(source.ended, 1);
    buf_release(&source.waiting);
}

/* As page_post does. */
static void say(struct wire *wire, const char *text)
{
    struct page_reply word = { .status = 200 };
    buf_append_string(&source.waiting, text);
    http_session_ops.page(&wire->session, source.token, &word);
    flush(wire);
}

static void what_a_stream_says_leaves_as_it_comes_and_has_no_length(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    assert_string_equal(statuses(wire), "200");
    assert_true(wrote(wire, "Connection: close\r\n\r\nfirst\n"));
    assert_false(wrote(wire, "Content-Length"));
    say(wire, "second\n");
    say(wire, "third\n");
    assert_true(wrote(wire, "first\nsecond\nthird\n"));
    pass_seconds(wire, 3600);
    assert_false(wire->finished || wire->closed);
    free_stream_wire(wire);
}

static void a_stream_is_the_last_reply_and_comes_in_its_turn(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, POST GET_STREAM GET_PING);
    say(wire, "early\n");
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 200");
    assert_true(wrote(wire, "first\nearly\n"));
    send_text(wire, GET_PING);
    assert_string_equal(statuses(wire), "202 200");
    free_stream_wire(wire);
}

static void nothing_is_taken_of_a_stream_while_its_client_takes_nothing(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    wire->block = true;
    say(wire, "one\n");
    say(wire, "two\n");
    say(wire, "three\n");
    assert_int_equal(source.waiting.len, strlen("two\nthree\n"));
    wire->block = false;
    http_session_ops.writable(&wire->session);
    flush(wire);
    assert_int_equal(source.waiting.len, 0);
    assert_true(wrote(wire, "one\ntwo\nthree\n"));
    free_stream_wire(wire);
}

static void a_client_that_takes_nothing_of_a_stream_is_closed(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    wire->block = true;
    say(wire, "one\n");
    pass_seconds(wire, 61);
    assert_true(wire->closed);
    free_stream_wire(wire);
}

static void a_stream_that_has_no_more_ends_its_connection(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    source.done = true;
    say(wire, "last\n");
    assert_true(wrote(wire, "last\n"));
    assert_true(wire->finished);
    assert_int_equal(source.ended, 1);
    free_stream_wire(wire);
}

static void a_stream_that_ends_in_silence_ends_its_connection_too(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    source.done = true;
    say(wire, "");
    assert_true(wire->finished);
    pass_seconds(wire, 3);
    assert_true(wire->closed); /* who does not close it himself */
    free_stream_wire(wire);
}

static void a_gateway_that_ends_ends_its_streams_with_what_they_had_to_say(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    assert_true(http_session_ops.owes(&wire->session));
    buf_append_string(&source.waiting, "last\n");
    wire->context.draining = true;
    http_session_ops.drain(&wire->session);
    flush(wire);
    assert_true(wrote(wire, "first\nlast\n") && wire->finished);
    assert_false(http_session_ops.owes(&wire->session));
    free_stream_wire(wire);
}

static void a_client_that_goes_away_ends_its_stream(void **state)
{
    (void)state;
    struct wire *wire = stream_wire();
    send_text(wire, GET_STREAM);
    assert_false(http_session_ops.outlives_fin(&wire->session));
    http_session_ops.end_of_input(&wire->session);
    assert_int_equal(source.ended, 0);
    http_session_ops.close(&wire->session);
    assert_int_equal(source.ended, 1);
    say(wire, "too late\n");
    assert_false(wrote(wire, "too late"));
    free_stream_wire(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_stream_says_leaves_as_it_comes_and_has_no_length),
        cmocka_unit_test(a_stream_is_the_last_reply_and_comes_in_its_turn),
        cmocka_unit_test(nothing_is_taken_of_a_stream_while_its_client_takes_nothing),
        cmocka_unit_test(a_client_that_takes_nothing_of_a_stream_is_closed),
        cmocka_unit_test(a_stream_that_has_no_more_ends_its_connection),
        cmocka_unit_test(a_stream_that_ends_in_silence_ends_its_connection_too),
        cmocka_unit_test(a_gateway_that_ends_ends_its_streams_with_what_they_had_to_say),
        cmocka_unit_test(a_client_that_goes_away_ends_its_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
