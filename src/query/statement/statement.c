/* Turns a statement of the configuration into pieces, and pieces and values into SQL. */
#include "query/statement/statement.h"

#include "base/assert.h"
#include "event/stream.h"
#include "query/statement/sql_check.h"
#include "query/statement/sql_token.h"
#include "store/sql.h"

enum piece_kind { PIECE_TEXT, PIECE_CHOICE, PIECE_TABLE, PIECE_FINAL };

struct statement_piece {
    enum piece_kind kind;
    size_t begin, end;           /* PIECE_TEXT: of `text` */
    size_t parameter;            /* PIECE_CHOICE */
    const struct stream *stream; /* the others */
};

struct compiling {
    struct statement *statement;
    const struct statement_scope *scope;
    struct buf *problem;
    const struct stream *final; /* of a table whose FINAL is still to come: behind its alias */
    bool alias;                 /* the next word is that */
};

const struct stream *statement_find_stream(const struct statement_scope *scope, struct slice name)
{
    size_t own = strlen(scope->scope);
    const struct stream *found = NULL;
    for (size_t i = 0; i < scope->stream_count; i++) {
        struct slice full = slice_from_string(scope->streams[i]->name);
        if (slice_equal(full, name) && found == NULL) {
            found = scope->streams[i];
        }
        if (slice_starts_with(full, slice_from_string(scope->scope)) && slice_equal(slice_after(full, own), name)) {
            return scope->streams[i];
        }
    }
    return found;
}

int statement_find_parameter(const struct statement_scope *scope, struct slice name)
{
    for (size_t i = 0; i < scope->parameter_count; i++) {
        if (slice_equal(slice_from_string(scope->parameters[i].options->name), name)) {
            return (int)i;
        }
    }
    return -1;
}

static struct statement_piece *pieces_of(const struct statement *statement, size_t *count)
{
    *count = statement->pieces.len / sizeof(struct statement_piece);
    return (struct statement_piece *)(void *)statement->pieces.data;
}

static void add_piece(struct statement *statement, struct statement_piece piece)
{
    buf_append(&statement->pieces, &piece, sizeof piece);
}

static void add_text(struct statement *statement, struct slice text)
{
    size_t count;
    struct statement_piece *pieces = pieces_of(statement, &count);
    buf_append_slice(&statement->text, text);
    if (count != 0 && pieces[count - 1].kind == PIECE_TEXT) {
        pieces[count - 1].end = statement->text.len;
    } else {
        add_piece(statement,
                  (struct statement_piece){ .end = statement->text.len, .begin = statement->text.len - text.len });
    }
}

static void add_final(struct compiling *compiling)
{
    if (compiling->final != NULL) {
        add_piece(compiling->statement, (struct statement_piece){ .kind = PIECE_FINAL, .stream = compiling->final });
    }
    compiling->final = NULL;
    compiling->alias = false;
}

static bool add_rows(struct compiling *compiling, struct slice name)
{
    const struct statement_scope *scope = compiling->scope;
    const struct stream *stream = name.data == NULL ? scope->stream : statement_find_stream(scope, name);
    if (stream == NULL) {
        stream_describe_unknown(scope->streams, scope->stream_count, name, compiling->problem);
        return false;
    }
    add_piece(compiling->statement, (struct statement_piece){ .kind = PIECE_TABLE, .stream = stream });
    compiling->final = stream;
    return true;
}

/* Types are alike whatever the spaces in them. */
static bool is_type(const struct parameter *parameter, struct slice text)
{
    struct type type = { 0 };
    struct buf ignored = { 0 };
    bool same = type_parse(&type, text, &ignored) && strcmp(type.name, parameter->spec.type.name) == 0;
    type_release(&type);
    buf_release(&ignored);
    return same;
}

static bool add_typed(struct compiling *compiling, const struct parameter *parameter, struct slice type)
{
    struct buf sql = { 0 };
    if (type.data != NULL && !is_type(parameter, type)) {
        buf_printf(compiling->problem, "{%s:%.*s} names another type than the parameter's, %s",
                   parameter->options->name, (int)type.len, type.data, parameter->spec.type.name);
        return false;
    }
    parameter_append_sql(parameter, &sql);
    add_text(compiling->statement, buf_slice(&sql));
    compiling->statement->text.failed |= sql.failed;
    buf_release(&sql);
    return true;
}

static bool add_parameter(struct compiling *compiling, struct slice name, struct slice type)
{
    int index = statement_find_parameter(compiling->scope, name);
    if (index < 0) {
        buf_printf(compiling->problem, "{%.*s} is no parameter of the query; declare it in `parameters`", (int)name.len,
                   name.data);
        return false;
    }
    const struct parameter *parameter = &compiling->scope->parameters[index];
    compiling->statement->uses |= UINT64_C(1) << index;
    if (!parameter_is_choice(parameter)) {
        return add_typed(compiling, parameter, type);
    }
    if (type.data != NULL) {
        buf_printf(compiling->problem, "%s has choices, which have no type; write {%s}", parameter->options->name,
                   parameter->options->name);
        return false;
    }
    add_piece(compiling->statement, (struct statement_piece){ .kind = PIECE_CHOICE, .parameter = (size_t)index });
    return true;
}

static bool add_placeholder(struct compiling *compiling, struct slice text)
{
    struct slice type = slice_trim(slice_make(text.data + 1, text.len - 2));
    struct slice name;
    if (!slice_split(&type, ':', &name)) {
        name = SLICE("");
    }
    name = slice_trim(name);
    if (type.data != NULL) {
        type = slice_trim(type);
    }
    return slice_equal(name, SLICE("rows")) ? add_rows(compiling, type) : add_parameter(compiling, name, type);
}

/* FINAL stands behind a table's alias, and the alias behind AS. */
static bool settle_final(struct compiling *compiling, const struct sql_token *token)
{
    if (compiling->final == NULL || token->kind == SQL_BLANK || compiling->alias) {
        return true;
    }
    if (sql_token_is(token, "FINAL")) {
        buf_append_string(compiling->problem, "leave FINAL out behind {rows…}: it reads each event once already");
        return false;
    }
    compiling->alias = sql_token_is(token, "AS");
    if (!compiling->alias) {
        add_final(compiling);
    }
    return true;
}

static bool add_token(struct compiling *compiling, const struct sql_token *token)
{
    bool named = compiling->alias && token->kind != SQL_BLANK;
    if (!settle_final(compiling, token)) {
        return false;
    }
    if (token->kind == SQL_PLACEHOLDER) {
        return add_placeholder(compiling, token->text);
    }
    add_text(compiling->statement, token->kind == SQL_BLANK ? SLICE(" ") : token->text);
    if (named) {
        add_final(compiling);
    }
    return true;
}

/* What may have no value cannot be used by a statement that runs without it. */
static bool check_uses(const struct statement *statement, const struct statement_scope *scope, struct buf *problem)
{
    for (size_t i = 0; i < scope->parameter_count; i++) {
        const struct parameter *parameter = &scope->parameters[i];
        bool null = !parameter_is_choice(parameter) && parameter->spec.type.shape == SHAPE_NULLABLE;
        if ((statement->uses >> i & 1) != 0 && parameter->options->optional && !null &&
            parameter->options->default_text == NULL && statement->only_if != (int)i) {
            buf_printf(problem, "it uses {%s}, which is optional: say `if: %s`, or give the parameter a default",
                       parameter->options->name, parameter->options->name);
            return false;
        }
    }
    return true;
}

static bool compile_if(struct statement *statement, const struct statement_scope *scope, struct buf *problem)
{
    const char *name = statement->options->only_if;
    statement->only_if = name == NULL ? -1 : statement_find_parameter(scope, slice_from_string(name));
    if (name != NULL && statement->only_if < 0) {
        buf_printf(problem, "if: %s is no parameter of the query", name);
        return false;
    }
    return true;
}

bool statement_compile(struct statement *statement, const struct select_options *options,
                       const struct statement_scope *scope, struct buf *problem)
{
    ASSERT(scope->parameter_count <= QUERY_PARAMETERS_MAX);
    *statement = (struct statement){ .options = options, .only_if = -1 };
    struct compiling compiling = { .statement = statement, .scope = scope, .problem = problem };
    struct slice rest = slice_from_string(options->sql);
    struct sql_token token;
    const char *wrong;
    bool fine = sql_check(rest, SQL_STATEMENT, problem);
    while (fine && sql_token_take(&rest, &token, &wrong)) {
        fine = add_token(&compiling, &token);
    }
    add_final(&compiling);
    fine = fine && compile_if(statement, scope, problem) && check_uses(statement, scope, problem);
    if (fine && (statement->text.failed || statement->pieces.failed)) {
        buf_append_string(problem, "out of memory");
        fine = false;
    }
    return fine;
}

void statement_release(struct statement *statement)
{
    buf_release(&statement->text);
    buf_release(&statement->pieces);
}

uint64_t statement_streams(const struct statement *statement)
{
    size_t count;
    uint64_t found = 0;
    const struct statement_piece *pieces = pieces_of(statement, &count);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].kind == PIECE_FINAL && pieces[i].stream->index < 64) {
            found |= UINT64_C(1) << pieces[i].stream->index;
        }
    }
    return found;
}

void statement_append_sql(const struct statement *statement, const struct bound_value *values, const char *database,
                          const bool *collapses, struct buf *out)
{
    size_t count;
    const struct statement_piece *pieces = pieces_of(statement, &count);
    for (size_t i = 0; i < count; i++) {
        const struct statement_piece *piece = &pieces[i];
        switch (piece->kind) {
        case PIECE_TEXT: buf_append(out, statement->text.data + piece->begin, piece->end - piece->begin); break;
        case PIECE_CHOICE:
            ASSERT(values[piece->parameter].chosen != NULL);
            buf_append_string(out, values[piece->parameter].chosen);
            break;
        case PIECE_TABLE: sql_table(database, piece->stream->table, out); break;
        case PIECE_FINAL: buf_append_string(out, collapses[piece->stream->index] ? " FINAL " : ""); break;
        }
    }
}
