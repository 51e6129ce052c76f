/* Turns the arguments of GET /events/metrics into a request, or into a text that says what is wrong with them. */
#include "proto/front/page.h"
#include "query/query_sql.h"

#include "base/clock.h"
#include "event/column.h"
#include "event/stream.h"
#include "event/time/time_parse.h"
#include "event/type.h"
#include "pipeline/json/json.h"

#define DAY_NS (INT64_C(86400) * NS_PER_SECOND)

/* What a DateTime column can hold ends in 2106; further bounds select nothing more. */
#define LATEST_NS (INT64_C(4294967295) * NS_PER_SECOND)

#define MAX_ARGUMENT 1024

struct reading {
    struct query_request *request;
    struct slice arguments;
    struct buf *problem;
    struct buf value; /* of the argument read last */
};

/* Reads an argument into reading->value; *given says whether it is there. */
static enum error read_argument(struct reading *reading, const char *name, bool *given)
{
    bool malformed = false;
    *given = page_argument(reading->arguments, name, &reading->value, &malformed);
    if (reading->value.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (malformed) {
        buf_printf(reading->problem, "%s: its percent escapes are malformed; write %%XX with two hex digits", name);
        return ERROR_BAD_ARGUMENT;
    }
    if (*given && reading->value.len > MAX_ARGUMENT) {
        buf_printf(reading->problem, "%s: %zu bytes, at most %d are allowed", name, reading->value.len, MAX_ARGUMENT);
        return ERROR_BAD_ARGUMENT;
    }
    if (*given && !json_is_utf8(buf_slice(&reading->value))) {
        buf_printf(reading->problem, "%s: it is not UTF-8; write what is not ASCII as UTF-8 (é as %%C3%%A9)", name);
        return ERROR_BAD_ARGUMENT;
    }
    return OK;
}

static void say_found(struct reading *reading, const char *name)
{
    buf_printf(reading->problem, "%s: found \"%.*s\", ", name, (int)reading->value.len, reading->value.data);
}

static enum error read_stream(struct reading *reading, struct stream *const *streams, size_t count)
{
    bool given;
    enum error error = read_argument(reading, "stream", &given);
    reading->request->stream = count == 0 ? NULL : streams[0];
    if (error != OK || !given || reading->value.len == 0) {
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(buf_slice(&reading->value), slice_from_string(streams[i]->name))) {
            reading->request->stream = streams[i];
            return OK;
        }
    }
    say_found(reading, "stream");
    buf_append_string(reading->problem, "there are:");
    for (size_t i = 0; i < count; i++) {
        buf_printf(reading->problem, " %s", streams[i]->name);
    }
    return ERROR_UNKNOWN_STREAM;
}

static enum error read_time(struct reading *reading, const char *name, int64_t *ns)
{
    bool given;
    struct moment moment;
    enum error error = read_argument(reading, name, &given);
    if (error != OK || !given || reading->value.len == 0) {
        return error;
    }
    bool valid = moment_from_text(buf_slice(&reading->value), &moment) && moment.seconds >= 0;
    if (!valid) {
        say_found(reading, name);
        buf_append_string(reading->problem, "expected RFC 3339 (2025-11-22T00:00:00Z; in a URL write + as %2B) or unix "
                                            "seconds or milliseconds, from 1970 on");
        return ERROR_BAD_ARGUMENT;
    }
    *ns = moment_to_ns(moment);
    *ns = *ns < LATEST_NS ? *ns : LATEST_NS;
    return OK;
}

static enum error read_range(struct reading *reading, int64_t now_wall_ns)
{
    struct query_request *request = reading->request;
    if (request->stream->time_column < 0) {
        buf_printf(reading->problem, "stream: %s has no field of a time type, so there is nothing to select by",
                   request->stream->name);
        return ERROR_BAD_ARGUMENT;
    }
    request->to_ns = now_wall_ns;
    enum error error = read_time(reading, "to", &request->to_ns);
    if (error != OK) {
        return error;
    }
    request->from_ns = request->to_ns > DAY_NS ? request->to_ns - DAY_NS : 0;
    error = read_time(reading, "from", &request->from_ns);
    if (error == OK && request->from_ns >= request->to_ns) {
        buf_append_string(reading->problem, "from: it must lie before to");
        return ERROR_BAD_ARGUMENT;
    }
    return error;
}

static enum error read_event_name(struct reading *reading)
{
    const struct stream *stream = reading->request->stream;
    enum error error = read_argument(reading, "event_name", &reading->request->has_event_name);
    if (error != OK || !reading->request->has_event_name) {
        return error;
    }
    for (size_t i = 0; i < stream->column_count; i++) {
        if (strcmp(stream->columns[i].name, "event_name") == 0) {
            buf_append_slice(&reading->request->event_name, buf_slice(&reading->value));
            return reading->request->event_name.failed ? ERROR_OUT_OF_MEMORY : OK;
        }
    }
    buf_printf(reading->problem, "event_name: stream %s has no such field", stream->name);
    return ERROR_BAD_ARGUMENT;
}

/* Few different values are to be expected: the type says so, or it is one of the two names that the API promises. */
static bool can_be_grouped(const struct column_spec *column)
{
    const struct type *type = &column->type;
    bool single = type->shape == SHAPE_SCALAR || type->shape == SHAPE_NULLABLE;
    bool promised = strcmp(column->name, "channel") == 0 || strcmp(column->name, "event_name") == 0;
    bool few = type->kind == KIND_ENUM || (type->kind == KIND_STRING && (type->low_cardinality || promised));
    return single && few;
}

static enum error read_group_column(struct reading *reading)
{
    const struct stream *stream = reading->request->stream;
    for (size_t i = 0; i < stream->column_count; i++) {
        if (slice_equal(buf_slice(&reading->value), slice_from_string(stream->columns[i].name)) &&
            can_be_grouped(&stream->columns[i])) {
            reading->request->group = GROUP_COLUMN;
            reading->request->group_column = i;
            return OK;
        }
    }
    say_found(reading, "group_by");
    buf_append_string(reading->problem, "allowed are: daily hourly");
    for (size_t i = 0; i < stream->column_count; i++) {
        if (can_be_grouped(&stream->columns[i])) {
            buf_printf(reading->problem, " %s", stream->columns[i].name);
        }
    }
    return ERROR_BAD_ARGUMENT;
}

static enum error read_group(struct reading *reading)
{
    bool given;
    enum error error = read_argument(reading, "group_by", &given);
    if (error != OK || !given || reading->value.len == 0) {
        return error;
    }
    if (slice_equal(buf_slice(&reading->value), SLICE("daily"))) {
        reading->request->group = GROUP_DAILY;
    } else if (slice_equal(buf_slice(&reading->value), SLICE("hourly"))) {
        reading->request->group = GROUP_HOURLY;
    } else {
        return read_group_column(reading);
    }
    return OK;
}

enum error query_request_read(struct query_request *request, struct slice arguments, struct stream *const *streams,
                              size_t stream_count, int64_t now_wall_ns, struct buf *problem)
{
    struct reading reading = { .request = request, .arguments = arguments, .problem = problem };
    *request = (struct query_request){ 0 };
    enum error error = read_stream(&reading, streams, stream_count);
    if (error == OK) {
        error = read_range(&reading, now_wall_ns);
    }
    if (error == OK) {
        error = read_event_name(&reading);
    }
    if (error == OK) {
        error = read_group(&reading);
    }
    buf_release(&reading.value);
    return error;
}

void query_request_release(struct query_request *request)
{
    buf_release(&request->event_name);
    *request = (struct query_request){ 0 };
}
