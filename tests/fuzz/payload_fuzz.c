/* Turns any bytes into a payload, packed or not, and submits it: each of its events is counted once, and what was taken are
 * whole rows. */
#include "base/metrics/metrics.h"
#include "fuzz/cost.h"
#include "fuzz/every_type.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/refusals.h"
#include "proto/front/intake.h"

#define MAX_PLAIN 65536
#define EVENT_BYTES 200 /* an event weighs so much, however short it is */

static struct intake intake;
static struct pipeline_io io;

/* The rest of the pipeline, as submit.c knows it. */

struct chunk *pipeline_io_take_chunk(struct pipeline_io *of, const struct stream *stream)
{
    (void)of, (void)stream;
    return every_type.chunk;
}

const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name)
{
    (void)pipeline;
    return slice_equal(name, SLICE("s")) ? every_type.stream : NULL;
}

const struct stream *pipeline_present(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)pipeline;
    return stream;
}

void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out)
{
    (void)pipeline;
    buf_printf(out, "there is no stream \"%.*s\"", (int)name.len, name.data);
}

void pipeline_io_push(struct pipeline_io *of, size_t stream_index)
{
    (void)of, (void)stream_index;
    chunk_clear(every_type.chunk);
}

enum error pipeline_admits(const struct pipeline *pipeline)
{
    (void)pipeline;
    return OK;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    (void)pipeline, (void)stream;
    return OK;
}

static void set_up(void)
{
    static const char *names[] = { "s" };
    static struct refusals refusals;
    every_type_set_up();
    struct metrics *metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    refusals_init(&refusals);
    must(metrics != NULL && intake_init(&intake, NULL, metrics));
    intake.max_ratio = 200;
    io = (struct pipeline_io){ .parser = every_type.parser,
                               .validator = every_type.validator,
                               .cells = intake.cells,
                               .refusals = &refusals,
                               .max_events = 5000,
                               .stream_count = 1 };
}

static bool unpack(enum encoding encoding, struct slice *bytes)
{
    static struct buf plain;
    if (encoding != ENCODING_IDENTITY) {
        enum error error = intake_unpack(&intake, encoding, MAX_PLAIN, bytes);
        cost_weighs(error == OK ? bytes->len : error == ERROR_DECOMPRESSED_TOO_LARGE ? MAX_PLAIN : 0);
        return error == OK;
    }
    buf_clear(&plain);
    buf_append_slice(&plain, *bytes);
    buf_append_fill(&plain, 0, JSON_PADDING);
    *bytes = slice_make(plain.data, bytes->len);
    return true;
}

static void take(const uint8_t *data, size_t size)
{
    static const enum payload_form forms[] = { PAYLOAD_MANY, PAYLOAD_ONE, PAYLOAD_LINES, PAYLOAD_MANY };
    if (every_type.stream == NULL) {
        set_up();
    }
    if (size == 0) {
        return;
    }
    struct payload payload = {
        .stream = every_type.stream,
        .bytes = slice_make(data + 1, size - 1),
        .form = forms[data[0] % 4],
        .pick_stream = data[0] % 4 == 3,
        .received_wall_ns = RECEIVED_NS,
    };
    if (!unpack((enum encoding)(data[0] / 4 % ENCODING_OTHER), &payload.bytes)) {
        return;
    }
    chunk_clear(every_type.chunk);
    pipeline_submit(&io, &payload, &intake.submission);
    const struct submission *submission = &intake.submission;
    uint32_t taken = submission->error == OK ? submission->events - submission->rejected : 0;
    must(submission->rejected <= submission->events && submission->pending == (taken != 0));
    must(every_type.chunk->rows == taken || every_type.chunk->rows == 0);
    cost_weighs((size_t)submission->events * EVENT_BYTES);
}

COST_FUZZER(take, 250)
