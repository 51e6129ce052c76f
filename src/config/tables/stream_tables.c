/* The options of a stream and its fields. */
#include "config/tables/sections.h"

#include "config/options/stream_options.h"
#include "config/tables/rows.h"

static const char *const batch_strategies[] = { [BATCH_IMMEDIATE] = "immediate",
                                                [BATCH_TIME] = "time",
                                                [BATCH_SIZE] = "size",
                                                [BATCH_HYBRID] = "hybrid",
                                                [BATCH_MEMORY] = "memory",
                                                [BATCH_ADAPTIVE] = "adaptive",
                                                NULL };
static const char *const unknown_fields[] = {
    [UNKNOWN_IGNORE] = "ignore", [UNKNOWN_REJECT] = "reject", [UNKNOWN_COLLECT] = "collect", NULL
};
static const char *const invalid_texts[] = { [INVALID_TEXT_REPAIR] = "repair", [INVALID_TEXT_REJECT] = "reject", NULL };
static const char *const late_clocks[] = { [LATE_CLOCK_REJECT] = "reject", [LATE_CLOCK_CLAMP] = "clamp", NULL };
static const char *const fills[] = { [FILL_NONE] = "none",
                                     [FILL_RECEIVED_AT] = "received_at",
                                     [FILL_CLIENT_IP] = "client_ip",
                                     [FILL_USER_AGENT] = "user_agent",
                                     [FILL_EVENT_ID] = "event_id",
                                     [FILL_HOST] = "host",
                                     [FILL_REFERER] = "referer",
                                     [FILL_ACCEPT_LANGUAGE] = "accept_language",
                                     [FILL_UUID] = "uuid",
                                     [FILL_KEY_NAME] = "key_name",
                                     NULL };
static const char *const tenants[] = { [TENANT_NONE] = "none", [TENANT_KEY] = "key", NULL };
static const char *const time_units[] = {
    [UNIT_ANY] = "any",         [UNIT_SECONDS] = "s",      [UNIT_MILLISECONDS] = "ms",
    [UNIT_MICROSECONDS] = "us", [UNIT_NANOSECONDS] = "ns", NULL
};
static const char *const json_texts[] = {
    [JSON_TEXT_NONE] = "none", [JSON_TEXT_OBJECT] = "object", [JSON_TEXT_ANY] = "any", NULL
};
static const char *const url_rules[] = { "strip_query", "strip_scheme", "host_path", "absolute", NULL };

_Static_assert(URL_ABSOLUTE == 1u << (ARRAY_LENGTH(url_rules) - 2), "a bit of `url` for each name");
_Static_assert(sizeof(enum fill) == sizeof(int), "an OPTION_ENUM is stored as an int");

static const char *const stream_rejects[] = { [STREAM_REJECTS_AS_CONFIGURED] = "as_configured",
                                              [STREAM_REJECTS_OFF] = "off",
                                              [STREAM_REJECTS_CUT] = "cut",
                                              [STREAM_REJECTS_KEEP] = "keep",
                                              NULL };

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option batch_rows[] = {
    { "strategy",         ENUM(batch_options, strategy),                       "hybrid",           NULL,    NULL,
      "What ends a batch. `immediate`: each group of events; `time`: its age; `size`: its rows and bytes; `hybrid`: whichever of these "
      "comes first; `memory`: the bytes of all streams together; `adaptive`: rows and age that follow the store's pace.", .names = batch_strategies },
    { "max_rows",         INTEGER(batch_options, max_rows),                    "100000",           "1",     "10000000",
      "Rows of one INSERT. ClickHouse pays least for 10,000 and more." },
    { "max_bytes",        SIZE(batch_options, max_bytes),                      "64MiB",            "1KiB",  "4GiB",
      "Bytes of one INSERT, uncompressed." },
    { "max_delay",        DURATION(batch_options, max_delay_ns),               "1s",               "1ms",   "1h",
      "How old a batch's first event may grow before it is sent." },
};

static const struct option_table batch_table = TABLE(batch_rows);

static const struct option field_rows[] = {
    { "name",             STRING(field_options, name),                         NULL,               "1",     NULL,
      "The column.", .required = true },
    { "type",             STRING(field_options, type),                         NULL,               "1",     NULL,
      "ClickHouse's name of its type. In `{ … }` quote a type that has a comma.", .required = true },
    { "from",             STRINGS(field_options, from),                        "",                 NULL,    NULL,
      "Where the value is in the event: `device.browser`, `\"items[].id\"`; of several the first that is there wins. "
      "Empty: the key named as the column.", .reloads = true },
    { "required",         BOOL(field_options, required),                       "false",            NULL,    NULL,
      "An event without it is rejected.", .reloads = true },
    { "default",          STRING(field_options, default_value),                NULL,               NULL,    NULL,
      "What an absent value or null becomes; for a time, `now` is that of receipt. Without it: null if the type is Nullable, "
      "else the type's own default. Not beside `required`, nor for Array, Map, JSON.", .any_text = true, .reloads = true },
    { "fill",             ENUM(field_options, fill),                           "none",             NULL,    NULL,
      "The gateway knows the value; the event is not asked. `host`: the name that the client called, behind `http.trusted_proxies` that of "
      "their `X-Forwarded-Host`; `host`, `referer`, `accept_language` and `user_agent` are empty for datagrams, and of a WebSocket those "
      "of its handshake. `uuid`: a new one for each event. `key_name`: the name of the key that was shown, empty without one. Not beside `required`, `default`; `from` stands beside `event_id` alone: a client's own UUID "
      "there is the event's id.", .names = fills },
    { "one_of",           STRINGS(field_options, one_of),                      "",                 NULL,    NULL,
      "The only values that are taken (of String, FixedString, Enum; of an Array its items). An absent one still becomes the "
      "default, `''` of a String without one; an Enum that is not required must have one then.", .any_text = true, .reloads = true },
    { "min_length",       INTEGER(field_options, min_length),                  "0",                NULL,    "1073741824",
      "Least bytes of a text that is sent: 1 refuses the empty one, which `required` takes.", .reloads = true },
    { "not_blank",        BOOL(field_options, not_blank),                      "false",            NULL,    NULL,
      "A text that is sent, or each item of an array, must have a character that is no space.", .reloads = true },
    { "max_length",       INTEGER(field_options, max_length),                  "0",                NULL,    "1073741824",
      "Most bytes of a text; 0: no bound but the body's.", .reloads = true },
    { "max_items",        INTEGER(field_options, max_items),                   "0",                NULL,    "10000000",
      "Most items of an array or map; 0: no bound but the body's.", .reloads = true },
    { "min",              STRING(field_options, min),                          NULL,               "1",     NULL,
      "Least number that is taken. Of a time: the earliest, as RFC 3339, as a number (of `unit`), or `now`.", .reloads = true },
    { "max",              STRING(field_options, max),                          NULL,               "1",     NULL,
      "Greatest number that is taken. Of a time: the latest, likewise; `now` allows nothing of the future.", .reloads = true },
    { "unit",             ENUM(field_options, unit),                           "any",              NULL,    NULL,
      "The one way in which a time is taken: a whole number of seconds, milliseconds, microseconds or nanoseconds since 1970. "
      "Texts, fractions, and numbers that by their size are of another unit are refused. `any`: the number's size tells, "
      "and texts are taken, as the protocol's section \"Times\" says.", .names = time_units, .reloads = true },
    { "max_past",         DURATION(field_options, max_past_ns),                NULL,               NULL,    "100000d",
      "How far in the past a time may lie; without it, any.", .reloads = true },
    { "max_future",       DURATION(field_options, max_future_ns),              NULL,               NULL,    "100000d",
      "How far in the future a time may lie; without it, any.", .reloads = true },
    { "json",             ENUM(field_options, json),                           "none",             NULL,    NULL,
      "Of a String (or an Array of them): what is stored is the JSON text of the value. `object`: only objects are taken; `any`: "
      "any value, a text with its quotes.", .names = json_texts, .reloads = true },
    { "lenient",          BOOL(field_options, lenient),                        "false",            NULL,    NULL,
      "Texts are taken for truths, too (`yes`, `on`, `1` …), and a value that does not fit becomes the default instead of refusing the "
      "event; an item of an array that does not fit becomes its type's default. Counted in `sluice_values_defaulted_total`. A field of the dedup "
      "key then counts as absent. A `required` field must still have a value that fits.", .reloads = true },
    { "trim",             BOOL(field_options, trim),                           "false",            NULL,    NULL,
      "Cut spaces, line ends and other white space (of Unicode) off both ends of a text. Texts are changed in this order: "
      "`trim`, `url`, `lower` or `upper`; then they are checked, and then the event's id is made.", .reloads = true },
    { "url",              SET(field_options, url),                             NULL,               NULL,    NULL,
      "What is kept of a URL in a String. `strip_query`: not what follows `?` or `#`; `strip_scheme`: not `https://`; "
      "`host_path`: the host in lower case, without user and port, and the path. `absolute`: what is no whole http or https URL is "
      "refused, before anything is cut.", .names = url_rules, .reloads = true },
    { "lower",            BOOL(field_options, lower),                          "false",            NULL,    NULL,
      "Make the letters A to Z of a text small. Other letters stay as they are, as with ClickHouse's `lower`.", .reloads = true },
    { "upper",            BOOL(field_options, upper),                          "false",            NULL,    NULL,
      "Make the letters a to z of a text large, likewise.", .reloads = true },
    { "anonymize",        BOOL(field_options, anonymize),                      "false",            NULL,    NULL,
      "Zero the last octet of an IPv4 address, the last 80 bits of an IPv6 address; of 6to4 and Teredo, which begin with an IPv4 "
      "address, all but the prefix.", .reloads = true },
    { "comment",          STRING(field_options, comment),                      NULL,               NULL,    NULL,
      "The comment of a column that Sluice creates.", .any_text = true },
};

static const struct option_table field_table = TABLE(field_rows);

static const struct option upsert_rows[] = {
    { "key",              STRINGS(upsert_options, key),                        "",                 NULL,    NULL,
      "The fields that name what an event is the new state of; the table is sorted by them. An event must have them all. "
      "Not allowed: a field with `default` or another `fill` than `key_name`, that of `collect_into`, Nullable, Array, Map, JSON." },
    { "version",          STRING(upsert_options, version),                     "updated_at",       "1",     NULL,
      "The field whose greatest value wins: of type DateTime64(6), DateTime64(9) or UInt64 (microseconds), with `fill: received_at`; "
      "each update of the stream gets a greater one than those before it. A column of that name is added if no field has it." },
};

static const struct option_table upsert_table = TABLE(upsert_rows);

static const struct option stream_rows[] = {
    INHERITED_SCOPE(stream_options),
    { "name",             NAME(stream_options, name),                          NULL,               NULL,    NULL,
      "What clients call it (`?stream=`); unique. The first stream takes what names none.", .required = true },
    { "table",            STRING(stream_options, table),                       NULL,               "1",     NULL,
      "The table; without it, named as the stream." },
    { "dedup_key",        STRINGS(stream_options, dedup_key),                  "",                 NULL,    NULL,
      "Two events with the same values of these fields are one event. A field with `?` behind its name counts if the event has "
      "it. Empty: no event is ever a duplicate. Not allowed: a field with another `fill` than `key_name`, that of `collect_into`, Nullable, "
      "Array, Map, JSON." },
    { "tenant",           ENUM(stream_options, tenant),                        "none",             NULL,    NULL,
      "`key`: the name of the key that was shown is part of the id. So the events of one key are no duplicates of another's, and never "
      "replace them. Needs `keys`; not beside `upsert` or clients' own ids.", .names = tenants },
    { "order_by",         STRINGS(stream_options, order_by),                   "",                 NULL,    NULL,
      "Columns that a created table is sorted by, `event_id` is added last; empty: the dedup key without what is optional." },
    { "partition_by",     STRING(stream_options, partition_by),                NULL,               NULL,    NULL,
      "Expression over columns of the key, `\"\"` for none; without it: the month of the key's first time.", .any_text = true },
    { "upsert",           GROUP(stream_options, upsert),                       NULL,               NULL,    NULL,
      "An event replaces the row that its key has in the table, instead of being one more. Instead of `dedup_key` and `order_by`.",
      .table = &upsert_table },
    { "create_table",     BOOL(stream_options, create_table),                  "true",             NULL,    NULL,
      "Create the table if it is missing; `false`, here or of the store: it is the user's, or `setup`'s." },
    { "allow_lossy_table", BOOL(stream_options, allow_lossy_table),            "false",            NULL,    NULL,
      "Serve the stream even if its table loses events (engine Null, Memory, a ReplacingMergeTree whose key lacks `event_id` "
      "…); `/readyz` says so all the time." },
    { "unknown_fields",   ENUM(stream_options, unknown_fields),                "ignore",           NULL,    NULL,
      "What happens to keys of an event that no field reads, also inside of objects and items that paths lead through.",
      .names = unknown_fields, .reloads = true },
    { "collect_into",     STRING(stream_options, collect_into),                NULL,               "1",     NULL,
      "`unknown_fields: collect`: the field that takes them as JSON, with the objects around them. Of an array whose items are "
      "read by `[]` there is an object for each item, empty if nothing of it is unknown.", .reloads = true },
    { "invalid_text",     ENUM(stream_options, invalid_text),                  "repair",           NULL,    NULL,
      "What happens to bytes that are not UTF-8 and to halves of surrogate pairs (`\\ud83c`) in the keys and values of events: "
      "they become U+FFFD and are counted, or the event is refused.", .names = invalid_texts, .reloads = true },
    { "late_clock",       ENUM(stream_options, late_clock),                    "reject",           NULL,    NULL,
      "What happens to an event whose time lies beyond `max_future` by less than a day, as the clock of its client is wrong: it is "
      "refused (`time_too_new`), or taken with the time of receipt and counted. It concerns the stream's time: the first of the dedup key, else "
      "of the stream.", .names = late_clocks, .reloads = true },
    { "lenient",          BOOL(stream_options, lenient),                       "false",            NULL,    NULL,
      "All fields of the stream are `lenient`; where an object or array stands in the way of a path, the fields behind it get their "
      "defaults.", .reloads = true },
    { "max_event",        SIZE(stream_options, max_event_bytes),               "1MiB",             NULL,    "1GiB",
      "Most bytes of an event as JSON (blanks do not count, nor escapes for more than they stand for), and of all paths of a "
      "JSON value written out; more is refused. 0: no bound but the body's.", .reloads = true },
    { "max_keys",         INTEGER(stream_options, max_keys),                   "10000",            NULL,    "100000000",
      "Most keys of a value of a JSON column, those of objects in arrays among them; 0: no bound.", .reloads = true },
    { "max_paths",        INTEGER(stream_options, max_paths),                  "5000",             NULL,    "100000000",
      "Most paths of a value of a JSON column, arrays not entered: the engine makes a column of each; 0: no bound.", .reloads = true },
    { "batch",            GROUP(stream_options, batch),                        NULL,               NULL,    NULL,
      "How events are gathered into INSERTs.", .table = &batch_table, .reloads = true },
    { "rejects",          ENUM(stream_options, rejects),                       "as_configured",    NULL,    NULL,
      "Whether the stream's rejected input is kept: as `rejects` has it, not at all (`off`), with its personal values cut (`cut`), or as it came "
      "(`keep`).", .names = stream_rejects, .reloads = true },
    { "max_journal",      SIZE(stream_options, max_journal_bytes),             "0",                NULL,    "1000TiB",
      "Most bytes of the stream's events that wait for the store; then its new events are answered 503, other streams go "
      "on. At least 256KiB, at most `journal.max_bytes`; 0: three quarters of that beside other streams, else all of it." },
    { "fields",           LIST(stream_options, fields, field_count, field_options), NULL, "1",     "1000",
      "The columns, in their order in the table.", .required = true, .table = &field_table, .grows = true },
};
/* clang-format on */

const struct option_table stream_table = TABLE(stream_rows);
