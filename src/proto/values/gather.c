/* Turns a request into values of its events. */
#include "proto/values/gather_private.h"

#include "base/assert.h"
#include "config/options/route_options.h"
#include "event/stream.h"
#include "pipeline/payload/stream_choice.h"
#include "proto/front/captures.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/http_syntax/key_field.h"
#include "proto/values/base64.h"
#include "proto/values/urlencoded.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

void gather_decode(struct value_set *set, struct slice text, enum escape escape)
{
    size_t mark = value_set_mark(set);
    ASSERT_AT_MOST(mark + text.len, set->text.cap);
    switch (escape) {
    case ESCAPE_PERCENT: urlencoded_decode(text, false, &set->text); break;
    case ESCAPE_PLUS: urlencoded_decode(text, true, &set->text); break;
    case ESCAPE_NONE:
    case ESCAPE_SLASH: buf_append_slice(&set->text, text); break;
    }
    for (size_t i = mark; escape == ESCAPE_SLASH && i < set->text.len; i++) {
        set->text.data[i] = set->text.data[i] == '\0' ? '/' : set->text.data[i];
    }
}

static const struct string_pairs *names_of(const struct event_source *source)
{
    switch (source->kind) {
    case FROM_QUERY: return &source->options->query;
    case FROM_PATH: return &source->options->path;
    case FROM_COOKIES: return &source->options->cookies;
    case FROM_HEADERS: return &source->options->headers;
    default: return NULL;
    }
}

static bool is_listed(const struct string_list *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(slice_from_string(list->items[i]), name)) {
            return true;
        }
    }
    return false;
}

/* Of all names: what is left of this one. */
static struct slice strip(const struct route_source_options *options, struct slice name)
{
    struct slice prefix = slice_from_string(options->strip_prefix);
    if (prefix.len != 0 && name.len > prefix.len && slice_starts_with(name, prefix)) {
        name = slice_after(name, prefix.len);
    }
    bool list = name.len > 2 && memcmp(name.data + name.len - 2, "[]", 2) == 0; /* as PHP and jQuery name lists */
    return slice_make(name.data, name.len - (list ? 2 : 0));
}

bool gather_name(const struct gathering *gathering, struct value_set *set, size_t mark, struct slice *key)
{
    const struct event_source *source = gathering->source;
    const struct route_source_options *options = source->options;
    const struct string_pairs *names = names_of(source);
    for (size_t i = mark; options->lower_keys && i < set->text.len; i++) {
        set->text.data[i] = lower(set->text.data[i]);
    }
    struct slice name = value_set_since(set, mark);
    if (is_listed(&options->except, name)) {
        return false;
    }
    bool all = names == NULL;
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        struct slice listed = slice_from_string(names->names[i]);
        bool same = source->kind == FROM_HEADERS ? slice_equal_nocase(listed, name) : slice_equal(listed, name);
        if (same) {
            *key = slice_from_string(names->values[i]);
            return true;
        }
        all = all || slice_equal(listed, SLICE("*"));
    }
    *key = strip(options, name);
    return all && key->len != 0;
}

static void add(const struct gathering *gathering, struct slice key, struct slice text, enum path_source of)
{
    const struct event_source *source = gathering->source;
    bool plain = of == PATH_OF_NONE;
    const struct request_value value = {
        .key = key,
        .text = text,
        .source = of,
        .form = plain && source->options->base64_json ? VALUE_OF_OBJECT : VALUE_OF_TEXT,
        .wins = plain && source->wins,
        .group = plain ? source->group : 0,
    };
    if (of == PATH_OF_FORM || (plain && (source->kind == FROM_FORM || source->kind == FROM_MULTIPART))) {
        value_set_add_of_form(gathering->set, &value);
    } else {
        value_set_add(gathering->set, &value);
    }
}

void gather_offer(const struct gathering *gathering, struct slice name, struct slice text, enum escape escape)
{
    struct value_set *set = gathering->set;
    struct slice key;
    if (set->error != OK) {
        return;
    }
    size_t mark = value_set_mark(set);
    gather_decode(set, name, escape);
    if (!gather_name(gathering, set, mark, &key)) {
        value_set_undo(set, mark);
        return;
    }
    size_t value = value_set_mark(set);
    if (!gathering->source->options->base64_json) {
        gather_decode(set, text, escape);
    } else {
        gather_decode(set, text, escape == ESCAPE_PLUS ? ESCAPE_PERCENT : escape); /* '+' is a digit of it */
        struct slice digits = value_set_since(set, value);
        value = value_set_mark(set);
        if (!base64_decode(digits, &set->text)) {
            value_set_fail(set, ERROR_BAD_ARGUMENT, "%.*s is not base64", (int)(key.len < 64 ? key.len : 64), key.data);
        }
    }
    add(gathering, key, value_set_since(set, value), PATH_OF_NONE);
}

/* `key` NULL: is anything of the source read? */
static bool stream_reads(const struct stream *stream, enum path_source source, const struct slice *key)
{
    const struct path_node *node = stream->reads_request ? path_source_node(stream->paths, source) : NULL;
    return node != NULL && (key == NULL || path_find(node, *key) != NULL);
}

/* By the stream, or by one that may be chosen instead. */
static bool is_read(const struct gather_request *request, enum path_source source, const struct slice *key)
{
    const struct stream_choice *choice = request->choice;
    bool read = stream_reads(request->stream, source, key);
    for (size_t i = 0; choice != NULL && i < choice->count && !read; i++) {
        read = stream_reads(choice->streams[i], source, key);
    }
    return read;
}

void gather_offer_source(const struct gathering *gathering, enum path_source source, struct slice name,
                         struct slice text, enum escape escape)
{
    struct value_set *set = gathering->set;
    if (set->error != OK || !is_read(gathering->request, source, NULL)) {
        return;
    }
    size_t mark = value_set_mark(set);
    gather_decode(set, name, escape);
    for (size_t i = mark; source == PATH_OF_HEADER && i < set->text.len; i++) {
        set->text.data[i] = lower(set->text.data[i]);
    }
    struct slice key = value_set_since(set, mark);
    if (key.len == 0 || !is_read(gathering->request, source, &key)) {
        value_set_undo(set, mark);
        return;
    }
    size_t value = value_set_mark(set);
    gather_decode(set, text, escape);
    add(gathering, key, value_set_since(set, value), source);
}

/* NULL: the fields' own names of sources. */
static void offer(const struct gathering *gathering, enum path_source source, struct slice name, struct slice text,
                  enum escape escape)
{
    if (gathering->source == NULL) {
        gather_offer_source(gathering, source, name, text, escape);
    } else {
        gather_offer(gathering, name, text, escape);
    }
}

static void gather_query(const struct gathering *gathering)
{
    struct slice rest = gathering->request->http->query, name, value;
    for (size_t looked = 0; urlencoded_next(&rest, &name, &value) && gathering->set->error == OK; looked++) {
        if (looked == VALUES_LOOKED_AT) {
            value_set_fail(gathering->set, ERROR_BAD_ARGUMENT, "the query has more than %d arguments",
                           VALUES_LOOKED_AT);
            return;
        }
        offer(gathering, PATH_OF_QUERY, name, value, ESCAPE_PLUS);
    }
}

static void gather_captures(const struct gathering *gathering)
{
    const struct captures *captures = gathering->request->captures;
    for (size_t i = 0; captures != NULL && i < captures->count; i++) {
        offer(gathering, PATH_OF_CAPTURE, captures->items[i].name, captures->items[i].value, ESCAPE_SLASH);
    }
}

static void gather_pairs(const struct gathering *gathering)
{
    const struct captures *captures = gathering->request->captures;
    struct slice rest = { NULL, 0 }, name, value;
    if (captures != NULL) {
        rest = captures_find(captures, slice_from_string(gathering->source->options->pairs));
    }
    for (size_t looked = 0; path_pairs_next(&rest, &name, &value) && gathering->set->error == OK; looked++) {
        if (looked == VALUES_LOOKED_AT) {
            value_set_fail(gathering->set, ERROR_BAD_ARGUMENT, "the path has more than %d pairs", VALUES_LOOKED_AT);
            return;
        }
        gather_offer(gathering, name, value, ESCAPE_SLASH);
    }
}

static void gather_cookies(const struct gathering *gathering)
{
    struct slice fields = gathering->request->http->fields, field, cookies, name, value;
    size_t looked = 0, bytes = 0;
    while (http_next_field(&fields, &field, &cookies)) {
        bool is_cookie = slice_equal_nocase(field, SLICE("cookie"));
        bytes += is_cookie ? cookies.len : 0;
        if (bytes > VALUES_COOKIE_BYTES) {
            value_set_fail(gathering->set, ERROR_BAD_ARGUMENT, "the cookies take more than %zu bytes",
                           VALUES_COOKIE_BYTES);
            return;
        }
        while (is_cookie && gathering->set->error == OK && cookies_next(&cookies, &name, &value)) {
            if (looked++ == VALUES_LOOKED_AT) {
                value_set_fail(gathering->set, ERROR_BAD_ARGUMENT, "the request has more than %d cookies",
                               VALUES_LOOKED_AT);
            }
            offer(gathering, PATH_OF_COOKIE, name, value, ESCAPE_PERCENT);
        }
    }
}

/* But those that show a key, which is to be stored nowhere, whatever a list of names takes in. */
static bool next_field(struct slice *fields, struct slice *name, struct slice *value)
{
    bool found = http_next_field(fields, name, value);
    while (found && http_field_shows_key(*name)) {
        found = http_next_field(fields, name, value);
    }
    return found;
}

static void gather_headers(const struct gathering *gathering)
{
    struct slice fields = gathering->request->http->fields, name, value;
    while (next_field(&fields, &name, &value) && gathering->set->error == OK) {
        offer(gathering, PATH_OF_HEADER, name, value, ESCAPE_NONE);
    }
}

/* "ce-id" is the member id; values are percent-encoded (CloudEvents, HTTP binding, 3.1.3.2). */
static void gather_prefixed(const struct gathering *gathering)
{
    struct slice fields = gathering->request->http->fields, name, value;
    struct slice prefix = slice_from_string(gathering->source->options->header_prefix);
    while (next_field(&fields, &name, &value) && gathering->set->error == OK) {
        if (name.len > prefix.len && slice_equal_nocase(slice_make(name.data, prefix.len), prefix)) {
            size_t mark = value_set_mark(gathering->set);
            for (size_t i = prefix.len; i < name.len; i++) {
                buf_append_byte(&gathering->set->text, (uint8_t)lower(name.data[i]));
            }
            struct slice key = value_set_since(gathering->set, mark);
            mark = value_set_mark(gathering->set);
            gather_decode(gathering->set, value, ESCAPE_PERCENT);
            add(gathering, key, value_set_since(gathering->set, mark), PATH_OF_NONE);
        }
    }
}

static void gather_json_header(const struct gathering *gathering)
{
    const char *name = gathering->source->options->header_json;
    struct slice fields = gathering->request->http->fields, field, value;
    while (next_field(&fields, &field, &value)) {
        if (slice_equal_nocase(field, slice_from_string(name))) {
            const struct request_value object = {
                .key = slice_from_string(name),
                .text = value,
                .form = VALUE_OF_OBJECT,
                .wins = gathering->source->wins,
                .group = gathering->source->group,
            };
            value_set_add(gathering->set, &object);
            return;
        }
    }
}

static void gather_constants(const struct gathering *gathering)
{
    const struct string_pairs *pairs = &gathering->source->options->constant;
    for (size_t i = 0; i < pairs->count; i++) {
        add(gathering, slice_from_string(pairs->names[i]), slice_from_string(pairs->values[i]), PATH_OF_NONE);
    }
}

static void gather_made(const struct gathering *gathering)
{
    const struct string_pairs *pairs = &gathering->source->options->made;
    for (size_t i = 0; i < pairs->count; i++) {
        char text[EVENT_ID_TEXT];
        size_t mark = value_set_mark(gathering->set);
        struct event_id id = event_id_generate(&gathering->set->ids, gathering->request->wall_ns);
        event_id_format(&id, text);
        buf_append(&gathering->set->text, text, sizeof text);
        add(gathering, slice_from_string(pairs->names[i]), value_set_since(gathering->set, mark), PATH_OF_NONE);
    }
}

static void gather_nothing(const struct gathering *gathering)
{
    (void)gathering; /* gather_body does */
}

static void (*const gatherers[])(const struct gathering *gathering) = {
    [FROM_BODY] = gather_nothing,
    [FROM_FORM] = gather_nothing,
    [FROM_MULTIPART] = gather_nothing,
    [FROM_BODY_INTO] = gather_nothing,
    [FROM_QUERY] = gather_query,
    [FROM_PATH] = gather_captures,
    [FROM_PAIRS] = gather_pairs,
    [FROM_COOKIES] = gather_cookies,
    [FROM_HEADERS] = gather_headers,
    [FROM_HEADER_PREFIX] = gather_prefixed,
    [FROM_HEADER_JSON] = gather_json_header,
    [FROM_CONSTANT] = gather_constants,
    [FROM_MADE] = gather_made,
};
_Static_assert(ARRAY_LENGTH(gatherers) == FROM_KINDS, "each kind is gathered");

/* Is the argument there that a source is not read beside? */
static bool is_barred(const struct gathering *gathering)
{
    const char *unless = gathering->source->options->unless;
    struct slice rest = gathering->request->http->query, name, value;
    for (size_t looked = 0; unless != NULL && looked < VALUES_LOOKED_AT && urlencoded_next(&rest, &name, &value);
         looked++) {
        if (slice_equal(name, slice_from_string(unless))) {
            return true;
        }
    }
    return false;
}

/* What fields of the stream name by its source, whatever the route reads. */
static void gather_named(struct gathering *gathering)
{
    static const struct {
        enum path_source source;
        void (*gather)(const struct gathering *gathering);
    } named[] = { { PATH_OF_QUERY, gather_query },
                  { PATH_OF_CAPTURE, gather_captures },
                  { PATH_OF_COOKIE, gather_cookies },
                  { PATH_OF_HEADER, gather_headers } };
    gathering->source = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(named); i++) {
        if (is_read(gathering->request, named[i].source, NULL)) {
            named[i].gather(gathering);
        }
    }
}

static size_t longest_of(const struct gather_request *request)
{
    size_t captured = 0;
    for (size_t i = 0; request->captures != NULL && i < request->captures->count; i++) {
        captured += request->captures->items[i].name.len + request->captures->items[i].value.len;
    }
    return request->http->query.len + request->http->fields.len + captured + VALUES_MAX * EVENT_ID_TEXT;
}

/* A name of a form is written three times at most: decoded, for the field that names its source, and for the route's. */
static size_t form_text(const struct gather_request *request, struct slice body)
{
    bool form = request->is_form || request->http->content == CONTENT_MULTIPART;
    return form && !request->is_large ? 3 * body.len : 0;
}

enum error gather_values(struct value_set *set, const struct gather_request *request, struct slice *bytes)
{
    const struct event_sources *sources = request->sources;
    struct gathering gathering = { .set = set, .request = request };
    value_set_begin(set, longest_of(request), form_text(request, *bytes));
    gather_named(&gathering);
    for (size_t i = 0; sources != NULL && i < sources->count && set->error == OK; i++) {
        gathering.source = &sources->items[i];
        if (!is_barred(&gathering)) {
            gatherers[gathering.source->kind](&gathering);
        }
    }
    if (sources != NULL && set->error == OK) {
        gather_body(&gathering, bytes);
    }
    ASSERT(!set->text.failed || set->error != OK);
    set->values = (struct request_values){ set->items, set->count };
    return set->error;
}
