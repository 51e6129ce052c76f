/* Turns values and results into a reply. */
#include "query/query_reply.h"

#include "base/assert.h"
#include "base/clock.h"
#include "proto/front/page_reply.h"
#include "proto/reply/reply_set.h"

#include <ctype.h>
#include <time.h>

#define JSON_TYPE "application/json"

/* Names of what happened, beside those of the query. */
static const char *const fate_names[] = { "detail", "Detail", "code", "field", "source", "now" };

struct writing {
    const struct named_query *query;
    const struct query_fate *fate;
    char text[64];
    struct buf capital; /* {Detail} */
};

static int find_statement(const struct named_query *query, struct slice name)
{
    for (size_t i = 0; i < query->options->select_count; i++) {
        if (slice_equal(slice_from_string(query->options->selects[i].name), name)) {
            return (int)i;
        }
    }
    return -1;
}

static int find_parameter(const struct named_query *query, struct slice name)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        if (slice_equal(slice_from_string(query->parameters[i].options->name), name)) {
            return (int)i;
        }
    }
    return -1;
}

/* "total.count" is a statement and a column. */
static int split_column(const struct named_query *query, struct slice name, struct slice *column)
{
    struct slice front;
    *column = name;
    return slice_split(column, '.', &front) && column->data != NULL ? find_statement(query, front) : -1;
}

bool query_reply_knows(const void *context, struct slice name)
{
    const struct named_query *query = context;
    struct slice column;
    for (size_t i = 0; i < ARRAY_LENGTH(fate_names); i++) {
        if (slice_equal(name, slice_from_string(fate_names[i]))) {
            return true;
        }
    }
    return find_parameter(query, name) >= 0 || find_statement(query, name) >= 0 ||
           split_column(query, name, &column) >= 0;
}

static bool fill(struct template_text *text, struct slice bytes, bool is_json)
{
    *text = (struct template_text){ bytes, is_json };
    return bytes.data != NULL;
}

static bool now_text(struct writing *writing, struct template_text *text)
{
    struct tm utc;
    time_t seconds = (time_t)(writing->fate->now_wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    size_t len = strftime(writing->text, sizeof writing->text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return fill(text, slice_make(writing->text, len), false);
}

static bool capital_detail(struct writing *writing, struct template_text *text)
{
    buf_clear(&writing->capital);
    buf_append_slice(&writing->capital, writing->fate->detail);
    if (writing->capital.len != 0) {
        writing->capital.data[0] = (char)toupper((unsigned char)writing->capital.data[0]);
    }
    return fill(text, buf_slice(&writing->capital), false);
}

static bool source_text(const struct parameter *parameter, struct template_text *text)
{
    static const char *const names[] = { [PARAMETER_FROM_ADDRESS] = "query",
                                         [PARAMETER_FROM_PATH] = "path",
                                         [PARAMETER_FROM_QUERY] = "query",
                                         [PARAMETER_FROM_HEADER] = "header" };
    return parameter != NULL &&
           fill(text, slice_from_string(parameter->from_path ? "path" : names[parameter->options->from]), false);
}

/* What happened, by the names of fate_names. */
static bool fate_value(struct writing *writing, struct slice name, struct template_text *text)
{
    const struct query_fate *fate = writing->fate;
    bool wrong = fate->error != OK;
    if (slice_equal(name, SLICE("now"))) {
        return now_text(writing, text);
    }
    if (slice_equal(name, SLICE("detail"))) {
        return wrong && fill(text, fate->detail, false);
    }
    if (slice_equal(name, SLICE("Detail"))) {
        return wrong && capital_detail(writing, text);
    }
    if (slice_equal(name, SLICE("code"))) {
        return wrong && fill(text, slice_from_string(error_info(fate->error)->code), false);
    }
    if (slice_equal(name, SLICE("field"))) {
        return fate->at_fault != NULL && fill(text, slice_from_string(fate->at_fault->options->name), false);
    }
    return slice_equal(name, SLICE("source")) && source_text(fate->at_fault, text);
}

/* Its value as it was bound; of a request that was refused, as it was sent. */
static bool parameter_value(const struct writing *writing, size_t index, struct template_text *text)
{
    const struct bound_value *value = &writing->fate->values[index];
    bool bound = writing->fate->outcome != REPLY_REJECTED;
    if (bound) {
        return value->shown.len != 0 && !slice_equal(buf_slice(&value->shown), SLICE("null")) &&
               fill(text, buf_slice(&value->shown), true);
    }
    return value->sent && fill(text, value->raw.len == 0 ? SLICE("") : buf_slice(&value->raw), false);
}

/* "groups.some" has a value if the statement gave rows, for what an answer says of rows alone: {groups.some?…}. */
static bool result_value(const struct writing *writing, int statement, const struct slice *column,
                         struct template_text *text)
{
    const struct result *result = writing->fate->results == NULL ? NULL : &writing->fate->results[statement];
    struct slice value;
    if (result == NULL || result->json.len == 0) {
        return false;
    }
    if (column == NULL) {
        return fill(text, buf_slice(&result->json), true);
    }
    if (result_column(result, *column, &value)) {
        return fill(text, value, true);
    }
    return !result->empty && slice_equal(*column, SLICE("some")) && fill(text, SLICE("true"), true);
}

static bool find_value(void *context, struct slice name, struct template_text *text)
{
    struct writing *writing = context;
    const struct named_query *query = writing->query;
    struct slice column;
    int parameter = find_parameter(query, name);
    int statement = find_statement(query, name);
    if (parameter >= 0) {
        return parameter_value(writing, (size_t)parameter, text);
    }
    if (statement >= 0) {
        return result_value(writing, statement, NULL, text);
    }
    statement = split_column(query, name, &column);
    return statement >= 0 ? result_value(writing, statement, &column, text) : fate_value(writing, name, text);
}

/* One statement's result as it is; several as members. */
static void write_results(const struct named_query *query, const struct result *results, struct buf *out)
{
    if (query->statement_count == 1) {
        buf_append_slice(out, buf_slice(&results[0].json));
        return;
    }
    const char *separator = "{";
    for (size_t i = 0; i < query->statement_count; i++) {
        if (results[i].json.len != 0) {
            buf_printf(out, "%s\"%s\":", separator, query->statements[i].options->name);
            buf_append_slice(out, buf_slice(&results[i].json));
            separator = ",";
        }
    }
    buf_append_string(out, separator[0] == '{' ? "{}" : "}");
}

static void write_usual(const struct named_query *query, const struct query_fate *fate, struct page_reply *reply)
{
    if (fate->error != OK) {
        page_problem(reply, fate->error, fate->detail, (struct slice){ NULL, 0 });
        return;
    }
    reply->status = 200;
    reply->content_type = JSON_TYPE;
    write_results(query, fate->results, &reply->body);
}

static int usual_status(const struct query_fate *fate)
{
    return fate->outcome == REPLY_MISSING ? 404 : fate->error == OK ? 200 : error_info(fate->error)->http_status;
}

static void write_with(const struct named_query *query, const struct reply *template, const struct query_fate *fate,
                       struct page_reply *reply)
{
    struct writing writing = { .query = query, .fate = fate };
    struct reply_request request = { 0 };
    struct reply_answer answer = { .status = usual_status(fate) };
    enum error error = reply_write(template, find_value, &writing, &request, &answer);
    buf_release(&writing.capital);
    *reply = (struct page_reply){ .status = answer.status,
                                  .content_type = answer.content_type,
                                  .cache_control = answer.no_store ? "no-store" : NULL,
                                  .body = answer.body,
                                  .headers = answer.headers };
    if (error != OK || writing.capital.failed) {
        page_reply_release(reply);
        page_problem(reply, error == OK ? ERROR_OUT_OF_MEMORY : error, (struct slice){ NULL, 0 },
                     (struct slice){ NULL, 0 });
    }
}

static const struct reply *find_template(const struct named_query *query, const struct query_fate *fate)
{
    const struct reply *found = query->replies == NULL ? NULL : reply_set_find(query->replies, fate->outcome);
    if (found == NULL && query->replies != NULL && fate->outcome == REPLY_MISSING) {
        found = reply_set_find(query->replies, REPLY_OK);
    }
    if (found == NULL && query->replies != NULL && fate->outcome == REPLY_FULL) {
        found = reply_set_find(query->replies, REPLY_FAILED);
    }
    return found;
}

void query_reply_write(const struct named_query *query, const struct query_fate *fate, struct page_reply *reply)
{
    ASSERT((fate->error == OK) == (fate->outcome == REPLY_OK || fate->outcome == REPLY_MISSING));
    const struct reply *template = find_template(query, fate);
    *reply = (struct page_reply){ 0 };
    if (template == NULL) {
        write_usual(query, fate, reply);
    } else {
        write_with(query, template, fate, reply);
    }
    if (reply->body.failed || reply->headers.failed) {
        page_reply_release(reply);
        page_problem(reply, ERROR_OUT_OF_MEMORY, (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 });
    }
}
