/* Turns tab separated results into tables and JSON. */
#include "inspect/result_table.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "inspect/number_text.h"
#include "pipeline/json/json.h"

#include <stdio.h>
#include <stdlib.h>

#define CELL_MAX 120 /* bytes of what is shown of a value */

struct column {
    struct slice name;
    struct slice type;
    size_t width; /* of its longest cell, in characters */
};

struct table {
    struct column columns[RESULT_COLUMNS_MAX];
    size_t count;
    struct slice rows;
};

/* Names and types stand in the first two lines. */
static bool read_head(struct slice result, struct table *table)
{
    struct slice names, types, name, type;
    *table = (struct table){ .rows = result };
    if (!slice_split(&table->rows, '\n', &names) || !slice_split(&table->rows, '\n', &types)) {
        return false;
    }
    while (table->count < RESULT_COLUMNS_MAX && slice_split(&names, '\t', &name) && slice_split(&types, '\t', &type)) {
        table->columns[table->count++] = (struct column){ .name = name, .type = type };
    }
    return table->count != 0;
}

static bool next_row(struct slice *rest, struct slice *row)
{
    return slice_split(rest, '\n', row) && (row->len != 0 || rest->data != NULL);
}

/* Of a cell, with its escapes (\t \n \\ …) undone. */
static void unescape(struct slice cell, struct buf *out)
{
    static const char escapes[] = "tnrbf0";
    static const char meant[] = "\t\n\r\b\f";
    buf_clear(out);
    for (size_t i = 0; i < cell.len; i++) {
        char byte = cell.data[i];
        if (byte == '\\' && i + 1 < cell.len) {
            const char *found = strchr(escapes, cell.data[++i]);
            byte = found != NULL && cell.data[i] != '\0' ? meant[found - escapes] : cell.data[i];
        }
        buf_append_byte(out, (uint8_t)byte);
    }
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len && memcmp(text.data + text.len - end.len, end.data, end.len) == 0;
}

static bool is_number(const struct column *column)
{
    static const char *const types[] = { "UInt", "Int", "Float" };
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (slice_starts_with(column->type, slice_from_string(types[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_of_bytes(const struct column *column)
{
    return is_number(column) && (ends_with(column->name, SLICE("bytes")) || ends_with(column->name, SLICE("memory")));
}

static double number_of(struct slice text)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)(text.len < 60 ? text.len : 60), text.data);
    return strtod(copy, NULL);
}

/* What is shown of a cell; `out` has CELL_MAX + 1 bytes. */
static void cell_text(const struct column *column, struct slice cell, struct buf *space, char *out)
{
    char number[NUMBER_TEXT_MAX];
    unescape(cell, space);
    struct slice text = buf_slice(space);
    if (is_of_bytes(column)) {
        text = slice_from_string(number_text_bytes(number_of(text), number));
    }
    plain_text_copy(text, out, CELL_MAX + 1);
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((uint8_t)*text & 0xC0) != 0x80;
    }
    return count;
}

static void append_padded(struct buf *out, const char *text, size_t width, bool to_the_right, bool is_last)
{
    size_t length = characters(text);
    size_t pad = width > length ? width - length : 0;
    buf_append_string(out, "  ");
    buf_append_fill(out, ' ', to_the_right ? pad : 0);
    buf_append_string(out, text);
    buf_append_fill(out, ' ', to_the_right || is_last ? 0 : pad);
}

static void append_names(const struct table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        char text[CELL_MAX + 1];
        plain_text_copy(table->columns[i].name, text, sizeof text);
        append_padded(out, text, table->columns[i].width, is_number(&table->columns[i]), i + 1 == table->count);
    }
    buf_append_byte(out, '\n');
}

/* Of all rows: `out` NULL, the columns become as wide as what is in them; else lines. Returns how many there are. */
static size_t walk_rows(struct table *table, struct buf *out)
{
    struct slice rest = table->rows, row, cell;
    struct buf space = { 0 };
    size_t rows = 0;
    for (; next_row(&rest, &row); rows++) {
        for (size_t i = 0; i < table->count && slice_split(&row, '\t', &cell); i++) {
            char text[CELL_MAX + 1];
            struct column *column = &table->columns[i];
            cell_text(column, cell, &space, text);
            if (out != NULL) {
                append_padded(out, text, column->width, is_number(column), i + 1 == table->count);
            } else if (characters(text) > column->width) {
                column->width = characters(text);
            }
        }
        if (out != NULL) {
            buf_append_byte(out, '\n');
        }
    }
    buf_release(&space);
    return rows;
}

size_t result_table_text(struct slice result, struct buf *out)
{
    struct table table;
    if (!read_head(result, &table)) {
        return 0;
    }
    for (size_t i = 0; i < table.count; i++) {
        table.columns[i].width = table.columns[i].name.len;
    }
    size_t rows = walk_rows(&table, NULL);
    if (rows != 0) {
        append_names(&table, out);
        ASSERT_EQUAL(walk_rows(&table, out), rows);
    }
    return rows;
}

/* As a JSON string. */
static void append_json_text(struct slice text, struct buf *out)
{
    size_t room = 3 * text.len + 1;
    char *plain = malloc(room);
    if (plain != NULL) {
        buf_append_json_string(out, slice_make(plain, plain_text_copy(text, plain, room)));
    } else {
        buf_append_string(out, "null");
    }
    free(plain);
}

/* As JSON has them: not nan and inf. */
static bool is_json_number(struct slice text)
{
    const char *reason;
    return text.len != 0 && json_trim(text).len == text.len &&
           (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9')) &&
           json_locate(text, false, &reason) == text.len;
}

static void append_value(const struct column *column, struct slice cell, struct buf *space, struct buf *out)
{
    unescape(cell, space);
    struct slice text = buf_slice(space);
    if (is_number(column)) {
        buf_append_slice(out, is_json_number(text) ? text : SLICE("null"));
    } else {
        append_json_text(text, out);
    }
}

size_t result_table_json(struct slice result, struct buf *out)
{
    struct table table;
    struct slice row, cell;
    struct buf space = { 0 };
    size_t rows = 0;
    buf_append_byte(out, '[');
    if (read_head(result, &table)) {
        for (; next_row(&table.rows, &row); rows++) {
            buf_append_string(out, rows == 0 ? "{" : ",{");
            for (size_t i = 0; i < table.count && slice_split(&row, '\t', &cell); i++) {
                buf_append_string(out, i == 0 ? "" : ",");
                append_json_text(table.columns[i].name, out);
                buf_append_byte(out, ':');
                append_value(&table.columns[i], cell, &space, out);
            }
            buf_append_byte(out, '}');
        }
    }
    buf_append_byte(out, ']');
    buf_release(&space);
    return rows;
}
