/* Turns a stream's times of receipt into the version by which its table keeps the first row of an event, and judges that of
 * a table which is there. */
#include "store/table/table_first.h"

#include "base/assert.h"
#include "event/column.h"
#include "event/stream.h"
#include "store/kinds.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/table/expression.h"
#include "store/table/table_judge.h"

#define COMMENT "falls with the time of receipt: of an event that comes twice the first row stays"

bool table_first_matters(const struct stream *stream)
{
    return stream->version_column < 0 && (stream->key_count != 0 || stream->id_source_count != 0);
}

/* Units of a second; 0: no time of receipt, or one of whole days. */
static uint64_t resolution(const struct column_spec *spec)
{
    uint64_t units = 1;
    if (spec->fill != FILL_RECEIVED_AT || spec->type.shape != SHAPE_SCALAR) {
        return 0;
    }
    switch (spec->type.kind) {
    case KIND_UINT64: return 1000000;
    case KIND_DATETIME: return 1;
    case KIND_DATETIME64: break;
    default: return 0;
    }
    for (unsigned i = 0; i < spec->type.scale; i++) {
        units *= 10;
    }
    return units;
}

/* The finest; NULL: there is none. */
static const struct column_spec *time_of_receipt(const struct stream *stream)
{
    const struct column_spec *finest = NULL;
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *spec = &stream->columns[i];
        if (resolution(spec) > (finest == NULL ? 0 : resolution(finest))) {
            finest = spec;
        }
    }
    return finest;
}

bool table_first_is_made(const struct stream *stream, const struct store_features *features, bool replicated)
{
    bool content_counts = replicated && !features->tokens;
    return table_first_matters(stream) && (time_of_receipt(stream) != NULL || !content_counts);
}

void table_first_name(const struct stream *stream, struct buf *out)
{
    struct buf name = { 0 };
    buf_append_string(&name, "keep_first");
    while (!name.failed && table_stream_column(stream, buf_slice(&name)) != SIZE_MAX) {
        ASSERT_AT_MOST(name.len, sizeof "keep_first" + stream->column_count);
        buf_append_byte(&name, '_');
    }
    sql_quote_identifier(buf_slice(&name), out);
    out->failed = out->failed || name.failed;
    buf_release(&name);
}

/* A time as a whole number of its own units. */
static void append_number(const struct column_spec *spec, const struct store_features *features, struct buf *out)
{
    bool fine = spec->type.kind == KIND_DATETIME64 && spec->type.scale != 0 && features->unix_times;
    buf_append_string(out, !fine                  ? "toUInt64("
                           : spec->type.scale > 6 ? "toUInt64(toUnixTimestamp64Nano("
                           : spec->type.scale > 3 ? "toUInt64(toUnixTimestamp64Micro("
                                                  : "toUInt64(toUnixTimestamp64Milli(");
    sql_quote_identifier(slice_from_string(spec->name), out);
    buf_append_string(out, fine ? "))" : ")");
}

void table_first_column(const struct stream *stream, const struct store_features *features, bool comment,
                        struct buf *out)
{
    const struct column_spec *receipt = time_of_receipt(stream);
    ASSERT(table_first_matters(stream));
    table_first_name(stream, out);
    buf_append_string(out, " UInt64 MATERIALIZED bitNot(");
    if (receipt != NULL) {
        append_number(receipt, features, out);
    } else {
        buf_append_string(out, features->unix_times ? "toUInt64(toUnixTimestamp64Milli(now64(3)))" : "toUInt64(now())");
    }
    buf_append_byte(out, ')');
    if (comment) {
        buf_append_string(out, " COMMENT '" COMMENT "'");
    }
    if (features->unix_times) { /* and T64, which leaves out the bits that are equal in all rows */
        buf_append_string(out, " CODEC(T64, LZ4)");
    }
}

struct slice table_version_column(struct slice engine_full)
{
    struct slice arguments = expression_arguments(engine_full), item, version = { NULL, 0 };
    while (expression_next_item(&arguments, &item)) {
        bool is_path = item.len != 0 && item.data[0] == '\'';
        bool is_granularity = item.len != 0 && item.data[0] >= '0' && item.data[0] <= '9'; /* of the old syntax */
        if (is_granularity) {
            return expression_next_item(&arguments, &item) ? expression_bare(item) : (struct slice){ NULL, 0 };
        }
        version = !is_path && version.len == 0 ? expression_bare(item) : version;
    }
    return version;
}

/* A number that gets smaller when what it is made of gets greater, as far as its text tells. */
static bool seems_to_fall(struct slice expression)
{
    struct slice rest = expression;
    struct expression_name found;
    while (expression_next_name(&rest, &found)) {
        if (found.is_function && slice_equal(found.name, SLICE("bitNot"))) {
            return true;
        }
    }
    return memchr(expression.data, '-', expression.len) != NULL || slice_starts_with(expression, SLICE("negate(")) ||
           slice_starts_with(expression, SLICE("minus("));
}

/* What the gateway does not fill with the time of receipt; empty: nothing. */
static struct slice not_receipt(const struct stream *stream, struct slice expression)
{
    struct expression_name found;
    while (expression_next_name(&expression, &found)) {
        size_t column = table_stream_column(stream, found.name);
        if (!found.is_function && (column == SIZE_MAX || stream->columns[column].fill != FILL_RECEIVED_AT)) {
            return found.name;
        }
    }
    return (struct slice){ NULL, 0 };
}

static void tell(const struct stream *stream, struct slice version, struct slice culprit, struct buf *notes)
{
    buf_printf(notes, "table %s: of an event that comes twice it keeps ", stream->table);
    if (culprit.len != 0) {
        buf_printf(notes, "the row that `%.*s` says, which is not filled with the time of receipt", (int)culprit.len,
                   culprit.data);
    } else if (version.len != 0) {
        buf_printf(notes, "the row with the greatest `%.*s`, not the first", (int)version.len, version.data);
    } else {
        buf_append_string(notes, "the last row");
    }
    buf_append_string(notes, ": whoever may write can replace what is stored; docs/operations.md, \"Tables that keep "
                             "the first row\", has the statements that make it keep the first\n");
}

void table_judge_first(const struct stream *stream, const struct table_definition *definition, struct buf *notes)
{
    static const struct slice name = { "ReplacingMergeTree", 18 };
    struct slice engine = definition->engine;
    bool replaces = engine.len >= name.len && memcmp(engine.data + engine.len - name.len, name.data, name.len) == 0;
    if (!replaces || !table_first_matters(stream)) {
        return;
    }
    struct slice version = table_version_column(definition->engine_full), culprit = { NULL, 0 };
    struct table_column column = { 0 };
    bool computed = version.len != 0 && table_stream_column(stream, version) == SIZE_MAX &&
                    table_find_column(definition->columns, version, &column) && column.default_expression.len != 0 &&
                    seems_to_fall(column.default_expression);
    if (computed) {
        culprit = not_receipt(stream, column.default_expression);
    }
    if (!computed || culprit.len != 0) {
        tell(stream, version, culprit, notes);
    }
}
