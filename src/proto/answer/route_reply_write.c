/* Turns the fate of a request into the reply that its route has for it. */
#include "base/clock.h"
#include "base/version.h"
#include "config/options/route_options.h"
#include "event/event_id.h"
#include "pipeline/pipeline.h"
#include "proto/answer/route_reply.h"
#include "proto/reply/event_names.h"
#include "proto/route/event_route.h"

#include <stdio.h>
#include <time.h>

/* What the placeholders of one reply are asked for. */
struct rendering {
    const struct route_reply_fate *fate;
    const struct route_reply *reply;
    enum reply_outcome outcome;
    int64_t wall_ns;
    struct buf space; /* of the value that was asked for last */
};

static bool give(struct template_text *text, struct slice bytes, bool is_json)
{
    *text = (struct template_text){ bytes, is_json };
    return bytes.data != NULL;
}

static bool give_number(struct rendering *of, struct template_text *text, uint64_t number)
{
    buf_clear(&of->space);
    buf_printf(&of->space, "%llu", (unsigned long long)number);
    return give(text, buf_slice(&of->space), true);
}

static bool give_kept(const struct rendering *of, struct template_text *text, struct route_reply_text kept)
{
    return kept.given && give(text, slice_make(of->reply->text + kept.at, kept.len), false);
}

static struct slice place(const struct rendering *of, struct route_reply_place place)
{
    return slice_make(of->fate->usual.data + place.at, place.len);
}

/* Of several the first that is there. */
static bool value_id(struct rendering *of, struct template_text *text)
{
    char id[EVENT_ID_TEXT];
    if (of->fate->id != NULL && !event_id_is_zero(of->fate->id)) {
        event_id_format(of->fate->id, id);
        buf_clear(&of->space);
        buf_append(&of->space, id, sizeof id);
        return give(text, buf_slice(&of->space), false);
    }
    struct slice ids = place(of, of->reply->ids);
    const char *quote = ids.len == 0 ? NULL : memchr(ids.data, '"', ids.len);
    return quote != NULL && give(text, slice_make(quote + 1, EVENT_ID_TEXT), false);
}

static bool value_ids(struct rendering *of, struct template_text *text)
{
    if (of->reply->ids.len != 0) {
        return give(text, place(of, of->reply->ids), true);
    }
    if (of->fate->id == NULL) {
        return give(text, SLICE("[]"), true);
    }
    char id[EVENT_ID_TEXT];
    bool known = !event_id_is_zero(of->fate->id);
    event_id_format(of->fate->id, id);
    buf_clear(&of->space);
    buf_append_string(&of->space, known ? "[\"" : "[");
    buf_append(&of->space, id, known ? sizeof id : 0);
    buf_append_string(&of->space, known ? "\"]" : "null]");
    return give(text, buf_slice(&of->space), true);
}

static bool value_accepted(struct rendering *of, struct template_text *text)
{
    return give_number(of, text, of->fate->counts.accepted);
}

static bool value_duplicate(struct rendering *of, struct template_text *text)
{
    return give_number(of, text, of->fate->counts.duplicate);
}

static bool value_rejected(struct rendering *of, struct template_text *text)
{
    return give_number(of, text, of->reply->rejected);
}

static bool value_total(struct rendering *of, struct template_text *text)
{
    return give_number(of, text, of->reply->total);
}

static bool value_index(struct rendering *of, struct template_text *text)
{
    return of->reply->names_event && give_number(of, text, of->reply->index);
}

static bool value_field(struct rendering *of, struct template_text *text)
{
    return give_kept(of, text, of->reply->field);
}

static bool value_code(struct rendering *of, struct template_text *text)
{
    return of->reply->error != OK && give(text, slice_from_string(error_info(of->reply->error)->code), false);
}

static bool value_detail(struct rendering *of, struct template_text *text)
{
    if (of->reply->error == OK) {
        return false;
    }
    return give_kept(of, text, of->reply->detail) ||
           give(text, slice_from_string(error_info(of->reply->error)->text), false);
}

static bool value_sentence(struct rendering *of, struct template_text *text)
{
    if (!value_detail(of, text)) {
        return false;
    }
    buf_clear(&of->space);
    buf_append_slice(&of->space, text->bytes);
    if (of->space.len != 0 && of->space.data[0] >= 'a' && of->space.data[0] <= 'z') {
        of->space.data[0] = (char)(of->space.data[0] - 'a' + 'A');
    }
    return give(text, buf_slice(&of->space), false);
}

static bool value_errors(struct rendering *of, struct template_text *text)
{
    buf_clear(&of->space);
    buf_append_byte(&of->space, '[');
    buf_append_slice(&of->space, place(of, of->reply->errors));
    buf_append_byte(&of->space, ']');
    return give(text, buf_slice(&of->space), true);
}

/* RFC 3339, of milliseconds. */
static bool value_now(struct rendering *of, struct template_text *text)
{
    struct tm utc;
    time_t seconds = (time_t)(of->wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    buf_clear(&of->space);
    buf_printf(&of->space, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
               utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(of->wall_ns % NS_PER_SECOND / NS_PER_MS));
    return give(text, buf_slice(&of->space), false);
}

static bool has_member(const struct string_pairs *pairs, struct slice member)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (slice_equal(slice_from_string(pairs->values[i]), member)) {
            return true;
        }
    }
    return false;
}

/* Where a field comes from that no source names: the body, unless the route reads none. */
static struct slice usual_source(const struct route_options *options)
{
    struct slice usual = SLICE("body");
    for (size_t i = 0; i < options->source_count; i++) {
        const struct route_source_options *from = &options->event[i];
        if (from->kind != SOURCE_ARGUMENTS || from->body_into != NULL) {
            return SLICE("body");
        }
        usual = from->query.count != 0 ? SLICE("query") : from->pairs != NULL ? SLICE("path") : usual;
    }
    return usual;
}

/* Where the field that is at fault came from: of the sources that name it the last. */
static struct slice source_of(const struct route_options *options, struct slice field)
{
    struct slice source = usual_source(options);
    for (size_t i = 0; i < options->source_count; i++) {
        const struct route_source_options *from = &options->event[i];
        source = has_member(&from->path, field)      ? SLICE("path")
                 : has_member(&from->query, field)   ? SLICE("query")
                 : has_member(&from->cookies, field) ? SLICE("cookie")
                 : has_member(&from->headers, field) ? SLICE("header")
                                                     : source;
    }
    return source;
}

static bool value_source(struct rendering *of, struct template_text *text)
{
    struct template_text field = { 0 };
    bool known = value_field(of, &field);
    const struct event_route *route = of->reply->route;
    return give(
        text, known && route != NULL && route->options != NULL ? source_of(route->options, field.bytes) : SLICE("body"),
        false);
}

static bool value_client_ip(struct rendering *of, struct template_text *text)
{
    return give_kept(of, text, of->reply->client_ip);
}

static bool value_host(struct rendering *of, struct template_text *text)
{
    return give_kept(of, text, of->reply->host);
}

static bool value_version(struct rendering *of, struct template_text *text)
{
    (void)of;
    return give(text, SLICE(SLUICE_VERSION), false);
}

static const struct {
    const char *name;
    bool (*value)(struct rendering *of, struct template_text *text);
} values[] = {
#define X(name, value) { name, value },
    EVENT_NAMES(X)
#undef X
};

static bool value_captured(const struct rendering *of, struct slice name, struct template_text *text)
{
    size_t count;
    const struct slice *names = reply_set_names(of->reply->set, &count);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(names[i], name)) {
            return give_kept(of, text, of->reply->captured[i]);
        }
    }
    return false;
}

static bool value_of(void *context, struct slice name, struct template_text *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (slice_equal(slice_from_string(values[i].name), name)) {
            return values[i].value(context, text);
        }
    }
    return value_captured(context, name, text);
}

static enum reply_outcome outcome_of(const struct route_reply *reply, const struct route_reply_fate *fate)
{
    if (reply->outcome != REPLY_ANY) {
        return reply->outcome;
    }
    if (reply->route == NULL) {
        return REPLY_OK;
    }
    if (reply->rejected != 0) {
        return REPLY_PARTIAL;
    }
    if (fate->counts.accepted == 0 && reply->total != 0) {
        return REPLY_DUPLICATE;
    }
    return fate->stored ? REPLY_STORED : REPLY_ACCEPTED;
}

/* The target of its redirect is none that is allowed: that is the client's fault. */
static void refuse_target(const struct route_reply_fate *fate)
{
    buf_clear(fate->body);
    buf_clear(fate->headers);
    fate->reply->status = error_info(ERROR_BAD_ARGUMENT)->http_status;
    fate->reply->content_type = HTTP_PROBLEM_TYPE;
    http_reply_problem(fate->body, ERROR_BAD_ARGUMENT,
                       SLICE("the target of this redirect is missing, or on a host that is not allowed"), SLICE(""));
}

static enum error write_reply(const struct reply *reply, struct rendering *of)
{
    const struct route_reply *own = of->reply;
    const struct route_reply_fate *fate = of->fate;
    const struct reply_request request = { slice_make(own->text + own->host.at, own->host.len), own->secure };
    struct reply_answer answer = { .status = fate->reply->status, .headers = *fate->headers, .body = *fate->body };
    enum error error = reply_write(reply, value_of, of, &request, &answer);
    *fate->headers = answer.headers;
    *fate->body = answer.body;
    fate->body->failed |= error == ERROR_OUT_OF_MEMORY || of->space.failed;
    fate->reply->status = answer.status;
    fate->reply->content_type = answer.content_type;
    fate->reply->cache_control = answer.no_store || (own->is_get && !answer.caches) ? "no-store" : NULL;
    return error;
}

bool route_reply_write(const struct route_reply *own, const struct route_reply_fate *fate, int64_t wall_ns,
                       struct pipeline_io *io)
{
    struct rendering of = { fate, own, outcome_of(own, fate), wall_ns, { 0 } };
    const struct reply *reply = reply_set_find(own->set, of.outcome);
    if (reply == NULL) {
        return false;
    }
    if (write_reply(reply, &of) == ERROR_NOT_ALLOWED) {
        refuse_target(fate);
    }
    fate->reply->headers = buf_slice(fate->headers);
    if (reply_hides_refusal(reply, of.outcome, fate->reply->status)) {
        pipeline_count_hidden_refusal(io, own->stream);
    }
    buf_release(&of.space);
    return true;
}
