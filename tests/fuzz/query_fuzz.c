/* Requests to a named query with a parameter of each kind: nothing of a client's text gets out of the quotes of a literal, and a value that is
 * bound is one of its type. Then results of a store that says anything, and answers of Redis. */
#include "query_world.h"

#include "cost.h"
#include "pipeline/json/json.h"
#include "query/answer_share.h"
#include "store/sql.h"
#include "store/store.h"

#define PARAMETERS 9

static const char queries[] =
    "queries:\n  q:\n    path: /q\n    parameters:\n"
    "      s: { type: Nullable(String) }\n"
    "      u: { type: Nullable(UInt32) }\n"
    "      i: { type: Nullable(Int64), max: now }\n"
    "      f: { type: Nullable(Float64) }\n"
    "      d: { type: 'Nullable(Decimal(18, 4))' }\n"
    "      t: { type: Nullable(DateTime), not_before: w }\n"
    "      w: { type: Nullable(DateTime64(3)) }\n"
    "      a: { type: Array(String), optional: true, max_items: 5 }\n"
    "      c: { choices: { x: toDate(at), y: 'user_id' }, else: \"'all'\" }\n"
    "    select: { r: { if: a, sql: 'SELECT {c}, {s}, {u}, {i}, {f}, {d}, {t}, {w}, {a} FROM {rows}' } }\n"
    "    reply: { ok: { json: '{\"r\":{r},\"s\":\"{s}\",\"u\":{u},\"t\":{t}}' }, rejected: { json: "
    "'{\"m\":\"{Detail}\",\"s\":\"{s}\"}' } }\n";

static struct query_world world;
static struct json_parser *parser;

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void must_be_json(struct slice text)
{
    struct buf copy = { 0 };
    struct json_document document;
    buf_append_slice(&copy, text);
    buf_append_fill(&copy, 0, JSON_PADDING);
    must(!copy.failed && json_parse(parser, slice_make(copy.data, text.len), &document) == OK);
    buf_release(&copy);
}

/* Outside of quotes there is nothing but what the configuration says: letters, digits, brackets. */
static void must_stay_in_quotes(struct slice sql)
{
    bool quoted = false;
    for (size_t i = 0; i < sql.len; i++) {
        char c = sql.data[i];
        if (quoted && c == '\\') {
            i++;
        } else if (c == '\'') {
            quoted = !quoted;
        } else {
            must(quoted ||
                 strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_`.,() []", c) != NULL);
        }
    }
    must(!quoted);
}

static void bind_literals(const struct bound_value *values)
{
    struct store_parameter parameters[PARAMETERS];
    struct slice items[8];
    struct buf sql = { 0 }, bound = { 0 };
    const bool collapses[] = { true, true };
    size_t begin = 0, count = values[7].ends.len / sizeof(size_t);
    must(count <= 5);
    for (size_t i = 0; i < count; i++) {
        size_t end;
        memcpy(&end, values[7].ends.data + i * sizeof end, sizeof end);
        must(end >= begin && end <= values[7].text.len);
        items[i] = end == begin ? SLICE("") : slice_make(values[7].text.data + begin, end - begin);
        begin = end;
    }
    for (size_t i = 0; i < 8; i++) {
        parameters[i] = (struct store_parameter){ .name = world.query->parameters[i].options->name,
                                                  .type = world.query->parameters[i].bound_type.data,
                                                  .value = buf_slice(&values[i].text),
                                                  .null = i != 7 && !values[i].present,
                                                  .items = i == 7 ? items : NULL,
                                                  .item_count = i == 7 ? count : 0 };
    }
    statement_append_sql(&world.query->statements[0], values, "db", collapses, &sql);
    struct store_query query = { .sql = buf_slice(&sql), .parameters = parameters, .parameter_count = 8 };
    must(sql_bind_literals(&query, &bound));
    must_stay_in_quotes(buf_slice(&bound));
    buf_release(&sql);
    buf_release(&bound);
}

static void ask(struct slice arguments)
{
    struct bound_value values[PARAMETERS] = { { 0 } };
    const struct parameter *at_fault;
    struct buf problem = { 0 };
    struct page_reply reply;
    enum error error = query_world_bind(&world, arguments, values, &at_fault, &problem);
    struct result result = { .empty = false };
    struct query_fate fate = { .outcome = error == OK ? REPLY_OK : REPLY_REJECTED,
                               .error = error,
                               .detail = buf_slice(&problem),
                               .at_fault = at_fault,
                               .values = values,
                               .results = &result };
    must((error == OK) == (problem.len == 0));
    if (error == OK) {
        bind_literals(values);
    }
    query_reply_write(world.query, &fate, &reply);
    must_be_json(buf_slice(&reply.body));
    page_reply_release(&reply);
    for (size_t i = 0; i < PARAMETERS; i++) {
        bound_value_release(&values[i]);
    }
    buf_release(&problem);
}

static void take_answer(struct slice answer, enum select_shape shape)
{
    struct result result = { .empty = false };
    struct buf problem = { 0 };
    struct slice value;
    int64_t left_ns;
    if (result_make(shape, answer, parser, &result, &problem)) {
        (void)!result_column(&result, SLICE("a"), &value);
    }
    result_release(&result);
    if (answer_share_read(answer, parser, &result, 1, 0, &left_ns)) {
        must(left_ns > 0);
        must_be_json(result.json.len == 0 ? SLICE("null") : buf_slice(&result.json));
        result_release(&result);
    }
    buf_release(&problem);
}

static void take(const uint8_t *data, size_t size)
{
    if (world.query == NULL) {
        query_world_init(&world, queries);
        parser = json_parser_new();
        must(world.query != NULL && world.query->parameter_count == PARAMETERS && parser != NULL);
    }
    if (size != 0 && data[0] < 8) {
        take_answer(slice_make(data + 1, size - 1), (enum select_shape)(data[0] % (SELECT_JSON + 1)));
    } else {
        ask(slice_make(data, size));
    }
}

/* Each of the parameters looks through all arguments. */
COST_FUZZER(take, 300)
