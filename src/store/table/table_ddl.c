/* Turns a stream into the CREATE TABLE that keeps each of its events once. */
#include "store/table/table_ddl.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "event/type.h"
#include "store/kinds.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/table/table_first.h"

/* A batch of the default size becomes a part of a few files, not of some hundred; what merges make of them is wide. */
#define LARGEST_COMPACT_PART (64 << 20) /* bytes, uncompressed */

/* The type in DDL. LowCardinality changes only how a column is stored: a server without it, or one that would not
 * convert our strings to it, gets the type inside. */
static void append_type(const struct type *type, const struct store_features *features, struct buf *out)
{
    struct slice rest = slice_from_string(type->name);
    struct slice mark = SLICE("LowCardinality(");
    const char *found = memmem(rest.data, rest.len, mark.data, mark.len);
    if (features->low_cardinality || !type->low_cardinality || found == NULL) {
        buf_append_slice(out, rest);
        return;
    }
    size_t before = (size_t)(found - rest.data);
    struct slice inside = slice_after(rest, before + mark.len);
    unsigned depth = 1;
    size_t end = 0;
    while (end < inside.len && depth != 0) {
        depth += inside.data[end] == '(';
        depth -= inside.data[end] == ')';
        end++;
    }
    buf_append(out, rest.data, before);
    buf_append(out, inside.data, end - 1);
    buf_append_slice(out, slice_after(inside, end));
}

/* 18.16 cannot make a replicated table with comments: "Table structure in ZooKeeper is too different" (measured). Where it
 * was mended is not known; a server that converts is new enough. */
static bool takes_comments(const struct store_features *features, const struct table_form *form)
{
    return !form->replicated || features->converts;
}

static const char *comment_of(const struct column_spec *column, const struct store_features *features,
                              const struct table_form *form)
{
    bool takes = takes_comments(features, form);
    const char *comment = takes && column->options != NULL ? column->options->comment : NULL;
    return comment == NULL ? "" : comment;
}

void table_ddl_column(const struct column_spec *column, const struct store_features *features,
                      const struct table_form *form, struct buf *out)
{
    const char *comment = comment_of(column, features, form);
    sql_quote_identifier(slice_from_string(column->name), out);
    buf_append_byte(out, ' ');
    append_type(&column->type, features, out);
    if (comment[0] != '\0') {
        buf_append_string(out, " COMMENT ");
        sql_quote_literal(slice_from_string(comment), out);
    }
}

static void append_columns(const struct stream *stream, const struct store_features *features,
                           const struct table_form *form, struct buf *out)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        buf_append_string(out, i == 0 ? " (" : ",");
        buf_append_string(out, form->lines ? "\n    " : i == 0 ? "" : " ");
        table_ddl_column(&stream->columns[i], features, form, out);
    }
    if (table_first_is_made(stream, features, form->replicated)) {
        buf_append_string(out, form->lines ? ",\n    " : ", ");
        table_first_column(stream, features, takes_comments(features, form), out);
    }
    buf_append_string(out, form->lines ? "\n)" : ")");
}

/* The one whose greatest value counts: of updates, or of the first row; nothing if no event comes twice. */
static void append_version(const struct stream *stream, const struct store_features *features,
                           const struct table_form *form, const char *before, const char *after, struct buf *out)
{
    bool keeps_first = table_first_is_made(stream, features, form->replicated);
    ASSERT(!keeps_first || stream->version_column < 0);
    if (keeps_first) {
        buf_append_string(out, before);
        table_first_name(stream, out);
        buf_append_string(out, after);
    } else if (stream->version_column >= 0) {
        buf_append_string(out, before);
        sql_quote_identifier(slice_from_string(stream->columns[stream->version_column].name), out);
        buf_append_string(out, after);
    }
}

/* Two shards have two paths, and the replicas of one have one. */
static void append_engine(const struct stream *stream, const char *database, const struct store_features *features,
                          const struct table_form *form, struct buf *out)
{
    if (!form->replicated) {
        buf_append_string(out, " ENGINE = ReplacingMergeTree");
        append_version(stream, features, form, "(", ")", out);
        return;
    }
    struct buf path = { 0 };
    buf_printf(&path, "/clickhouse/tables/{shard}/%s%s%s", database, database[0] == '\0' ? "" : "/", stream->table);
    buf_append_string(out, " ENGINE = ReplicatedReplacingMergeTree(");
    sql_quote_literal(buf_slice(&path), out);
    buf_append_string(out, ", '{replica}'");
    append_version(stream, features, form, ", ", "", out);
    buf_append_byte(out, ')');
    buf_release(&path);
}

static void append_settings(const struct store_features *features, const struct table_form *form, struct buf *out)
{
    const char *separator = form->lines ? "\nSETTINGS " : " SETTINGS ";
    if (form->replicated) {
        buf_printf(out, "%sreplicated_deduplication_window = %d", separator, REPLICATED_WINDOW);
        separator = ", ";
    } else if (features->deduplication_window) {
        buf_printf(out, "%snon_replicated_deduplication_window = 10000", separator);
        separator = ", ";
    }
    if (features->merges_compact) {
        buf_printf(out, "%smin_bytes_for_wide_part = %d", separator, LARGEST_COMPACT_PART);
        separator = ", ";
    }
    if (form->fsync && features->fsync_settings) {
        buf_printf(out, "%sfsync_after_insert = 1, fsync_part_directory = 1", separator);
    }
}

void table_ddl(const struct stream *stream, const char *database, const struct store_features *features,
               const struct table_form *form, struct buf *out)
{
    const char *gap = form->lines ? "\n" : " ";
    buf_append_string(out, "CREATE TABLE IF NOT EXISTS ");
    sql_table(database, stream->table, out);
    if (form->cluster != NULL) {
        buf_append_string(out, " ON CLUSTER ");
        sql_quote_identifier(slice_from_string(form->cluster), out);
    }
    append_columns(stream, features, form, out);
    append_engine(stream, database, features, form, out);
    struct buf partition = { 0 };
    sql_partition_by(stream, &partition);
    if (partition.len != 0) {
        buf_printf(out, "%sPARTITION BY %.*s", gap, (int)partition.len, (const char *)partition.data);
    }
    out->failed = out->failed || partition.failed;
    buf_release(&partition);
    buf_printf(out, "%sORDER BY (", gap);
    sql_order_by(stream, out);
    buf_append_byte(out, ')');
    append_settings(features, form, out);
}

/* What the server lacks to hold this column; empty if nothing. */
static struct slice lacking(const struct type *type, const struct store_features *features)
{
    if (type->shape == SHAPE_MAP && !features->map) {
        return SLICE("Map");
    }
    if (!store_has_kind(features->major, features->minor, type->kind)) {
        return kind_name(type->kind);
    }
    bool converted = type->width == 0 && type->kind != KIND_STRING;
    return converted && !features->converts ? SLICE("the conversion of strings on INSERT") : SLICE("");
}

bool table_ddl_is_possible(const struct stream *stream, const struct store_features *features, struct buf *problem)
{
    bool all = true;
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[i];
        struct slice what = lacking(&column->type, features);
        if (what.len != 0) {
            buf_printf(
                problem,
                "stream %s: field %s: %s: ClickHouse %d.%d lacks %.*s; give the field another type, or use a newer "
                "server\n",
                stream->name, column->name, column->type.name, features->major, features->minor, (int)what.len,
                what.data);
            all = false;
        }
    }
    return all;
}
