/* Turns the body of a request into what holds its events: itself, or an empty object beside the values of a form. */
#include "proto/values/gather_private.h"

#include "config/options/route_options.h"
#include "pipeline/json/json.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/values/multipart.h"
#include "proto/values/urlencoded.h"

static const char empty_object[2 + JSON_PADDING] = "{}";

static struct slice nothing(void)
{
    return slice_make(empty_object, 2);
}

static const struct event_source *find(const struct gathering *gathering, enum event_source_kind kind)
{
    const struct event_sources *sources = gathering->request->sources;
    for (size_t i = 0; i < sources->count; i++) {
        if (sources->items[i].kind == kind) {
            return &sources->items[i];
        }
    }
    return NULL;
}

static void gather_form(struct gathering *gathering, struct slice body)
{
    struct slice rest = body, name, value;
    while (urlencoded_next(&rest, &name, &value) && gathering->set->error == OK) {
        gather_offer_source(gathering, PATH_OF_FORM, name, value, ESCAPE_PLUS);
        gather_offer(gathering, name, value, ESCAPE_PLUS);
    }
}

static void gather_field(const struct gathering *gathering, const struct multipart_field *field)
{
    struct value_set *set = gathering->set;
    size_t mark = value_set_mark(set);
    multipart_decode_name(field->name, &set->text);
    struct slice name = value_set_since(set, mark);
    if (field->is_file) {
        value_set_fail(set, ERROR_UNSUPPORTED_TYPE, "the form has a file in its field \"%.*s\": files are not taken",
                       (int)(name.len < 64 ? name.len : 64), name.data);
        return;
    }
    gather_offer_source(gathering, PATH_OF_FORM, name, field->value, ESCAPE_NONE);
    gather_offer(gathering, name, field->value, ESCAPE_NONE);
}

static void gather_multipart(const struct gathering *gathering, struct slice body)
{
    struct multipart multipart;
    struct multipart_field field;
    struct slice type = http_find_field(gathering->request->http->fields, SLICE("content-type"));
    enum multipart_found found = multipart_open(&multipart, type, body) ? MULTIPART_FIELD : MULTIPART_BAD;
    while (found == MULTIPART_FIELD && gathering->set->error == OK) {
        found = multipart_next(&multipart, &field);
        if (found == MULTIPART_FIELD) {
            gather_field(gathering, &field);
        }
    }
    if (found == MULTIPART_BAD) {
        value_set_fail(gathering->set, ERROR_BAD_REQUEST, "the form cannot be read: %s", multipart.reason);
    }
}

/* Is the body what `unless_content_type` says, and so no member of an event? */
static bool is_barred(const struct gathering *gathering, const struct route_source_options *options)
{
    struct slice type = http_find_field(gathering->request->http->fields, SLICE("content-type"));
    struct slice barred = slice_from_string(options->unless_content_type);
    return barred.len != 0 && type.len >= barred.len && slice_equal_nocase(slice_make(type.data, barred.len), barred);
}

static void put_into(const struct gathering *gathering, const struct event_source *source, struct slice body)
{
    const struct request_value value = {
        .key = slice_from_string(source->options->body_into),
        .text = body,
        .form = VALUE_OF_JSON,
        .wins = source->wins,
        .group = source->group,
    };
    if (body.len != 0) {
        value_set_add_of_form(gathering->set, &value); /* as long as a body may be */
    }
}

static bool is_multipart(const struct gathering *gathering)
{
    return gathering->request->http->content == CONTENT_MULTIPART;
}

/* A form that the route does not take, or no form where it takes nothing else. */
static void refuse_type(const struct gathering *gathering, struct slice body)
{
    const struct event_sources *sources = gathering->request->sources;
    bool form = event_sources_have(sources, FROM_FORM) || event_sources_have(sources, FROM_MULTIPART);
    bool text = event_sources_have(sources, FROM_BODY) || event_sources_have(sources, FROM_BODY_INTO);
    if (body.len == 0 || (!form && !text)) {
        return; /* nobody reads it */
    }
    if (gathering->request->is_form || is_multipart(gathering)) {
        value_set_fail(gathering->set, ERROR_UNSUPPORTED_TYPE, "%s", "the route does not take a form of this type");
    } else if (!text) {
        value_set_fail(gathering->set, ERROR_UNSUPPORTED_TYPE, "%s", "the route takes a form, and the body is none");
    }
}

/* Payloads that are parsed elsewhere are so many bytes, and more. */
static void refuse_large(const struct gathering *gathering)
{
    value_set_fail(gathering->set, ERROR_BODY_TOO_LARGE, "%s",
                   "a form, or a body that becomes a member, is larger than the 256 KiB that it may have");
}

void gather_body(const struct gathering *gathering, struct slice *bytes)
{
    struct gathering of = *gathering;
    struct slice body = *bytes;
    const struct event_source *into = find(gathering, FROM_BODY_INTO);
    of.source = find(gathering, is_multipart(gathering) ? FROM_MULTIPART : FROM_FORM);
    bool form = gathering->request->is_form || is_multipart(gathering);
    bool takes_body = into != NULL || find(gathering, FROM_BODY) != NULL;
    bool becomes_value = form || (into != NULL && !is_barred(gathering, into->options));
    if (gathering->request->is_large && becomes_value) {
        refuse_large(gathering);
        return;
    }
    if (form && of.source != NULL && body.len != 0) {
        is_multipart(gathering) ? gather_multipart(&of, body) : gather_form(&of, body);
        *bytes = nothing();
        return;
    }
    refuse_type(gathering, body);
    if (into != NULL && !is_barred(gathering, into->options)) {
        put_into(gathering, into, body);
        *bytes = nothing();
    } else if (!takes_body || (body.len == 0 && event_sources_fill(gathering->request->sources))) {
        *bytes = nothing();
    }
}
