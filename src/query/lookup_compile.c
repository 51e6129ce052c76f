/* Turns the options of a lookup into a statement and the columns of a stream, and an answer into a table. */
#include "query/lookup_refresh_private.h"

#include "base/assert.h"
#include "config/options/lookup_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "proto/route/lookup.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

PRINTF_LIKE(3, 4)
static bool refuse(const struct lookup_options *options, struct buf *problems, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(problems, "%s:%d: lookups.%s: %s\n", options->file, options->line, options->name, text);
    return false;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '`';
}

/* The next word of the SQL, without backquotes around it; empty: another character stands there. */
static struct slice next_word(struct slice *sql)
{
    while (sql->len != 0 && (uint8_t)sql->data[0] <= ' ') {
        *sql = slice_after(*sql, 1);
    }
    size_t len = 0;
    while (len < sql->len && is_word(sql->data[len])) {
        len++;
    }
    struct slice word = slice_make(sql->data, len);
    *sql = slice_after(*sql, len);
    bool quoted = len > 2 && word.data[0] == '`' && word.data[len - 1] == '`';
    return quoted ? slice_make(word.data + 1, len - 2) : word;
}

/* SELECT a, b FROM: both names. False: it is another statement. */
static bool names_of_columns(struct slice sql, struct slice *key, struct slice *value)
{
    if (!slice_equal_nocase(next_word(&sql), SLICE("SELECT"))) {
        return false;
    }
    *key = next_word(&sql);
    while (sql.len != 0 && (uint8_t)sql.data[0] <= ' ') {
        sql = slice_after(sql, 1);
    }
    if (sql.len == 0 || sql.data[0] != ',') {
        return false;
    }
    sql = slice_after(sql, 1);
    *value = next_word(&sql);
    return key->len != 0 && value->len != 0 && slice_equal_nocase(next_word(&sql), SLICE("FROM"));
}

static bool find_text(const struct stream *stream, struct slice name, size_t *column)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *spec = &stream->columns[i];
        if (slice_equal(slice_from_string(spec->name), name)) {
            *column = i;
            return spec->type.kind == KIND_STRING && spec->type.shape == SHAPE_SCALAR;
        }
    }
    return false;
}

static bool compile_through(struct lookup_plan *plan, const struct statement_scope *scope, struct buf *problems)
{
    const struct lookup_options *options = plan->options;
    struct slice key = { NULL, 0 }, value = { NULL, 0 };
    if (options->write_through == NULL) {
        return (options->key == NULL && options->value == NULL) ||
               refuse(options, problems, "found key and value without write_through, the stream whose fields they are");
    }
    plan->through = statement_find_stream(scope, slice_from_string(options->write_through));
    if (plan->through == NULL) {
        return refuse(options, problems, "write_through: found \"%s\", expected the name of a stream",
                      options->write_through);
    }
    if (options->key != NULL && options->value != NULL) {
        key = slice_from_string(options->key);
        value = slice_from_string(options->value);
    } else if (!names_of_columns(slice_from_string(options->sql), &key, &value)) {
        return refuse(options, problems,
                      "write_through needs `key` and `value`, the fields of the stream: the statement does not begin "
                      "with SELECT and their two names");
    }
    if (!find_text(plan->through, key, &plan->key_column) || !find_text(plan->through, value, &plan->value_column)) {
        return refuse(options, problems,
                      "write_through: found \"%.*s\" and \"%.*s\", expected fields of %s of type String", (int)key.len,
                      key.data, (int)value.len, value.data, plan->through->name);
    }
    return true;
}

bool lookup_compile(struct lookup_plan *plan, const struct lookup_options *options, const struct lookups_config *config,
                    struct buf *problems)
{
    struct statement_scope scope = { .streams = config->streams,
                                     .stream_count = config->stream_count,
                                     .scope = options->scope };
    struct buf problem = { 0 };
    *plan = (struct lookup_plan){
        .options = options,
        .select = { .line = options->line, .file = options->file, .name = options->name, .sql = options->sql }
    };
    bool fine = statement_compile(&plan->statement, &plan->select, &scope, &problem);
    if (!fine) {
        const char *why = buf_c_string(&problem);
        (void)refuse(options, problems, "sql: %s", why == NULL ? "out of memory" : why);
    }
    buf_release(&problem);
    return compile_through(plan, &scope, problems) && fine;
}

void lookup_release(struct lookup_plan *plan)
{
    statement_release(&plan->statement);
}

static char unescaped(char c)
{
    static const char escapes[] = "b\bf\fn\nr\rt\t0\0a\av\v";
    for (size_t i = 0; i + 1 < sizeof escapes; i += 2) {
        if (escapes[i] == c) {
            return escapes[i + 1];
        }
    }
    return c;
}

/* A field of TSV as it was before it was escaped. */
static void unescape(struct slice field, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < field.len; i++) {
        bool escape = field.data[i] == '\\' && i + 1 < field.len;
        i += escape;
        buf_append_byte(out, (uint8_t)(escape ? unescaped(field.data[i]) : field.data[i]));
    }
    ASSERT_AT_MOST(out->len, field.len);
}

static bool is_null(struct slice field)
{
    return slice_equal(field, SLICE("\\N"));
}

bool lookup_read_rows(struct slice answer, struct lookup_table *table, struct buf *problem)
{
    struct slice row, key_field, value_field;
    struct buf key = { 0 }, value = { 0 };
    bool fine = true;
    while (fine && answer.len != 0 && slice_split(&answer, '\n', &row)) {
        value_field = row;
        bool two = slice_split(&value_field, '\t', &key_field) && value_field.data != NULL &&
                   memchr(value_field.data, '\t', value_field.len) == NULL;
        if (!two) {
            buf_append_string(problem, "its statement gives other than two columns; expected keys and values");
            fine = false;
        } else if (!is_null(key_field) && !is_null(value_field)) {
            unescape(key_field, &key);
            unescape(value_field, &value);
            fine = !key.failed && !value.failed && lookup_table_add(table, buf_slice(&key), buf_slice(&value));
            buf_append_string(problem, fine ? "" : "there is no room for its rows: raise its max_bytes");
        }
    }
    buf_release(&key);
    buf_release(&value);
    return fine;
}
