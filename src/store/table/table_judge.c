/* Turns what the catalog says of a table into what is lost there, and what the promise is worth. */
#include "store/table/table_judge.h"

#include "event/column.h"
#include "event/stream.h"
#include "store/table/expression.h"

#define MOST_LOOKS 1000u /* beyond them nothing is promised of a key */
#define DEFAULTS_DEPTH 4 /* of columns whose defaults name columns with defaults */

enum effect {
    EFFECT_COLLAPSES, /* rows with equal sorting keys become one */
    EFFECT_MERGES,    /* likewise, and aggregates what differs */
    EFFECT_STAYS_TWICE,
    EFFECT_UNKNOWN,
    EFFECT_LOSES
};

struct engine {
    const char *name; /* with a * at its end: all that begin so */
    enum effect effect;
    const char *what;
};

#define ELSEWHERE                                                                                                      \
    "hands its rows to something outside of ClickHouse, where they are not kept as rows that can be counted"
#define NO_INSERT "keeps no rows of its own"
#define CANCELS "lets rows cancel each other, or drops them, when parts are merged"

/* Behind Replicated and Shared, too. */
static const struct engine merge_trees[] = {
    { "ReplacingMergeTree", EFFECT_COLLAPSES, "" },
    { "CoalescingMergeTree", EFFECT_COLLAPSES, "" },
    { "AggregatingMergeTree", EFFECT_MERGES, "aggregates an event that comes twice into its first row" },
    { "MergeTree", EFFECT_STAYS_TWICE, "keeps an event that comes twice as two rows" },
    { "SummingMergeTree", EFFECT_LOSES, "adds rows up, and deletes those whose sums are 0" },
    { "CollapsingMergeTree", EFFECT_LOSES, CANCELS },
    { "VersionedCollapsingMergeTree", EFFECT_LOSES, CANCELS },
    { "GraphiteMergeTree", EFFECT_LOSES, "rolls rows up, so that many become one" },
};

static const struct engine engines[] = {
    { "Null", EFFECT_LOSES, "keeps no row at all (its views alone get them)" },
    { "Buffer", EFFECT_LOSES, "keeps rows in memory until it flushes them; name the table behind it instead" },
    { "Memory", EFFECT_LOSES, "keeps rows until the server ends" },
    { "Log", EFFECT_LOSES, "may be damaged by a crash in the middle of an INSERT" },
    { "TinyLog", EFFECT_LOSES, "may be damaged by a crash in the middle of an INSERT" },
    { "StripeLog", EFFECT_LOSES, "may be damaged by a crash in the middle of an INSERT" },
    { "Set", EFFECT_LOSES, "keeps a set that no SELECT can read" },
    { "Join", EFFECT_LOSES, "keeps one row of each key of its own" },
    { "EmbeddedRocksDB", EFFECT_LOSES, "keeps one row of each key of its own" },
    { "KeeperMap", EFFECT_LOSES, "keeps one row of each key of its own" },
    { "Dictionary", EFFECT_LOSES, NO_INSERT },
    { "View", EFFECT_LOSES, NO_INSERT },
    { "LiveView", EFFECT_LOSES, NO_INSERT },
    { "WindowView", EFFECT_LOSES, NO_INSERT },
    { "Distributed", EFFECT_UNKNOWN,
      "hands rows to tables that are not looked at: give each ReplacingMergeTree with event_id in ORDER BY, a sharding "
      "key that follows from event_id, and Sluice's user the setting distributed_foreground_insert = 1 "
      "(insert_distributed_sync on old servers), or an INSERT is answered before they have it" },
    { "Remote*", EFFECT_UNKNOWN,
      "hands rows to tables that are not looked at; give the gateway their servers in store.url" },
    { "MaterializedView", EFFECT_UNKNOWN, "hands rows to a table that is not looked at; name that as `table:`" },
    { "Alias", EFFECT_UNKNOWN, "hands rows to a table that is not looked at; name that as `table:`" },
    { "Merge", EFFECT_UNKNOWN, "hands rows to a table that is not looked at; name that as `table:`" },
    { "TimeSeries", EFFECT_LOSES, NO_INSERT },
    { "File", EFFECT_LOSES, ELSEWHERE },
    { "FileLog", EFFECT_LOSES, ELSEWHERE },
    { "URL", EFFECT_LOSES, ELSEWHERE },
    { "Kafka", EFFECT_LOSES, ELSEWHERE },
    { "RabbitMQ", EFFECT_LOSES, ELSEWHERE },
    { "NATS", EFFECT_LOSES, ELSEWHERE },
    { "S3*", EFFECT_LOSES, ELSEWHERE },
    { "GCS", EFFECT_LOSES, ELSEWHERE },
    { "OSS", EFFECT_LOSES, ELSEWHERE },
    { "COSN", EFFECT_LOSES, ELSEWHERE },
    { "HDFS", EFFECT_LOSES, ELSEWHERE },
    { "Azure*", EFFECT_LOSES, ELSEWHERE },
    { "Iceberg*", EFFECT_LOSES, ELSEWHERE },
    { "DeltaLake*", EFFECT_LOSES, ELSEWHERE },
    { "Paimon*", EFFECT_LOSES, ELSEWHERE },
    { "Hudi", EFFECT_LOSES, ELSEWHERE },
    { "MySQL", EFFECT_LOSES, ELSEWHERE },
    { "PostgreSQL", EFFECT_LOSES, ELSEWHERE },
    { "Materialized*", EFFECT_LOSES, ELSEWHERE },
    { "MongoDB", EFFECT_LOSES, ELSEWHERE },
    { "Redis", EFFECT_LOSES, ELSEWHERE },
    { "SQLite", EFFECT_LOSES, ELSEWHERE },
    { "ODBC", EFFECT_LOSES, ELSEWHERE },
    { "JDBC", EFFECT_LOSES, ELSEWHERE },
    { "YTsaurus", EFFECT_LOSES, ELSEWHERE },
    { "ArrowStream", EFFECT_LOSES, ELSEWHERE },
    { "Executable*", EFFECT_LOSES, ELSEWHERE },
};

static const struct engine unknown_engine = {
    "", EFFECT_UNKNOWN, "is none that this version of Sluice knows: whether it keeps each row is not known"
};

/* What one judgement carries around. */
struct judge {
    const struct stream *stream;
    const struct table_definition *definition;
    bool has_event_id;
    struct buf *losses;
    struct buf *warnings;
    unsigned *looks; /* at columns, that are left: defaults may name each other many times over */
};

size_t table_stream_column(const struct stream *stream, struct slice name)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        if (slice_equal(slice_from_string(stream->columns[i].name), name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool table_find_column(struct slice columns, struct slice name, struct table_column *column)
{
    struct slice row, found;
    while (slice_split(&columns, '\n', &row)) {
        if (slice_split(&row, '\t', &found) && slice_equal(found, name)) {
            *column = (struct table_column){ 0 };
            bool whole = slice_split(&row, '\t', &column->type) && slice_split(&row, '\t', &column->default_kind);
            column->default_expression = whole ? row : column->default_expression;
            return whole;
        }
    }
    return false;
}

static const struct engine *find_engine(const struct engine *list, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        struct slice known = slice_from_string(list[i].name);
        bool prefix = known.data[known.len - 1] == '*';
        if (prefix ? slice_starts_with(name, slice_make(known.data, known.len - 1)) : slice_equal(name, known)) {
            return &list[i];
        }
    }
    return NULL;
}

static const struct engine *engine_of(struct slice name)
{
    static const struct slice prefixes[] = { { "Replicated", 10 }, { "Shared", 6 }, { "", 0 } };
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
        if (slice_starts_with(name, prefixes[i])) {
            const struct engine *found =
                find_engine(merge_trees, ARRAY_LENGTH(merge_trees), slice_after(name, prefixes[i].len));
            if (found != NULL) {
                return found;
            }
        }
    }
    const struct engine *found = find_engine(engines, ARRAY_LENGTH(engines), name);
    return found == NULL ? &unknown_engine : found;
}

static void begin_line(const struct judge *judge, struct buf *out)
{
    buf_printf(out, "table %s: ", judge->stream->table);
}

static void end_line(const struct judge *judge, struct buf *out)
{
    buf_printf(out, "; `sluice schema print %s` writes the CREATE of a table that keeps each event once\n",
               judge->stream->name);
}

static bool is_volatile(struct slice function)
{
    static const struct slice beginnings[] = { { "now", 3 },          { "rand", 4 },      { "generate", 8 },
                                               { "today", 5 },        { "yesterday", 9 }, { "rowNumber", 9 },
                                               { "blockNumber", 11 }, { "host", 4 },      { "uptime", 6 } };
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
        if (slice_starts_with(function, beginnings[i])) {
            return true;
        }
    }
    return false;
}

static bool expression_follows(const struct judge *judge, struct slice expression, int depth, struct slice *culprit);

/* Is the column the same whenever the same event comes? Of a stream without a dedup key no event comes twice but by the
 * gateway, which sends the same bytes. */
static bool column_follows(const struct judge *judge, struct slice name, int depth)
{
    const struct stream *stream = judge->stream;
    size_t index = table_stream_column(stream, name);
    struct table_column column;
    struct slice culprit;
    if (*judge->looks == 0) {
        return false;
    }
    --*judge->looks;
    if (index == SIZE_MAX) {
        return !table_find_column(judge->definition->columns, name, &column) || column.default_expression.len == 0 ||
               (depth != 0 && expression_follows(judge, column.default_expression, depth - 1, &culprit));
    }
    const struct column_spec *spec = &stream->columns[index];
    if ((int)index == stream->event_id_column) {
        return true;
    }
    if (stream->key_count == 0) {
        return stream->id_source_count == 0 || (spec->fill == FILL_NONE && !spec->default_now);
    }
    bool optional = spec->key_position >= (int)stream->key_required;
    return spec->key_position >= 0 && !(optional && spec->default_now);
}

/* Does it give the same for the same event? If not, *culprit is what stands in the way. */
static bool expression_follows(const struct judge *judge, struct slice expression, int depth, struct slice *culprit)
{
    struct expression_name found;
    while (expression_next_name(&expression, &found)) {
        bool follows = found.is_function ? !is_volatile(found.name) : column_follows(judge, found.name, depth);
        if (!follows) {
            *culprit = found.name;
            return false;
        }
    }
    return true;
}

static struct slice event_id_name(const struct stream *stream)
{
    return stream->event_id_column < 0 ? SLICE("event_id")
                                       : slice_from_string(stream->columns[stream->event_id_column].name);
}

static bool has_item(struct slice list, struct slice name)
{
    struct slice item;
    while (expression_next_item(&list, &item)) {
        if (slice_equal(expression_bare(expression_before(item, SLICE("DESC"))), name)) {
            return true;
        }
    }
    return false;
}

static bool mentions(struct slice list, struct slice name)
{
    struct expression_name found;
    while (expression_next_name(&list, &found)) {
        if (!found.is_function && slice_equal(found.name, name)) {
            return true;
        }
    }
    return false;
}

/* Two events with different ids differ in a column of the sorting key: no event has a random id, for none lacks a part
 * of its key. */
static bool key_tells_events_apart(const struct stream *stream, struct slice sorting_key)
{
    if (stream->key_count == 0 || stream->key_required != stream->key_count || stream->id_source_count != 0) {
        return false;
    }
    for (size_t i = 0; i < stream->key_count; i++) {
        const struct column_spec *spec = &stream->columns[stream->key_columns[i]];
        if (!spec->required || !has_item(sorting_key, slice_from_string(spec->name))) {
            return false;
        }
    }
    return true;
}

/* Rows with equal sorting keys become one: they must be the same event. */
static void judge_sorting_key(struct judge *judge)
{
    struct slice key = expression_bare(judge->definition->sorting_key), id = event_id_name(judge->stream);
    bool has_id = judge->has_event_id;
    if ((has_id && has_item(key, id)) || key_tells_events_apart(judge->stream, key)) {
        return;
    }
    bool inside = has_id && mentions(key, id);
    struct buf *out = inside ? judge->warnings : judge->losses;
    begin_line(judge, out);
    buf_printf(out, "%.*s makes one row of all that are equal in its sorting key (%.*s), which ",
               (int)judge->definition->engine.len, judge->definition->engine.data, (int)key.len, key.data);
    buf_printf(out, inside ? "has %.*s within an expression only" : "lacks %.*s: other events are lost", (int)id.len,
               id.data);
    end_line(judge, out);
}

/* The same event must land where its first row lies, or the two are never compared. */
static void judge_follows(struct judge *judge, const char *which, struct slice key)
{
    struct slice culprit = { NULL, 0 };
    if (expression_follows(judge, key, DEFAULTS_DEPTH, &culprit)) {
        return;
    }
    begin_line(judge, judge->warnings);
    buf_printf(
        judge->warnings,
        "`%.*s` of its %s does not follow from the dedup_key: an event that comes twice with another one stays twice",
        (int)culprit.len, culprit.data, which);
    end_line(judge, judge->warnings);
}

/* Of ReplacingMergeTree(version, is_deleted): the second name that is no text of a replica's path. */
static struct slice deleted_column(struct slice engine_full)
{
    struct slice arguments = expression_arguments(engine_full), item, second = { NULL, 0 };
    size_t count = 0;
    while (expression_next_item(&arguments, &item)) {
        bool is_old_syntax = item.len != 0 && item.data[0] >= '0' && item.data[0] <= '9'; /* the index granularity */
        if (is_old_syntax) {
            return (struct slice){ NULL, 0 };
        }
        bool is_path = item.len != 0 && item.data[0] == '\'';
        count += !is_path;
        second = !is_path && count == 2 ? expression_bare(item) : second;
    }
    return second;
}

/* Rows that say they are deleted are left out by FINAL. A column of the table's own that defaults to 0 says so of none. */
static void judge_deleted(struct judge *judge)
{
    struct slice name = deleted_column(judge->definition->engine_full);
    struct table_column column = { 0 };
    if (name.len == 0) {
        return;
    }
    bool sent = table_stream_column(judge->stream, name) != SIZE_MAX;
    bool known = table_find_column(judge->definition->columns, name, &column);
    if (!sent && known && (column.default_expression.len == 0 || slice_equal(column.default_expression, SLICE("0")))) {
        return;
    }
    begin_line(judge, judge->losses);
    buf_printf(judge->losses, "FINAL leaves out the rows whose `%.*s` is 1 (is_deleted of its engine)", (int)name.len,
               name.data);
    end_line(judge, judge->losses);
}

static void judge_collapsing(struct judge *judge)
{
    judge_sorting_key(judge);
    judge_follows(judge, "sorting key", judge->definition->sorting_key);
    judge_follows(judge, "partition key", judge->definition->partition_key);
    judge_deleted(judge);
}

static void say_what(struct judge *judge, const struct engine *engine, struct buf *out)
{
    begin_line(judge, out);
    buf_printf(out, "engine %.*s %s", (int)judge->definition->engine.len, judge->definition->engine.data, engine->what);
    if (engine->effect == EFFECT_UNKNOWN) {
        buf_append_byte(out, '\n');
    } else {
        end_line(judge, out);
    }
}

void table_judge(const struct stream *stream, const struct table_definition *definition, struct buf *losses,
                 struct buf *warnings)
{
    struct table_column id;
    unsigned looks = MOST_LOOKS;
    struct judge judge = { stream, definition, false, losses, warnings, &looks };
    const struct engine *engine = engine_of(definition->engine);
    if (stream->version_column >= 0) {
        table_judge_upsert(stream, definition, losses, warnings);
        judge_deleted(&judge);
        table_judge_ttl(stream, definition, warnings);
        return;
    }
    judge.has_event_id =
        stream->event_id_column >= 0 && table_find_column(definition->columns, event_id_name(stream), &id);
    switch (engine->effect) {
    case EFFECT_COLLAPSES: judge_collapsing(&judge); break;
    case EFFECT_MERGES:
        judge_collapsing(&judge);
        say_what(&judge, engine, warnings);
        break;
    case EFFECT_STAYS_TWICE:
    case EFFECT_UNKNOWN: say_what(&judge, engine, warnings); break;
    case EFFECT_LOSES: say_what(&judge, engine, losses); break;
    }
    table_judge_ttl(stream, definition, warnings);
}
