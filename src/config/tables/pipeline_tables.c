/* The options of the way of an event: journal, commit, duplicates, what was refused. */
#include "config/tables/sections.h"

#include "config/options/commit_options.h"
#include "config/options/dedup_options.h"
#include "config/options/journal_options.h"
#include "config/tables/rows.h"

static const char *const durabilities[] = {
    [DURABILITY_FSYNC] = "fsync", [DURABILITY_OS] = "os", [DURABILITY_MEMORY] = "memory", NULL
};
static const char *const dedup_kinds[] = {
    [DEDUP_MEMORY] = "memory", [DEDUP_REDIS] = "redis", [DEDUP_NONE] = "none", NULL
};
static const char *const dedup_redis_verifies[] = {
    [DEDUP_REDIS_VERIFY_FULL] = "full", [DEDUP_REDIS_VERIFY_NOTHING] = "insecure_accept_any", NULL
};
static const char *const dedup_on_errors[] = {
    [DEDUP_ON_ERROR_ACCEPT] = "accept", [DEDUP_ON_ERROR_REJECT] = "reject", NULL
};

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option journal_rows[] = {
    { "data",             STRING(journal_options, data),                       "./data",           "1",     NULL,
      "The data folder; one gateway at a time may use it." },
    { "durability",       ENUM(journal_options, durability),                   "fsync",            NULL,    NULL,
      "When an event is acknowledged: after fdatasync (survives power loss), after write (`os`, survives the process), "
      "or from memory (survives nothing).", .names = durabilities },
    { "max_bytes",        SIZE(journal_options, max_bytes),                    "10GiB",            "1MiB",  "1000TiB",
      "Most bytes that wait for the store; then new events are answered 503." },
    { "min_free",         SIZE(journal_options, min_free),                     "256MiB",           NULL,    "1000TiB",
      "Bytes that stay free on the data folder's file system; below it new events are answered 503." },
    { "max_dead_letters", SIZE(journal_options, max_dead_letter_bytes),        "1GiB",             NULL,    "1000TiB",
      "Most bytes of events that the table refused; beyond them a refused event waits in the journal." },
};

static const struct option commit_rows[] = {
    { "queue_events",     INTEGER(commit_options, queue_events),               "1000000",          "1000",  "1000000000",
      "Most events that wait to be made durable; then new ones are answered 503." },
    { "queue_bytes",      SIZE(commit_options, queue_bytes),                   "256MiB",           "1MiB",  "1TiB",
      "Most bytes that wait to be made durable; then new events are answered 503." },
};

static const struct option dedup_rows[] = {
    { "kind",             ENUM(dedup_options, kind),                           "memory",           NULL,    NULL,
      "Where the ids of the last events are remembered: in the process (one gateway), in Redis (many gateways), or nowhere.",
      .names = dedup_kinds },
    { "window",           DURATION(dedup_options, window_ns),                  "1h",               "1s",    "30d",
      "How long an id is remembered." },
    { "max_bytes",        SIZE(dedup_options, max_bytes),                      "256MiB",           "1MiB",  "1TiB",
      "`memory`: most bytes of the window; it is shortened when it would need more." },
    { "on_error",         ENUM(dedup_options, on_error),                       "accept",           NULL,    NULL,
      "If the filter fails: accept events unfiltered (the table still collapses them) or answer 503.",
      .names = dedup_on_errors },
    { "redis_url",        STRING(dedup_options, redis_url),                    "redis://localhost:6379", "1", NULL,
      "`redis`: the server, 6.2 or later: `redis://[[user]:password@]host[:port][/database]`, `rediss://…` "
      "with TLS, or `redis+unix://[…@]/path[?db=database]`.", .secret = true },
    { "redis_password",   STRING(dedup_options, redis_password),               "",                 NULL,    NULL,
      "`redis`: the password, for a URL without one.", .secret = true },
    { "redis_password_file", STRING(dedup_options, redis_password_file),       "",                 NULL,    NULL,
      "`redis`: a file with it, instead of `redis_password`; a line end behind it is left out." },
    { "redis_ca_file",    STRING(dedup_options, redis_ca_file),                "",                 NULL,    NULL,
      "`redis` over rediss://: a file (PEM) with the CAs that may have signed the server's certificate; empty: those that the system trusts." },
    { "redis_client_certificate", STRING(dedup_options, redis_client_certificate), "",             NULL,    NULL,
      "`redis` over rediss://: a file (PEM) with the gateway's own certificate, for a server that asks for one (`tls-auth-clients`)." },
    { "redis_client_key", STRING(dedup_options, redis_client_key),             "",                 NULL,    NULL,
      "The key of `redis_client_certificate` (PEM, without a passphrase); empty: it is in that file." },
    { "redis_verify",     ENUM(dedup_options, redis_verify),                   "full",             NULL,    NULL,
      "`redis` over rediss://: whether the server's certificate is verified. With `insecure_accept_any` whoever stands between may read and "
      "change all: for a try alone.", .names = dedup_redis_verifies },
    { "redis_prefix",     STRING(dedup_options, redis_prefix),                 "sluice",           "1",     "64",
      "`redis`: what its keys begin with; gateways with the same prefix share their windows." },
    { "redis_timeout",    DURATION(dedup_options, redis_timeout_ns),           "500ms",            "1ms",   "10s",
      "`redis`: for looking up one group of events; after it, `on_error` says what becomes of them." },
    { "redis_shards",     INTEGER(dedup_options, redis_shards),                "1",                "1",     "16",
      "`redis`: sets that a window is spread over, the same for all gateways; more than one only for windows of over a "
      "million events." },
    { "redis_front",      SIZE(dedup_options, redis_front),                    "64MiB",            "1MiB",  "1TiB",
      "`redis`: most bytes of the ids that are remembered in the process as well, so that their duplicates need not be asked "
      "for." },
};

/* clang-format on */

const struct option_table journal_table = TABLE(journal_rows);
const struct option_table commit_table = TABLE(commit_rows);
const struct option_table dedup_table = TABLE(dedup_rows);
