/* Turns a request, and what becomes of its events, into what a configured reply says of them. */
#include "proto/answer/route_reply.h"

#include "base/assert.h"
#include "pipeline/pipeline.h"
#include "proto/answer/request_texts.h"
#include "proto/http_syntax/http_parse.h"

#include <stdlib.h>

static struct route_reply_text put(struct route_reply *reply, size_t at, struct slice text)
{
    memcpy(reply->text + at, text.data, text.len);
    return (struct route_reply_text){ (uint16_t)at, (uint16_t)text.len, true };
}

static struct route_reply_text keep(struct route_reply *reply, struct slice text)
{
    if (text.data == NULL || text.len > ROUTE_REPLY_KEPT - reply->kept) {
        return (struct route_reply_text){ 0 };
    }
    struct route_reply_text kept = put(reply, reply->kept, text);
    reply->kept += text.len;
    return kept;
}

/* Cut, if there is no room: it is for people. */
static struct route_reply_text tell(struct route_reply *reply, struct slice text)
{
    size_t room = ROUTE_REPLY_TOLD - reply->told;
    struct route_reply_text told =
        put(reply, ROUTE_REPLY_KEPT + reply->told, slice_make(text.data, text.len < room ? text.len : room));
    reply->told += told.len;
    return told;
}

struct route_reply *route_reply_new(const struct reply_set *set, const struct event_route *route,
                                    const struct request_texts *from, struct buf *scratch)
{
    struct route_reply *reply = calloc(1, sizeof *reply);
    if (reply == NULL) {
        return NULL;
    }
    size_t count;
    const struct slice *names = reply_set_names(set, &count);
    reply->set = set;
    reply->route = route;
    reply->is_get = from->request->method == HTTP_GET || from->request->method == HTTP_HEAD;
    reply->secure = from->peer_trusted && request_came_over_https(from->request);
    reply->host = keep(reply, from->request->host);
    reply->client_ip = keep(reply, from->client_ip);
    for (size_t i = 0; i < count; i++) {
        reply->captured[i] = keep(reply, request_text(from, names[i], scratch));
    }
    ASSERT_AT_MOST(reply->kept, ROUTE_REPLY_KEPT);
    return reply;
}

void route_reply_take_members(struct route_reply *reply, const struct request_values *values)
{
    size_t count;
    const struct slice *names = reply_set_names(reply->set, &count);
    for (size_t i = 0; i < count; i++) {
        if (!reply->captured[i].given) {
            reply->captured[i] = keep(reply, request_member(values, names[i]));
        }
    }
    ASSERT_AT_MOST(reply->kept, ROUTE_REPLY_KEPT);
}

bool route_reply_lists_ids(const struct route_reply *reply)
{
    size_t count;
    const struct slice *names = reply_set_names(reply->set, &count);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(names[i], SLICE("ids")) || slice_equal(names[i], SLICE("id"))) {
            return true;
        }
    }
    return false;
}

static enum reply_outcome refusal_of(enum error error, enum reply_outcome if_rejected)
{
    return error_info(error)->fate == FATE_DROPPED ? REPLY_FULL : if_rejected;
}

/* The lists of the usual answer to many (http_reply_lists), or those of a problem. */
static void find_lists(struct route_reply *reply, struct slice body, const struct submission *submission)
{
    struct slice ids = SLICE(",\"ids\":"), errors = SLICE("\"errors\":[");
    if (slice_starts_with(body, ids)) {
        const char *end = memchr(body.data, ']', body.len);
        reply->ids = (struct route_reply_place){ ids.len, (size_t)(end - body.data) + 1 - ids.len };
    }
    const char *at = body.len == 0 ? NULL : memmem(body.data, body.len, errors.data, errors.len);
    size_t behind = at == NULL ? body.len : (size_t)(at - body.data) + errors.len;
    if (at != NULL && submission->errors.len <= body.len - behind) {
        reply->errors = (struct route_reply_place){ behind, submission->errors.len };
    }
}

static void tell_first(struct route_reply *reply, const struct submission *submission)
{
    reply->names_event = true;
    reply->error = submission->first_error;
    reply->index = submission->first.index;
    reply->field = tell(reply, slice_from_string(submission->first.field));
    reply->detail = tell(reply, slice_from_string(submission->first.message));
}

/* Nothing of it was taken. */
static void tell_refusal(struct route_reply *reply, const struct submission *submission)
{
    if (submission->rejected != 0) { /* of an atomic payload the others as well */
        reply->outcome =
            refusal_of(submission->error != OK ? submission->error : submission->first_error, REPLY_REJECTED);
        reply->rejected = submission->events;
        return;
    }
    reply->error = submission->error;
    reply->outcome = refusal_of(submission->error, REPLY_REFUSED);
    if (submission->detail.len != 0) {
        reply->detail = tell(reply, buf_slice(&submission->detail));
    }
}

void route_reply_submit(struct route_reply *reply, const struct submission *submission, struct slice usual)
{
    reply->outcome = REPLY_ANY;
    reply->told = 0;
    reply->total = submission->events;
    reply->rejected = submission->rejected;
    if (!submission->errors.failed) {
        find_lists(reply, usual, submission);
    }
    if (submission->rejected != 0) {
        tell_first(reply, submission);
    }
    if (submission->error != OK || (!submission->pending && submission->rejected != 0)) {
        tell_refusal(reply, submission);
    }
}

void route_reply_refuse(struct route_reply *reply, enum error error, struct slice detail)
{
    reply->error = error;
    reply->outcome = refusal_of(error, REPLY_REFUSED);
    reply->names_event = false;
    reply->ids = reply->errors = (struct route_reply_place){ 0 };
    reply->field = (struct route_reply_text){ 0 };
    reply->told = 0;
    reply->detail = detail.len != 0 ? tell(reply, detail) : (struct route_reply_text){ 0 };
}
