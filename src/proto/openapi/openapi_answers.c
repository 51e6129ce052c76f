/* Turns what an operation may be answered with into its responses. */
#include "proto/openapi/openapi_answers.h"

#include "base/assert.h"
#include "config/options/named_query_options.h"
#include "config/options/page_options.h"
#include "config/options/reply_options.h"
#include "config/options/route_options.h"
#include "proto/http_syntax/http_reply.h"
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi_errors.h"
#include "proto/openapi/openapi_sample.h"

#include <stdio.h>

/* One of them. */
struct answer {
    int status;
    const char *name;         /* of its example */
    const char *content_type; /* NULL: no body */
    const char *schema;       /* a component; NULL: a string, or anything if it is JSON */
    struct slice example;     /* JSON; empty: none */
    const char *json;         /* instead of the example: a template of JSON */
};

#define ANSWERS_MAX 48

struct answers {
    const struct named_query_options *query; /* NULL: it is none */
    struct answer items[ANSWERS_MAX];
    size_t count;
};

static void add(struct answers *answers, const struct answer *answer)
{
    ASSERT_BELOW(answers->count, ANSWERS_MAX);
    answers->items[answers->count++] = *answer;
}

#define ID "018f6b2e-7a3c-8d0e-9a55-0242ac120002"
#define ONE(status_, name_, word)                                                                                      \
    {                                                                                                                  \
        .status = (status_), .name = (name_), .content_type = "application/json", .schema = "One", .example = {        \
            "{\"id\":\"" ID "\",\"status\":\"" word "\"}",                                                             \
            sizeof("{\"id\":\"" ID "\",\"status\":\"" word "\"}") - 1                                                  \
        }                                                                                                              \
    }
#define MANY(status_, name_, text)                                                                                     \
    {                                                                                                                  \
        .status = (status_), .name = (name_), .content_type = "application/json", .schema = "Many", .example = {       \
            text,                                                                                                      \
            sizeof(text) - 1                                                                                           \
        }                                                                                                              \
    }

static const struct answer usual_one[] = {
    ONE(202, "accepted", "accepted"),
    ONE(200, "duplicate", "duplicate"),
    ONE(200, "stored", "stored"),
};

static const struct answer usual_many[] = {
    MANY(202, "accepted", "{\"accepted\":1,\"duplicate\":0,\"rejected\":0,\"ids\":[\"" ID "\"],\"errors\":[]}"),
    MANY(202, "partial",
         "{\"accepted\":1,\"duplicate\":0,\"rejected\":1,\"ids\":[\"" ID "\",null],\"errors\":[{\"index\":1,"
         "\"field\":\"user_id\",\"code\":\"missing_field\",\"message\":\"user_id: is required\"}]}"),
    MANY(200, "duplicate", "{\"accepted\":0,\"duplicate\":1,\"rejected\":0,\"ids\":[\"" ID "\"],\"errors\":[]}"),
};

static const char *body_type(const struct reply_outcome_options *outcome)
{
    if (outcome->content_type != NULL) {
        return outcome->content_type;
    }
    return outcome->json != NULL   ? "application/json"
           : outcome->text != NULL ? "text/plain; charset=utf-8"
           : outcome->gif          ? "image/gif"
                                   : NULL;
}

/* Was it given at all? */
static bool is_given(const struct reply_outcome_options *outcome)
{
    return outcome->status != 0 || outcome->json != NULL || outcome->text != NULL || outcome->empty || outcome->gif ||
           outcome->problem || outcome->redirect != NULL;
}

static void add_outcome(struct answers *answers, const struct reply_outcome_options *outcome, const char *name,
                        int usual)
{
    if (!is_given(outcome) || outcome->problem) {
        return;
    }
    usual = outcome->redirect != NULL ? 302 : outcome->empty && usual < 400 ? 204 : usual;
    struct answer answer = {
        .status = outcome->status != 0 ? (int)outcome->status : usual,
        .name = name,
        .content_type = body_type(outcome),
        .json = outcome->json,
    };
    add(answers, &answer);
}

struct outcome_name {
    enum reply_outcome outcome;
    const char *name;
    int status;
};

static const struct outcome_name of_events[] = {
    { REPLY_ACCEPTED, "accepted", 202 }, { REPLY_STORED, "stored", 200 },     { REPLY_DUPLICATE, "duplicate", 200 },
    { REPLY_PARTIAL, "partial", 202 },   { REPLY_REJECTED, "rejected", 400 }, { REPLY_REFUSED, "refused", 400 },
    { REPLY_FULL, "full", 503 },
};

static const struct outcome_name of_lookups[] = { { REPLY_FOUND, "found", 200 }, { REPLY_MISSING, "missing", 404 } };

static const struct outcome_name of_fixed_replies[] = { { REPLY_OK, "ok", 200 } };

static const struct outcome_name of_queries[] = {
    { REPLY_OK, "ok", 200 },           { REPLY_REJECTED, "rejected", 400 }, { REPLY_REFUSED, "refused", 400 },
    { REPLY_MISSING, "missing", 404 }, { REPLY_FAILED, "failed", 502 },     { REPLY_FULL, "full", 503 },
};

/* What answers it: its own, that of accepted events, that of all. */
static const struct reply_outcome_options *outcome_of(const struct reply_options *reply, enum reply_outcome outcome)
{
    bool taken = outcome == REPLY_STORED || outcome == REPLY_DUPLICATE || outcome == REPLY_PARTIAL;
    const struct reply_outcome_options *own = &reply->outcomes[outcome], *accepted = &reply->outcomes[REPLY_ACCEPTED];
    return is_given(own) ? own : taken && is_given(accepted) ? accepted : &reply->outcomes[REPLY_ANY];
}

static void add_outcomes(struct answers *answers, const struct reply_options *reply, const struct outcome_name *names,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_outcome(answers, outcome_of(reply, names[i].outcome), names[i].name, names[i].status);
    }
}

static bool gives(const struct reply_options *reply, enum reply_outcome outcome)
{
    return is_given(&reply->outcomes[outcome]) || is_given(&reply->outcomes[REPLY_ANY]);
}

static void add_usual(struct answers *answers, bool many)
{
    const struct answer *usual = many ? usual_many : usual_one;
    for (size_t i = 0; i < ARRAY_LENGTH(usual_one); i++) {
        add(answers, &usual[i]);
    }
}

/* Events are stored before their reply, or some of them taken, on some routes alone. */
static bool may_come(const struct route_options *route, enum reply_outcome outcome, bool many)
{
    return outcome == REPLY_STORED    ? route->ack == ROUTE_ACK_STORED
           : outcome == REPLY_PARTIAL ? many && !route->atomic
                                      : true;
}

static void add_of_reply(struct answers *answers, const struct reply_options *reply, const struct route_options *route)
{
    if (reply == NULL) {
        return;
    }
    if (route->lookup.table != NULL) {
        add_outcomes(answers, reply, of_lookups, ARRAY_LENGTH(of_lookups));
    } else {
        add_outcomes(answers, reply, of_fixed_replies, ARRAY_LENGTH(of_fixed_replies));
    }
}

/* `route`: NULL if the path is built in, which has no reply of its own. */
static void add_of_events(struct answers *answers, const struct reply_options *reply, const struct route_options *route,
                          bool many)
{
    for (size_t i = 0; reply != NULL && i < ARRAY_LENGTH(of_events); i++) {
        if (may_come(route, of_events[i].outcome, many)) {
            add_outcomes(answers, reply, &of_events[i], 1);
        }
    }
    if (reply == NULL || !gives(reply, REPLY_ACCEPTED)) {
        add_usual(answers, many);
    }
}

static void add_of_builtin(struct answers *answers, const struct openapi_builtin *builtin)
{
    struct answer answer = {
        .status = 200,
        .name = "ok",
        .content_type = builtin->content_type,
        .schema = builtin->schema,
        .example = slice_from_string(builtin->example),
    };
    add(answers, &answer);
    if (builtin->kind == OPENAPI_LIVE) {
        add(answers,
            &(struct answer){ .status = 200, .name = "once", .content_type = "application/json", .schema = "Any" });
    }
    if (builtin->other_status != 0) {
        answer.status = builtin->other_status;
        answer.name = "not_ok";
        add(answers, &answer);
    }
}

static void add_of_page(struct answers *answers, const struct page_options *page)
{
    const int64_t statuses[] = { page->status.ok, page->status.degraded, page->status.down };
    static const char *const names[] = { "ok", "degraded", "down" };
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        const char *type = page->json != NULL ? "application/json" : "text/plain; charset=utf-8";
        struct answer answer = {
            .status = (int)statuses[i],
            .name = names[i],
            .content_type = page->content_type != NULL ? page->content_type : type,
            .json = page->json,
        };
        add(answers, &answer);
    }
}

static const struct reply_options *reply_of_query(const struct openapi_source *source,
                                                  const struct named_query_options *query)
{
    return query->reply.name != NULL ? openapi_reply(source, query->scope, query->reply.name) : &query->reply;
}

static bool is_many(const struct openapi_operation *operation)
{
    return operation->route != NULL ? strcmp(operation->route->items, "one") != 0
                                    : operation->builtin->form == FORM_MANY;
}

static void collect(const struct openapi_source *source, const struct openapi_operation *operation,
                    struct answers *answers)
{
    const struct route_options *route = operation->route;
    if (operation->page != NULL) {
        add_of_page(answers, operation->page);
    } else if (operation->query != NULL) {
        const struct reply_options *reply = reply_of_query(source, operation->query);
        struct answer usual = { .status = 200, .name = "ok", .content_type = "application/json", .schema = "Any" };
        if (reply != NULL) {
            add_outcomes(answers, reply, of_queries, ARRAY_LENGTH(of_queries));
        }
        if (reply == NULL || !gives(reply, REPLY_OK)) {
            add(answers, &usual);
        }
    } else if (operation->kind == OPENAPI_EVENTS || operation->kind == OPENAPI_REPLY) {
        const struct reply_options *reply = route == NULL ? NULL : openapi_reply(source, route->scope, route->reply);
        if (operation->kind == OPENAPI_EVENTS) {
            add_of_events(answers, reply, route, is_many(operation));
        } else {
            add_of_reply(answers, reply, route);
        }
    } else {
        add_of_builtin(answers, operation->builtin);
    }
}

static void write_schema(const struct answer *answer, struct buf *out)
{
    if (answer->schema != NULL) {
        json_out_reference(out, "schema", "schemas", slice_from_string(answer->schema));
    } else if (answer->json != NULL) {
        json_out_reference(out, "schema", "schemas", SLICE("Any"));
    } else {
        json_out_raw(out, "schema", SLICE("{\"type\":\"string\"}"));
    }
}

static void write_example(const struct answer *answer, const struct named_query_options *query, struct buf *out)
{
    json_out_open(out, answer->name, '{');
    json_out_key(out, SLICE("value"));
    if (answer->json != NULL) {
        openapi_write_sample(answer->json, query, out);
    } else {
        buf_append_slice(out, answer->example);
    }
    json_out_close(out, '}');
}

static bool has_example(const struct answer *answer)
{
    return answer->json != NULL || answer->example.len != 0;
}

static bool same_name(const struct answers *answers, size_t a, size_t b)
{
    return answers->items[a].status == answers->items[b].status && answers->items[a].content_type != NULL &&
           answers->items[b].content_type != NULL &&
           strcmp(answers->items[a].content_type, answers->items[b].content_type) == 0;
}

/* The first of its status and type stands for all of them. */
static bool is_first(const struct answers *answers, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (same_name(answers, i, at)) {
            return false;
        }
    }
    return true;
}

static void write_content(const struct answers *answers, size_t first, struct buf *out)
{
    json_out_open(out, answers->items[first].content_type, '{');
    write_schema(&answers->items[first], out);
    bool any = false;
    for (size_t i = first; i < answers->count; i++) {
        if (same_name(answers, first, i) && has_example(&answers->items[i])) {
            if (!any) {
                json_out_open(out, "examples", '{');
            }
            any = true;
            write_example(&answers->items[i], answers->query, out);
        }
    }
    if (any) {
        json_out_close(out, '}');
    }
    json_out_close(out, '}');
}

static void write_status(const struct answers *answers, enum openapi_kind kind, int status, struct buf *out)
{
    char key[16];
    bool errors = openapi_has_errors(kind, status), body = errors;
    snprintf(key, sizeof key, "%d", status);
    json_out_open(out, key, '{');
    json_out_text(out, "description", http_reply_title(status));
    for (size_t i = 0; i < answers->count; i++) {
        body = body || (answers->items[i].status == status && answers->items[i].content_type != NULL);
    }
    if (body) {
        json_out_open(out, "content", '{');
        for (size_t i = 0; i < answers->count; i++) {
            if (answers->items[i].status == status && answers->items[i].content_type != NULL && is_first(answers, i)) {
                write_content(answers, i, out);
            }
        }
        if (errors) {
            openapi_write_problem_content(kind, status, out);
        }
        json_out_close(out, '}');
    }
    json_out_close(out, '}');
}

static bool has_status(const struct answers *answers, int status)
{
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->items[i].status == status) {
            return true;
        }
    }
    return false;
}

void openapi_write_responses(const struct openapi_source *source, const struct openapi_operation *operation,
                             struct buf *out)
{
    struct answers answers = { .query = operation->query };
    bool needs_key = openapi_needs_key(source, operation);
    collect(source, operation, &answers);
    json_out_open(out, "responses", '{');
    for (int status = 100; status < 600; status++) {
        if (has_status(&answers, status)) {
            write_status(&answers, operation->kind, status, out);
        } else if (openapi_has_errors(operation->kind, status) && (needs_key || (status != 401 && status != 403))) {
            openapi_write_problem_reference(operation->kind, status, out);
        }
    }
    json_out_close(out, '}');
}
