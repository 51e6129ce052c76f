/* The options of the store, of those who write to it, and of those who ask it. */
#include "config/tables/sections.h"

#include "config/options/query_options.h"
#include "config/options/setup_options.h"
#include "config/options/store_options.h"
#include "config/options/writer_options.h"
#include "config/tables/rows.h"

static const char *const store_verifies[] = {
    [STORE_VERIFY_FULL] = "full", [STORE_VERIFY_NOTHING] = "insecure_accept_any", NULL
};
static const char *const store_kinds[] = { [STORE_EMBEDDED] = "embedded", [STORE_CLICKHOUSE] = "clickhouse", NULL };

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option store_rows[] = {
    { "kind",             ENUM(store_options, kind),                           "embedded",         NULL,    NULL,
      "Where events go: ClickHouse inside this process, or a ClickHouse server.", .names = store_kinds },
    { "path",             STRING(store_options, path),                         "",                 NULL,    NULL,
      "`embedded`: the engine's folder; empty: `clickhouse` in the data folder." },
    { "library",          STRING(store_options, library),                      "",                 NULL,    NULL,
      "`embedded`: path of `libchdb.so`; empty: it is searched for." },
    { "engine_config",    STRING(store_options, engine_config),                "",                 NULL,    NULL,
      "`embedded`: a file of ClickHouse's own configuration (XML or YAML) with disks, storage policies, backups, query logs; relative to the "
      "working folder, as `path`. What Sluice sets itself (path, memory) stands above it." },
    { "max_memory",       SIZE(store_options, max_memory),                     "2GiB",             "64MiB", "1000TiB",
      "`embedded`: the engine's ceiling of memory." },
    { "url",              STRING(store_options, url),                          "http://localhost:8123", "1", NULL,
      "`clickhouse`: http:// or https://, several with commas between them.", .secret = true },
    { "user",             STRING(store_options, user),                         "default",          "1",     NULL,
      "`clickhouse`: the user." },
    { "password",         STRING(store_options, password),                     "",                 NULL,    NULL,
      "`clickhouse`: the user's password.", .secret = true },
    { "password_file",    STRING(store_options, password_file),                "",                 NULL,    NULL,
      "`clickhouse`: a file with the password, instead of `password`; a line end behind it is left out." },
    { "database",         STRING(store_options, database),                     "default",          "1",     NULL,
      "The database of the streams' tables." },
    { "ca_file",          STRING(store_options, ca_file),                      "",                 NULL,    NULL,
      "`clickhouse` over https://: a file (PEM) with the CAs that may have signed the servers' certificates; empty: those that the system trusts." },
    { "client_certificate", STRING(store_options, client_certificate),         "",                 NULL,    NULL,
      "`clickhouse` over https://: a file (PEM) with the gateway's own certificate, for servers that ask for one." },
    { "client_key",       STRING(store_options, client_key),                   "",                 NULL,    NULL,
      "The key of `client_certificate` (PEM, without a passphrase); empty: it is in that file." },
    { "verify",           ENUM(store_options, verify),                         "full",             NULL,    NULL,
      "`clickhouse` over https://: whether the servers' certificates are verified. With `insecure_accept_any` whoever stands between may read and "
      "change all: for a try alone.", .names = store_verifies },
    { "connect_timeout",  DURATION(store_options, connect_timeout_ns),         "2s",               "10ms",  "5m",
      "`clickhouse`: to connect; a probe may take five times as long." },
    { "request_timeout",  DURATION(store_options, request_timeout_ns),         "60s",              "100ms", "1h",
      "`clickhouse`: for one request, an INSERT above all." },
    { "cluster",          STRING(store_options, cluster),                      "",                 NULL,    NULL,
      "What `{on_cluster}` of the files of `setup` names: `ON CLUSTER NAME`; empty: nothing." },
    { "create_table",     BOOL(store_options, create_table),                   "true",             NULL,    NULL,
      "Create a stream's table if it is missing." },
    { "add_columns",      BOOL(store_options, add_columns),                    "true",             NULL,    NULL,
      "With `create_table`: at the start, add a column for each field that a stream's table lacks (`ALTER TABLE … ADD COLUMN`). Only a "
      "table that has the stream's `event_id` is altered. Without it such a table stops the start, and the message has the statement." },
};

static const struct option setup_rows[] = {
    INHERITED_SCOPE(setup_options),
    { "file",             STRING(setup_options, path),                         NULL,               "1",     NULL,
      "The file of SQL; a relative one is beside the file that names it. Its statements end in `;` and must be such that may run again.",
      .required = true },
};

static const struct option writer_rows[] = {
    { "threads",          INTEGER(writer_options, threads),                    "2",                "1",     "64",
      "INSERTs under way at once." },
    { "backoff_min",      DURATION(writer_options, backoff_min_ns),            "250ms",            "1ms",   "1h",
      "Wait before the first retry; it doubles with each further one.", .reloads = true },
    { "backoff_max",      DURATION(writer_options, backoff_max_ns),            "30s",              "1ms",   "1h",
      "Longest wait between two retries.", .reloads = true },
    { "breaker_failures", INTEGER(writer_options, breaker_failures),           "5",                "1",     "1000",
      "Failures in a row after which a server is left alone for a while.", .reloads = true },
};

static const struct option query_rows[] = {
    { "event_metrics",    BOOL(query_options, event_metrics),                  "true",             NULL,    NULL,
      "Serve /events/metrics: counts of events by any field of few values." },
    { "threads",          INTEGER(query_options, threads),                     "1",                "1",     "64",
      "Queries that run at once." },
    { "queue",            INTEGER(query_options, queue),                       "64",               "1",     "100000",
      "Queries that wait; more are answered 503. Clients take turns, whoever sent how many.", .reloads = true },
    { "max_per_address",  INTEGER(query_options, max_per_address),             "16",               "1",     "100000",
      "Of them those of one client address (IPv6: of its /64); more are answered 429.", .reloads = true },
    { "timeout",          DURATION(query_options, timeout_ns),                 "10s",              "10ms",  "1h",
      "For one query.", .reloads = true },
    { "max_memory",       SIZE(query_options, max_memory),                     "0",                NULL,    "1000TiB",
      "Most memory of the store for one query; more is answered 502. 0: half of `store.max_memory`; of a server what the user's profile "
      "says.", .reloads = true },
    { "max_rows_to_read", INTEGER(query_options, max_rows_to_read),            "0",                NULL,    "1000000000000000000",
      "Most rows that one query may read from its tables; more is answered 502. 0: any number.", .reloads = true },
    { "max_range",        DURATION(query_options, max_range_ns),               "0s",               NULL,    "36500d",
      "Widest range of time that /events/metrics counts; wider ones are answered 400. 0s: any.", .reloads = true },
    { "cache_bytes",      SIZE(query_options, cache_bytes),                    "16MiB",            "64KiB", "64GiB",
      "Most bytes of answers that are kept in memory for `cache`; the oldest go first.", .reloads = true },
    { "user",             STRING(query_options, user),                         "",                 NULL,    NULL,
      "`store.kind: clickhouse`: the user who asks, with a profile of its own (`readonly` 2); empty: `store.user`." },
    { "password",         STRING(query_options, password),                     "",                 NULL,    NULL,
      "That user's password.", .secret = true },
    { "password_file",    STRING(query_options, password_file),                "",                 NULL,    NULL,
      "A file with it, instead of `password`; a line end behind it is left out." },
};
/* clang-format on */

const struct option_table setup_table = SHORT_TABLE(setup_rows, "file");
const struct option_table store_table = TABLE(store_rows);
const struct option_table writer_table = TABLE(writer_rows);
const struct option_table query_table = TABLE(query_rows);
