/* Turns the options of a query into one that can be asked. */
#include "query/named_query.h"

#include "event/stream.h"
#include "proto/reply/reply_set.h"
#include "query/statement/sql_check.h"

#include <stdio.h>
#include <stdlib.h>

struct compiling {
    const struct named_query_options *options;
    struct buf *problems;
    bool fine;
};

/* A line for what was found at `part`, "" for the query itself. */
static void PRINTF_LIKE(5, 6)
    tell(struct compiling *compiling, int line, const char *kind, const char *part, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(compiling->problems, "%s:%d: queries.%s%s%s: %s\n", compiling->options->file, line,
               compiling->options->name, kind, part, text);
    compiling->fine = false;
}

static bool names_part(const char *path, const char *name)
{
    char one[80], rest[80];
    snprintf(one, sizeof one, "{%s}", name);
    snprintf(rest, sizeof rest, "{%s...}", name);
    return strstr(path, one) != NULL || strstr(path, rest) != NULL;
}

static void check_path_of(struct compiling *compiling, const struct parameter_options *parameter)
{
    const struct string_list *paths = &compiling->options->path;
    for (size_t i = 0; i < paths->count && parameter->from == PARAMETER_FROM_PATH; i++) {
        if (!names_part(paths->items[i], parameter->name)) {
            tell(compiling, parameter->line, ".parameters.", parameter->name, "from: path, but %s has no part {%s}",
                 paths->items[i], parameter->name);
        }
    }
}

static void check_choices(struct compiling *compiling, const struct parameter_options *parameter)
{
    struct buf problem = { 0 };
    for (size_t i = 0; i <= parameter->choices.count; i++) {
        const char *sql = i < parameter->choices.count ? parameter->choices.values[i] : parameter->otherwise;
        buf_clear(&problem);
        if (sql != NULL && !sql_check(slice_from_string(sql), SQL_EXPRESSION, &problem)) {
            tell(compiling, parameter->line, ".parameters.", parameter->name, "found the SQL \"%s\": %.*s", sql,
                 (int)problem.len, problem.data);
        }
    }
    buf_release(&problem);
}

static void compile_parameters(struct compiling *compiling, struct named_query *query)
{
    const struct named_query_options *options = query->options;
    struct buf problem = { 0 };
    for (size_t i = 0; i < options->parameter_count; i++) {
        const struct parameter_options *parameter = &options->parameters[i];
        buf_clear(&problem);
        if (!parameter_compile(&query->parameters[i], parameter, &problem)) {
            tell(compiling, parameter->line, ".parameters.", parameter->name, "%.*s", (int)problem.len, problem.data);
        }
        check_path_of(compiling, parameter);
        query->parameters[i].from_path = parameter->from != PARAMETER_FROM_QUERY &&
                                         parameter->from != PARAMETER_FROM_HEADER &&
                                         names_part(options->path.items[0], parameter->name);
        check_choices(compiling, parameter);
        query->parameter_count = i + 1;
    }
    buf_release(&problem);
}

static void link_not_before(struct compiling *compiling, struct named_query *query, const struct statement_scope *scope)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        struct parameter *parameter = &query->parameters[i];
        const char *name = parameter->options->not_before;
        int other = name == NULL ? -1 : statement_find_parameter(scope, slice_from_string(name));
        if (name == NULL) {
            continue;
        }
        if (other < 0 || other == (int)i || !parameter_is_ordered(parameter) ||
            !parameter_is_ordered(&query->parameters[other]) ||
            kind_is_time(parameter->spec.type.kind) != kind_is_time(query->parameters[other].spec.type.kind)) {
            tell(compiling, parameter->options->line, ".parameters.", parameter->options->name,
                 "not_before: found \"%s\", expected another parameter of the same kind, integers or times", name);
            continue;
        }
        parameter->not_before = other;
    }
}

/* Replies know parameters and statements by one name each. */
static void check_names(struct compiling *compiling, const struct named_query *query,
                        const struct statement_scope *scope)
{
    for (size_t i = 0; i < query->options->parameter_count; i++) {
        if (strcmp(query->options->parameters[i].name, "rows") == 0) {
            tell(compiling, query->options->parameters[i].line, ".parameters.", "rows",
                 "{rows} stands for a stream; give the parameter another name");
        }
    }
    for (size_t i = 0; i < query->options->select_count; i++) {
        const struct select_options *select = &query->options->selects[i];
        bool again = statement_find_parameter(scope, slice_from_string(select->name)) >= 0;
        for (size_t k = 0; k < i; k++) {
            again = again || strcmp(select->name, query->options->selects[k].name) == 0;
        }
        if (again) {
            tell(compiling, select->line, ".select.", select->name,
                 "found the name again, expected one that no parameter and no other statement has");
        }
    }
}

static void compile_statements(struct compiling *compiling, struct named_query *query,
                               const struct statement_scope *scope)
{
    struct buf problem = { 0 };
    for (size_t i = 0; i < query->options->select_count; i++) {
        const struct select_options *select = &query->options->selects[i];
        buf_clear(&problem);
        if (!statement_compile(&query->statements[i], select, scope, &problem)) {
            tell(compiling, select->line, ".select.", select->name, "%.*s", (int)problem.len, problem.data);
        }
        query->statement_count = i + 1;
    }
    buf_release(&problem);
}

static const struct reply_options *find_reply(const struct named_query_world *world, const char *scope,
                                              const char *name)
{
    const struct reply_options *found = NULL;
    size_t own = strlen(scope);
    for (size_t i = 0; i < world->reply_count; i++) {
        const char *full = world->replies[i].name;
        if (strncmp(full, scope, own) == 0 && strcmp(full + own, name) == 0) {
            return &world->replies[i];
        }
        found = strcmp(full, name) == 0 ? &world->replies[i] : found;
    }
    return found;
}

static bool is_given(const struct reply_outcome_options *outcome)
{
    return outcome->status != 0 || outcome->json != NULL || outcome->text != NULL || outcome->empty || outcome->gif ||
           outcome->problem || outcome->redirect != NULL;
}

bool named_query_tells_missing(const struct named_query *query)
{
    return is_given(&query->reply.outcomes[REPLY_MISSING]);
}

static void check_reply(struct compiling *compiling, const struct named_query_options *options)
{
    for (size_t i = 0; i < REPLY_OUTCOMES && options->reply.name != NULL; i++) {
        if (is_given(&options->reply.outcomes[i])) {
            tell(compiling, options->line, "", "",
                 "reply: found the name \"%s\" and outcomes beside it, expected one of the two", options->reply.name);
            return;
        }
    }
    if (options->cache_in == QUERY_CACHE_REDIS && options->cache_ns == 0) {
        tell(compiling, options->line, "", "", "cache_in: redis, but nothing says how long; give `cache` a duration");
    }
}

static void compile_replies(struct compiling *compiling, struct named_query *query,
                            const struct named_query_world *world)
{
    const struct named_query_options *options = query->options;
    check_reply(compiling, options);
    query->reply = options->reply;
    if (options->reply.name != NULL) {
        const struct reply_options *named = find_reply(world, options->scope, options->reply.name);
        if (named == NULL) {
            tell(compiling, options->line, "", "", "reply: found \"%s\", expected the name of an entry of `replies`",
                 options->reply.name);
            return;
        }
        query->reply = *named;
    } else {
        query->reply.name = options->name;
        query->reply.line = options->line;
        query->reply.file = options->file;
    }
    query->replies = reply_set_compile(&query->reply, world->knows, query, compiling->problems);
    compiling->fine = compiling->fine && query->replies != NULL;
}

/* All texts that answers are made of. */
static void identify(struct named_query *query, const struct named_query_world *world)
{
    struct buf all = { 0 };
    buf_printf(&all, "%s|%s|", query->options->name, world->database);
    for (size_t i = 0; i < world->stream_count; i++) {
        buf_printf(&all, "%s|", world->streams[i]->table);
    }
    for (size_t i = 0; i < query->statement_count; i++) {
        buf_append_slice(&all, buf_slice(&query->statements[i].text));
        buf_append_slice(&all, slice_from_string(query->options->selects[i].sql));
        buf_printf(&all, "|%d|", (int)query->options->selects[i].shape);
    }
    for (size_t i = 0; i < REPLY_OUTCOMES; i++) {
        const struct reply_outcome_options *outcome = &query->reply.outcomes[i];
        const char *const texts[] = { outcome->json, outcome->text, outcome->redirect, outcome->content_type };
        for (size_t k = 0; k < ARRAY_LENGTH(texts); k++) {
            buf_append_string(&all, texts[k] == NULL ? "-" : texts[k]);
            buf_append_byte(&all, 0);
        }
        buf_printf(&all, "%lld", (long long)outcome->status);
        for (size_t k = 0; k < outcome->headers.count; k++) {
            buf_printf(&all, "%s:%s", outcome->headers.names[k], outcome->headers.values[k]);
        }
    }
    query->identity = hash_xxh3_128(all.data, all.len);
    buf_release(&all);
}

static struct named_query *allocate(const struct named_query_options *options)
{
    struct named_query *query = calloc(1, sizeof *query);
    if (query == NULL) {
        return NULL;
    }
    query->options = options;
    query->hosts = options->host.count != 0 ? &options->host : &options->included_hosts;
    query->parameters = calloc(options->parameter_count + 1, sizeof *query->parameters);
    query->statements = calloc(options->select_count + 1, sizeof *query->statements);
    if (query->parameters == NULL || query->statements == NULL) {
        named_query_free(query);
        return NULL;
    }
    return query;
}

/* The first of its own file, where that is told apart by a scope. */
static const struct stream *first_stream(const struct named_query_world *world, const char *scope)
{
    for (size_t i = 0; i < world->stream_count; i++) {
        const char *own = world->streams[i]->options->scope;
        if (own != NULL && strcmp(own, scope) == 0) {
            return world->streams[i];
        }
    }
    return world->stream_count == 0 ? NULL : world->streams[0];
}

struct named_query *named_query_compile(const struct named_query_options *options,
                                        const struct named_query_world *world, struct buf *problems)
{
    struct compiling compiling = { options, problems, true };
    struct named_query *query = allocate(options);
    if (query == NULL) {
        buf_append_string(problems, "queries: out of memory\n");
        return NULL;
    }
    compile_parameters(&compiling, query);
    struct statement_scope scope = {
        .parameters = query->parameters,
        .parameter_count = query->parameter_count,
        .streams = world->streams,
        .stream_count = world->stream_count,
        .scope = options->scope,
        .stream = first_stream(world, options->scope),
    };
    if (options->stream != NULL) {
        scope.stream = statement_find_stream(&scope, slice_from_string(options->stream));
        if (scope.stream == NULL) {
            tell(&compiling, options->line, "", "", "stream: there is no stream \"%s\"", options->stream);
        }
    }
    if (compiling.fine) { /* else each statement would tell the same again */
        link_not_before(&compiling, query, &scope);
        check_names(&compiling, query, &scope);
        compile_statements(&compiling, query, &scope);
    }
    if (compiling.fine) {
        compile_replies(&compiling, query, world);
    }
    if (!compiling.fine) {
        named_query_free(query);
        return NULL;
    }
    identify(query, world);
    return query;
}

void named_query_free(struct named_query *query)
{
    if (query == NULL) {
        return;
    }
    for (size_t i = 0; query->parameters != NULL && i < query->options->parameter_count; i++) {
        parameter_release(&query->parameters[i]);
    }
    for (size_t i = 0; query->statements != NULL && i < query->statement_count; i++) {
        statement_release(&query->statements[i]);
    }
    reply_set_free(query->replies);
    free(query->parameters);
    free(query->statements);
    free(query);
}
