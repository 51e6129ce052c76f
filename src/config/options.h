/* Every option of the program, one struct per module, side by side: plain data.
 *
 * config/ fills them from YAML and checks each value alone (type, range, unit); the module that an option struct is
 * named after checks what only it can know (a ClickHouse type, a path). Strings are owned by the struct config that
 * holds them and live until config_free. Sizes are bytes, times nanoseconds. */
#pragma once

#include "base/log.h"

struct string_list {
    const char **items;
    size_t count;
};

struct log_options {
    enum log_level level;
    enum log_format format;
};

/* What a listener may serve, as bits: where events come in, the pages of clients, those of operators. */
enum http_serves { SERVES_EVENTS = 1, SERVES_PAGES = 2, SERVES_ADMIN = 4 };

#define HTTP_LISTENERS_MAX 16

struct http_listener_options {
    int line;           /* in the configuration file, for messages; 0: `option` is not in http.listeners */
    const char *listen; /* "host:port", "[::1]:port", ":port" */
    unsigned serves;    /* of enum http_serves, never 0 */
    const char *option; /* that gave the address, "admin.listen". Of no option */
};

struct http_options {
    const char *listen; /* the short form of one listener, which is in `listeners`; NULL: it was not given */
    struct http_listener_options *listeners; /* all, those of the short forms first */
    size_t listener_count;                   /* 1 to HTTP_LISTENERS_MAX */
    int64_t io_threads;
    uint64_t max_body_bytes; /* as received, still compressed */
    uint64_t max_decompressed_bytes;
    uint64_t max_ratio;           /* decompressed : sent, beyond 1 MiB, for all doors */
    uint64_t max_header_bytes;    /* request line and fields together */
    uint64_t max_events;          /* in one payload */
    int64_t max_connections;      /* of all I/O threads */
    int64_t max_per_address;      /* of one client address */
    uint64_t max_receiving_bytes; /* of requests and messages that are not whole; 0: a share of memory */
    uint64_t max_replying_bytes;  /* of replies that are not taken; likewise */
    uint64_t min_body_rate;       /* bytes a second; 0: none */
    uint64_t min_reply_rate;
    int64_t header_timeout_ns;          /* from a request's first byte to its last header byte */
    int64_t body_timeout_ns;            /* for the whole body */
    int64_t idle_timeout_ns;            /* keep-alive */
    int64_t wait_timeout_ns;            /* ?wait=stored */
    struct string_list cors_origins;    /* as proto/front/origins.h says, for WebSockets too */
    struct string_list hosts;           /* as proto/front/hosts.h says; empty: all */
    struct string_list trusted_proxies; /* addresses or CIDR */
};

/* WebSockets begin as HTTP requests: http's limits of connections, headers, events and origins are theirs too. */
struct websocket_options {
    uint64_t max_message_bytes; /* as received, still compressed, over all its fragments */
    uint64_t max_decompressed_bytes;
    uint64_t max_in_flight;     /* events of one connection that are not acknowledged yet; then it is not read */
    int64_t max_connections;    /* of all I/O threads */
    int64_t max_per_address;    /* of one client address */
    int64_t ping_interval_ns;   /* without a sign of life, a ping goes out */
    int64_t pong_timeout_ns;    /* and, without an answer, the connection ends */
    int64_t message_timeout_ns; /* for the whole of a message */
    int64_t full_timeout_ns;    /* how long a message waits while the gateway is full */
};

struct udp_listener_options {
    int line;           /* in the configuration file, for messages */
    const char *listen; /* as http.listen; "off": none */
    const char *stream; /* "": the first */
};

struct udp_options {
    int64_t threads;         /* of each listener */
    uint64_t receive_buffer; /* of each socket, in the kernel */
    uint64_t max_decompressed_bytes;
    struct udp_listener_options *listeners;
    size_t listener_count;
};

struct admin_options {
    const char *listen; /* the short form of a listener that serves SERVES_ADMIN alone; "": none */
};

enum durability { DURABILITY_FSYNC, DURABILITY_OS, DURABILITY_MEMORY };

struct journal_options {
    const char *data; /* the data folder */
    enum durability durability;
    uint64_t max_bytes; /* of all segments; of one stream's: its max_journal_bytes */
    uint64_t min_free;  /* bytes free on its file system */
    uint64_t max_dead_letter_bytes;
};

struct commit_options {
    uint64_t queue_events; /* most events waiting for the commit thread */
    uint64_t queue_bytes;
};

enum dedup_kind { DEDUP_MEMORY, DEDUP_REDIS, DEDUP_NONE };
enum dedup_on_error { DEDUP_ON_ERROR_ACCEPT, DEDUP_ON_ERROR_REJECT };

struct dedup_options {
    enum dedup_kind kind;
    int64_t window_ns;
    uint64_t max_bytes; /* memory: of the window in process */
    enum dedup_on_error on_error;
    const char *redis_url;
    const char *redis_password_file; /* "" : none */
    const char *redis_password;      /* what it holds; NULL: there is none. Of no option */
    const char *redis_prefix;
    int64_t redis_timeout_ns; /* for one commit group */
    int64_t redis_shards;     /* sets that a window is spread over */
    uint64_t redis_front;     /* bytes of the ids remembered in process, in front of Redis */
};

enum store_kind { STORE_EMBEDDED, STORE_CLICKHOUSE };

struct store_options {
    enum store_kind kind;
    const char *path;    /* embedded: the engine's folder; "" is <data>/clickhouse */
    const char *library; /* embedded: path of libchdb.so; "" searches */
    uint64_t max_memory; /* embedded: the engine's ceiling */
    const char *url;     /* clickhouse: comma-separated http:// or https:// */
    const char *user;
    const char *password;
    const char *password_file; /* "" : none; else `password` is what it holds */
    const char *database;
    int64_t connect_timeout_ns;
    int64_t request_timeout_ns;
    bool create_table;
};

struct writer_options {
    int64_t threads;
    int64_t backoff_min_ns;
    int64_t backoff_max_ns;
    int64_t breaker_failures; /* failures in a row that open a server's breaker */
};

struct query_options {
    int64_t threads;
    int64_t queue; /* queries waiting, at most */
    int64_t timeout_ns;
};

struct drain_options {
    int64_t delay_ns;   /* /readyz is 503, the listeners still open */
    int64_t timeout_ns; /* for storing what is left */
};

enum batch_strategy {
    BATCH_IMMEDIATE, /* every commit group is a batch */
    BATCH_TIME,      /* by age alone */
    BATCH_SIZE,      /* by rows and bytes; age only as the bound that each strategy has */
    BATCH_HYBRID,    /* whichever of rows, bytes and age comes first */
    BATCH_MEMORY,    /* by bytes, of all open segments together */
    BATCH_ADAPTIVE   /* rows and age move with the store's latency and its "too many parts" */
};

struct batch_options {
    enum batch_strategy strategy;
    uint64_t max_rows;
    uint64_t max_bytes; /* uncompressed Native */
    int64_t max_delay_ns;
};

enum unknown_fields { UNKNOWN_IGNORE, UNKNOWN_REJECT, UNKNOWN_COLLECT };

enum invalid_text { INVALID_TEXT_REPAIR, INVALID_TEXT_REJECT };
enum late_clock { LATE_CLOCK_REJECT, LATE_CLOCK_CLAMP };

enum fill { FILL_NONE, FILL_RECEIVED_AT, FILL_CLIENT_IP, FILL_USER_AGENT, FILL_EVENT_ID };

/* One entry of streams[].fields. Numbers stay text here: their meaning depends on the type. NULL: not given. */
struct field_options {
    int line;                /* in the configuration file, for messages */
    const char *name;        /* the column */
    const char *type;        /* ClickHouse's name of it */
    struct string_list from; /* paths in the event, first found wins; empty: the name itself */
    bool required;
    const char *default_value; /* "now" for a time; else a literal of the type */
    enum fill fill;
    struct string_list one_of;
    uint64_t min_length; /* bytes of a string; 0: the empty one, too */
    uint64_t max_length; /* bytes of a string; 0: no bound but the body's */
    uint64_t max_items;  /* of an array or map; 0: no bound but the body's */
    const char *min;
    const char *max;
    int64_t max_past_ns; /* event times; -1: not given */
    int64_t max_future_ns;
    bool anonymize; /* client_ip: last octet of IPv4, last 80 bits of IPv6 become zero */
    const char *comment;
};

struct stream_options {
    int line;
    const char *name;
    const char *table;
    struct string_list dedup_key; /* field names; empty: no dedup */
    struct string_list order_by;  /* columns of the created table's ORDER BY, before event_id; empty: the dedup key */
    const char *partition_by;     /* expression over key columns; NULL: by month of the first time in the key */
    bool allow_lossy_table;       /* serve a table that does not keep every row */
    enum unknown_fields unknown_fields;
    const char *collect_into;       /* UNKNOWN_COLLECT: the column */
    enum invalid_text invalid_text; /* bytes that are not UTF-8, halves of surrogate pairs */
    enum late_clock late_clock;     /* a time beyond max_future by less than a day */
    uint64_t max_event_bytes;       /* of an event's JSON; 0: no bound but the body's, as for the next two */
    uint64_t max_keys;              /* of a JSON value */
    uint64_t max_paths;
    struct batch_options batch;
    uint64_t max_journal_bytes; /* of this stream's segments; 0 in the file: by the number of streams */
    struct field_options *fields;
    size_t field_count;
};
