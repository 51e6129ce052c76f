/* The options of named queries, and of lookups. */
#include "config/tables/sections.h"

#include "config/options/lookup_options.h"
#include "config/options/named_query_options.h"
#include "config/tables/rows.h"

static const char *const sources[] = {
    [PARAMETER_FROM_ADDRESS] = "address",
    [PARAMETER_FROM_PATH] = "path",
    [PARAMETER_FROM_QUERY] = "query",
    [PARAMETER_FROM_HEADER] = "header",
    NULL,
};
static const char *const formats[] = {
    [PARAMETER_FORMAT_ANY] = "any",
    [PARAMETER_FORMAT_RFC3339] = "rfc3339",
    [PARAMETER_FORMAT_UNIX] = "unix",
    NULL,
};
static const char *const shapes[] = {
    [SELECT_ROWS] = "rows",
    [SELECT_ROW] = "row",
    [SELECT_MAP] = "map",
    [SELECT_VALUE] = "value",
    [SELECT_TABLE] = "table",
    [SELECT_JSON] = "json",
    NULL,
};
static const char *const caches[] = { [QUERY_CACHE_MEMORY] = "memory", [QUERY_CACHE_REDIS] = "redis", NULL };
static const char *const slashes[] = { [QUERY_SLASH_ANY] = "any", [QUERY_SLASH_EXACT] = "exact", NULL };

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option parameter_rows[] = {
    { "name",             NAME(parameter_options, name),                       NULL,               "1",     NULL,
      "What statements and replies call it.", .required = true },
    { "type",             STRING(parameter_options, type),                     NULL,               "1",     NULL,
      "ClickHouse's name of its type: a scalar, a Nullable of one, or an Array. Only `choices` have none." },
    { "from",             ENUM(parameter_options, from),                       "address",          NULL,    NULL,
      "Where its value stands: a part of the path, an argument behind `?`, or a header field. `address`: the part of the path that is "
      "named so, else the argument.", .names = sources },
    { "header",           STRING(parameter_options, header),                   NULL,               "1",     NULL,
      "`from: header`: the field's name. Without it: the parameter's, with `-` for `_`." },
    { "required",         BOOL(parameter_options, required),                   "false",            NULL,    NULL,
      "A request without it is refused. So is one without a parameter that is not Nullable and has neither `default` nor `optional`." },
    { "optional",         BOOL(parameter_options, optional),                   "false",            NULL,    NULL,
      "It may be absent; the statements that use it need `if`." },
    { "default",          STRING(parameter_options, default_text),             NULL,               NULL,    NULL,
      "What an absent value becomes; of a time also `now`, of choices a word.", .any_text = true },
    { "min",              STRING(parameter_options, min),                      NULL,               "1",     NULL,
      "Least number or time that is taken; `now` is the present, of a number in seconds since 1970." },
    { "max",              STRING(parameter_options, max),                      NULL,               "1",     NULL,
      "Greatest number or time that is taken; likewise." },
    { "not_before",       NAME(parameter_options, not_before),                 NULL,               "1",     NULL,
      "Another parameter, of a number or time too, which may not be greater." },
    { "one_of",           STRINGS(parameter_options, one_of),                  "",                 NULL,    NULL,
      "The only texts that are taken.", .any_text = true },
    { "not_blank",        BOOL(parameter_options, not_blank),                  "false",            NULL,    NULL,
      "A text that is sent must have more than blanks." },
    { "min_length",       INTEGER(parameter_options, min_length),              "0",                NULL,    "65536",
      "Least bytes of a text." },
    { "max_length",       INTEGER(parameter_options, max_length),              "1024",             "1",     "65536",
      "Most bytes of a value as it is sent." },
    { "max_items",        INTEGER(parameter_options, max_items),               "100",              "1",     "10000",
      "Most items of an Array: arguments of the same name, of numbers also with commas between." },
    { "format",           ENUM(parameter_options, format),                     "any",              NULL,    NULL,
      "How a time is written, in requests and in replies: RFC 3339, or seconds since 1970. `any`: any form of docs/protocol.md; replies have "
      "RFC 3339.", .names = formats },
    { "choices",          PAIRS(parameter_options, choices),                   "",                 NULL,    NULL,
      "Words of clients, and the SQL that each puts into a statement at `{name}`. No text of a client gets there.", .any_text = true },
    { "else",             STRING(parameter_options, otherwise),                NULL,               "1",     NULL,
      "`choices`: the SQL of an unknown word, and of none; without it an unknown word is refused.", .any_text = true },
};

static const struct option_table parameter_table = TABLE(parameter_rows);

static const struct option select_rows[] = {
    { "name",             NAME(select_options, name),                          NULL,               "1",     NULL,
      "What the reply calls its result.", .required = true },
    { "sql",              STRING(select_options, sql),                         NULL,               "1",     NULL,
      "One SELECT. `{name:Type}` is a parameter, `{name}` one of `choices`, `{rows:STREAM}` the rows of a stream, each event once.",
      .required = true, .any_text = true },
    { "shape",            ENUM(select_options, shape),                         "rows",             NULL,    NULL,
      "The JSON of the result: `rows` a list of objects; `row` the first of them; `map` two columns as keys and values; `value` the first value; "
      "`table` {\"columns\",\"rows\"}; `json` the first value, a text that is JSON.", .names = shapes },
    { "if",               NAME(select_options, only_if),                       NULL,               "1",     NULL,
      "A parameter; without a value of it the statement is left out." },
};

static const struct option_table select_table = SHORT_TABLE(select_rows, "sql");

static const struct option named_query_rows[] = {
    INHERITED_SCOPE(named_query_options), INHERITED_PREFIX(named_query_options), INHERITED_HOSTS(named_query_options),
    { "name",             NAME(named_query_options, name),                     NULL,               "1",     NULL,
      "Unique; for the log.", .required = true },
    { "path",             STRINGS(named_query_options, path),                  NULL,               "1",     NULL,
      "Where it is asked by GET: one path or several, `{name}` stands for one part.", .required = true },
    { "host",             STRINGS(named_query_options, host),                  "",                 NULL,    NULL,
      "The names of the gateway under which it is asked; empty: any." },
    { "slash",            ENUM(named_query_options, slash),                    "any",              NULL,    NULL,
      "Whether `/a/` is `/a` (`any`) or not (`exact`).", .names = slashes },
    { "stream",           NAME(named_query_options, stream),                   NULL,               "1",     NULL,
      "What `{rows}` stands for; without it: the first stream." },
    { "parameters",       LIST(named_query_options, parameters, parameter_count, parameter_options), NULL, NULL, "64",
      "The values of a request, checked and bound: a mapping of names.", .table = &parameter_table, .named_by = "name" },
    { "select",           LIST(named_query_options, selects, select_count, select_options), NULL, "1", "16",
      "The statements: a mapping of names.", .required = true, .table = &select_table, .named_by = "name" },
    { "reply",            GROUP(named_query_options, reply),                   NULL,               NULL,    NULL,
      "What is answered: the name of an entry of `replies`, or outcomes as they have them. Placeholders: parameters, statements, "
      "`{statement.column}` of the first row, `{detail}`, `{Detail}`, `{code}`, `{field}`, `{source}`, `{now}`. Without it: the statement's "
      "result, of several an object of them; problems as elsewhere.", .table = &query_reply_table },
    { "cache",            DURATION(named_query_options, cache_ns),             "0s",               NULL,    "30d",
      "How long an answer is given again; the same question, asked meanwhile, waits for the first one's answer.", .reloads = true },
    { "cache_in",         ENUM(named_query_options, cache_in),                 "memory",           NULL,    NULL,
      "`redis`: answers are shared with other gateways, at `dedup.redis_url`, beside the memory.", .names = caches },
    { "timeout",          DURATION(named_query_options, timeout_ns),           "0s",               NULL,    "1h",
      "For its statements, each; 0: `query.timeout`.", .reloads = true },
    { "max_rows",         INTEGER(named_query_options, max_rows),              "10000",            "1",     "1000000",
      "Most rows of a result; more is an error.", .reloads = true },
    { "max_bytes",        SIZE(named_query_options, max_bytes),                "8MiB",             "1KiB",  "64MiB",
      "Most bytes of a result; likewise.", .reloads = true },
};

static const struct option lookup_rows[] = {
    INHERITED_SCOPE(lookup_options),
    { "name",             NAME(lookup_options, name),                          NULL,               NULL,    NULL,
      "What routes call it.", .required = true },
    { "sql",              STRING(lookup_options, sql),                         NULL,               "1",     NULL,
      "A SELECT of two columns, keys and values; `{rows:STREAM}` is the table of a stream.", .required = true, .any_text = true },
    { "refresh",          DURATION(lookup_options, refresh_ns),                "5s",               "10ms",  "1d",
      "How often it is asked." },
    { "write_through",    STRING(lookup_options, write_through),               NULL,               "1",     NULL,
      "A stream whose events are pairs: they are found here as soon as they are answered, and by other gateways after `refresh`." },
    { "key",              STRING(lookup_options, key),                         NULL,               "1",     NULL,
      "`write_through`: the field of the keys, a String; without it, the column that the statement names first." },
    { "value",            STRING(lookup_options, value),                       NULL,               "1",     NULL,
      "Likewise of the values." },
    { "max_bytes",        SIZE(lookup_options, max_bytes),                     "64MiB",            "64KiB", "16GiB",
      "Most memory of it. A table has a quarter: there are two copies, and room for the next." },
};
/* clang-format on */

const struct option_table named_query_table = TABLE(named_query_rows);
const struct option_table lookup_table = TABLE(lookup_rows);
