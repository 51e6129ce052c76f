/* A table that loses events is told from one that weakens the promise, and from one that keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/stream.h"
#include "store/sql.h"
#include "store/table/table_judge.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS                                                                                                        \
    "name\tString\t\t\nat\tDateTime\t\t\nreceived\tDateTime\t\t\nvalue\tInt64\t\t\ndeleted\tUInt8\t\t\n"               \
    "own\tUInt8\tDEFAULT\t0\nday\tDate\tMATERIALIZED\ttoDate(at)\nwritten\tDateTime\tDEFAULT\tnow()\n"                 \
    "hour\tDateTime\tALIAS\ttoStartOfHour(written)\nevent_id\tUUID\t\t\n"

static struct field_options fields[] = {
    { .name = "name", .type = "String", .required = true, .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "at", .type = "DateTime", .required = true, .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "received", .type = "DateTime", .fill = FILL_RECEIVED_AT, .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "value", .type = "Int64", .max_past_ns = -1, .max_future_ns = -1 },
    { .name = "deleted", .type = "UInt8", .max_past_ns = -1, .max_future_ns = -1 },
};

static const char *key[] = { "name", "at" };

static struct stream *make_stream(struct stream_options *options, size_t keys)
{
    struct buf problems = { 0 };
    *options = (struct stream_options){
        .name = "s", .table = "t", .dedup_key = { key, keys }, .fields = fields, .field_count = ARRAY_LENGTH(fields)
    };
    struct stream *stream = stream_compile(options, 0, &problems);
    assert_non_null(stream);
    buf_release(&problems);
    return stream;
}

static void judge(const struct stream *stream, const char *engine_full, const char *sorting, const char *partition,
                  const char *columns, struct buf *losses, struct buf *warnings)
{
    struct slice full = slice_from_string(engine_full);
    size_t name = strcspn(engine_full, "( ");
    struct table_definition definition = { slice_make(full.data, name), full, slice_from_string(sorting),
                                           slice_from_string(partition), slice_from_string(columns) };
    buf_clear(losses);
    buf_clear(warnings);
    table_judge(stream, &definition, losses, warnings);
    buf_c_string(losses);
    buf_c_string(warnings);
}

enum expected { KEEPS, WARNS, LOSES };

struct row {
    const char *engine, *sorting, *partition;
    enum expected expected;
    const char *says;
};

static void assert_judged(const struct stream *stream, const struct row *row, const char *columns)
{
    struct buf losses = { 0 }, warnings = { 0 };
    judge(stream, row->engine, row->sorting, row->partition, columns, &losses, &warnings);
    enum expected found = losses.len != 0 ? LOSES : warnings.len != 0 ? WARNS : KEEPS;
    const struct buf *said = found == LOSES ? &losses : &warnings;
    if (found != row->expected || (row->says != NULL && strstr(said->data, row->says) == NULL)) {
        fail_msg("%s ORDER BY (%s) PARTITION BY %s: %d: %s", row->engine, row->sorting, row->partition, found,
                 said->len == 0 ? "" : said->data);
    }
    buf_release(&losses);
    buf_release(&warnings);
}

static const struct row rows[] = {
    { "ReplacingMergeTree", "name, at, event_id", "toYYYYMM(at)", KEEPS, NULL },
    { "ReplacingMergeTree", "event_id", "", KEEPS, NULL },
    { "ReplacingMergeTree", "at DESC, event_id DESC", "", KEEPS, NULL },
    { "ReplicatedReplacingMergeTree('/p/{shard}', '{replica}')", "name, `event_id`", "day", KEEPS, NULL },
    { "SharedReplacingMergeTree('/p', '{replica}')", "event_id", "(day, name)", KEEPS, NULL },
    { "ReplacingMergeTree(received)", "event_id", "", KEEPS, NULL },
    { "ReplacingMergeTree(day, (name, event_id), 8192, received)", "name, event_id", "toYYYYMM(day)", KEEPS, NULL },
    { "CoalescingMergeTree", "event_id", "", KEEPS, NULL },
    /* the dedup key is whole, and no event lacks a part of it */
    { "ReplacingMergeTree", "at, name", "", KEEPS, NULL },

    { "ReplacingMergeTree", "name", "", LOSES, "lacks event_id" },
    { "ReplacingMergeTree", "tuple()", "", LOSES, "lacks event_id" },
    { "ReplicatedReplacingMergeTree('/p', '{replica}')", "toDate(at), name", "", LOSES, "schema print s" },
    { "CoalescingMergeTree", "name", "", LOSES, "lacks event_id" },
    { "AggregatingMergeTree", "name", "", LOSES, "lacks event_id" },
    { "ReplacingMergeTree(received, deleted)", "event_id", "", LOSES, "`deleted`" },
    { "ReplicatedReplacingMergeTree('/p', '{replica}', received, deleted)", "event_id", "", LOSES, "is_deleted" },
    { "ReplacingMergeTree(received, own)", "event_id", "", KEEPS, NULL },
    { "SummingMergeTree", "event_id", "", LOSES, "adds rows up" },
    { "CollapsingMergeTree(own)", "event_id", "", LOSES, "cancel" },
    { "ReplicatedVersionedCollapsingMergeTree('/p', 'r', own, at)", "event_id", "", LOSES, "cancel" },
    { "GraphiteMergeTree('x')", "event_id", "", LOSES, "rolls" },
    { "Null", "", "", LOSES, "keeps no row" },
    { "Buffer('d', 't', 1)", "", "", LOSES, "memory" },
    { "Memory", "", "", LOSES, "server ends" },
    { "Log", "", "", LOSES, "crash" },
    { "TinyLog", "", "", LOSES, "crash" },
    { "StripeLog", "", "", LOSES, "crash" },
    { "Set", "", "", LOSES, NULL },
    { "Join(ANY, LEFT, name)", "", "", LOSES, NULL },
    { "File(CSV)", "", "", LOSES, "outside of ClickHouse" },
    { "URL('http://x', CSV)", "", "", LOSES, "outside of ClickHouse" },
    { "Kafka", "", "", LOSES, "outside of ClickHouse" },
    { "S3Queue('x')", "", "", LOSES, "outside of ClickHouse" },
    { "IcebergLocal", "", "", LOSES, "outside of ClickHouse" },
    { "MaterializedPostgreSQL('x')", "", "", LOSES, "outside of ClickHouse" },
    { "Dictionary(d)", "", "", LOSES, "keeps no rows" },
    { "View", "", "", LOSES, "keeps no rows" },

    { "MergeTree", "name", "", WARNS, "as two rows" },
    { "ReplicatedMergeTree('/p', '{replica}')", "event_id", "", WARNS, "schema print s" },
    { "SharedMergeTree('/p', '{replica}')", "event_id", "", WARNS, "as two rows" },
    { "AggregatingMergeTree", "event_id", "", WARNS, "aggregates" },
    { "ReplacingMergeTree", "cityHash64(event_id)", "", WARNS, "within an expression" },
    { "ReplacingMergeTree", "received, event_id", "", WARNS, "`received` of its sorting key" },
    { "ReplacingMergeTree", "event_id", "toYYYYMM(received)", WARNS, "`received` of its partition key" },
    { "ReplacingMergeTree", "event_id", "value % 10", WARNS, "`value` of its partition key" },
    { "ReplacingMergeTree", "event_id", "toDate(written)", WARNS, "`written` of its partition key" },
    { "ReplacingMergeTree", "event_id", "hour", WARNS, "`hour` of its partition key" },
    { "ReplacingMergeTree", "event_id", "rand() % 3", WARNS, "`rand` of its partition key" },
    { "Distributed('c', 'd', 't', rand())", "", "", WARNS, "distributed_foreground_insert = 1" },
    { "MaterializedView", "", "", WARNS, "not looked at" },
    { "Merge('d', 't')", "", "", WARNS, "not looked at" },
    { "BrandNewMergeTree", "event_id", "", WARNS, "not known" },
    { "SharedSet", "", "", WARNS, "not known" },

    { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalDay(30)", "event_id", "", WARNS,
      "that are 30d old by `at`" },
    { "ReplacingMergeTree ORDER BY event_id TTL toDate(at) + toIntervalMonth(1) WHERE value = 1 SETTINGS x = 1",
      "event_id", "", WARNS, "MODIFY TTL" },
    { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalDay(30) TO DISK 'cold'", "event_id", "", KEEPS, NULL },
    { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalDay(30) TO VOLUME 'cold', at + toIntervalDay(9) DELETE",
      "event_id", "", WARNS, "max_past: 9d, or" },
    { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalMinute(90)", "event_id", "", WARNS,
      "max_past: 90m, or" },
    { "ReplacingMergeTree ORDER BY event_id TTL received + toIntervalDay(30)", "event_id", "", KEEPS, NULL },
    { "ReplacingMergeTree ORDER BY event_id TTL at", "event_id", "", KEEPS, NULL },
    { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalDay(999999999999999999999)", "event_id", "", KEEPS,
      NULL },
};

static void each_kind_of_table_is_judged_by_what_becomes_of_its_rows(void **state)
{
    struct stream_options options;
    (void)state;
    struct stream *stream = make_stream(&options, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_judged(stream, &rows[i], COLUMNS);
    }
    stream_free(stream);
}

static void what_the_gateway_creates_passes_without_a_word(void **state)
{
    (void)state;
    for (size_t keys = 0; keys <= 2; keys++) {
        struct stream_options options;
        struct stream *stream = make_stream(&options, keys);
        struct buf order = { 0 }, partition = { 0 };
        sql_order_by(stream, &order);
        sql_partition_by(stream, &partition);
        struct row row = { "ReplacingMergeTree", buf_c_string(&order), buf_c_string(&partition), KEEPS, NULL };
        assert_judged(stream, &row, COLUMNS);
        buf_release(&order);
        buf_release(&partition);
        stream_free(stream);
    }
}

static void without_a_dedup_key_only_the_id_tells_events_apart(void **state)
{
    static const struct row keyless[] = {
        { "ReplacingMergeTree", "at, name", "", LOSES, "lacks event_id" },
        { "ReplacingMergeTree", "received, event_id", "value", KEEPS, NULL },
        { "ReplacingMergeTree", "event_id", "toDate(written)", WARNS, "`written`" },
    };
    struct stream_options options;
    (void)state;
    struct stream *stream = make_stream(&options, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(keyless); i++) {
        assert_judged(stream, &keyless[i], COLUMNS);
    }
    stream_free(stream);
}

static void a_table_without_the_id_loses_what_its_key_makes_equal(void **state)
{
    static const struct row idless[] = {
        { "ReplacingMergeTree", "name, at", "", KEEPS, NULL },
        { "ReplacingMergeTree", "name", "", LOSES, "lacks event_id" },
        { "MergeTree", "name", "", WARNS, "as two rows" },
    };
    struct stream_options options;
    (void)state;
    struct stream *stream = make_stream(&options, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(idless); i++) {
        assert_judged(stream, &idless[i], "name\tString\t\t\nat\tDateTime\t\t\n");
    }
    stream_free(stream);
}

static void a_key_whose_parts_may_be_missing_does_not_tell_events_apart(void **state)
{
    static const struct row row = { "ReplacingMergeTree", "name, at", "", LOSES, "lacks event_id" };
    struct stream_options options;
    (void)state;
    fields[1].required = false;
    struct stream *stream = make_stream(&options, 2);
    assert_judged(stream, &row, COLUMNS);
    stream_free(stream);
    fields[1].required = true;
}

static void a_ttl_beyond_what_the_stream_takes_is_no_matter(void **state)
{
    static const struct row ttls[] = {
        { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalDay(2)", "event_id", "", KEEPS, NULL },
        { "ReplacingMergeTree ORDER BY event_id TTL at + toIntervalHour(23)", "event_id", "", WARNS, "up to 1d: such" },
    };
    struct stream_options options;
    (void)state;
    fields[1].max_past_ns = INT64_C(86400000000000);
    struct stream *stream = make_stream(&options, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(ttls); i++) {
        assert_judged(stream, &ttls[i], COLUMNS);
    }
    stream_free(stream);
    fields[1].max_past_ns = -1;
}

/* What a hostile server says of a table costs what it weighs: names whose defaults are long lists of names, each with such a
 * default, and parentheses without end. */
static void what_a_server_says_is_judged_in_time(void **state)
{
    struct stream_options options;
    struct buf losses = { 0 }, warnings = { 0 }, list = { 0 }, columns = { 0 }, deep = { 0 };
    (void)state;
    struct stream *stream = make_stream(&options, 2);
    for (int i = 0; i < 2000; i++) {
        buf_printf(&list, "%sc%d", i == 0 ? "" : " + ", i % 20);
    }
    for (int i = 0; i < 20; i++) {
        buf_printf(&columns, "c%d\tUInt8\tDEFAULT\t%s\n", i, buf_c_string(&list));
    }
    buf_append_string(&columns, "event_id\tUUID\t\t\n");
    buf_append_fill(&deep, '(', 30000);
    buf_append_string(&deep, "event_id");
    buf_append_fill(&deep, ')', 30000);
    struct timespec began, ended;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    judge(stream, "ReplacingMergeTree", "event_id", buf_c_string(&list), buf_c_string(&columns), &losses, &warnings);
    judge(stream, "ReplacingMergeTree", buf_c_string(&deep), buf_c_string(&deep), COLUMNS, &losses, &warnings);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    assert_true(ended.tv_sec - began.tv_sec < 5);
    stream_free(stream);
    buf_release(&losses);
    buf_release(&warnings);
    buf_release(&list);
    buf_release(&columns);
    buf_release(&deep);
}

static const char *name_alone[] = { "name" };

static const struct row upserts[] = {
    { "ReplacingMergeTree(received)", "name", "", KEEPS, NULL },
    { "ReplacingMergeTree(`received`)", "`name`", "cityHash64(name) % 16", KEEPS, NULL },
    { "ReplicatedReplacingMergeTree('/p/{shard}', '{replica}', received)", "name", "", KEEPS, NULL },
    { "SharedReplacingMergeTree('/p', '{replica}', received, own)", "name", "", KEEPS, NULL },
    { "ReplacingMergeTree", "name", "", LOSES, "has the version (), not `received`" },
    { "ReplacingMergeTree(written)", "name", "", LOSES, "an older state that is sent again may win" },
    { "ReplicatedReplacingMergeTree('/p', 'r')", "name", "", LOSES, "schema print s" },
    { "ReplacingMergeTree(received)", "name, event_id", "", LOSES, "sorting key (name, event_id) is not upsert.key" },
    { "ReplacingMergeTree(received)", "at", "", LOSES, "is not upsert.key" },
    { "ReplacingMergeTree(received)", "", "", LOSES, "is not upsert.key" },
    { "ReplacingMergeTree(received, deleted)", "name", "", LOSES, "is_deleted" },
    { "MergeTree", "name", "", LOSES, "does not replace" },
    { "AggregatingMergeTree", "name", "", LOSES, "does not replace" },
    { "Null", "", "", LOSES, "does not replace" },
    { "ReplacingMergeTree(received)", "name", "toYYYYMM(at)", WARNS, "which an update can change" },
    { "ReplacingMergeTree(received)", "name", "day", WARNS, "`day`" },
};

static void updates_need_a_table_in_which_the_latest_wins(void **state)
{
    (void)state;
    struct field_options own[ARRAY_LENGTH(fields)];
    memcpy(own, fields, sizeof own);
    own[2].type = "DateTime64(6)";
    struct stream_options options = { .line = 7,
                                      .name = "s",
                                      .table = "t",
                                      .upsert = { { name_alone, 1 }, "received" },
                                      .fields = own,
                                      .field_count = ARRAY_LENGTH(own) };
    struct buf problems = { 0 };
    struct stream *stream = stream_compile(&options, 0, &problems);
    assert_non_null(stream);
    for (size_t i = 0; i < ARRAY_LENGTH(upserts); i++) {
        assert_judged(stream, &upserts[i], COLUMNS);
    }
    assert_true(table_check_stream(stream, &problems));
    stream->partition_by = "toYYYYMM(at)";
    assert_false(table_check_stream(stream, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "7: s: partition_by names \"at\""));
    stream->partition_by = "cityHash64(name) % 16";
    assert_true(table_check_stream(stream, &problems));
    stream_free(stream);
    buf_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_table_is_judged_by_what_becomes_of_its_rows),
        cmocka_unit_test(what_the_gateway_creates_passes_without_a_word),
        cmocka_unit_test(without_a_dedup_key_only_the_id_tells_events_apart),
        cmocka_unit_test(a_table_without_the_id_loses_what_its_key_makes_equal),
        cmocka_unit_test(a_key_whose_parts_may_be_missing_does_not_tell_events_apart),
        cmocka_unit_test(a_ttl_beyond_what_the_stream_takes_is_no_matter),
        cmocka_unit_test(what_a_server_says_is_judged_in_time),
        cmocka_unit_test(updates_need_a_table_in_which_the_latest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
