/* Turns the option structs into tables: every option of the program, one row each. */
#include "config/option_table.h"

#include "base/bytes.h"
#include "base/log.h"
#include "config/config.h"
#include "config/options.h"

#include <stdint.h>

/* The place of a member, checked at compile time to have the C type that the option's type fills. */
#define PLACE(owner, member, ...)                                                                                      \
    (offsetof(struct owner, member) + 0 * sizeof(char[_Generic(((struct owner *)0)->member, __VA_ARGS__)]))
#define STRING(owner, member) .type = OPTION_STRING, .offset = PLACE(owner, member, const char * : 1)
#define NAME(owner, member) .type = OPTION_NAME, .offset = PLACE(owner, member, const char * : 1)
#define BOOL(owner, member) .type = OPTION_BOOL, .offset = PLACE(owner, member, bool : 1)
#define INTEGER(owner, member) .type = OPTION_INTEGER, .offset = PLACE(owner, member, int64_t : 1, uint64_t : 1)
#define SIZE(owner, member) .type = OPTION_SIZE, .offset = PLACE(owner, member, int64_t : 1, uint64_t : 1)
#define DURATION(owner, member) .type = OPTION_DURATION, .offset = PLACE(owner, member, int64_t : 1)
#define STRINGS(owner, member) .type = OPTION_STRINGS, .offset = PLACE(owner, member, struct string_list : 1)
#define SET(owner, member) .type = OPTION_SET, .offset = PLACE(owner, member, unsigned : 1)
#define ENUM(owner, member) .type = OPTION_ENUM, .offset = offsetof(struct owner, member)
#define GROUP(owner, member) .type = OPTION_GROUP, .offset = offsetof(struct owner, member)
#define LIST(owner, member) .type = OPTION_LIST, .offset = offsetof(struct owner, member)
#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        rows, ARRAY_LENGTH(rows)                                                                                       \
    }

static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL
};
static const char *const log_formats[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", NULL };
static const char *const durabilities[] = {
    [DURABILITY_FSYNC] = "fsync", [DURABILITY_OS] = "os", [DURABILITY_MEMORY] = "memory", NULL
};
static const char *const dedup_kinds[] = {
    [DEDUP_MEMORY] = "memory", [DEDUP_REDIS] = "redis", [DEDUP_NONE] = "none", NULL
};
static const char *const dedup_on_errors[] = {
    [DEDUP_ON_ERROR_ACCEPT] = "accept", [DEDUP_ON_ERROR_REJECT] = "reject", NULL
};
static const char *const store_kinds[] = { [STORE_EMBEDDED] = "embedded", [STORE_CLICKHOUSE] = "clickhouse", NULL };
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
static const char *const fills[] = { [FILL_NONE] = "none",           [FILL_RECEIVED_AT] = "received_at",
                                     [FILL_CLIENT_IP] = "client_ip", [FILL_USER_AGENT] = "user_agent",
                                     [FILL_EVENT_ID] = "event_id",   NULL };

static const char *const http_serves[] = { "events", "pages", "admin", NULL }; /* enum http_serves */

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option log_rows[] = {
    { "level",            ENUM(log_options, level),                            "info",             NULL,    NULL,
      "Lines below this level are not written.", .names = log_levels },
    { "format",           ENUM(log_options, format),                           "text",             NULL,    NULL,
      "One line each on stderr, as key=value text or as JSON.", .names = log_formats },
};

static const struct option http_listener_rows[] = {
    { "listen",           STRING(http_listener_options, listen),               NULL,               "1",     NULL,
      "The address, as `http.listen` has it.", .required = true },
    { "serves",           SET(http_listener_options, serves),                  NULL,               NULL,    NULL,
      "What is served there; other paths get 404. `events`: /events, /events/bulk, /events/batch and the WebSockets. `pages`: "
      "/events/metrics, /demo and /sluice.js. `admin`: /metrics, /health, /livez, /readyz, /ping and /status. Not given: all of "
      "them; with `admin.listen`, all but `admin`.", .names = http_serves },
};

static const struct option_table http_listener_table = TABLE(http_listener_rows);

static const struct option http_rows[] = {
    { "listen",           STRING(http_options, listen),                        NULL,               "1",     NULL,
      "The address of HTTP: `host:port`, `[::1]:port` or `:port` (IPv4 and IPv6; `[::]:port` is IPv6 alone). It is the short form "
      "of one entry of `http.listeners`. If neither is given: `0.0.0.0:8080`." },
    { "listeners",        LIST(http_options, listeners),                       NULL,               NULL,    "16",
      "The addresses of HTTP. `http.listen` and `admin.listen`, where they are given, are two more; at most 16 in all. Each I/O "
      "thread has a socket of each. Listeners that serve `admin` but not `events` share a thread and 64 connections of their own.",
      .table = &http_listener_table, .count_offset = offsetof(struct http_options, listener_count),
      .item_size = sizeof(struct http_listener_options) },
    { "io_threads",       INTEGER(http_options, io_threads),                   "1",                "1",     "64",
      "Threads that read requests; each has its own listening socket. One is enough for a machine of two cores." },
    { "max_body",         SIZE(http_options, max_body_bytes),                  "16MiB",            "1KiB",  "1GiB",
      "Largest request body as it is sent, still compressed; larger ones are answered 413." },
    { "max_decompressed", SIZE(http_options, max_decompressed_bytes),          "64MiB",            "1KiB",  "1GiB",
      "Largest request body once decompressed; larger ones are answered 413." },
    { "max_ratio",        INTEGER(http_options, max_ratio),                    "200",              "1",     "1000000",
      "A body, WebSocket message or datagram of more than 1 MiB once decompressed may have at most this many times the bytes "
      "that were sent. Others are answered 413 (`ratio_too_high`)." },
    { "max_header",       SIZE(http_options, max_header_bytes),                "16KiB",            "1KiB",  "1MiB",
      "Largest request line and header fields together; larger ones are answered 431." },
    { "max_events",       INTEGER(http_options, max_events),                   "100000",           "1",     "10000000",
      "Most events in one request; more are answered 413." },
    { "max_connections",  INTEGER(http_options, max_connections),              "20000",            "1",     "1000000",
      "Most connections open at once, WebSockets among them, over all I/O threads. The limit of open files may leave fewer; "
      "then the log says so at start." },
    { "max_per_address",  INTEGER(http_options, max_per_address),              "1000",             "1",     "1000000",
      "Most connections of one client address (IPv6: of its /64), WebSockets among them; more are answered 429. Proxies in "
      "`trusted_proxies` may have any number." },
    { "max_receiving",    SIZE(http_options, max_receiving_bytes),             "0",                NULL,    "1TiB",
      "Most bytes kept of requests and WebSocket messages that are not whole. Near it large ones are not read on, then they "
      "are answered 503. 0: an eighth of the memory, at least 64MiB and room for four of the largest." },
    { "max_replying",     SIZE(http_options, max_replying_bytes),              "0",                NULL,    "1TiB",
      "Most bytes kept of replies that clients have not taken. Near it the connection that has taken nothing for longest is "
      "closed. 0: an eighth of the memory, at least 64MiB." },
    { "min_body_rate",    SIZE(http_options, min_body_rate),                   "1KiB",             NULL,    "1GiB",
      "Bytes a second that a client must send of a request's body or a message, over ten seconds; slower ones are answered "
      "408 (1008). 0: no such bound." },
    { "min_reply_rate",   SIZE(http_options, min_reply_rate),                  "1KiB",             NULL,    "1GiB",
      "Bytes a second that a client must take of what waits for it, over ten seconds; slower ones are closed. 0: after "
      "`idle_timeout`." },
    { "header_timeout",   DURATION(http_options, header_timeout_ns),           "10s",              "100ms", "10m",
      "From a request's first byte to the end of its header; slower ones are answered 408. From a new connection to its first "
      "byte, too; such are closed." },
    { "body_timeout",     DURATION(http_options, body_timeout_ns),             "30s",              "100ms", "1h",
      "For the whole of a request's body; slower ones are answered 408." },
    { "idle_timeout",     DURATION(http_options, idle_timeout_ns),             "75s",              "100ms", "1d",
      "How long a connection is kept open between two requests." },
    { "wait_timeout",     DURATION(http_options, wait_timeout_ns),             "10s",              "100ms", "10m",
      "How long `?wait=stored` waits for ClickHouse before it is answered 202." },
    { "cors_origins",     STRINGS(http_options, cors_origins),                 "",                 NULL,    NULL,
      "Origins of web pages that may open a WebSocket (others get 403) and read replies of HTTP: exact (`https://shop.example`), "
      "`https://*.shop.example` for all hosts below that (not itself), `http://localhost:*` for any port, `null`, or `\"*\"` for all. "
      "Pages of the gateway's own origin always may. No POST is refused by its origin: browsers hold back those that they ask "
      "about first." },
    { "hosts",            STRINGS(http_options, hosts),                        "",                 NULL,    NULL,
      "Names by which the gateway may be called (`Host`): `events.example` with any port, `*.events.example`, "
      "`events.example:8443`. Other names get 421; addresses and `localhost` are always taken. Empty: any name. It keeps out pages "
      "whose own name was made to lead here (DNS rebinding). For `admin.listen`, too." },
    { "trusted_proxies",  STRINGS(http_options, trusted_proxies),              "127.0.0.1, ::1",   NULL,    NULL,
      "Addresses or networks (CIDR) whose X-Forwarded-For is believed." },
};

static const struct option websocket_rows[] = {
    { "max_message",      SIZE(websocket_options, max_message_bytes),          "4MiB",             "1KiB",  "1GiB",
      "Largest message as it is sent, still compressed, over all its fragments; a larger one ends the connection (1009)." },
    { "max_decompressed", SIZE(websocket_options, max_decompressed_bytes),     "4MiB",             "1KiB",  "512MiB",
      "Largest message once decompressed; a larger one ends the connection (1009)." },
    { "max_in_flight",    INTEGER(websocket_options, max_in_flight),           "20000",            "1",     "100000000",
      "Most events of one connection that are not acknowledged yet; beyond it the connection is not read." },
    { "max_connections",  INTEGER(websocket_options, max_connections),         "10000",            "1",     "1000000",
      "Most WebSockets open at once; more are answered 503." },
    { "max_per_address",  INTEGER(websocket_options, max_per_address),         "1000",             "1",     "1000000",
      "Most WebSockets of one client address; more are answered 429." },
    { "ping_interval",    DURATION(websocket_options, ping_interval_ns),       "30s",              "1s",    "1d",
      "A connection that was silent for so long is sent a ping." },
    { "pong_timeout",     DURATION(websocket_options, pong_timeout_ns),        "10s",              "1s",    "1h",
      "If nothing comes back for so long after a ping, the connection is closed." },
    { "message_timeout",  DURATION(websocket_options, message_timeout_ns),     "30s",              "1s",    "1h",
      "From a message's first byte to its last; a slower one ends the connection (1008)." },
    { "full_timeout",     DURATION(websocket_options, full_timeout_ns),        "10s",              "1s",    "1h",
      "How long a connection is not read while the gateway can take no events; then it is closed (1013)." },
};

static const struct option udp_listener_rows[] = {
    { "listen",           STRING(udp_listener_options, listen),                NULL,               "1",     NULL,
      "Address: `host:port`, `[::1]:port` or `:port` (IPv4 and IPv6; `[::]:port` is IPv6 alone); `off`: none.",
      .required = true },
    { "stream",           STRING(udp_listener_options, stream),                "",                 NULL,    NULL,
      "The stream of datagrams that name none; empty: the first." },
};

static const struct option_table udp_listener_table = TABLE(udp_listener_rows);

static const struct option udp_rows[] = {
    { "threads",          INTEGER(udp_options, threads),                       "1",                "1",     "64",
      "Threads that read each listener; each has a socket of its own." },
    { "receive_buffer",   SIZE(udp_options, receive_buffer),                   "64MiB",            "64KiB", "1GiB",
      "Bytes of a socket's unread datagrams that the kernel keeps; it drops those beyond them." },
    { "max_decompressed", SIZE(udp_options, max_decompressed_bytes),           "256KiB",           "1KiB",  "15MiB",
      "Largest datagram once decompressed; larger ones are counted as rejected." },
    { "listeners",        LIST(udp_options, listeners),                        NULL,               NULL,    "16",
      "The addresses; none: no UDP.", .table = &udp_listener_table,
      .count_offset = offsetof(struct udp_options, listener_count), .item_size = sizeof(struct udp_listener_options) },
};

static const struct option admin_rows[] = {
    { "listen",           STRING(admin_options, listen),                       "",                 NULL,    NULL,
      "The short form of a listener that serves `admin` alone: /metrics, /health and the other pages, with a thread and 64 "
      "connections of their own. Empty: `http.listen` serves them." },
};

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
      "`redis`: the server, 6.2 or later: `redis://[[user]:password@]host[:port][/database]` or "
      "`redis+unix://[…@]/path[?db=database]`." },
    { "redis_password_file", STRING(dedup_options, redis_password_file),       "",                 NULL,    NULL,
      "`redis`: a file with the password, for a URL without one; a line end behind it is left out." },
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

static const struct option store_rows[] = {
    { "kind",             ENUM(store_options, kind),                           "embedded",         NULL,    NULL,
      "Where events go: ClickHouse inside this process, or a ClickHouse server.", .names = store_kinds },
    { "path",             STRING(store_options, path),                         "",                 NULL,    NULL,
      "`embedded`: the engine's folder; empty: `clickhouse` in the data folder." },
    { "library",          STRING(store_options, library),                      "",                 NULL,    NULL,
      "`embedded`: path of `libchdb.so`; empty: it is searched for." },
    { "max_memory",       SIZE(store_options, max_memory),                     "2GiB",             "64MiB", "1000TiB",
      "`embedded`: the engine's ceiling of memory." },
    { "url",              STRING(store_options, url),                          "http://localhost:8123", "1", NULL,
      "`clickhouse`: http:// or https://, several with commas between them." },
    { "user",             STRING(store_options, user),                         "default",          "1",     NULL,
      "`clickhouse`: the user." },
    { "password",         STRING(store_options, password),                     "",                 NULL,    NULL,
      "`clickhouse`: the user's password." },
    { "password_file",    STRING(store_options, password_file),                "",                 NULL,    NULL,
      "`clickhouse`: a file with the password, instead of `password`; a line end behind it is left out." },
    { "database",         STRING(store_options, database),                     "default",          "1",     NULL,
      "The database of the streams' tables." },
    { "connect_timeout",  DURATION(store_options, connect_timeout_ns),         "2s",               "10ms",  "5m",
      "`clickhouse`: to connect; a probe may take five times as long." },
    { "request_timeout",  DURATION(store_options, request_timeout_ns),         "60s",              "100ms", "1h",
      "`clickhouse`: for one request, an INSERT above all." },
    { "create_table",     BOOL(store_options, create_table),                   "true",             NULL,    NULL,
      "Create a stream's table if it is missing." },
};

static const struct option writer_rows[] = {
    { "threads",          INTEGER(writer_options, threads),                    "2",                "1",     "64",
      "INSERTs under way at once." },
    { "backoff_min",      DURATION(writer_options, backoff_min_ns),            "250ms",            "1ms",   "1h",
      "Wait before the first retry; it doubles with each further one." },
    { "backoff_max",      DURATION(writer_options, backoff_max_ns),            "30s",              "1ms",   "1h",
      "Longest wait between two retries." },
    { "breaker_failures", INTEGER(writer_options, breaker_failures),           "5",                "1",     "1000",
      "Failures in a row after which a server is left alone for a while." },
};

static const struct option query_rows[] = {
    { "threads",          INTEGER(query_options, threads),                     "1",                "1",     "64",
      "Queries of /events/metrics that run at once." },
    { "queue",            INTEGER(query_options, queue),                       "64",               "1",     "100000",
      "Queries that wait; more are answered 503." },
    { "timeout",          DURATION(query_options, timeout_ns),                 "10s",              "10ms",  "1h",
      "For one query." },
};

static const struct option drain_rows[] = {
    { "delay",            DURATION(drain_options, delay_ns),                   "0s",               NULL,    "10m",
      "After SIGTERM, how long /readyz answers 503 before anything else ends." },
    { "timeout",          DURATION(drain_options, timeout_ns),                 "1s",               NULL,    "1h",
      "After that, how long waiting events are stored while the listeners are still open, if the store answers. The rest stays in "
      "the journal for the next start." },
};

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
      "Empty: the key named as the column." },
    { "required",         BOOL(field_options, required),                       "false",            NULL,    NULL,
      "An event without it is rejected." },
    { "default",          STRING(field_options, default_value),                NULL,               NULL,    NULL,
      "What an absent value or null becomes; for a time, `now` is that of receipt. Without it: null if the type is Nullable, "
      "else the type's own default. Not beside `required`, nor for Array, Map, JSON.", .any_text = true },
    { "fill",             ENUM(field_options, fill),                           "none",             NULL,    NULL,
      "The gateway knows the value; the event is not asked. Not beside `from`, `required`, `default`.", .names = fills },
    { "one_of",           STRINGS(field_options, one_of),                      "",                 NULL,    NULL,
      "The only values that are taken (of String, FixedString, Enum; of an Array its items). An absent one still becomes the "
      "default, `''` of a String without one; an Enum that is not required must have one then.", .any_text = true },
    { "min_length",       INTEGER(field_options, min_length),                  "0",                NULL,    "1073741824",
      "Least bytes of a text that is sent: 1 refuses the empty one, which `required` takes." },
    { "max_length",       INTEGER(field_options, max_length),                  "0",                NULL,    "1073741824",
      "Most bytes of a text; 0: no bound but the body's." },
    { "max_items",        INTEGER(field_options, max_items),                   "0",                NULL,    "10000000",
      "Most items of an array or map; 0: no bound but the body's." },
    { "min",              STRING(field_options, min),                          NULL,               "1",     NULL,
      "Least number that is taken." },
    { "max",              STRING(field_options, max),                          NULL,               "1",     NULL,
      "Greatest number that is taken." },
    { "max_past",         DURATION(field_options, max_past_ns),                NULL,               NULL,    "100000d",
      "How far in the past a time may lie; without it, any." },
    { "max_future",       DURATION(field_options, max_future_ns),              NULL,               NULL,    "100000d",
      "How far in the future a time may lie; without it, any." },
    { "anonymize",        BOOL(field_options, anonymize),                      "false",            NULL,    NULL,
      "Zero the last octet of an IPv4 address, the last 80 bits of an IPv6 address; of 6to4 and Teredo, which begin with an IPv4 "
      "address, all but the prefix." },
    { "comment",          STRING(field_options, comment),                      NULL,               NULL,    NULL,
      "The comment of a column that Sluice creates.", .any_text = true },
};

static const struct option_table field_table = TABLE(field_rows);

static const struct option stream_rows[] = {
    { "name",             NAME(stream_options, name),                          NULL,               NULL,    NULL,
      "What clients call it (`?stream=`); unique. The first stream takes what names none.", .required = true },
    { "table",            STRING(stream_options, table),                       NULL,               "1",     NULL,
      "The table; without it, named as the stream." },
    { "dedup_key",        STRINGS(stream_options, dedup_key),                  "",                 NULL,    NULL,
      "Two events with the same values of these fields are one event. A field with `?` behind its name counts if the event has "
      "it. Empty: no event is ever a duplicate. Not allowed: a field with `fill`, that of `collect_into`, Nullable, Array, Map, JSON." },
    { "order_by",         STRINGS(stream_options, order_by),                   "",                 NULL,    NULL,
      "Columns that a created table is sorted by, `event_id` is added last; empty: the dedup key without what is optional." },
    { "partition_by",     STRING(stream_options, partition_by),                NULL,               NULL,    NULL,
      "Expression over columns of the key, `\"\"` for none; without it: the month of the key's first time.", .any_text = true },
    { "allow_lossy_table", BOOL(stream_options, allow_lossy_table),            "false",            NULL,    NULL,
      "Serve the stream even if its table loses events (engine Null, Memory, a ReplacingMergeTree whose key lacks `event_id` "
      "…); `/readyz` says so all the time." },
    { "unknown_fields",   ENUM(stream_options, unknown_fields),                "ignore",           NULL,    NULL,
      "What happens to keys of an event that no field reads, also inside of objects that paths lead through. Keys of an "
      "item that is read by `[]` are refused by `reject`, but not collected.", .names = unknown_fields },
    { "collect_into",     STRING(stream_options, collect_into),                NULL,               "1",     NULL,
      "`unknown_fields: collect`: the field that takes them as JSON, with the objects around them." },
    { "invalid_text",     ENUM(stream_options, invalid_text),                  "repair",           NULL,    NULL,
      "What happens to bytes that are not UTF-8 and to halves of surrogate pairs (`\\ud83c`) in the keys and values of events: "
      "they become U+FFFD and are counted, or the event is refused.", .names = invalid_texts },
    { "late_clock",       ENUM(stream_options, late_clock),                    "reject",           NULL,    NULL,
      "What happens to an event whose time lies beyond `max_future` by less than a day, as the clock of its client is wrong: it is "
      "refused (`time_too_new`), or taken with the time of receipt and counted. It concerns the stream's time: the first of the dedup key, else "
      "of the stream.", .names = late_clocks },
    { "max_event",        SIZE(stream_options, max_event_bytes),               "1MiB",             NULL,    "1GiB",
      "Most bytes of an event as JSON (blanks do not count, nor escapes for more than they stand for), and of all paths of a "
      "JSON value written out; more is refused. 0: no bound but the body's." },
    { "max_keys",         INTEGER(stream_options, max_keys),                   "10000",            NULL,    "100000000",
      "Most keys of a value of a JSON column, those of objects in arrays among them; 0: no bound." },
    { "max_paths",        INTEGER(stream_options, max_paths),                  "5000",             NULL,    "100000000",
      "Most paths of a value of a JSON column, arrays not entered: the engine makes a column of each; 0: no bound." },
    { "batch",            GROUP(stream_options, batch),                        NULL,               NULL,    NULL,
      "How events are gathered into INSERTs.", .table = &batch_table },
    { "max_journal",      SIZE(stream_options, max_journal_bytes),             "0",                NULL,    "1000TiB",
      "Most bytes of the stream's events that wait for the store; then its new events are answered 503, other streams go "
      "on. At least 256KiB, at most `journal.max_bytes`; 0: three quarters of that beside other streams, else all of it." },
    { "fields",           LIST(stream_options, fields),                        NULL,               "1",     "1000",
      "The columns, in their order in the table.", .required = true, .table = &field_table,
      .count_offset = offsetof(struct stream_options, field_count), .item_size = sizeof(struct field_options) },
};
/* clang-format on */

_Static_assert(offsetof(struct field_options, line) == 0 && offsetof(struct stream_options, line) == 0 &&
                   offsetof(struct udp_listener_options, line) == 0 &&
                   offsetof(struct http_listener_options, line) == 0,
               "items of an OPTION_LIST begin with their line");
_Static_assert(sizeof(enum fill) == sizeof(int), "an OPTION_ENUM is stored as an int");

static const struct option_table log_table = TABLE(log_rows);
static const struct option_table http_table = TABLE(http_rows);
static const struct option_table websocket_table = TABLE(websocket_rows);
static const struct option_table udp_table = TABLE(udp_rows);
static const struct option_table admin_table = TABLE(admin_rows);
static const struct option_table journal_table = TABLE(journal_rows);
static const struct option_table commit_table = TABLE(commit_rows);
static const struct option_table dedup_table = TABLE(dedup_rows);
static const struct option_table store_table = TABLE(store_rows);
static const struct option_table writer_table = TABLE(writer_rows);
static const struct option_table query_table = TABLE(query_rows);
static const struct option_table drain_table = TABLE(drain_rows);
static const struct option_table stream_table = TABLE(stream_rows);

#define SECTION(member, text)                                                                                          \
    {                                                                                                                  \
#member, GROUP(config, member), NULL, NULL, NULL, text, .table = &member##_table                               \
    }

static const struct option section_rows[] = {
    SECTION(log, "What the gateway says about itself."),
    SECTION(http, "The HTTP front end."),
    SECTION(websocket, "The WebSocket front end, on the address of the HTTP front end."),
    SECTION(udp, "The UDP front end."),
    SECTION(admin, "The pages for operators."),
    SECTION(journal, "Where acknowledged events wait for the store."),
    SECTION(commit, "The queue in front of the journal."),
    SECTION(dedup, "The filter of duplicates."),
    SECTION(store, "Where the events go."),
    SECTION(writer, "How batches are sent to the store."),
    SECTION(query, "The reading of counts, GET /events/metrics."),
    SECTION(drain, "What happens on SIGTERM."),
    { "streams", LIST(config, streams), NULL, "1", "256", "The declared kinds of events, at least one.",
      .required = true, .table = &stream_table, .count_offset = offsetof(struct config, stream_count),
      .item_size = sizeof(struct stream_options) },
};

const struct option_table option_sections = TABLE(section_rows);
