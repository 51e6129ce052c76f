/* Turns any bytes into the query, the cookies, the path or the form of a request, and gathers the values of all: within the
 * bounds, or refused with a reason; no text moves, and what a stream reads of them is a member of its event. */
#include <stdlib.h>

#include "config/options/route_options.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "fuzz/cost.h"
#include "pipeline/payload/payload_merge.h"
#include "proto/front/captures.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/values/event_sources.h"
#include "proto/values/gather.h"

#define PAIR(name)                                                                                                     \
    {                                                                                                                  \
        .names = (const char *[]){ name }, .values = (const char *[]){ name }, .count = 1                              \
    }
#define FIELD(field_name, field_type, source)                                                                          \
    {                                                                                                                  \
        .name = (field_name), .type = (field_type), .from = { (const char *[]){ source }, 1 }, .max_past_ns = -1,      \
        .max_future_ns = -1                                                                                            \
    }

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static struct field_options fields[] = {
    FIELD("a", "String", "@query.a"),
    FIELD("b", "Array(UInt8)", "@cookie.b"),
    FIELD("c", "String", "@path.rest"),
    FIELD("d", "Float64", "@form.d"),
    FIELD("e", "JSON", "e"),
    FIELD("f", "UInt64", "f"),
    FIELD("g", "Array(String)", "g.h"),
};
static const struct stream_options options = { .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields) };

static struct {
    struct stream *stream;
    struct event_sources *sources;
    struct value_set *set;
    struct payload_merge *merge;
    struct json_parser *parser;
} all;

static struct route_source_options sources[] = {
    { .kind = SOURCE_ARGUMENTS, .query = PAIR("*"), .strip_prefix = "utm_", .lower_keys = true, .unless = "no" },
    { .kind = SOURCE_ARGUMENTS, .query = PAIR("data"), .base64_json = true },
    { .kind = SOURCE_ARGUMENTS, .cookies = PAIR("*") },
    { .kind = SOURCE_ARGUMENTS, .pairs = "rest" },
    { .kind = SOURCE_ARGUMENTS, .header_prefix = "x-" },
    { .kind = SOURCE_ARGUMENTS, .header_json = "User" },
    { .kind = SOURCE_FORM },
    { .kind = SOURCE_MULTIPART },
    { .kind = SOURCE_BODY },
};

static void prepare(void)
{
    const struct route_options route = { .event = sources, .source_count = ARRAY_LENGTH(sources) };
    struct buf problems = { 0 };
    if (all.set == NULL) {
        all.stream = stream_compile(&options, 0, &problems);
        must(all.stream != NULL && event_sources_compile(&route, &all.sources, &problems));
        all.set = value_set_new();
        all.merge = payload_merge_new();
        all.parser = json_parser_new();
    }
}

static void merge(void)
{
    struct buf detail = { 0 };
    struct json_document empty, merged;
    uint64_t repaired;
    static const char text[2 + JSON_PADDING] = "{}";
    const struct merge_terms terms = { .stream = all.stream, .values = &all.set->values, .repairs = true };
    enum error error = payload_merge_begin(all.merge, &terms, &repaired, &detail);
    must((error == OK) == (detail.len == 0));
    if (error == OK) {
        must(json_parse(all.parser, slice_make(text, 2), &empty) == OK);
        must(payload_merge_event(all.merge, &empty, JSON_ROOT, &merged) && json_type(&merged, JSON_ROOT) == '{');
    }
    buf_release(&detail);
}

static void check(struct slice body, enum error error)
{
    const struct value_set *set = all.set;
    if (error != OK) {
        must(set->detail.len != 0);
        return;
    }
    must(set->count - set->of_form <= VALUES_MAX && set->of_form <= VALUES_FORM_MAX && set->bytes <= VALUES_BYTES);
    must(body.len == 0 || body.data != NULL);
    merge();
}

static void take(const uint8_t *data, size_t size)
{
    prepare();
    cost_weighs(2000); /* the tables of the merge are cleared */
    if (size == 0) {
        return;
    }
    uint8_t where = data[0] % 7;
    struct slice text = slice_make(data + 1, size - 1), body = SLICE("");
    struct buf fields_text = { 0 };
    struct captures captures = { .count = 1, .items = { { SLICE("rest"), where == 2 ? text : SLICE("") } } };
    struct http_request request = { .query = where == 0 ? text : SLICE("") };
    buf_append_string(&fields_text, where == 1   ? "Cookie: "
                                    : where == 5 ? "User: "
                                    : where == 6 ? "x-"
                                                 : "Content-Type: multipart/form-data; boundary=b\r\n");
    if (where == 1 || where == 5 || where == 6) {
        for (size_t i = 0; i < text.len; i++) {
            buf_append_byte(&fields_text, (uint8_t)text.data[i] < ' ' ? ' ' : (uint8_t)text.data[i]);
        }
        buf_append_string(&fields_text, where == 6 ? ": a\r\n" : "\r\n");
    }
    request.fields = buf_slice(&fields_text);
    request.content = where == 3 ? CONTENT_FORM : where == 4 ? CONTENT_MULTIPART : CONTENT_OTHER;
    body = where == 3 || where == 4 ? text : body;
    const struct gather_request asked = {
        .http = &request, .captures = &captures, .sources = all.sources, .stream = all.stream, .is_form = where == 3
    };
    if (fields_text.failed || (where == 6 && memchr(text.data, ':', text.len) != NULL)) {
        buf_release(&fields_text);
        return;
    }
    enum error error = gather_values(all.set, &asked, &body);
    check(body, error);
    buf_release(&fields_text);
}

COST_FUZZER(take, 400)
