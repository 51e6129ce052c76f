#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/route_options.h"
#include "pipeline/payload/stream_choice.h"
#include "proto/front/captures.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/values/event_sources.h"
#include "proto/values/gather.h"
#include "schema_fixture.h"

#define PAIR(...)                                                                                                      \
    {                                                                                                                  \
        .names = (const char *[]){ __VA_ARGS__ }, .values = (const char *[]){ __VA_ARGS__ },                           \
        .count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)                                        \
    }
#define AS(name, value)                                                                                                \
    {                                                                                                                  \
        .names = (const char *[]){ name }, .values = (const char *[]){ value }, .count = 1                             \
    }
#define SOURCE(...)                                                                                                    \
    {                                                                                                                  \
        .line = 1, .kind = SOURCE_ARGUMENTS, __VA_ARGS__                                                               \
    }
#define BODY                                                                                                           \
    {                                                                                                                  \
        .line = 1, .kind = SOURCE_BODY                                                                                 \
    }

#define FORM                                                                                                           \
    {                                                                                                                  \
        .line = 1, .kind = SOURCE_FORM                                                                                 \
    }
#define MULTIPART                                                                                                      \
    {                                                                                                                  \
        .line = 1, .kind = SOURCE_MULTIPART                                                                            \
    }

static struct field_options fields[] = {
    FIELD("name", "String"),
    FIELD("page", "String", .from = LIST("@header.referer")),
    FIELD("measured", "String", .from = LIST("@query.measurement_id")),
    FIELD("visitor", "String", .from = LIST("@cookie.vid")),
    FIELD("user", "String", .from = LIST("@path.user")),
    FIELD("mail", "String", .from = LIST("@form.mail")),
};
static const struct stream_options reading = { .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields) };
static const struct stream_options plain = { .name = "s", .fields = fields, .field_count = 1 };

struct gathering_test {
    struct stream *stream;
    struct value_set *set;
    struct buf told, padded;
};

static int start_with(void **state, const struct stream_options *options)
{
    static struct gathering_test test;
    test = (struct gathering_test){ .stream = fixture_compile(options), .set = value_set_new() };
    *state = &test;
    return 0;
}

static int start(void **state)
{
    return start_with(state, &plain);
}

static int start_reading(void **state)
{
    return start_with(state, &reading);
}

static int end(void **state)
{
    struct gathering_test *test = *state;
    stream_free(test->stream);
    value_set_free(test->set);
    buf_release(&test->told);
    buf_release(&test->padded);
    return 0;
}

static struct event_sources *compile(struct route_source_options *options, size_t count)
{
    struct buf problems = { 0 };
    struct event_sources *sources;
    const struct route_options route = { .event = options, .source_count = count };
    assert_true(event_sources_compile(&route, &sources, &problems));
    return sources;
}

/* "key=text" of each, '!' in front if it wins, the number of a source behind '@'; then what the body became. */
static void tell(struct gathering_test *test, struct slice body)
{
    for (size_t i = 0; i < test->set->values.count; i++) {
        const struct request_value *value = &test->set->values.items[i];
        buf_printf(&test->told, "%s%.*s", value->wins ? "!" : "", (int)value->key.len, value->key.data);
        if (value->source != PATH_OF_NONE) {
            buf_printf(&test->told, "@%d", (int)value->source);
        }
        buf_printf(&test->told, "=%.*s ", (int)value->text.len, value->text.data);
    }
    buf_printf(&test->told, "%.*s", (int)body.len, body.data);
}

static enum error gather(struct gathering_test *test, const struct event_sources *sources, const char *head,
                         struct slice body, struct captures *captures)
{
    struct http_request request;
    enum error error;
    const char *reason;
    struct slice text = slice_from_string(head);
    assert_int_equal(http_parse_head(text, 1 << 20, &request, &error, &reason), HTTP_DONE);
    const struct gather_request asked = {
        .http = &request,
        .captures = captures,
        .sources = sources,
        .stream = test->stream,
        .is_form = request.content == CONTENT_FORM && body.len != 0 && body.data[0] != '{',
    };
    error = gather_values(test->set, &asked, &body);
    buf_clear(&test->told);
    if (error == OK) {
        tell(test, body);
    } else {
        buf_printf(&test->told, "%s: ", error_info(error)->code);
        buf_append_slice(&test->told, buf_slice(&test->set->detail));
    }
    return error;
}

#define TO(target) "POST " target " HTTP/1.1\r\nHost: a\r\n"
#define END "\r\n"
#define FORM_TYPE "Content-Type: application/x-www-form-urlencoded\r\n"
#define PARTS_TYPE "Content-Type: multipart/form-data; boundary=\"xYx\"\r\n"
#define PART(disposition, value) "--xYx\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" value "\r\n"

static struct {
    struct route_source_options sources[4];
    const char *head, *body, *told;
} cases[] = {
    /* The query. */
    { { SOURCE(.query = PAIR("a", "b")), BODY }, TO("/?b=2&a=1&c=3&a=4") END, "{}", "b=2 a=1 a=4 {}" },
    { { BODY, SOURCE(.query = PAIR("a")) }, TO("/?a=1") END, "{\"a\":2}", "!a=1 {\"a\":2}" },
    { { SOURCE(.query = AS("a", "name")) }, TO("/?a=%41+b%zz%F0") END, "", "name=A b%zz\xF0 {}" },
    { { SOURCE(.query = PAIR("*"), .strip_prefix = "utm_", .lower_keys = true, .except = LIST("url")) },
      TO("/?UTM_Source=X&url=u&utm_=y&&=z&k") END,
      "",
      "source=X utm_=y k= {}" },
    { { SOURCE(.query = PAIR("*")) }, TO("/?tags[]=a&tags%5B%5D=b&[]=c") END, "", "tags=a tags=b []=c {}" },
    { { SOURCE(.query = PAIR("*"), .unless = "igqp") }, TO("/?a=1&igqp=1") END, "{}", "{}" },
    { { SOURCE(.query = PAIR("data"), .base64_json = true) },
      TO("/?data=eyJhIjoiPz8%2FIn0%3D") END,
      "",
      "data={\"a\":\"\?\?\?\"} {}" },
    { { SOURCE(.query = PAIR("data"), .base64_json = true) },
      TO("/?data=a*") END,
      "",
      "bad_argument: data is not base64" },
    /* Cookies. */
    { { SOURCE(.cookies = AS("CookieConsent", "cflags")), BODY },
      TO("/") "Cookie: a=b; CookieConsent=\"7\"; x\r\nCookie:CookieConsent=%38\r\n" END,
      "{}",
      "cflags=7 cflags=8 {}" },
    /* Header fields. */
    { { SOURCE(.headers = AS("Referer", "url")) },
      TO("/") "referer:  https://a/?b=%20 \r\n" END,
      "",
      "url=https://a/?b=%20 {}" },
    { { SOURCE(.header_prefix = "ce-") },
      TO("/") "CE-Id: 1\r\nce-Source: a%20b\r\nce-: x\r\n" END,
      "",
      "id=1 source=a b {}" },
    { { SOURCE(.header_json = "User") }, TO("/") "user: {\"uid\":1}\r\n" END, "", "User={\"uid\":1} {}" },
    /* What shows a key is no source, whatever a list takes in. */
    { { SOURCE(.headers = PAIR("*")) },
      TO("/") "AUTHORIZATION: Bearer k\r\nX-Api-Key: k\r\nSec-WebSocket-Protocol: key.k\r\nX-API-Keys: 1\r\n" END,
      "",
      "Host=a X-API-Keys=1 {}" },
    { { SOURCE(.header_prefix = "x-") }, TO("/") "X-API-Key: k\r\nX-a: 1\r\n" END, "", "a=1 {}" },
    /* Constants. */
    { { SOURCE(.constant = AS("type", "track")), BODY }, TO("/") END, "{\"a\":1}", "type=track {\"a\":1}" },
    { { SOURCE(.constant = AS("type", "track")), BODY }, TO("/") END, "", "type=track {}" },
    /* Forms. */
    { { SOURCE(.constant = AS("type", "track")), FORM },
      TO("/") FORM_TYPE END,
      "name=Al+B&x=%26",
      "type=track name=Al B x=& {}" },
    { { FORM, BODY }, TO("/") FORM_TYPE END, "{\"a\":1}", "{\"a\":1}" },
    { { FORM }, TO("/") END, "{\"a\":1}", "unsupported_type: the route takes a form, and the body is none" },
    { { BODY, SOURCE(.query = PAIR("a")) },
      TO("/") FORM_TYPE END,
      "a=1",
      "unsupported_type: the route does not take a form of this type" },
    { { MULTIPART },
      TO("/") PARTS_TYPE END,
      "preamble\r\n" PART("name=\"a\"", "1\r\n--xY") PART("name=\"b%22c\"", "") "--xYx--\r\n",
      "a=1\r\n--xY b\"c= {}" },
    { { MULTIPART },
      TO("/") PARTS_TYPE END,
      PART("name=\"f\"; filename=\"x.png\"", "1") "--xYx--",
      "unsupported_type: the form has a file in its field \"f\": files are not taken" },
    { { MULTIPART },
      TO("/") PARTS_TYPE END,
      PART("name=\"a\"", "1"),
      "bad_request: the form cannot be read: it ends before its last boundary" },
    { { MULTIPART },
      TO("/") PARTS_TYPE END,
      "none",
      "bad_request: the form cannot be read: its boundary is not in it" },
    { { MULTIPART },
      TO("/") "Content-Type: multipart/form-data\r\n" END,
      "none",
      "bad_request: the form cannot be read: its Content-Type has no boundary of 1 to 70 characters" },
    { { MULTIPART },
      TO("/") PARTS_TYPE END,
      PART("nome=\"a\"", "1") "--xYx--",
      "bad_request: the form cannot be read: a part of it has no Content-Disposition with a name" },
    /* The body as a member. */
    { { SOURCE(.header_prefix = "ce-"), SOURCE(.body_into = "data", .unless_content_type = "application/cloudevents") },
      TO("/") "ce-id: 1\r\n" END,
      "[1]",
      "id=1 data=[1] {}" },
    { { SOURCE(.header_prefix = "ce-"), SOURCE(.body_into = "data", .unless_content_type = "application/cloudevents") },
      TO("/") "content-type: application/cloudevents+json\r\n" END,
      "{\"id\":1}",
      "{\"id\":1}" },
};

static void a_route_takes_its_values_from_where_it_says(void **state)
{
    struct gathering_test *test = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct route_source_options *sources = cases[i].sources;
        size_t count = 0;
        while (count < 4 && sources[count].line != 0) {
            count++;
        }
        struct event_sources *compiled = compile(sources, count);
        (void)gather(test, compiled, cases[i].head, slice_from_string(cases[i].body), NULL);
        assert_string_equal(buf_c_string(&test->told), cases[i].told);
        event_sources_free(compiled);
    }
}

static void parts_of_the_path_and_pairs_of_its_rest_are_values(void **state)
{
    struct gathering_test *test = *state;
    struct route_source_options sources[] = { SOURCE(.path = PAIR("user")),
                                              SOURCE(.pairs = "rest", .lower_keys = true) };
    struct captures captures = {
        .count = 2, .items = { { SLICE("user"), SLICE("7 8") }, { SLICE("rest"), SLICE("Ename/Buy\0now//x/url/") } }
    };
    struct event_sources *compiled = compile(sources, 2);
    assert_int_equal(gather(test, compiled, TO("/a") END, SLICE(""), &captures), OK);
    assert_string_equal(buf_c_string(&test->told), "user=7 8 ename=Buy/now url= {}");
    event_sources_free(compiled);
}

static void fields_name_their_sources_whatever_the_route_reads(void **state)
{
    struct gathering_test *test = *state;
    struct captures captures = { .count = 1, .items = { { SLICE("user"), SLICE("7") } } };
    const char *head = TO("/?measurement_id=m&other=1") "Cookie: vid=v; b=c\r\nREFERER: https://a/\r\n" END;
    assert_int_equal(gather(test, NULL, head, SLICE("{\"name\":1}"), &captures), OK);
    assert_string_equal(buf_c_string(&test->told),
                        "measurement_id@1=m user@2=7 vid@3=v referer@4=https://a/ {\"name\":1}");
    struct route_source_options sources[] = { FORM };
    struct event_sources *compiled = compile(sources, 1);
    assert_int_equal(gather(test, compiled, TO("/") FORM_TYPE END, SLICE("mail=a&b=c"), NULL), OK);
    assert_string_equal(buf_c_string(&test->told), "mail@5=a mail=a b=c {}");
    event_sources_free(compiled);
}

static void streams_that_may_be_chosen_name_their_sources_too(void **state)
{
    struct gathering_test *test = *state;
    struct http_request request = { .query = SLICE("measurement_id=m&other=1") };
    struct stream *first = fixture_compile(&plain);
    const struct stream *const streams[] = { first, test->stream };
    const struct stream_choice choice = { .streams = streams, .count = 2 };
    const struct gather_request asked = { .http = &request, .stream = first, .choice = &choice };
    struct slice body = SLICE("{}");
    assert_int_equal(gather_values(test->set, &asked, &body), OK);
    assert_int_equal(test->set->count, 1);
    assert_true(slice_equal(test->set->items[0].key, SLICE("measurement_id")));
    stream_free(first);
}

static void a_value_is_made_for_each_request(void **state)
{
    struct gathering_test *test = *state;
    struct route_source_options sources[] = { SOURCE(.made = AS("vid", "uuid")) };
    struct event_sources *compiled = compile(sources, 1);
    struct event_id first, second;
    assert_int_equal(gather(test, compiled, TO("/") END, SLICE(""), NULL), OK);
    assert_true(event_id_parse(&first, test->set->values.items[0].text));
    assert_int_equal(gather(test, compiled, TO("/") END, SLICE(""), NULL), OK);
    assert_true(event_id_parse(&second, test->set->values.items[0].text));
    assert_memory_not_equal(&first, &second, sizeof first);
    event_sources_free(compiled);
}

static void assert_refused(struct gathering_test *test, struct route_source_options source, const struct buf *head,
                           const char *body, const char *why)
{
    struct event_sources *compiled = compile(&source, 1);
    struct buf text = *head;
    assert_int_equal(gather(test, compiled, buf_c_string(&text), slice_from_string(body), NULL), ERROR_BAD_ARGUMENT);
    assert_non_null(strstr(buf_c_string(&test->told), why));
    event_sources_free(compiled);
}

static void what_is_beyond_the_bounds_is_refused_with_them(void **state)
{
    struct gathering_test *test = *state;
    struct buf head = { 0 };
    buf_append_string(&head, "GET /?");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&head, "a%d=1&", i);
    }
    buf_append_string(&head, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_refused(test, (struct route_source_options)SOURCE(.query = PAIR("none")), &head, "",
                   "more than 256 arguments");
    assert_refused(test, (struct route_source_options)SOURCE(.query = PAIR("*")), &head, "", "more than 64 values");
    buf_clear(&head);
    buf_append_string(&head, "GET /?a=");
    buf_append_fill(&head, 'x', 9000);
    buf_append_string(&head, " HTTP/1.1\r\nHost: a\r\nCookie: ");
    buf_append_fill(&head, 'c', 65536);
    buf_append_string(&head, "\r\n\r\n");
    assert_refused(test, (struct route_source_options)SOURCE(.query = PAIR("a")), &head, "", "more than 8192 bytes");
    assert_refused(test, (struct route_source_options)SOURCE(.cookies = PAIR("a")), &head, "", "more than 16384 bytes");
    struct buf form = { 0 };
    for (int i = 0; i < 257; i++) {
        buf_printf(&form, "a%d=1&", i);
    }
    buf_clear(&head);
    buf_append_string(&head, TO("/") FORM_TYPE END);
    assert_refused(test, (struct route_source_options)FORM, &head, buf_c_string(&form), "more than 256 fields");
    buf_release(&form);
    buf_release(&head);
}

/* A name is written for the field that names its source, and for the route. */
static void a_form_may_be_as_large_as_its_body(void **state)
{
    struct gathering_test *test = *state;
    static const char *const heads[] = { TO("/") FORM_TYPE END, TO("/") PARTS_TYPE END };
    struct route_source_options options[] = { FORM, MULTIPART };
    struct event_sources *sources = compile(options, ARRAY_LENGTH(options));
    for (size_t kind = 0; kind < ARRAY_LENGTH(heads); kind++) {
        for (size_t in_name = 0; in_name < 2; in_name++) {
            struct buf form = { 0 };
            buf_append_string(&form, kind == 0 ? "" : "--xYx\r\nContent-Disposition: form-data; name=\"");
            buf_append_fill(&form, 'n', in_name != 0 ? 200000 : 1);
            buf_append_string(&form, kind == 0 ? "=" : "\"\r\n\r\n");
            buf_append_fill(&form, 'v', in_name != 0 ? 1 : 200000);
            buf_append_string(&form, kind == 0 ? "" : "\r\n--xYx--");
            assert_int_equal(gather(test, sources, heads[kind], buf_slice(&form), NULL), OK);
            assert_int_equal(test->set->count, 1);
            assert_int_equal(test->set->items[0].key.len + test->set->items[0].text.len, 200001);
            buf_release(&form);
        }
    }
    event_sources_free(sources);
}

static struct {
    struct route_source_options sources[2];
    const char *problem;
} wrong[] = {
    { { { .line = 7, .kind = SOURCE_ARGUMENTS } }, "f.yaml:7: routes.event: found none, expected one of body" },
    { { SOURCE(.query = PAIR("a"), .path = PAIR("b")) }, "found several, expected one of body" },
    { { SOURCE(.made = AS("vid", "number")) }, "made.vid: found \"number\", expected uuid" },
    { { SOURCE(.constant = AS("a", "b"), .base64_json = true) }, "found base64_json, which goes with" },
    { { BODY, BODY }, "found the body a second time" },
    { { SOURCE(.headers = AS("AUTHORIZATION", "a")) },
      "headers: found AUTHORIZATION, expected no field that shows a key" },
    { { SOURCE(.headers = PAIR("x-api-key")) }, "headers: found x-api-key, expected no field that shows a key" },
    { { SOURCE(.header_json = "Sec-WebSocket-Protocol") },
      "header_json: found Sec-WebSocket-Protocol, expected no field" },
};

static void a_source_that_says_nothing_or_two_things_is_a_problem(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct buf problems = { 0 };
        struct event_sources *sources;
        wrong[i].sources[0].file = wrong[i].sources[1].file = "f.yaml";
        const struct route_options route = { .event = wrong[i].sources,
                                             .source_count = wrong[i].sources[1].line != 0 ? 2 : 1 };
        assert_false(event_sources_compile(&route, &sources, &problems));
        assert_non_null(strstr(buf_c_string(&problems), wrong[i].problem));
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_form_may_be_as_large_as_its_body, start_reading, end),
        cmocka_unit_test_setup_teardown(a_route_takes_its_values_from_where_it_says, start, end),
        cmocka_unit_test_setup_teardown(parts_of_the_path_and_pairs_of_its_rest_are_values, start, end),
        cmocka_unit_test_setup_teardown(a_value_is_made_for_each_request, start, end),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_bounds_is_refused_with_them, start, end),
        cmocka_unit_test_setup_teardown(a_source_that_says_nothing_or_two_things_is_a_problem, start, end),
        cmocka_unit_test_setup_teardown(streams_that_may_be_chosen_name_their_sources_too, start_reading, end),
        cmocka_unit_test_setup_teardown(fields_name_their_sources_whatever_the_route_reads, start_reading, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
