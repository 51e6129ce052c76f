/* Turns names, values, streams and segments into ClickHouse's SQL. */
#include "store/sql.h"

#include "base/assert.h"
#include "event/column.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "store/store.h"

/* Appends `text` between two `quote`s; whatever could end it, or a line, is escaped with a backslash. */
static void quote_with(struct slice text, uint8_t quote, struct buf *out)
{
    buf_append_byte(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (c == '\0') {
            buf_append_string(out, "\\0");
        } else if (c == '\n') {
            buf_append_string(out, "\\n");
        } else if (c == '\\' || c == quote) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, c);
        } else {
            buf_append_byte(out, c);
        }
    }
    buf_append_byte(out, quote);
}

void sql_quote_literal(struct slice text, struct buf *out)
{
    quote_with(text, '\'', out);
}

void sql_quote_identifier(struct slice name, struct buf *out)
{
    quote_with(name, '`', out);
}

static void append_items(const struct store_parameter *parameter, struct buf *out)
{
    buf_append_byte(out, '[');
    for (size_t i = 0; i < parameter->item_count; i++) {
        buf_append_string(out, i == 0 ? "" : ",");
        sql_quote_literal(parameter->items[i], out);
    }
    buf_append_byte(out, ']');
}

static void escape_text(struct slice value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        switch (value.data[i]) {
        case '\\': buf_append_string(out, "\\\\"); break;
        case '\t': buf_append_string(out, "\\t"); break;
        case '\n': buf_append_string(out, "\\n"); break;
        case '\r': buf_append_string(out, "\\r"); break;
        case '\0': buf_append_string(out, "\\0"); break;
        default: buf_append_byte(out, (uint8_t)value.data[i]);
        }
    }
}

void sql_escape_parameter(const struct store_parameter *parameter, struct buf *out)
{
    ASSERT(!parameter->null || parameter->items == NULL);
    if (parameter->items != NULL) {
        append_items(parameter, out); /* quotes and escapes are those of a literal */
    } else if (parameter->null) {
        buf_append_string(out, "\\N");
    } else {
        escape_text(parameter->value, out);
    }
}

size_t sql_parameter_bytes(const struct store_query *query)
{
    size_t bytes = 0;
    for (size_t i = 0; i < query->parameter_count; i++) {
        const struct store_parameter *parameter = &query->parameters[i];
        bytes += parameter->value.len;
        for (size_t j = 0; parameter->items != NULL && j < parameter->item_count; j++) {
            bytes += parameter->items[j].len + 3;
        }
    }
    return bytes;
}

/* The length of the quoted text, comment or single byte at the front of `sql`. */
static size_t token_length(struct slice sql)
{
    char quote = sql.data[0];
    if (quote != '\'' && quote != '`' && quote != '"') {
        return 1;
    }
    for (size_t i = 1; i < sql.len; i++) {
        if (sql.data[i] == '\\') {
            i++;
        } else if (sql.data[i] == quote) {
            return i + 1;
        }
    }
    return sql.len;
}

static const struct store_parameter *find_parameter(const struct store_query *query, struct slice name)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        if (slice_equal(slice_from_string(query->parameters[i].name), name)) {
            return &query->parameters[i];
        }
    }
    return NULL;
}

/* `inside` is "name:Type". */
static bool bind_one(const struct store_query *query, struct slice inside, struct buf *out)
{
    struct slice type = inside;
    struct slice name;
    if (!slice_split(&type, ':', &name) || type.data == NULL) {
        return false;
    }
    const struct store_parameter *parameter = find_parameter(query, name);
    if (parameter == NULL) {
        return false;
    }
    if (slice_equal(type, SLICE("String"))) {
        sql_quote_literal(parameter->value, out);
        return true;
    }
    buf_append_string(out, "CAST(");
    if (parameter->items != NULL) {
        append_items(parameter, out);
    } else if (parameter->null) {
        buf_append_string(out, "NULL");
    } else {
        sql_quote_literal(parameter->value, out);
    }
    buf_append_string(out, " AS ");
    buf_append_slice(out, type);
    buf_append_string(out, ")");
    return true;
}

bool sql_bind_literals(const struct store_query *query, struct buf *out)
{
    struct slice rest = query->sql;
    while (rest.len != 0) {
        size_t length = token_length(rest);
        if (rest.data[0] != '{') {
            buf_append(out, rest.data, length);
            rest = slice_after(rest, length);
            continue;
        }
        const char *end = memchr(rest.data, '}', rest.len);
        if (end == NULL || !bind_one(query, slice_make(rest.data + 1, (size_t)(end - rest.data) - 1), out)) {
            return false;
        }
        rest = slice_after(rest, (size_t)(end - rest.data) + 1);
    }
    return !out->failed;
}

void sql_table(const char *database, const char *table, struct buf *out)
{
    if (database != NULL && database[0] != '\0') {
        sql_quote_identifier(slice_from_string(database), out);
        buf_append_byte(out, '.');
    }
    sql_quote_identifier(slice_from_string(table), out);
}

void sql_rows(const struct stream *stream, const char *database, struct buf *out)
{
    sql_table(database, stream->table, out);
    buf_append_string(out, stream->version_column < 0 ? "" : " FINAL");
}

void sql_insert(const struct store_insert *insert, const char *database, struct buf *out)
{
    const struct segment_header *header = &insert->segment->header;
    ASSERT(header->column_count != 0);
    struct slice missing = slice_from_string(insert->missing_column == NULL ? "" : insert->missing_column);
    buf_append_string(out, "INSERT INTO ");
    sql_table(database, header->table, out);
    const char *separator = " (";
    for (size_t i = 0; i < header->column_count; i++) {
        if (missing.len != 0 && slice_equal(header->columns[i].name, missing)) {
            continue;
        }
        buf_append_string(out, separator);
        sql_quote_identifier(header->columns[i].name, out);
        separator = ", ";
    }
    buf_append_byte(out, ')');
}

void sql_order_by(const struct stream *stream, struct buf *out)
{
    ASSERT(stream->order_count != 0); /* the id at least */
    for (size_t i = 0; i < stream->order_count; i++) {
        buf_append_string(out, i == 0 ? "" : ", ");
        sql_quote_identifier(slice_from_string(stream->columns[stream->order_columns[i]].name), out);
    }
}

void sql_partition_by(const struct stream *stream, struct buf *out)
{
    if (stream->partition_by != NULL) {
        buf_append_string(out, stream->partition_by);
    } else if (stream->partition_column >= 0) {
        buf_append_string(out, "toYYYYMM(");
        sql_quote_identifier(slice_from_string(stream->columns[stream->partition_column].name), out);
        buf_append_byte(out, ')');
    }
}
