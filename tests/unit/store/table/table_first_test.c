/* A table that the gateway creates keeps the first row of an event; one that keeps another is told from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/stream.h"
#include "store/store.h"
#include "store/table/table_ddl.h"
#include "store/table/table_first.h"
#include "store/table/table_judge.h"

#include <string.h>

#define MOST_FIELDS 4

struct sample {
    struct field_options fields[MOST_FIELDS];
    struct stream_options options;
    struct stream *stream;
};

static const char *key[] = { "name" };

static struct field_options field(const char *name, const char *type, enum fill fill)
{
    return (struct field_options){ .name = name, .type = type, .fill = fill, .max_past_ns = -1, .max_future_ns = -1 };
}

/* A field `name`, and those that are filled with the time of receipt. */
static void make(struct sample *sample, size_t keys, const char *const *names, const char *const *types)
{
    struct buf problems = { 0 };
    size_t count = 1;
    *sample = (struct sample){ .fields = { field("name", "String", FILL_NONE) } };
    for (; names != NULL && names[count - 1] != NULL; count++) {
        assert_true(count < MOST_FIELDS);
        sample->fields[count] = field(names[count - 1], types[count - 1], FILL_RECEIVED_AT);
    }
    sample->options = (struct stream_options){
        .name = "s", .table = "t", .dedup_key = { key, keys }, .fields = sample->fields, .field_count = count
    };
    sample->stream = stream_compile(&sample->options, 0, &problems);
    if (sample->stream == NULL) {
        fail_msg("%s", buf_c_string(&problems));
    }
    buf_release(&problems);
}

static void assert_created(const struct sample *sample, const char *version, bool replicated, const char *column,
                           const char *engine)
{
    struct buf ddl = { 0 };
    struct store_features features = { 0 };
    struct table_form form = { .replicated = replicated };
    store_features_by_version(&features, slice_from_string(version));
    table_ddl(sample->stream, "", &features, &form, &ddl);
    const char *text = buf_c_string(&ddl);
    bool has_column = column == NULL ? strstr(text, "MATERIALIZED") == NULL : strstr(text, column) != NULL;
    if (!has_column || strstr(text, engine) == NULL) {
        fail_msg("%s: %s", version, text);
    }
    buf_release(&ddl);
}

static void the_version_falls_with_the_finest_time_of_receipt(void **state)
{
    static const struct {
        const char *server;
        const char *names[MOST_FIELDS], *types[MOST_FIELDS];
        const char *column;
    } cases[] = {
        { "26.7", { "at" }, { "DateTime64(3)" }, "bitNot(toUInt64(toUnixTimestamp64Milli(`at`)))" },
        { "26.7", { "at" }, { "DateTime64(6)" }, "bitNot(toUInt64(toUnixTimestamp64Micro(`at`)))" },
        { "26.7", { "at" }, { "DateTime64(9)" }, "bitNot(toUInt64(toUnixTimestamp64Nano(`at`)))" },
        { "26.7", { "at" }, { "DateTime64(0)" }, "bitNot(toUInt64(`at`))" },
        { "26.7", { "at" }, { "DateTime" }, "bitNot(toUInt64(`at`))" },
        { "26.7", { "at", "us" }, { "DateTime64(3)", "UInt64" }, "bitNot(toUInt64(`us`))" },
        { "26.7", { "day", "at" }, { "Date", "DateTime" }, "bitNot(toUInt64(`at`))" },
        { "26.7", { "day" }, { "Date" }, "bitNot(toUInt64(toUnixTimestamp64Milli(now64(3))))" },
        { "26.7", { "at" }, { "Nullable(DateTime64(3))" }, "bitNot(toUInt64(toUnixTimestamp64Milli(now64(3))))" },
        { "26.7", { NULL }, { NULL }, "bitNot(toUInt64(toUnixTimestamp64Milli(now64(3))))" },
        { "20.5", { "at" }, { "DateTime64(3)" }, "bitNot(toUInt64(`at`))" },
        { "18.16", { "at" }, { "DateTime" }, "bitNot(toUInt64(`at`))" },
        { "18.16", { NULL }, { NULL }, "bitNot(toUInt64(now()))" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sample sample;
        make(&sample, 1, cases[i].names, cases[i].types);
        assert_created(&sample, cases[i].server, false, cases[i].column, "ENGINE = ReplacingMergeTree(`keep_first`) ");
        stream_free(sample.stream);
    }
}

static void replicas_have_it_too_unless_they_know_blocks_by_their_content(void **state)
{
    static const char *const names[] = { "at", NULL }, *const types[] = { "DateTime", NULL };
    struct sample with, without;
    (void)state;
    make(&with, 1, names, types);
    make(&without, 1, NULL, NULL);
    assert_created(&with, "18.16", true, "bitNot(toUInt64(`at`))", "'{replica}', `keep_first`) ");
    assert_created(&with, "26.7", true, "bitNot(toUInt64(`at`))", "'{replica}', `keep_first`) ");
    assert_created(&without, "26.7", true, "now64(3)", "'{replica}', `keep_first`) ");
    assert_created(&without, "18.16", true, NULL, "'{replica}') ");
    stream_free(with.stream);
    stream_free(without.stream);
}

static void events_that_never_come_twice_need_none(void **state)
{
    struct sample sample;
    (void)state;
    make(&sample, 0, NULL, NULL);
    assert_created(&sample, "26.7", false, NULL, "ENGINE = ReplacingMergeTree ");
    stream_free(sample.stream);
}

static void its_name_is_none_of_a_field(void **state)
{
    static const char *const names[] = { "keep_first", "keep_first_", NULL };
    static const char *const types[] = { "DateTime", "DateTime64(3)", NULL };
    struct sample sample;
    (void)state;
    make(&sample, 1, names, types);
    assert_created(&sample, "26.7", false,
                   "`keep_first__` UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(`keep_first_`)))",
                   "ENGINE = ReplacingMergeTree(`keep_first__`) ");
    stream_free(sample.stream);
}

static void finds_the_version_of_an_engine(void **state)
{
    static const struct {
        const char *engine, *version;
    } cases[] = {
        { "ReplacingMergeTree", "" },
        { "ReplacingMergeTree ORDER BY (a, b)", "" },
        { "ReplacingMergeTree(v) ORDER BY a", "v" },
        { "ReplacingMergeTree(`v`, deleted) ORDER BY a", "v" },
        { "ReplicatedReplacingMergeTree('/p', '{replica}') ORDER BY a", "" },
        { "ReplicatedReplacingMergeTree('/p', '{replica}', v) ORDER BY a", "v" },
        { "ReplacingMergeTree(day, (name, event_id), 8192)", "" },
        { "ReplacingMergeTree(day, (name, event_id), 8192, v)", "v" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct slice found = table_version_column(slice_from_string(cases[i].engine));
        if (!slice_equal(found, slice_from_string(cases[i].version))) {
            fail_msg("%s: \"%.*s\"", cases[i].engine, (int)found.len, found.data);
        }
    }
}

#define COLUMNS                                                                                                        \
    "name\tString\t\t\nat\tDateTime64(3)\t\t\nevent_id\tUUID\t\t\nother\tUInt64\t\t\n"                                 \
    "written\tDateTime\tDEFAULT\tnow()\nkeep_first\tUInt64\tMATERIALIZED\tbitNot(toUInt64(at))\n"                      \
    "since\tInt64\tDEFAULT\t-toInt64(at)\nleft\tUInt64\tMATERIALIZED\t18446744073709551615 - toUInt64(at)\n"           \
    "risen\tUInt64\tMATERIALIZED\ttoUInt64(at)\nsaid\tUInt64\tMATERIALIZED\tbitNot(cityHash64(name))\n"                \
    "gone\tUInt64\tMATERIALIZED\tbitNot(toUInt64(other))\nnowhere\tUInt64\tMATERIALIZED\tbitNot(toUInt64(now()))\n"

static void tells_which_tables_keep_another_row_than_the_first(void **state)
{
    static const char *const names[] = { "at", NULL }, *const types[] = { "DateTime64(3)", NULL };
    static const struct {
        const char *engine, *says; /* NULL: nothing */
    } cases[] = {
        { "ReplacingMergeTree(keep_first)", NULL },
        { "ReplicatedReplacingMergeTree('/p', '{replica}', keep_first)", NULL },
        { "ReplacingMergeTree(since)", NULL },
        { "ReplacingMergeTree(left)", NULL },
        { "ReplacingMergeTree(nowhere)", NULL },
        { "MergeTree", NULL }, /* which keeps both, and is warned of elsewhere */
        { "ReplacingMergeTree", "the last row: whoever may write can replace" },
        { "SharedReplacingMergeTree('/p', '{replica}')", "the last row" },
        { "ReplacingMergeTree(at)", "the greatest `at`, not the first" },
        { "ReplacingMergeTree(other)", "the greatest `other`" },
        { "ReplacingMergeTree(written)", "the greatest `written`" },
        { "ReplacingMergeTree(risen)", "the greatest `risen`" },
        { "ReplacingMergeTree(said)", "the row that `name` says, which is not filled" },
        { "ReplacingMergeTree(gone)", "the row that `other` says, which is not filled" },
    };
    struct sample sample;
    struct buf notes = { 0 };
    (void)state;
    make(&sample, 1, names, types);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct slice full = slice_from_string(cases[i].engine);
        struct table_definition definition = { .engine = slice_make(full.data, strcspn(full.data, "(")),
                                               .engine_full = full,
                                               .columns = SLICE(COLUMNS) };
        buf_clear(&notes);
        table_judge_first(sample.stream, &definition, &notes);
        const char *said = buf_c_string(&notes);
        if (cases[i].says == NULL ? notes.len != 0 : strstr(said, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].engine, said);
        }
    }
    stream_free(sample.stream);
    make(&sample, 0, names, types); /* no event comes twice */
    buf_clear(&notes);
    table_judge_first(sample.stream,
                      &(struct table_definition){ SLICE("ReplacingMergeTree"), SLICE("ReplacingMergeTree"), SLICE(""),
                                                  SLICE(""), SLICE(COLUMNS) },
                      &notes);
    assert_int_equal(notes.len, 0);
    stream_free(sample.stream);
    buf_release(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_falls_with_the_finest_time_of_receipt),
        cmocka_unit_test(replicas_have_it_too_unless_they_know_blocks_by_their_content),
        cmocka_unit_test(events_that_never_come_twice_need_none),
        cmocka_unit_test(its_name_is_none_of_a_field),
        cmocka_unit_test(finds_the_version_of_an_engine),
        cmocka_unit_test(tells_which_tables_keep_another_row_than_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
