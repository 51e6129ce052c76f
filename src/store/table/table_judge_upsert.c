/* Turns what the catalog says of a table into whether updates replace rows there: of each key the row of the greatest
 * version is read with FINAL, and no other key's. */
#include "store/table/table_judge.h"

#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "store/table/expression.h"
#include "store/table/table_first.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

static struct slice column_name(const struct stream *stream, size_t column)
{
    return slice_from_string(stream->columns[column].name);
}

static void say(const struct stream *stream, struct buf *out, const char *format, ...) PRINTF_LIKE(3, 4);

static void say(const struct stream *stream, struct buf *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(out, "table %s: %s; `sluice schema print %s` writes the CREATE of a table for these updates\n",
               stream->table, text, stream->name);
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len && memcmp(text.data + text.len - end.len, end.data, end.len) == 0;
}

static bool is_key(const struct stream *stream, struct slice name)
{
    size_t column = table_stream_column(stream, name);
    return column != SIZE_MAX && stream->columns[column].key_position >= 0;
}

/* Each key's column stands in it, and nothing else does. */
static bool is_whole_key(const struct stream *stream, struct slice sorting_key)
{
    struct slice rest = expression_bare(sorting_key), item;
    size_t found = 0;
    while (expression_next_item(&rest, &item)) {
        if (!is_key(stream, expression_bare(expression_before(item, SLICE("DESC"))))) {
            return false;
        }
        found++;
    }
    return found == stream->key_count;
}

void table_judge_upsert(const struct stream *stream, const struct table_definition *definition, struct buf *losses,
                        struct buf *warnings)
{
    struct slice engine = definition->engine, found = table_version_column(definition->engine_full), culprit;
    struct slice version = column_name(stream, (size_t)stream->version_column);
    if (!ends_with(engine, SLICE("ReplacingMergeTree"))) {
        say(stream, losses, "engine %.*s does not replace a row by the one with the greatest %.*s", (int)engine.len,
            engine.data, (int)version.len, version.data);
        return;
    }
    if (!slice_equal(found, version)) {
        say(stream, losses,
            "its ReplacingMergeTree has the version (%.*s), not `%.*s`: an older state that is sent again may win",
            (int)found.len, found.data, (int)version.len, version.data);
    }
    if (!is_whole_key(stream, definition->sorting_key)) {
        say(stream, losses,
            "its sorting key (%.*s) is not upsert.key: what is equal in it is one row, and what differs is not",
            (int)definition->sorting_key.len, definition->sorting_key.data);
    }
    if (!table_names_only_keys(stream, definition->partition_key, &culprit)) {
        say(stream, warnings,
            "its partition key follows from `%.*s`, which an update can change: the older row stays in another "
            "partition, and only FINAL without do_not_merge_across_partitions_select_final hides it",
            (int)culprit.len, culprit.data);
    }
}

bool table_names_only_keys(const struct stream *stream, struct slice expression, struct slice *culprit)
{
    struct expression_name name;
    while (expression_next_name(&expression, &name)) {
        if (!name.is_function && !is_key(stream, name.name)) {
            *culprit = name.name;
            return false;
        }
    }
    return true;
}

bool table_check_stream(const struct stream *stream, struct buf *problems)
{
    struct slice culprit;
    if (stream->version_column < 0 || stream->partition_by == NULL ||
        table_names_only_keys(stream, slice_from_string(stream->partition_by), &culprit)) {
        return true;
    }
    buf_printf(problems,
               "%d: %s: partition_by names \"%.*s\", which is not in upsert.key: an update that changes it would not "
               "replace the row in the other partition; name fields of the key, or leave it out\n",
               stream->options->line, stream->name, (int)culprit.len, culprit.data);
    return false;
}
