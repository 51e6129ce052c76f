#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "failing_realloc.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/payload/request_values.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/refusals.h"
#include "pipeline/validate/json_write.h"
#include "schema_fixture.h"

/* The rest of the pipeline, as submit.c knows it. */
static uint32_t pushes;
static struct fixture fixture;

/* Two more streams, of which `other` rejects unknown fields. */
static struct stream *other, *collecting;
static struct chunk *other_chunk, *collecting_chunk;
static bool without_memory;

struct chunk *pipeline_io_take_chunk(struct pipeline_io *io, const struct stream *stream)
{
    (void)io;
    return without_memory         ? NULL
           : stream == other      ? other_chunk
           : stream == collecting ? collecting_chunk
                                  : fixture.chunk;
}

void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out)
{
    (void)pipeline;
    buf_printf(out, "there is no stream \"%.*s\"; there are: s, other", (int)name.len, name.data);
}

const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name)
{
    (void)pipeline;
    return slice_equal(name, SLICE("s"))            ? fixture.stream
           : slice_equal(name, SLICE("other"))      ? other
           : slice_equal(name, SLICE("collecting")) ? collecting
                                                    : NULL;
}

const struct stream *pipeline_present(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)pipeline;
    return stream;
}

void pipeline_io_push(struct pipeline_io *io, size_t stream_index)
{
    (void)io;
    (void)stream_index;
    pushes++;
    chunk_clear(fixture.chunk);
}

static struct field_options fields[] = { FIELD("a", "UInt8", .required = true) };
static const struct stream_options options = { .name = "s", .fields = fields, .field_count = 1 };

static struct field_options other_fields[] = { FIELD("b", "UInt8", .required = true), FIELD("events", "Array(UInt8)") };
static const struct stream_options other_options = {
    .name = "other", .fields = other_fields, .field_count = 2, .unknown_fields = UNKNOWN_REJECT
};
static struct field_options collecting_fields[] = { FIELD("c", "UInt8", .required = true), FIELD("rest", "String") };
static const struct stream_options collecting_options = { .name = "collecting",
                                                          .fields = collecting_fields,
                                                          .field_count = 2,
                                                          .unknown_fields = UNKNOWN_COLLECT,
                                                          .collect_into = "rest" };
/* Its events have a field "stream" of their own. */
static struct field_options owner_fields[] = { FIELD("stream", "String") };
static const struct stream_options owner_options = { .name = "s", .fields = owner_fields, .field_count = 1 };

struct setup {
    struct metrics *metrics;
    struct pipeline_io io;
    struct refusals refusals;
    struct submission submission;
    struct buf text;
};

static struct stream *compile(const struct stream_options *of, size_t index)
{
    struct buf problems = { 0 };
    struct stream *stream = stream_compile(of, index, &problems);
    assert_int_equal(problems.len, 0);
    return stream;
}

static int start_with(void **state, const struct stream_options *first)
{
    static struct setup setup;
    static const char *names[] = { "s", "other", "collecting" };
    fixture_init(&fixture, first);
    other = compile(&other_options, 1);
    collecting = compile(&collecting_options, 2);
    fixture_know(&fixture, (struct stream *[]){ fixture.stream, other, collecting }, 3);
    other_chunk = chunk_new(other);
    collecting_chunk = chunk_new(collecting);
    without_memory = false;
    setup = (struct setup){ .metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 3 } }) };
    setup.io = (struct pipeline_io){ .parser = fixture.parser,
                                     .validator = fixture.validator,
                                     .cells = metrics_thread(setup.metrics),
                                     .refusals = &setup.refusals,
                                     .max_events = 5000,
                                     .stream_count = 3 };
    refusals_init(&setup.refusals);
    pushes = 0;
    *state = &setup;
    return 0;
}

static int start(void **state)
{
    return start_with(state, &options);
}

static int start_with_a_field_stream(void **state)
{
    return start_with(state, &owner_options);
}

static int end(void **state)
{
    struct setup *setup = *state;
    metrics_free(setup->metrics);
    refusals_release(&setup->refusals);
    json_repair_release(&setup->io.repair);
    payload_merge_free(setup->io.merge);
    submission_release(&setup->submission);
    buf_release(&setup->text);
    fixture_release(&fixture);
    chunk_free(other_chunk);
    chunk_free(collecting_chunk);
    stream_free(other);
    stream_free(collecting);
    return 0;
}

static int64_t count(const struct setup *setup, enum metric metric, enum error reason)
{
    return metric_read(setup->metrics, metric, PROTOCOL_HTTP, 0, reason);
}

static void submit_as(struct setup *setup, struct payload payload, struct slice text)
{
    buf_clear(&setup->text);
    buf_append_slice(&setup->text, text);
    buf_append_fill(&setup->text, '}', JSON_PADDING);
    payload.stream = fixture.stream;
    payload.bytes = slice_make(setup->text.data, text.len);
    payload.received_wall_ns = FIXTURE_NOW_NS;
    pipeline_submit(&setup->io, &payload, &setup->submission);
}

static void submit(struct setup *setup, enum payload_form form, struct slice text)
{
    submit_as(setup,
              (struct payload){ .form = form, .protocol = PROTOCOL_HTTP, .token = { 3, 4, 5 }, .wait_stored = true },
              text);
}

static void submit_silently(struct setup *setup, struct slice text)
{
    submit_as(setup,
              (struct payload){ .form = PAYLOAD_MANY, .protocol = PROTOCOL_UDP, .pick_stream = true, .silent = true },
              text);
}

static const struct {
    enum payload_form form;
    struct slice text;
    enum error error, first;
    uint32_t events, rejected;
} payloads[] = {
    { PAYLOAD_ONE, SLICE("{\"a\":1}"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE(" {\"a\":1}\n"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("[{\"a\":1}]"), OK, ERROR_NOT_AN_OBJECT, 1, 1 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}\n{\"a\":2}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"events\":[{\"a\":1}]}"), OK, ERROR_MISSING_FIELD, 1, 1 },
    { PAYLOAD_ONE, SLICE(""), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1e999}"), OK, ERROR_OUT_OF_RANGE, 1, 1 },
    { PAYLOAD_ONE, SLICE("{\"a\":1,\"b\":1e999,\"c\":[18446744073709551616,-9223372036854775809]}"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":18446744073709551616}"), OK, ERROR_OUT_OF_RANGE, 1, 1 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1,\"b\":1e400},{\"a\":100000000000000000000},{\"a\":2}]"), OK, ERROR_OUT_OF_RANGE, 3,
      1 },
    { PAYLOAD_ONE, SLICE("{\"a\":1,1e999:2}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1,\"b\":-01844674407370955161600}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}{\"a\":2}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2}"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1} \t{\"a\":2}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\n\"a\":1\n}\n{\n\"a\":2}{\"a\":3}\n"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":tru}{\"a\":3}"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2,\"b\":\"}{\"}{\"a\":"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("{\"a\":tru}{\"a\":fals}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}x"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}[{\"a\":2}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1}]}{\"a\":2}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2}\n{\"a\":3}\n"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\n{\"a\":2}{\"a\":300} {\"a\":4}\nbad\n"), OK, ERROR_OUT_OF_RANGE, 5, 2 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2}\n{\"a\":3}{\"a\":4}\n"), OK, OK, 4, 0 },
    { PAYLOAD_MANY, SLICE("\x1e{\"a\":1}\n\x1e{\"a\":2}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("\x1e{\"a\":1}\n"), OK, OK, 1, 0 },
    { PAYLOAD_LINES, SLICE("{\"a\":1}{\"a\":2}"), OK, OK, 2, 0 },
    { PAYLOAD_LINES, SLICE("{\"a\":1}\n{\"a\":2}}{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 2, 1 },
    { PAYLOAD_LINES, SLICE("\x1e{\"a\":1}\n\x1e{\"a\":2}\n"), OK, OK, 2, 0 },
    { PAYLOAD_ONE, SLICE("\x1e{\"a\":1}\n"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("\x1e{\"a\":1}\n\x1e{\"a\":2}\n"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("\x1e{\"events\":[{\"a\":1},{\"a\":2}]}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("\x1e{\n\"a\":1\n}\n\x1e\x1e{\"a\":2}{\"a\":3}\n\x1e"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("\x1e{\"a\":1\n\x1e{\"a\":2}\n"), OK, ERROR_INVALID_JSON, 2, 1 }, /* cut off: it alone */
    { PAYLOAD_MANY, SLICE("\x1e[1]\n\x1e{\"a\":2}\n\x1etrue"), OK, ERROR_NOT_AN_OBJECT, 3, 2 },
    { PAYLOAD_MANY, SLICE("\x1e\n\x1e\n"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}\0"), OK, OK, 1, 0 }, /* strlen + 1 */
    { PAYLOAD_ONE, SLICE("{\"a\":1}\0\0\0\0\0\0\0\0"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}\0\n"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}\r\n\0"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("\xEF\xBB\xBF{\"a\":1}\0"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("\0"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("\0 \n\0"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1\0}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1}\0x"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1,\"t\":\"\0\"}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":2}]\0\0"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1}\0,{\"a\":2}\0]\0"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{\"a\":2}]}\0"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\0\n{\"a\":2}\0\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\0\0\r\n{\"a\":2}\0\0\r\n\0\0\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\n\0{\"a\":2}\n\0"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\0\n"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\0{\"a\":2}\0\0{\"a\":3}\0"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\0\n{\"a\":\0}\n{\"a\":3}\0\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_LINES, SLICE("{\"a\":1}\0\n{\"a\":2}\0\n{\"a\":3}{\"a\":4}\0\n\0"), OK, OK, 4, 0 },
    { PAYLOAD_LINES, SLICE("{\"a\":1}\0"), OK, OK, 1, 0 },
    { PAYLOAD_LINES, SLICE("\0\n\0\n"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"a\":1,\"t\":\"Sale now \\ud83c\"}"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1,\"\\udf89\":\"\\ud83c\\ud83c\\udf89\"},{\"a\":2}]"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1,\"t\":\"caf\xe9\"}],\"from\":\"\x80\"}"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1,\"t\":\"caf\xe9\"},{a}],\"from\":\"\x80\"}"), OK, ERROR_INVALID_JSON,
      2, 1 },
    { PAYLOAD_MANY, SLICE("{\"a\":1,\"t\":\"caf\xe9\"}\n{\"a\":2}\n{\"a\":3,\"t\":\"\\ud83c\"}\n"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1,\"t\":\"caf\xe9\"}{\"a\":2}"), OK, OK, 2, 0 },
    { PAYLOAD_ONE, SLICE("\xEF\xBB\xBF{\"a\":1}"), OK, OK, 1, 0 },
    { PAYLOAD_ONE, SLICE("\xEF\xBB\xBF"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("\xEF\xBB{\"a\":1}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_LINES, SLICE("\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("{\n\"a\":1\n}\n"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":300},{\"a\":3}]"), OK, ERROR_OUT_OF_RANGE, 3, 1 },
    { PAYLOAD_MANY, SLICE("[{},5,{\"a\":3}]"), OK, ERROR_MISSING_FIELD, 3, 2 },
    { PAYLOAD_MANY, SLICE("[]"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{\"a\":2}]}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"sent\":1,\"events\":[]}"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}"), OK, OK, 3, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":1}\n{bad\n{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("\n{\"a\":1}\n{\"a\":2}\n"), OK, OK, 2, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":\xff}\n{\"a\":2}\n{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("bad\n\n{\"a\":2}\n{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("[\n{\"a\":2}\n{\"a\":3}\n]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[1,2]\n{\"a\":2}\n"), OK, ERROR_NOT_AN_OBJECT, 2, 1 },
    { PAYLOAD_MANY, SLICE("x\n{\"a\":1e999}\n[]\n{\"a\":\"2\n{\"a\":2}\n{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 6, 4 },
    { PAYLOAD_MANY, SLICE("{\"wrapper\":\n{\"a\":2}\n"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\n \"events\": [\n  {\"a\":1},\n  {\"a\":2}\n"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[\n{\"a\":1}\n,{\"a\":2}\n,{\"a\":1e400}\n]}\n"), OK, ERROR_OUT_OF_RANGE, 3, 1 },
    { PAYLOAD_MANY, SLICE("{\"a\":\n5 }\n"), OK, OK, 1, 0 },
    { PAYLOAD_MANY, SLICE("{\"a\":\n5 ]\n"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":tru},{\"a\":3}]\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE(" [ {\"a\":1}, {\"a\":2,\"b\":123456789012345678901} , ]"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1,\"b\":[\"\\\",]}\",]},{\"a\":2}]"), OK, ERROR_INVALID_JSON, 2, 1 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":2}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":\"2}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":2]}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":2}] x"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("[{\"a\":},{\"a\":,}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("[{\"a\":1},{\"a\":tru}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{\"a\":tru},{\"a\":3}]}\n"), OK, ERROR_INVALID_JSON, 3, 1 },
    { PAYLOAD_MANY, SLICE("{\"n\":[{\"events\":[1]}], \"events\" : [ {\"a\":1},,{\"a\":300} ] , \"m\":{} }"), OK,
      ERROR_INVALID_JSON, 3, 2 },
    { PAYLOAD_MANY, SLICE("{\"events\":5,\"e\":\"\\\"}\",\"events\":[{\"a\":1},{a}]}"), OK, ERROR_INVALID_JSON, 2, 1 },
    { PAYLOAD_MANY, SLICE("{\"\\u0065vents\":[{\"a\":2}],\"events\":[{\"a\":1},{a}]}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{a}]}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{a}],\"sent\":tru}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{a}] 5}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{a}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\":[{\"a\":1},{a}],}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events\" [{\"a\":1},{a}]}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("{\"events"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_ONE, SLICE("{\"events\":[{\"a\":1},{a}]}"), ERROR_INVALID_JSON, OK, 0, 0 },
    { PAYLOAD_MANY, SLICE("5"), OK, ERROR_NOT_AN_OBJECT, 1, 1 },
    { PAYLOAD_LINES, SLICE("{bad\n{\"a\":3}\n"), OK, ERROR_INVALID_JSON, 2, 1 },
    { PAYLOAD_LINES, SLICE("{\"a\":3}"), OK, OK, 1, 0 },
    { PAYLOAD_LINES, SLICE("\n \r\n"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
};

static void takes_every_form_and_counts_each_event_once(void **state)
{
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(payloads); i++) {
        int64_t received = count(setup, METRIC_EVENTS_RECEIVED, OK),
                in_flight = count(setup, METRIC_EVENTS_IN_FLIGHT, OK);
        uint32_t rows = fixture.chunk->rows, tickets = fixture.chunk->ticket_count;
        enum error reason = payloads[i].error != OK ? payloads[i].error : payloads[i].first;
        int64_t refused = count(setup, METRIC_EVENTS_REJECTED, reason);
        submit(setup, payloads[i].form, payloads[i].text);
        const struct submission *submission = &setup->submission;
        uint32_t kept = payloads[i].events - payloads[i].rejected;
        bool whole = payloads[i].error != OK;
        if (submission->error != payloads[i].error || submission->events != payloads[i].events ||
            submission->rejected != payloads[i].rejected || submission->first_error != payloads[i].first) {
            fail_msg("%.*s: %s, %u events, %u rejected", (int)payloads[i].text.len, payloads[i].text.data,
                     error_info(submission->error)->code, submission->events, submission->rejected);
        }
        assert_int_equal(submission->pending, kept != 0);
        assert_int_equal(fixture.chunk->rows, rows + kept);
        assert_int_equal(fixture.chunk->ticket_count, tickets + (kept != 0));
        assert_int_equal(submission->ids.len, payloads[i].events * sizeof(struct event_id));
        assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK) - received, whole ? 1 : payloads[i].events);
        assert_int_equal(count(setup, METRIC_EVENTS_IN_FLIGHT, OK) - in_flight, kept);
        assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, reason) > refused, reason != OK);
    }
}

/* What was repaired since the last call. */
static int64_t count_repaired(const struct setup *setup, enum protocol protocol)
{
    static int64_t before[PROTOCOL_COUNT];
    int64_t now = metric_read(setup->metrics, METRIC_TEXTS_REPAIRED, protocol, 0, OK), since = now - before[protocol];
    before[protocol] = now;
    return since;
}

static void texts_that_are_repaired_are_counted_once_whatever_their_payload_is(void **state)
{
    static const struct {
        struct slice text;
        int64_t repaired;
    } cases[] = {
        { SLICE("{\"a\":1,\"t\":\"x\xff\xffy\\ud800\",\"\xff\":\"\xff\"}"), 3 },
        { SLICE("[{\"a\":1,\"t\":\"\xff\"},{\"a\":1,\"t\":\"\xff\"}]"), 2 },
        { SLICE("[{\"a\":1,\"t\":\"\xff\"},{a},{\"a\":1,\"t\":\"\xff\"}]"), 2 },
        { SLICE("{\"a\":1,\"t\":\"\xff\"}\n{\"a\":1}\n{\"a\":1,\"t\":\"\\udfff\"}\n"), 2 },
        { SLICE("{\"a\":1,\"t\":\"\xff\"}{\"a\":1,\"t\":\"\xff\"}"), 2 },
        { SLICE("{\"u\":\"\xff\",\"events\":[{\"a\":1,\"t\":\"\xff\"},{a}]}"), 2 },
        { SLICE("{\"u\":\"\xff\",\"events\":[{a}]}"), 0 },
        { SLICE("{\"a\":1,\"t\":\"\xf0\x9f\x98\x80\\ud83d\\ude00\",\"n\":1e400}"), 0 },
    };
    struct setup *setup = *state;
    (void)count_repaired(setup, PROTOCOL_UDP);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        submit_silently(setup, cases[i].text);
        assert_int_equal(count_repaired(setup, PROTOCOL_UDP), cases[i].repaired);
    }
}

static void a_stream_may_refuse_bad_characters_and_no_other_event(void **state)
{
    static struct stream_options strict;
    static const struct {
        enum payload_form form;
        struct slice text;
        enum error error;
        uint32_t events, rejected;
    } cases[] = {
        { PAYLOAD_ONE, SLICE("{\"a\":1,\"t\":\"\\ud83c\"}"), ERROR_INVALID_JSON, 0, 0 },
        { PAYLOAD_MANY, SLICE("[{\"a\":1,\"t\":\"\xe9\"},{\"a\":2,\"b\":1e400}]"), OK, 2, 1 },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"s\",\"events\":[{\"a\":1,\"t\":\"\xe9\"},{\"a\":2}]}"), OK, 2, 1 },
        { PAYLOAD_MANY, SLICE("{\"a\":1,\"t\":\"\xe9\"}\n{\"a\":2}\n"), OK, 2, 1 },
        { PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":1,\"t\":\"\xe9\"}{\"a\":2}\n"), OK, 3, 1 },
    };
    struct setup *setup = *state;
    const struct stream_options *usual = fixture.stream->options;
    strict = *usual;
    strict.invalid_text = INVALID_TEXT_REJECT;
    fixture.stream->options = &strict;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        submit(setup, cases[i].form, cases[i].text);
        assert_int_equal(setup->submission.error, cases[i].error);
        assert_int_equal(setup->submission.events, cases[i].events);
        assert_int_equal(setup->submission.rejected, cases[i].rejected);
        const char *said =
            cases[i].error != OK ? buf_c_string(&setup->submission.detail) : buf_c_string(&setup->submission.errors);
        assert_non_null(strstr(said, i == 0 ? "a surrogate without its other half" : "bytes that are not UTF-8"));
    }
    fixture.stream->options = usual;
    assert_int_equal(metric_read(setup->metrics, METRIC_TEXTS_REPAIRED, PROTOCOL_HTTP, 0, OK), 0);
}

/* One event of `bytes` as JSON, with blanks and an escape that do not count. */
static void append_event(struct buf *out, size_t bytes)
{
    static const char frame[] = "{\"a\":1,\"t\":\"\"}";
    buf_append_string(out, " { \"a\" : 1 , \"t\" : \"\\u0041");
    buf_append_fill(out, 'x', bytes - sizeof frame);
    buf_append_string(out, "\" }");
}

static void an_event_of_more_than_max_event_is_refused_alone_wherever_it_stands(void **state)
{
    static const struct {
        enum payload_form form;
        const char *before, *between, *after;
    } forms[] = {
        { PAYLOAD_MANY, "[", ",", "]" },     { PAYLOAD_MANY, "", "\n", "\n" },
        { PAYLOAD_MANY, "", "", "" },        { PAYLOAD_MANY, "{\"events\":[", ",", "]}" },
        { PAYLOAD_MANY, "[", ",", ",{x}]" }, { PAYLOAD_LINES, "", "\n", "" },
    };
    static struct stream_options bounded;
    struct setup *setup = *state;
    const struct stream_options *usual = fixture.stream->options;
    bounded = *usual;
    bounded.max_event_bytes = 1000;
    fixture.stream->options = &bounded;
    for (size_t i = 0; i < ARRAY_LENGTH(forms) * 4; i++) {
        struct buf text = { 0 };
        buf_append_string(&text, forms[i / 4].before);
        for (size_t event = 0; event < 4; event++) {
            buf_append_string(&text, event == 0 ? "" : forms[i / 4].between);
            append_event(&text, event == i % 4 ? 1001 : event % 2 != 0 ? 1000 : 100);
        }
        buf_append_string(&text, forms[i / 4].after);
        submit(setup, forms[i / 4].form, buf_slice(&text));
        char index[80];
        snprintf(index, sizeof index, "{\"index\":%zu,\"field\":\"\",\"code\":\"event_too_large\"", i % 4);
        assert_int_equal(setup->submission.error, OK);
        assert_int_equal(setup->submission.rejected, 1 + (i / 4 == 4));
        assert_non_null(strstr(buf_c_string(&setup->submission.errors), index));
        buf_release(&text);
    }
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_EVENT_TOO_LARGE), ARRAY_LENGTH(forms) * 4);
    assert_string_equal(setup->refusals.first.field, "");
    fixture.stream->options = usual;
}

static void a_line_of_more_objects_than_are_taken_is_refused_alone(void **state)
{
    struct setup *setup = *state;
    setup->io.max_events = 4;
    submit(setup, PAYLOAD_LINES, SLICE("{\"a\":1}{\"a\":2}\n{\"a\":1}{\"a\":2}{\"a\":3}\n{\"a\":4}\n"));
    assert_int_equal(setup->submission.events, 4);
    assert_int_equal(setup->submission.rejected, 1);
    assert_non_null(strstr(buf_c_string(&setup->submission.errors), "the line holds 3 events"));
    submit(setup, PAYLOAD_MANY, SLICE("{\"a\":1}{\"a\":2}{\"a\":1}{\"a\":2}{\"a\":3}"));
    assert_int_equal(setup->submission.error, ERROR_TOO_MANY_EVENTS);
}

static void a_ticket_names_its_rows_and_its_request(void **state)
{
    struct setup *setup = *state;
    submit(setup, PAYLOAD_ONE, SLICE("{\"a\":1}"));
    submit(setup, PAYLOAD_MANY, SLICE("[{\"a\":2},{},{\"a\":3}]"));
    const struct ticket *ticket = &fixture.chunk->tickets[1];
    assert_int_equal(ticket->first_row, 1);
    assert_int_equal(ticket->rows, 2);
    assert_int_equal(ticket->token.slot, 3);
    assert_int_equal(ticket->token.sequence, 5);
    assert_true(ticket->wait_stored);
}

static void errors_are_json_with_index_field_code_and_message(void **state)
{
    struct setup *setup = *state;
    submit(setup, PAYLOAD_MANY, SLICE("{\"a\":1}\n{\"a\":\"\\\"\\u0001\xc3\xa9\"}\n{\"a\":[}\n"));
    assert_string_equal(
        buf_c_string(&setup->submission.errors),
        "{\"index\":1,\"field\":\"a\",\"code\":\"wrong_type\",\"message\":\"a: \\\"\\\"\\u0001\xc3\xa9\\\" is not a "
        "whole "
        "number, as UInt8 needs\"},"
        "{\"index\":2,\"field\":\"\",\"code\":\"invalid_json\",\"message\":\"invalid JSON at byte 33: a value that is "
        "not JSON\"}");
    static const struct event_id none;
    assert_memory_not_equal(setup->submission.ids.data, &none, sizeof none);
    assert_memory_equal(setup->submission.ids.data + sizeof none, &none, sizeof none);
    submit(setup, PAYLOAD_ONE, SLICE("{\"a\":1]"));
    assert_string_equal(buf_c_string(&setup->submission.detail),
                        "invalid JSON at byte 6: neither a comma nor the end of the object");
    assert_int_equal(setup->submission.errors.len, 0);
}

static void a_message_counts_the_bytes_that_were_sent_with_what_is_ignored_of_them(void **state)
{
    static const struct {
        struct slice text;
        const char *said;
    } rows[] = {
        { SLICE("\xEF\xBB\xBF{\"a\":1]"), "at byte 9:" },
        { SLICE(" \r\n{\"a\":1]"), "at byte 9:" },
        { SLICE("\x1e{\"a\":1]"), "at byte 7:" },
        { SLICE("\xEF\xBB\xBF\0{\"a\":1}\n{\"a\":]"), "at byte 17:" },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        submit(setup, PAYLOAD_MANY, rows[i].text);
        struct buf *said = setup->submission.error != OK ? &setup->submission.detail : &setup->submission.errors;
        if (strstr(buf_c_string(said), rows[i].said) == NULL) {
            fail_msg("%s: %s", rows[i].said, buf_c_string(said));
        }
    }
}

static void at_most_a_hundred_errors_are_told(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    for (int i = 0; i < 300; i++) {
        buf_append_string(&text, "{}\n");
    }
    submit(setup, PAYLOAD_LINES, buf_slice(&text));
    assert_int_equal(setup->submission.rejected, 300);
    assert_false(setup->submission.pending);
    assert_non_null(strstr(buf_c_string(&setup->submission.errors), "\"index\":99,"));
    assert_null(strstr(buf_c_string(&setup->submission.errors), "\"index\":100,"));
    buf_release(&text);
}

static void a_full_chunk_is_pushed_and_a_payload_never_spans_two(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    for (int i = 0; i < 3000; i++) {
        buf_append_string(&text, "{\"a\":1}\n");
    }
    submit(setup, PAYLOAD_LINES, buf_slice(&text));
    assert_int_equal(pushes, 0);
    submit(setup, PAYLOAD_LINES, buf_slice(&text));
    assert_int_equal(pushes, 1);
    for (int i = 0; i < 2001; i++) {
        buf_append_string(&text, "{\"a\":1}\n");
    }
    submit(setup, PAYLOAD_LINES, buf_slice(&text));
    assert_int_equal(setup->submission.error, ERROR_TOO_MANY_EVENTS);
    assert_string_equal(buf_c_string(&setup->submission.detail),
                        "the payload holds 5001 events; at most 5000 are taken at once");
    assert_int_equal(fixture.chunk->rows, 0);
    buf_release(&text);
}

static void more_bad_items_than_events_are_taken_are_refused_unparsed(void **state)
{
    static const struct {
        const char *before, *behind;
        enum error error;
    } rows[] = {
        { "[", "x]", ERROR_TOO_MANY_EVENTS },
        { "{\"events\":[", "x]}", ERROR_TOO_MANY_EVENTS },
        { "{\"events\":[", "x],y}", ERROR_INVALID_JSON },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf text = { 0 };
        struct submission *submission = &setup->submission;
        buf_append_string(&text, rows[i].before);
        for (int item = 0; item < 5000; item++) {
            buf_append_string(&text, item == 0 ? "{\"a\":1}," : "x,");
        }
        buf_append_string(&text, rows[i].behind);
        submit(setup, PAYLOAD_MANY, buf_slice(&text));
        assert_int_equal(submission->error, rows[i].error);
        if (rows[i].error == ERROR_TOO_MANY_EVENTS) {
            assert_string_equal(buf_c_string(&submission->detail),
                                "the payload holds 5001 events; at most 5000 are taken at once");
        }
        assert_int_equal(fixture.chunk->rows, 0);
        buf_release(&text);
    }
}

static void a_chunk_that_large_payloads_fill_is_pushed_too(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    buf_append_string(&text, "{\"a\":1,\"unknown\":\"");
    buf_append_fill(&text, 'x', CHUNK_BYTES / 2);
    buf_append_string(&text, "\"}");
    for (uint32_t i = 1; i <= 6; i++) {
        submit(setup, PAYLOAD_ONE, buf_slice(&text));
        assert_true(setup->submission.pending);
        assert_int_equal(pushes, i / 2);
    }
    buf_release(&text);
}

/* As large as a block must not be. A scalar has no nulls: nobody reads these, and a chunk that is cut forgets them. */
static void feign_a_large_chunk(void)
{
    fixture.chunk->columns[0].nulls.len = SEGMENT_MAX_CHUNK;
}

static void a_payload_too_large_for_a_block_is_refused_without_those_before_it(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    submit(setup, PAYLOAD_ONE, SLICE("{\"a\":1}"));
    for (int i = 0; i < CHUNK_ROWS; i++) {
        buf_append_string(&text, i == 0 ? "{\"a\":300}" : "\n{\"a\":1}");
    }
    feign_a_large_chunk();
    submit(setup, PAYLOAD_LINES, buf_slice(&text));
    assert_int_equal(setup->submission.error, ERROR_PAYLOAD_TOO_LARGE);
    assert_string_equal(buf_c_string(&setup->submission.detail),
                        "the payload's events take more than the 536870912 bytes that are taken at once; send fewer or "
                        "smaller ones");
    assert_false(setup->submission.pending);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_PAYLOAD_TOO_LARGE), CHUNK_ROWS - 1);
    assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), 1 + CHUNK_ROWS);
    assert_int_equal(count(setup, METRIC_EVENTS_IN_FLIGHT, OK), 1);
    assert_int_equal(pushes, 0);
    assert_int_equal(fixture.chunk->rows, 1);
    assert_int_equal(fixture.chunk->ticket_count, 1);
    assert_true(chunk_seal(fixture.chunk));
    buf_release(&text);
}

static void a_refusal_without_a_stream_is_counted_too(void **state)
{
    struct setup *setup = *state;
    pipeline_count_refusal(&setup->io, PROTOCOL_HTTP, NULL, ERROR_BODY_TOO_LARGE);
    size_t none = metrics_no_stream(setup->metrics);
    assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_RECEIVED, PROTOCOL_HTTP, none, OK), 1);
    assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_REJECTED, PROTOCOL_HTTP, none, ERROR_BODY_TOO_LARGE), 1);
}

static void an_object_may_name_its_stream(void **state)
{
    static const struct {
        enum payload_form form;
        struct slice text;
        uint32_t rows[3]; /* in each stream */
        enum error error;
    } rows[] = {
        { PAYLOAD_MANY, SLICE("{\"a\":1,\"stream\":\"s\"}"), { 1, 0, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"a\":1,\"stream\":\"\"}"), { 1, 0, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"a\":1,\"stream\":7}"), { 1, 0, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"a\":1,\"x\":{\"stream\":\"other\"}}"), { 1, 0, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"other\",\"b\":1}"), { 0, 1, 0 }, OK },
        { PAYLOAD_ONE, SLICE("{\"b\":1,\"stream\":\"other\"}"), { 0, 1, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"s\",\"b\":1,\"stream\":\"other\"}"), { 0, 1, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"other\",\"b\":1,\"c\":1}"), { 0, 0, 0 }, ERROR_UNKNOWN_FIELD },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"other\",\"b\":1,\"events\":[4]}"), { 0, 1, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"collecting\",\"events\":[{\"c\":1},{\"c\":2}]}"), { 0, 0, 2 }, OK },
        { PAYLOAD_MANY,
          SLICE("{\"stream\":\"collecting\",\"events\":[{c},{\"c\":2}]}"),
          { 0, 0, 1 },
          ERROR_INVALID_JSON },
        { PAYLOAD_MANY, SLICE("[{\"stream\":\"other\",\"a\":1},{\"a\":1}]"), { 2, 0, 0 }, OK },
        { PAYLOAD_MANY, SLICE("{\"stream\":\"other\",\"a\":1}\n{\"a\":1}"), { 2, 0, 0 }, OK },
        { PAYLOAD_LINES, SLICE("{\"stream\":\"other\",\"a\":1}"), { 1, 0, 0 }, OK },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct chunk *chunks[] = { fixture.chunk, other_chunk, collecting_chunk };
        uint32_t sum = 0;
        submit_as(setup, (struct payload){ .form = rows[i].form, .pick_stream = true }, rows[i].text);
        assert_int_equal(setup->submission.error, OK);
        assert_int_equal(setup->submission.first_error, rows[i].error);
        for (size_t j = 0; j < 3; j++) {
            if (chunks[j]->rows != rows[i].rows[j]) {
                fail_msg("%s: %u rows in stream %zu", rows[i].text.data, chunks[j]->rows, j);
            }
            assert_int_equal(chunks[j]->ticket_count, rows[i].rows[j] != 0);
            assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_IN_FLIGHT, PROTOCOL_HTTP, j, OK),
                             (int64_t)chunks[j]->rows);
            sum += chunks[j]->rows;
            metric_add_event(setup->io.cells, METRIC_EVENTS_IN_FLIGHT, PROTOCOL_HTTP, j, -(int64_t)chunks[j]->rows);
            chunk_clear(chunks[j]);
        }
        assert_int_equal(setup->submission.events, sum + setup->submission.rejected);
    }
}

static void the_name_of_a_stream_is_collected_only_where_it_is_data(void **state)
{
    struct setup *setup = *state;
    const struct payload picking = { .form = PAYLOAD_MANY, .pick_stream = true };
    submit_as(setup, picking, SLICE("{\"stream\":\"collecting\",\"c\":1,\"d\":2}"));
    submit_as(setup, picking, SLICE("{\"stream\":\"collecting\",\"events\":[{\"c\":1,\"stream\":\"x\"}]}"));
    const struct buf *rest = &collecting_chunk->columns[1].data;
    assert_int_equal(rest->len, 1 + 7 + 1 + 14);
    assert_memory_equal(rest->data, "\x07{\"d\":2}\x0e{\"stream\":\"x\"}", rest->len);
}

static void an_unknown_stream_refuses_the_payload_whole(void **state)
{
    struct setup *setup = *state;
    submit_as(setup, (struct payload){ .form = PAYLOAD_MANY, .pick_stream = true },
              SLICE("{\"stream\":\"no\\\"ne\",\"events\":[{\"a\":1},{\"a\":2}]}"));
    assert_int_equal(setup->submission.error, ERROR_UNKNOWN_STREAM);
    assert_string_equal(buf_c_string(&setup->submission.detail), "there is no stream \"no\"ne\"; there are: s, other");
    submit_as(setup, (struct payload){ .form = PAYLOAD_MANY, .pick_stream = true },
              SLICE("{\"stream\":\"none\",\"events\":[{\"a\":1},{a}]}"));
    assert_int_equal(setup->submission.error, ERROR_UNKNOWN_STREAM);
    submit_as(setup, (struct payload){ .form = PAYLOAD_MANY, .pick_stream = true },
              SLICE("{\"stream\":\"other\",\"b\":1,\"events\":[1,a]}")); /* a field of that stream: one event */
    assert_int_equal(setup->submission.error, ERROR_INVALID_JSON);
    assert_int_equal(fixture.chunk->ticket_count, 0);
    assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), 2);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_UNKNOWN_STREAM), 2);
    assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_REJECTED, PROTOCOL_HTTP, 1, ERROR_INVALID_JSON), 1);
}

static void a_field_of_that_name_is_data(void **state)
{
    struct setup *setup = *state;
    submit_as(setup, (struct payload){ .form = PAYLOAD_MANY, .pick_stream = true },
              SLICE("{\"stream\":\"other\",\"b\":1}"));
    assert_int_equal(fixture.chunk->rows, 1);
    assert_int_equal(other_chunk->rows, 0);
}

static void silent_payloads_that_follow_each_other_share_a_ticket(void **state)
{
    struct setup *setup = *state;
    struct chunk *chunk = fixture.chunk;
    submit_silently(setup, SLICE("{\"a\":1}"));
    submit_silently(setup, SLICE("{\"a\":300}"));
    assert_false(setup->submission.pending);
    submit_silently(setup, SLICE("[{\"a\":2},{},{\"a\":3}]"));
    assert_true(setup->submission.pending);
    submit_silently(setup, SLICE("{\"b\":2,\"stream\":\"other\"}"));
    submit_silently(setup, SLICE("{\"a\":4}"));
    assert_int_equal(chunk->ticket_count, 1);
    assert_int_equal(chunk->tickets[0].rows, 4);
    assert_int_equal(other_chunk->ticket_count, 1);
    submit(setup, PAYLOAD_ONE, SLICE("{\"a\":5}"));
    submit_silently(setup, SLICE("{}"));
    assert_int_equal(chunk->ticket_count, 2);
    submit_silently(setup, SLICE("{\"a\":6}"));
    submit_silently(setup, SLICE("{\"a\":7}"));
    assert_int_equal(chunk->ticket_count, 3);
    assert_false(chunk->tickets[1].silent);
    assert_int_equal(chunk->tickets[1].rows, 1);
    assert_int_equal(chunk->tickets[2].first_row, 5);
    assert_int_equal(chunk->tickets[2].rows, 2);
    assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_IN_FLIGHT, PROTOCOL_UDP, 0, OK), 6);
    assert_int_equal(metric_read(setup->metrics, METRIC_EVENTS_RECEIVED, PROTOCOL_UDP, 0, OK), 9);
}

static void without_memory_for_a_chunk_the_payload_is_refused(void **state)
{
    struct setup *setup = *state;
    static const struct slice texts[] = { SLICE("{\"a\":1}"), SLICE("[{\"a\":1}]"), SLICE("{\"a\":1}\n{\"a\":1}") };
    without_memory = true;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        submit(setup, PAYLOAD_MANY, texts[i]);
        assert_int_equal(setup->submission.error, ERROR_OUT_OF_MEMORY);
        assert_false(setup->submission.pending);
        assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), i + 1);
        assert_int_equal(count(setup, METRIC_EVENTS_DROPPED, ERROR_OUT_OF_MEMORY), i + 1);
    }
}

static int64_t refused(const struct setup *setup)
{
    return count(setup, METRIC_EVENTS_REJECTED, ERROR_OUT_OF_RANGE) +
           count(setup, METRIC_EVENTS_REJECTED, ERROR_INVALID_JSON) +
           count(setup, METRIC_EVENTS_DROPPED, ERROR_OUT_OF_MEMORY);
}

/* Of what grows while the payload is taken, all but the `first` times fail. */
static void submit_short_of_memory(struct setup *setup, struct slice text, size_t first)
{
    chunk_free(fixture.chunk);
    fixture.chunk = chunk_new(fixture.stream);
    buf_reserve(&setup->text, text.len + JSON_PADDING);
    realloc_fail(first, SIZE_MAX);
    submit(setup, PAYLOAD_MANY, text);
    realloc_fail(0, 0);
}

static void where_memory_runs_short_in_the_middle_every_event_of_the_payload_is_counted(void **state)
{
    static const char *const forms[][3] = { { "[", ",", "]" }, { "", "\n", "" }, { "[{a},", ",", "]" } };
    struct setup *setup = *state;
    const struct submission *submission = &setup->submission;
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct buf text = { 0 };
        uint32_t failed = 0;
        buf_printf(&text, "%s{\"a\":300}", forms[i][0]);
        for (int event = 0; event < 999; event++) {
            buf_printf(&text, "%s{\"a\":1}", forms[i][1]);
        }
        buf_append_string(&text, forms[i][2]);
        for (size_t first = 0; first < 16; first++) {
            int64_t received_before = count(setup, METRIC_EVENTS_RECEIVED, OK), refused_before = refused(setup);
            submit_short_of_memory(setup, buf_slice(&text), first);
            if (submission->error == OK || submission->rejected == 0) {
                continue; /* refused before its events were looked at */
            }
            failed++;
            assert_int_equal(submission->error, ERROR_OUT_OF_MEMORY);
            assert_false(submission->pending);
            assert_int_equal(submission->events, i == 2 ? 1001 : 1000);
            assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK) - received_before, submission->events);
            assert_int_equal(refused(setup) - refused_before, submission->events);
            assert_int_equal(fixture.chunk->rows, 0);
        }
        assert_int_not_equal(failed, 0);
        buf_release(&text);
    }
}

static void who_sends_many_events_as_one_is_told_where_they_go(void **state)
{
    static const struct {
        const char *text, *hint; /* NULL: none */
    } cases[] = {
        { "[{\"a\":1},{\"a\":2}]", "the payload is an array, and one event is taken here: use /events/bulk" },
        { "[{\"a\":1},{a}]", "the payload is an array" },
        { "{\"a\":1}{\"a\":2}", "objects one behind the other" },
        { "{\"a\":1}\n{\"a\":2}\n", "lines of objects" },
        { "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", "a sequence" },
        { "{\"events\":[{\"a\":1}]}", "an envelope" },
        { "{\"sent_at\":5,\"events\":[{\"a\":1},{a}]}", "an envelope" },
        { "{\"b\":1}", NULL },
        { "{\"a\":tru}", NULL },
        { "true", NULL },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        submit(setup, PAYLOAD_ONE, slice_from_string(cases[i].text));
        const char *detail = buf_c_string(&setup->submission.detail);
        if ((strstr(detail, "use /events/bulk") != NULL) != (cases[i].hint != NULL) ||
            (cases[i].hint != NULL && strstr(detail, cases[i].hint) == NULL)) {
            fail_msg("%s: %s", cases[i].text, detail);
        }
        submit(setup, PAYLOAD_MANY, slice_from_string(cases[i].text));
        assert_null(strstr(buf_c_string(&setup->submission.detail), "/events/bulk"));
    }
}

static struct field_options timed_fields[] = { FIELD("a", "UInt8"), FIELD("t", "DateTime") };
static const struct stream_options timed_options = {
    .name = "s", .fields = timed_fields, .field_count = 2, .unknown_fields = UNKNOWN_REJECT, .dedup_key = LIST("a", "t")
};
static struct field_options sent_fields[] = { FIELD("sent_at", "DateTime") };
static const struct stream_options sent_options = { .name = "s", .fields = sent_fields, .field_count = 1 };

static int start_with_times(void **state)
{
    return start_with(state, &timed_options);
}

static int start_with_a_field_sent_at(void **state)
{
    return start_with(state, &sent_options);
}

#define SENT "\"sent_at\":1732237200," /* an hour after FIXTURE_NOW_NS */
#define EVENT "{\"a\":1,\"t\":1732237200}"
#define AT_ONCE "\"2024-11-22 00:00:00\""
#define AN_HOUR_LATER "\"2024-11-22 01:00:00\""

static void sent_at_moves_the_times_of_an_envelope_and_of_a_single_event(void **state)
{
    static const struct {
        enum payload_form form;
        const char *text, *time; /* of the first row */
        uint32_t events, rejected, moved;
    } cases[] = {
        { PAYLOAD_ONE, "{" SENT "\"a\":1,\"t\":1732237200}", AT_ONCE, 1, 0, 1 },
        { PAYLOAD_ONE, "{\"a\":1,\"t\":1732237200,\"sent_at\":\"2024-11-22T01:00:00Z\"}", AT_ONCE, 1, 0, 1 },
        { PAYLOAD_MANY, "{" SENT "\"a\":1,\"t\":1732237200}", AT_ONCE, 1, 0, 1 },
        { PAYLOAD_MANY, "{" SENT "\"events\":[" EVENT "," EVENT "]}", AT_ONCE, 2, 0, 2 },
        { PAYLOAD_MANY, "{\"events\":[" EVENT "],\"sent_at\":1732237200}", AT_ONCE, 1, 0, 1 },
        { PAYLOAD_MANY, "{" SENT "\"events\":[" EVENT ",{a}," EVENT "]}", AT_ONCE, 3, 1, 2 },
        { PAYLOAD_MANY, "{\"sent_at\":1," SENT "\"events\":[" EVENT "]}", AT_ONCE, 1, 0, 1 },
        { PAYLOAD_MANY, "{\"events\":[" EVENT "]}", AN_HOUR_LATER, 1, 0, 0 },
        { PAYLOAD_MANY, "{\"sent_at\":\"soon\",\"events\":[" EVENT "]}", AN_HOUR_LATER, 1, 0, 0 },
        { PAYLOAD_MANY, "{\"sent_at\":{\"t\":1},\"events\":[" EVENT "]}", AN_HOUR_LATER, 1, 0, 0 },
        { PAYLOAD_MANY, "{\"sent_at\":1732233600,\"events\":[" EVENT "]}", AN_HOUR_LATER, 1, 0, 0 },
        /* in an item or a line it is a key like any other, and this stream knows none */
        { PAYLOAD_MANY, "[" EVENT ",{" SENT "\"a\":1}]", AN_HOUR_LATER, 2, 1, 0 },
        { PAYLOAD_MANY, "{\"events\":[" EVENT ",{" SENT "\"a\":1}]}", AN_HOUR_LATER, 2, 1, 0 },
        { PAYLOAD_MANY, EVENT "\n{" SENT "\"a\":1}\n", AN_HOUR_LATER, 2, 1, 0 },
        { PAYLOAD_ONE, "{\"sent_at\":\"soon\",\"a\":1}", NULL, 1, 1, 0 },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int64_t moved = count(setup, METRIC_TIMES_MOVED, OK);
        chunk_clear(fixture.chunk);
        submit(setup, cases[i].form, slice_from_string(cases[i].text));
        if (setup->submission.events != cases[i].events || setup->submission.rejected != cases[i].rejected ||
            count(setup, METRIC_TIMES_MOVED, OK) - moved != cases[i].moved ||
            (cases[i].time != NULL && strstr(fixture_row(&fixture, 0), cases[i].time) == NULL)) {
            fail_msg("%s: %u events, %u rejected; %s", cases[i].text, setup->submission.events,
                     setup->submission.rejected, cases[i].time != NULL ? fixture_row(&fixture, 0) : "");
        }
    }
    assert_int_equal(count(setup, METRIC_TIMES_CLAMPED, OK), 0);
}

static void a_field_sent_at_is_data(void **state)
{
    submit(*state, PAYLOAD_ONE, SLICE("{\"sent_at\":1732237200}"));
    assert_int_equal(((struct setup *)*state)->submission.rejected, 0);
    assert_non_null(strstr(fixture_row(&fixture, 0), AN_HOUR_LATER));
}

static void a_payload_that_fails_as_a_whole_moved_no_times(void **state)
{
    struct setup *setup = *state;
    submit(setup, PAYLOAD_MANY, SLICE("{" SENT "\"events\":[]}"));
    fixture.chunk->columns[1].data.failed = true;
    submit(setup, PAYLOAD_MANY, SLICE("{" SENT "\"events\":[" EVENT "]}"));
    assert_int_equal(setup->submission.error, ERROR_OUT_OF_MEMORY);
    assert_int_equal(count(setup, METRIC_TIMES_MOVED, OK), 0);
    chunk_clear(fixture.chunk);
    submit(setup, PAYLOAD_MANY, SLICE("{" SENT "\"events\":[" EVENT "]}"));
    assert_int_equal(count(setup, METRIC_TIMES_MOVED, OK), 1);
}

static void submit_shaped(struct setup *setup, enum payload_form form, const struct payload_shape *shape,
                          const struct request_values *values, struct slice text)
{
    submit_as(setup, (struct payload){ .form = form, .protocol = PROTOCOL_HTTP, .shape = shape, .values = values },
              text);
}

static const struct slice envelope_names[] = { { "a", 1 } };
static const struct payload_shape batch = { .items = { "batch", 5 } };
static const struct payload_shape atomic = { .items = { "batch", 5 }, .atomic = true };
static const struct payload_shape empty = { .items = { "batch", 5 }, .allow_empty = true, .max_events = 2 };
static const struct payload_shape around = { .items = { "batch", 5 }, .envelope = envelope_names, .envelope_count = 1 };

static const struct {
    const struct payload_shape *shape;
    enum payload_form form;
    struct slice text;
    enum error error, first;
    uint32_t events, rejected;
} shaped[] = {
    { &batch, PAYLOAD_MEMBER, SLICE("{\"batch\":[{\"a\":1},{\"a\":2}]}"), OK, OK, 2, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE("{\"events\":[{\"a\":1}]}"), ERROR_MISSING_FIELD, OK, 0, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE("[{\"a\":1}]"), ERROR_MISSING_FIELD, OK, 0, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE("{\"batch\":{\"a\":1}}"), ERROR_MISSING_FIELD, OK, 0, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE("{\"batch\":[{\"a\":1},{\"a\":tru}]}"), OK, ERROR_INVALID_JSON, 2, 1 },
    { &batch, PAYLOAD_MEMBER, SLICE("[{\"a\":1},{\"a\":tru}]"), ERROR_INVALID_JSON, OK, 0, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE("{\"batch\":[]}"), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { &batch, PAYLOAD_MEMBER, SLICE(""), ERROR_EMPTY_PAYLOAD, OK, 0, 0 },
    { &batch, PAYLOAD_MANY, SLICE("{\"batch\":[{\"a\":1},{\"a\":2}]}"), OK, OK, 2, 0 },
    { &batch, PAYLOAD_MANY, SLICE("{\"a\":1}"), OK, OK, 1, 0 },
    { &empty, PAYLOAD_MEMBER, SLICE("{\"batch\":[]}"), OK, OK, 0, 0 },
    { &empty, PAYLOAD_MEMBER, SLICE("{\"batch\":[1,2,3]}"), ERROR_TOO_MANY_EVENTS, OK, 0, 0 },
    { &around, PAYLOAD_MEMBER, SLICE("{\"batch\":[{},{\"a\":2}],\"a\":7}"), OK, OK, 2, 0 },
    { &around, PAYLOAD_MEMBER, SLICE("{\"a\":7,\"batch\":[{},{\"a\":tru},{\"a\":\"x\"}]}"), OK, ERROR_INVALID_JSON, 3,
      2 },
    { &around, PAYLOAD_MEMBER, SLICE("{\"batch\":[{},{\"a\":2}]}"), OK, ERROR_MISSING_FIELD, 2, 1 },
    { &atomic, PAYLOAD_MEMBER, SLICE("{\"batch\":[{\"a\":1},{\"a\":2}]}"), OK, OK, 2, 0 },
    { &atomic, PAYLOAD_MEMBER, SLICE("{\"batch\":[{\"a\":1},{\"a\":\"x\"},{}]}"), ERROR_BATCH_REFUSED, ERROR_WRONG_TYPE,
      3, 2 },
};

static void a_route_says_how_a_payload_holds_its_events(void **state)
{
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(shaped); i++) {
        uint32_t rows = fixture.chunk->rows;
        submit_shaped(setup, shaped[i].form, shaped[i].shape, NULL, shaped[i].text);
        assert_int_equal(setup->submission.error, shaped[i].error);
        assert_int_equal(setup->submission.first_error, shaped[i].first);
        assert_int_equal(setup->submission.events, shaped[i].events);
        assert_int_equal(setup->submission.rejected, shaped[i].rejected);
        bool taken = shaped[i].error == OK;
        assert_int_equal(fixture.chunk->rows - rows, taken ? shaped[i].events - shaped[i].rejected : 0);
    }
}

static void a_bad_event_of_an_atomic_payload_refuses_all_and_each_is_counted_once(void **state)
{
    struct setup *setup = *state;
    submit_shaped(setup, PAYLOAD_MEMBER, &atomic, NULL, SLICE("{\"batch\":[{\"a\":1},{\"a\":\"x\"},{\"a\":2},{}]}"));
    assert_int_equal(fixture.chunk->rows, 0);
    assert_int_equal(fixture.chunk->ticket_count, 0);
    assert_false(setup->submission.pending);
    assert_int_equal(setup->submission.first.index, 1);
    assert_string_equal(setup->submission.first.field, "a");
    assert_non_null(strstr(buf_c_string(&setup->submission.detail),
                           "event 1: a: \"x\" is not a whole number, as UInt8 needs; the route takes all"));
    assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), 4);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_WRONG_TYPE), 1);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_MISSING_FIELD), 1);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_BATCH_REFUSED), 2);
    assert_int_equal(count(setup, METRIC_EVENTS_IN_FLIGHT, OK), 0);
}

static void a_value_of_the_request_may_be_what_an_event_must_have(void **state)
{
    struct setup *setup = *state;
    const struct request_value items[] = { { .key = SLICE("a"), .text = SLICE("200") } };
    const struct request_values values = { items, 1 };
    submit_shaped(setup, PAYLOAD_ONE, NULL, &values, SLICE("{}"));
    assert_int_equal(setup->submission.rejected, 0);
    assert_true(setup->submission.pending);
    submit_shaped(setup, PAYLOAD_MANY, NULL, &values, SLICE("{}\n{\"a\":1}\n{\"a\":\"x\"}\n{]\n"));
    assert_int_equal(setup->submission.events, 4);
    assert_int_equal(setup->submission.rejected, 2);
    assert_non_null(strstr(buf_c_string(&setup->submission.errors), "invalid JSON at byte 22"));
    assert_int_equal(fixture.chunk->rows, 3);
}

static void a_value_that_is_no_text_refuses_its_payload(void **state)
{
    struct setup *setup = *state;
    const struct request_value items[] = { { .key = SLICE("User"), .text = SLICE("{"), .form = VALUE_OF_OBJECT } };
    const struct request_values values = { items, 1 };
    submit_shaped(setup, PAYLOAD_ONE, NULL, &values, SLICE("{\"a\":1}"));
    assert_int_equal(setup->submission.error, ERROR_BAD_ARGUMENT);
    assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), 1);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_BAD_ARGUMENT), 1);
    assert_int_equal(fixture.chunk->rows, 0);
}

/* A small payload fills chunks, and is refused while it does, if what stands beside its events is large. */
static void what_a_request_says_of_each_event_is_weighed_once_for_each(void **state)
{
    struct setup *setup = *state;
    struct buf text = { 0 };
    buf_append_fill(&text, 'x', CHUNK_BYTES / 2);
    const struct request_value items[] = { { .key = SLICE("unknown"), .text = buf_slice(&text) } };
    const struct request_values values = { items, 1 };
    submit_shaped(setup, PAYLOAD_ONE, NULL, &values, SLICE("{\"a\":1}"));
    assert_int_equal(pushes, 0);
    submit_shaped(setup, PAYLOAD_ONE, NULL, &values, SLICE("{\"a\":1}"));
    assert_int_equal(pushes, 1);
    submit(setup, PAYLOAD_ONE, SLICE("{\"a\":1}"));
    feign_a_large_chunk();
    buf_clear(&text);
    for (int i = 0; i < 20; i++) {
        buf_append_string(&text, i == 0 ? "{\"a\":300}" : "\n{\"a\":1}");
    }
    struct slice lines = buf_slice(&text);
    struct buf value = { 0 };
    buf_append_fill(&value, 'x', CHUNK_BYTES / 2);
    const struct request_value large = { .key = SLICE("unknown"), .text = buf_slice(&value) };
    submit_shaped(setup, PAYLOAD_LINES, NULL, &(struct request_values){ &large, 1 }, lines);
    assert_int_equal(setup->submission.error, ERROR_PAYLOAD_TOO_LARGE);
    assert_int_equal(count(setup, METRIC_EVENTS_REJECTED, ERROR_PAYLOAD_TOO_LARGE), 19);
    assert_int_equal(count(setup, METRIC_EVENTS_RECEIVED, OK), 23);
    assert_int_equal(fixture.chunk->rows, 1);
    assert_int_equal(fixture.chunk->ticket_count, 1);
    buf_release(&value);
    buf_release(&text);
}

/* What a sink was told since it was cleared. */
struct told {
    uint64_t events;
    uint32_t whole, items;
    bool bare;             /* one of them had neither JSON nor bytes */
    struct buf items_text; /* of those that could be read, one a line */
};

static void tell(void *context, const struct refusal *refusal, const struct refused_input *input, struct slice message)
{
    struct told *told = context;
    struct buf path = { 0 };
    struct json_extent extent;
    assert_int_equal(refusal->protocol, PROTOCOL_HTTP);
    assert_non_null(input->payload);
    (void)message;
    told->events += input->events;
    told->whole += input->whole;
    told->items += !input->whole;
    told->bare = told->bare || (input->document == NULL && input->bytes.data == NULL && input->payload->bytes.len != 0);
    if (input->document != NULL) {
        assert_int_equal(json_write(input->document, input->at, false, &told->items_text, &path, &extent), OK);
        buf_append_byte(&told->items_text, '\n');
    }
    buf_release(&path);
}

static void a_sink_is_told_each_refused_event_with_its_bytes_whatever_its_payload_is(void **state)
{
    struct setup *setup = *state;
    struct told told = { 0 };
    const struct refusal_sink sink = { &told, tell };
    refusals_add_sink(&setup->refusals, &sink);
    for (size_t i = 0; i < ARRAY_LENGTH(payloads); i++) {
        told = (struct told){ .items_text = told.items_text };
        submit(setup, payloads[i].form, payloads[i].text);
        assert_int_equal(told.whole, payloads[i].error != OK);
        assert_int_equal(told.items, payloads[i].rejected);
        assert_int_equal(told.events, payloads[i].error != OK ? 1 : payloads[i].rejected);
        assert_false(told.bare);
    }
    buf_clear(&told.items_text);
    submit(setup, PAYLOAD_MANY, SLICE("[{\"a\":1},{\"a\":300,\"t\":\"x\\u0000\\n\"},{\"a\":2},{\"a\":1e999}]"));
    buf_append_byte(&told.items_text, '\0');
    assert_string_equal(told.items_text.data, "{\"a\":300,\"t\":\"x\\u0000\\n\"}\n{\"a\":1e999}\n");
    buf_release(&told.items_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sink_is_told_each_refused_event_with_its_bytes_whatever_its_payload_is, start,
                                        end),
        cmocka_unit_test_setup_teardown(what_a_request_says_of_each_event_is_weighed_once_for_each, start, end),
        cmocka_unit_test_setup_teardown(takes_every_form_and_counts_each_event_once, start, end),
        cmocka_unit_test_setup_teardown(texts_that_are_repaired_are_counted_once_whatever_their_payload_is, start, end),
        cmocka_unit_test_setup_teardown(a_stream_may_refuse_bad_characters_and_no_other_event, start, end),
        cmocka_unit_test_setup_teardown(an_event_of_more_than_max_event_is_refused_alone_wherever_it_stands, start,
                                        end),
        cmocka_unit_test_setup_teardown(a_line_of_more_objects_than_are_taken_is_refused_alone, start, end),
        cmocka_unit_test_setup_teardown(a_ticket_names_its_rows_and_its_request, start, end),
        cmocka_unit_test_setup_teardown(errors_are_json_with_index_field_code_and_message, start, end),
        cmocka_unit_test_setup_teardown(a_message_counts_the_bytes_that_were_sent_with_what_is_ignored_of_them, start,
                                        end),
        cmocka_unit_test_setup_teardown(at_most_a_hundred_errors_are_told, start, end),
        cmocka_unit_test_setup_teardown(a_full_chunk_is_pushed_and_a_payload_never_spans_two, start, end),
        cmocka_unit_test_setup_teardown(a_chunk_that_large_payloads_fill_is_pushed_too, start, end),
        cmocka_unit_test_setup_teardown(a_payload_too_large_for_a_block_is_refused_without_those_before_it, start, end),
        cmocka_unit_test_setup_teardown(an_object_may_name_its_stream, start, end),
        cmocka_unit_test_setup_teardown(the_name_of_a_stream_is_collected_only_where_it_is_data, start, end),
        cmocka_unit_test_setup_teardown(an_unknown_stream_refuses_the_payload_whole, start, end),
        cmocka_unit_test_setup_teardown(a_field_of_that_name_is_data, start_with_a_field_stream, end),
        cmocka_unit_test_setup_teardown(silent_payloads_that_follow_each_other_share_a_ticket, start, end),
        cmocka_unit_test_setup_teardown(without_memory_for_a_chunk_the_payload_is_refused, start, end),
        cmocka_unit_test_setup_teardown(more_bad_items_than_events_are_taken_are_refused_unparsed, start, end),
        cmocka_unit_test_setup_teardown(where_memory_runs_short_in_the_middle_every_event_of_the_payload_is_counted,
                                        start, end),
        cmocka_unit_test_setup_teardown(a_refusal_without_a_stream_is_counted_too, start, end),
        cmocka_unit_test_setup_teardown(sent_at_moves_the_times_of_an_envelope_and_of_a_single_event, start_with_times,
                                        end),
        cmocka_unit_test_setup_teardown(who_sends_many_events_as_one_is_told_where_they_go, start, end),
        cmocka_unit_test_setup_teardown(a_field_sent_at_is_data, start_with_a_field_sent_at, end),
        cmocka_unit_test_setup_teardown(a_payload_that_fails_as_a_whole_moved_no_times, start_with_times, end),
        cmocka_unit_test_setup_teardown(a_route_says_how_a_payload_holds_its_events, start, end),
        cmocka_unit_test_setup_teardown(a_bad_event_of_an_atomic_payload_refuses_all_and_each_is_counted_once, start,
                                        end),
        cmocka_unit_test_setup_teardown(a_value_of_the_request_may_be_what_an_event_must_have, start, end),
        cmocka_unit_test_setup_teardown(a_value_that_is_no_text_refuses_its_payload, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
