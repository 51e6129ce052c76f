/* The question by which a batch is found in its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "store/delivery/verify.h"

#define FIRST "'11000000-0000-0000-0000-000000000000'"
#define SELECT                                                                                                         \
    "SELECT uniqExact(`id`) FROM `db`.`t\\`x` WHERE `id` IN (" FIRST ",'22000000-0000-0000-0000-000000000000')"

static const struct {
    const char *time_column, *type;
    int64_t from_s, to_s;
    const char *bound;
} cases[] = {
    { "", "", 1000, 2000, "" },
    { "at", "DateTime64(3)", 1000, 2000, " AND `at` >= toDateTime(998) AND `at` <= toDateTime(2002)" },
    { "at", "DateTime", 1000, 1000, " AND `at` >= toDateTime(998) AND `at` <= toDateTime(1002)" },
    { "at", "Date", 86400, 172800, " AND `at` >= toDate(0) AND `at` <= toDate(2)" },
    { "at", "DateTime64(3)", 2000, 1000, "" },  /* unknown */
    { "at", "DateTime64(3)", -1000, 1000, "" }, /* before what DateTime can say */
    { "at", "DateTime64(3)", 1000, INT64_C(5000000000), "" },
    { "gone", "DateTime", 1000, 2000, "" },
};

static void the_count_is_bounded_by_the_segments_own_times(void **state)
{
    (void)state;
    const struct event_id ids[2] = { { { 0x11 } }, { { 0x22 } } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char table[] = "t`x", id[] = "id", time[16];
        struct native_column column = { .name = SLICE("at"), .wire_name = slice_from_string(cases[i].type) };
        struct segment segment = { .header = { .table = table,
                                               .event_id_column = id,
                                               .time_column = time,
                                               .columns = &column,
                                               .column_count = 1 },
                                   .min_time_ns = cases[i].from_s * NS_PER_SECOND,
                                   .max_time_ns = cases[i].to_s * NS_PER_SECOND };
        struct buf sql = { 0 };
        memcpy(time, cases[i].time_column, strlen(cases[i].time_column) + 1);
        verify_count_sql(&segment, "db", ids, 2, &sql);
        assert_non_null(buf_c_string(&sql));
        assert_memory_equal(sql.data, SELECT, sizeof SELECT - 1);
        assert_string_equal(sql.data + sizeof SELECT - 1, cases[i].bound);
        buf_release(&sql);
    }
}

static void updates_are_found_by_id_and_version(void **state)
{
    static const struct {
        const char *type, *version;
    } types[] = { { "DateTime64(6)", "toUnixTimestamp64Micro(`v`)" },
                  { "DateTime64(6, 'UTC')", "toUnixTimestamp64Micro(`v`)" },
                  { "DateTime64(9)", "toUnixTimestamp64Nano(`v`)" },
                  { "UInt64", "`v`" } };
    (void)state;
    const struct segment_update updates[2] = { { { { 0x11 } }, 5 }, { { { 0x22 } }, UINT64_MAX } };
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        char table[] = "t", id[] = "id", time[] = "", version[] = "v", expected[256];
        struct native_column column = { .name = SLICE("v"), .wire_name = slice_from_string(types[i].type) };
        struct segment segment = { .header = { .table = table,
                                               .event_id_column = id,
                                               .time_column = time,
                                               .version_column = version,
                                               .columns = &column,
                                               .column_count = 1 } };
        struct buf sql = { 0 };
        verify_updates_sql(&segment, "", updates, 2, &sql);
        snprintf(expected, sizeof expected,
                 "SELECT uniqExact(`id`) FROM `t` WHERE (`id`, %s) IN ((" FIRST
                 ",5),('22000000-0000-0000-0000-000000000000',18446744073709551615))",
                 types[i].version);
        assert_string_equal(buf_c_string(&sql), expected);
        buf_release(&sql);
    }
}

#define UUID(n) "0190a000-0000-7000-8000-00000000000" n

static void a_batch_is_looked_for_among_groups_that_may_hold_it(void **state)
{
    (void)state;
    struct segment last = { .name = "a_b-" UUID("1") };
    struct segment middle = { .name = "a_b-" UUID("7"), .next = &last };
    struct segment first = { .name = "a_b-" UUID("3"), .next = &middle };
    struct buf sql = { 0 };
    verify_running_sql(&first, &sql);
    assert_string_equal(buf_c_string(&sql),
                        "SELECT count() FROM system.processes WHERE startsWith(query_id, 'a_b-') AND "
                        "substring(query_id, 5, 36) <= '" UUID(
                            "7") "' AND substring(query_id, "
                                 "if(substring(query_id, 41, 1) = '+', 42, 5), 36) >= '" UUID("1") "'");
    buf_release(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_is_bounded_by_the_segments_own_times),
        cmocka_unit_test(updates_are_found_by_id_and_version),
        cmocka_unit_test(a_batch_is_looked_for_among_groups_that_may_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
