/* Turns system tables into sections of a report. */
#include "inspect/store_report.h"

#include "base/assert.h"
#include "base/clock.h"
#include "inspect/result_table.h"
#include "inspect/store_link.h"

#define TIMEOUT_NS (60 * NS_PER_SECOND)

/* ClickHouse's codes: what is not there. */
#define CODE_UNKNOWN_TABLE 60
#define CODE_UNKNOWN_IDENTIFIER 47
#define CODE_NO_SUCH_COLUMN 16

static const struct store_section sections[] = {
    { "server",
      "Server",
      "",
      "",
      { "SELECT version() AS version, uptime() AS uptime_seconds, currentDatabase() AS database", NULL } },
    { "tables",
      "Tables, the largest first",
      "no table has rows",
      "this server does not say what its tables hold",
      { "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS disk_bytes, sum(data_compressed_bytes) AS "
        "compressed_bytes,"
        " sum(data_uncompressed_bytes) AS uncompressed_bytes, count() AS parts, uniqExact(partition) AS partitions,"
        " max(modification_time) AS newest_part FROM system.parts WHERE active AND database = currentDatabase()"
        " GROUP BY table ORDER BY disk_bytes DESC, table LIMIT 100",
        NULL } },
    { "parts",
      "Partitions with the most parts (thousands of them slow INSERTs down)",
      "no table has parts",
      "this server does not say what its tables hold",
      { "SELECT table, partition, count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS disk_bytes FROM "
        "system.parts"
        " WHERE active AND database = currentDatabase() GROUP BY table, partition ORDER BY parts DESC, table, partition"
        " LIMIT 10",
        NULL } },
    { "merges",
      "Merges that run now, the longest first",
      "none runs",
      "this server does not say what it merges",
      { "SELECT table, round(elapsed, 1) AS seconds, round(progress * 100, 1) AS percent, num_parts AS parts,"
        " total_size_bytes_compressed AS compressed_bytes, memory_usage AS memory FROM system.merges"
        " WHERE database = currentDatabase() ORDER BY elapsed DESC LIMIT 20",
        NULL } },
    { "mutations",
      "Mutations that are not done",
      "none waits",
      "this server does not say what it alters",
      { "SELECT table, mutation_id, create_time, parts_to_do, latest_fail_reason, command FROM system.mutations"
        " WHERE NOT is_done AND database = currentDatabase() ORDER BY create_time LIMIT 20",
        "SELECT table, mutation_id, create_time, parts_to_do, command FROM system.mutations"
        " WHERE NOT is_done AND database = currentDatabase() ORDER BY create_time LIMIT 20" } },
    { "running_queries",
      "Queries that run now, the longest first",
      "none runs but this one",
      "this server does not say what runs",
      { "SELECT round(elapsed, 1) AS seconds, read_rows, memory_usage AS memory, user, query FROM system.processes"
        " WHERE query NOT LIKE '%FROM system.processes%' ORDER BY elapsed DESC LIMIT 10",
        NULL } },
    { "slow_queries",
      "Slow queries since yesterday, a second or more",
      "none took a second",
      "this server keeps no log of queries: give it a <query_log>",
      { "SELECT query_start_time AS began, query_duration_ms AS milliseconds, read_rows, memory_usage AS memory, user, "
        "query"
        " FROM system.query_log WHERE type != 1 AND event_date >= today() - 1 AND query_duration_ms >= 1000"
        " ORDER BY query_duration_ms DESC LIMIT 10",
        "SELECT query_start_time AS began, query_duration_ms AS milliseconds, read_rows, memory_usage AS memory, user, "
        "query"
        " FROM system.query_log WHERE toInt8(type) != 1 AND event_date >= today() - 1 AND query_duration_ms >= 1000"
        " ORDER BY query_duration_ms DESC LIMIT 10" } },
    { "replication",
      "Replication, the largest delay first",
      "no table is replicated",
      "this server does not say how it replicates",
      { "SELECT table, absolute_delay AS delay_seconds, is_readonly, queue_size, inserts_in_queue, merges_in_queue,"
        " active_replicas, total_replicas FROM system.replicas WHERE database = currentDatabase()"
        " ORDER BY absolute_delay DESC, table LIMIT 100",
        NULL } },
    { "disks",
      "Disks",
      "none",
      "this server does not say what its disks hold: look at the free space of its machine",
      { "SELECT name, path, free_space AS free_bytes, total_space AS total_bytes FROM system.disks ORDER BY name",
        NULL } },
    { "errors",
      "Errors of the server since it started, the last first",
      "none",
      "this server does not count its errors",
      { "SELECT name, code, value AS times, last_error_time, last_error_message FROM system.errors WHERE value > 0"
        " ORDER BY last_error_time DESC LIMIT 10",
        "SELECT name, code, value AS times FROM system.errors WHERE value > 0 ORDER BY value DESC LIMIT 10" } },
};

size_t store_report_count(void)
{
    return ARRAY_LENGTH(sections);
}

const struct store_section *store_report_section(size_t index)
{
    ASSERT_BELOW(index, ARRAY_LENGTH(sections));
    return &sections[index];
}

enum section_fate store_report_read(struct store_link *link, size_t server, size_t index, struct buf *out,
                                    struct buf *problem)
{
    const struct store_section *section = store_report_section(index);
    int code = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(section->sql) && section->sql[i] != NULL; i++) {
        const struct store_question question = { .sql = slice_from_string(section->sql[i]),
                                                 .format = RESULT_FORMAT,
                                                 .timeout_ns = TIMEOUT_NS,
                                                 .server = server };
        buf_clear(problem);
        if (store_link_read(link, &question, out, &code, problem)) {
            return SECTION_READ;
        }
        if (code == CODE_UNKNOWN_TABLE) {
            return SECTION_LACKING;
        }
    }
    buf_clear(out);
    return code == CODE_UNKNOWN_IDENTIFIER || code == CODE_NO_SUCH_COLUMN ? SECTION_LACKING : SECTION_FAILED;
}
