/* Turns a POST of events into a submission to the pipeline, and what the pipeline says at once into an answer. */
#include "proto/http/http_events.h"

#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "pipeline/refused_runs.h"
#include "proto/access/access.h"
#include "proto/front/large_payload.h"
#include "proto/front/page.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_answer.h"
#include "proto/http/http_body.h"
#include "proto/http/http_streams.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/http_syntax/http_reply.h"
#include "proto/route/event_route.h"

static uint64_t max_body(const struct io_context *context, const struct event_route *route)
{
    return route->max_body_bytes != 0 ? route->max_body_bytes : context->options->max_body_bytes;
}

enum error http_events_check(const struct io_context *context, const struct event_route *route,
                             const struct http_request *request)
{
    uint64_t announced = request->has_length ? request->length : 0;
    enum error error = gatekeeper_weigh(announced, max_body(context, route), ERROR_BODY_TOO_LARGE);
    if (error != OK) {
        return error;
    }
    if (!http_body_takes_type(route, request)) {
        return ERROR_UNSUPPORTED_TYPE;
    }
    return request->encoding == ENCODING_OTHER ? ERROR_UNSUPPORTED_ENCODING : OK;
}

/* `stream`: where it was to go; NULL: that is not known. */
static void refuse(struct io_context *context, struct http_answer *answer, const struct stream *stream,
                   enum error error, struct slice detail)
{
    pipeline_count_refusal(context->intake.io, PROTOCOL_HTTP, stream, error);
    if (context->key != NULL) {
        pipeline_count_key_refusal(context->intake.io, context->key->counter, error);
    }
    http_answer_problem(answer, error, detail, SLICE(""));
}

void http_events_refuse(struct io_context *context, struct http_answer *answer, enum error error, struct slice detail)
{
    refuse(context, answer, NULL, error, detail);
}

enum ids { IDS_OF_FEW, IDS_NEVER, IDS_ALWAYS };

struct arguments {
    const struct stream *stream;
    bool wait_stored;
    enum ids ids;
};

/* One of two words, the first meaning true; *given: if there is one at all. */
static enum error read_choice(struct io_context *context, struct slice query, const char *name, struct slice yes,
                              struct slice no, bool *value, bool *given)
{
    bool malformed;
    *given = page_argument(query, name, &context->text, &malformed);
    if (!*given) {
        return OK;
    }
    if (context->text.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    struct slice text = buf_slice(&context->text);
    *value = slice_equal(text, yes);
    return !malformed && (*value || slice_equal(text, no)) ? OK : ERROR_BAD_ARGUMENT;
}

static enum error read_ids(struct io_context *context, struct slice query, struct arguments *arguments,
                           struct slice *detail)
{
    bool always = false, given = false;
    enum error error = read_choice(context, query, "ids", SLICE("1"), SLICE("0"), &always, &given);
    if (error == ERROR_BAD_ARGUMENT) {
        *detail = SLICE("ids: the values are 0 and 1");
    } else if (given) {
        arguments->ids = always ? IDS_ALWAYS : IDS_NEVER;
    }
    return error;
}

/* Those of a route of the configuration are its own: the query says nothing to us. */
static enum error read_arguments(struct io_context *context, const struct event_route *route, struct slice query,
                                 struct arguments *arguments, struct slice *detail)
{
    bool given;
    *arguments = (struct arguments){ .wait_stored = route->waits_stored };
    enum error error = http_streams_choose(context, route, query, &arguments->stream, detail);
    if (error != OK || query.len == 0 || route->options != NULL) {
        return error;
    }
    error = read_choice(context, query, "wait", SLICE("stored"), SLICE(""), &arguments->wait_stored, &given);
    if (error != OK) {
        *detail = error == ERROR_BAD_ARGUMENT ? SLICE("wait: the only value is \"stored\"") : SLICE("");
        return error;
    }
    return read_ids(context, query, arguments, detail);
}

/* A list that memory was short for is left out, not cut: whoever is told less is told nothing wrong. */
static struct slice whole_list(const struct buf *list)
{
    return list->failed ? (struct slice){ NULL, 0 } : buf_slice(list);
}

static void answer_one(struct http_answer *answer, const struct submission *submission)
{
    if (!submission->pending) {
        http_answer_problem(answer, submission->first_error, buf_slice(&submission->detail),
                            whole_list(&submission->errors));
        return;
    }
    answer->kind = ANSWER_ONE;
    answer->id_of_client = submission->ids_of_clients;
    answer->state = ANSWER_COMMIT;
    if (submission->ids.len == sizeof answer->id) { /* else it stays zero, and is left out */
        memcpy(&answer->id, submission->ids.data, sizeof answer->id);
    }
}

/* The list of errors names the first ones alone: this names them all. */
static void append_refused(struct http_answer *answer, const struct submission *submission)
{
    if (submission->rejected > SUBMISSION_MAX_ERRORS && !submission->refused.failed) {
        buf_append_slice(&answer->body, SLICE(",\"refused\":"));
        refused_runs_write(&submission->refused, &answer->body);
    }
}

/* Its ids are some forty times what compression makes of an event: many are listed for those alone who ask. */
static bool lists_ids(enum ids ids, const struct submission *submission)
{
    return ids == IDS_ALWAYS || (ids == IDS_OF_FEW && submission->events <= HTTP_IDS_MAX);
}

static void answer_many(struct http_answer *answer, const struct submission *submission, bool with_ids)
{
    struct slice ids = with_ids ? whole_list(&submission->ids) : (struct slice){ NULL, 0 };
    answer->kind = ANSWER_MANY;
    answer->counts.rejected = submission->rejected;
    http_reply_lists(&answer->body, ids, submission->ids_of_clients, buf_slice(&submission->errors));
    append_refused(answer, submission);
    if (answer->body.failed || submission->errors.failed) {
        buf_clear(&answer->body); /* the counts tell */
    }
    if (submission->pending) {
        answer->state = ANSWER_COMMIT;
        return;
    }
    if (submission->events == 0) { /* of a route that allows it */
        answer->reply.status = 202;
        answer->reply.content_type = HTTP_JSON_TYPE;
        return;
    }
    answer->reply.status = error_info(submission->first_error)->http_status;
    answer->reply.content_type = HTTP_PROBLEM_TYPE;
}

static void answer_submission(struct http_answer *answer, const struct submission *submission, enum payload_form form,
                              enum ids ids)
{
    bool configured = answer->route_reply != NULL;
    ids = configured && ids != IDS_NEVER && http_answer_lists_ids(answer) ? IDS_ALWAYS : ids;
    if (submission->error != OK) {
        http_answer_problem(answer, submission->error, buf_slice(&submission->detail), whole_list(&submission->errors));
    } else if (form == PAYLOAD_ONE) {
        answer_one(answer, submission);
    } else {
        answer_many(answer, submission, lists_ids(ids, submission));
    }
    if (configured) {
        http_answer_take_submission(answer, submission);
    }
}

void http_events_submitted(struct http_answer *answer, const struct large_payload *large)
{
    answer->state = ANSWER_READY;
    if (large->error != OK) {
        http_answer_problem(answer, large->error, SLICE(""), SLICE(""));
    } else {
        answer_submission(answer, &large->submission, large->payload.form, (enum ids)large->ids);
    }
}

static void hand_on(struct io_context *context, const struct payload *payload, enum encoding encoding, enum ids ids,
                    struct http_answer *answer)
{
    const struct large_payload large = {
        .payload = *payload,
        .encoding = encoding,
        .max_decompressed = context->options->max_decompressed_bytes,
        .ids = (int)ids,
    };
    enum error error = io_context_hand_on(context, &large);
    if (error != OK) {
        http_events_refuse(context, answer, error, SLICE(""));
        return;
    }
    answer->state = ANSWER_SUBMIT;
}

/* What came was read, and cannot be made a payload. */
static void RARE refuse_body(struct io_context *context, struct http_answer *answer, struct payload *payload,
                             enum error error, struct slice detail)
{
    payload->key = context->key != NULL ? context->key->counter : 0;
    pipeline_refuse(context->intake.io, payload, NULL, error);
    http_answer_problem(answer, error, detail, SLICE(""));
}

static void RARE take_key(const struct io_context *context, struct payload *payload, size_t bytes)
{
    const struct access_key *key = context->key;
    payload->streams = key->all_streams ? NULL : &key->streams;
    payload->key = key->counter;
    metric_add_index(context->intake.cells, METRIC_KEY_BYTES, key->counter, (int64_t)bytes);
}

void http_events_post(struct io_context *context, const struct event_route *route, const struct http_request *request,
                      struct slice body, struct slice client_ip, struct token token, struct http_answer *answer)
{
    struct arguments arguments;
    struct slice detail = SLICE("");
    metric_add_index(context->intake.cells, METRIC_RECEIVED_BYTES, PROTOCOL_HTTP, (int64_t)body.len);
    enum error error = read_arguments(context, route, request->query, &arguments, &detail);
    if (answer->route_reply != NULL) {
        http_answer_take_stream(answer, arguments.stream);
    }
    enum error full = error == OK ? gatekeeper_admits(context->gatekeeper, arguments.stream) : OK;
    if (full != OK) {
        refuse(context, answer, arguments.stream, full, SLICE(""));
        return;
    }
    struct http_body read = { .bytes = body };
    if (error == OK) {
        error = http_body_read(context, route, request, arguments.stream, &read, &detail);
    }
    struct payload payload = {
        .stream = arguments.stream,
        .bytes = read.bytes,
        .form = route->form == PAYLOAD_MANY && request->content == CONTENT_NDJSON ? PAYLOAD_LINES : route->form,
        .shape = route->options != NULL ? &route->shape : NULL,
        .protocol = PROTOCOL_HTTP,
        .token = token,
        .received_wall_ns = context->wall_ns,
        .client_ip = client_ip,
        .user_agent = request->user_agent,
        .request = context->request,
        .wait_stored = arguments.wait_stored,
        .values = read.values,
    };
    if (error != OK) {
        refuse_body(context, answer, &payload, error, detail);
        return;
    }
    if (context->key != NULL) {
        take_key(context, &payload, body.len);
    }
    answer->wait_stored = arguments.wait_stored;
    if (answer->route_reply != NULL && payload.values != NULL) {
        http_answer_take_members(answer, payload.values);
    }
    answer->reply.cache_control = request->method == HTTP_GET ? "no-store" : NULL; /* each makes an event */
    if (read.large) {
        hand_on(context, &payload, request->encoding, arguments.ids, answer);
        return;
    }
    pipeline_submit(context->intake.io, &payload, &context->intake.submission);
    answer_submission(answer, &context->intake.submission, route->form, arguments.ids);
}

void http_events_visit(struct io_context *context, struct http_answer *answer)
{
    const struct submission nothing = { 0 };
    answer->reply.cache_control = "no-store";
    answer_submission(answer, &nothing, PAYLOAD_MANY, IDS_NEVER);
    metric_add(context->intake.cells, METRIC_VISITS_WITHOUT_EVENT, 1);
}
