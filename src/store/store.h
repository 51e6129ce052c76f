/* The contract of a store: where batches go and queries are answered.
 *
 * A store has one or more servers (the embedded engine: one). Calls go through a session, one per thread: sessions are
 * not shared, the store itself may be used by all threads. Nothing here retries; that is the writer's. */
#pragma once

#include "base/bytes.h"

#include <stdatomic.h>

#define STORE_SERVER_NAME_MAX 128
#define STORE_MESSAGE_MAX 1024

struct segment;
struct store;
struct store_options;
struct store_session;
struct stream;

enum store_outcome {
    STORE_DONE,        /* 200 and an empty body, or the engine's success */
    STORE_ANSWERED,    /* the server answered with an error: `code` is ClickHouse's, 0 if it named none */
    STORE_UNREACHABLE, /* the request was never sent: it cannot have had an effect */
    STORE_UNKNOWN      /* sent, or partly sent, and no answer: fate unknown */
};

struct store_reply {
    enum store_outcome outcome;
    int code;                           /* ClickHouse's error code */
    int http_status;                    /* 0 without HTTP */
    char message[STORE_MESSAGE_MAX];    /* plain text, for dead letters: it may quote rows (codes.h: code_explain) */
    char server[STORE_SERVER_NAME_MAX]; /* what the server that answered calls itself; "" : it does not say */
};

/* What a server can do, by its version. Zeroed until it has been reached. */
struct store_features {
    bool known;
    int major, minor;
    bool tokens;               /* insert_deduplication_token */
    bool view_tokens;          /* views' targets have tokens of their own, which follow from it */
    bool deduplication_window; /* non_replicated_deduplication_window of MergeTree */
    bool merges_compact;       /* compact parts column by column into wide ones, by default */
    bool fsync_settings;       /* fsync_after_insert and fsync_part_directory of MergeTree */
    bool lz4_body;             /* Content-Encoding: lz4; else the body is one merged Native block */
    bool converts;             /* Native columns are converted to the table's types */
    bool async_insert;         /* knows the setting */
    bool optimize_on_insert;   /* likewise */
    bool unix_times;           /* now64, and toUnixTimestamp64Milli and its like */
    bool pins;                 /* its profile pins settings that INSERTs or queries would ask for: see the log */
    bool parameters;           /* {name:Type} bound by the server */
    /* Types; of the others store_has_kind says it. */
    bool json, map, low_cardinality;
    int64_t started_wall_s; /* now() - uptime() */
    int64_t up_since_ns;    /* monotonic, by our clock: its process runs since then at the latest */
};

/* Settings of every INSERT where there is the JSON type: what a client wrote into it stays as it is. Without them a text
 * that looks like a date becomes one ("2024-02-30" the first of March), and booleans of a mixed array numbers or text; a
 * large integer beside a fraction becomes the nearest double, and [[18446744073709551615,5],[-1,3]] is refused.
 * They count only for columns that travel as JSON (json_stream): the cast from String looks at no settings. */
#define STORE_JSON_SETTINGS(X)                                                                                         \
    X("input_format_try_infer_integers", "0")                                                                          \
    X("input_format_try_infer_dates", "0")                                                                             \
    X("input_format_try_infer_datetimes", "0")                                                                         \
    X("input_format_json_read_bools_as_numbers", "0")                                                                  \
    X("input_format_json_read_bools_as_strings", "0")

/* Settings of statements of the configuration, on servers. readonly 1 would refuse the settings beside it. */
#define STORE_READING_SETTINGS(X)                                                                                      \
    X("readonly", "2")                                                                                                 \
    X("result_overflow_mode", "throw")                                                                                 \
    X("output_format_json_quote_64bit_integers", "0")                                                                  \
    X("output_format_json_quote_denormals", "0")

/* One INSERT: of one segment, or of several that are alike but for their rows. */
struct store_insert {
    const struct segment *segment; /* the first; the others hang on its `next` */
    struct slice bytes;            /* of all of them, one behind the other, as they lie on disk */
    const char *token;             /* query_id (over HTTP) and insert_deduplication_token */
    const char *missing_column;    /* a column of the segment that the table lacks, to be skipped; NULL: none */
    const struct stream
        *json_stream; /* its JSON columns go as JSON, not as the Strings that they lie as; NULL: they do not */
};

struct store_parameter {
    const char *name;
    const char *type; /* ClickHouse's */
    struct slice value;
    bool null;                 /* `type` is Nullable, and there is no value */
    const struct slice *items; /* of Array(String); NULL: it is a scalar */
    size_t item_count;
};

/* A SELECT or DDL; one statement, without FORMAT. `sql` names parameters as {name:Type}; a server that cannot bind them gets literals made by
 * sql_quote_literal. `format` (e.g. "TSV", "JSONCompact") is appended as FORMAT; NULL for statements without a result. */
struct store_query {
    struct slice sql;
    const struct store_parameter *parameters;
    size_t parameter_count;
    const char *format;
    int64_t timeout_ns;
    uint64_t max_result_bytes; /* 0: 64 MiB */
    uint64_t max_result_rows;  /* beyond it: code 396; 0: no bound */
    uint64_t max_memory;       /* read_only alone; beyond it: code 241; 0: no bound of ours */
    uint64_t max_rows_to_read; /* likewise: code 158 */
    bool script;               /* the user's own: sent as it is, without a format; rows in its answer are no error */
    bool read_only;            /* it cannot change anything, whatever it says; 64-bit numbers of JSON have no quotes */
};

/* What a person asks of the engine in process, see chdb_statement.h. */
struct store_statement {
    struct slice sql;
    const char *format; /* ClickHouse's; "": no result is wanted */
    const char *tag;    /* to cancel it by: letters, digits, '-' */
    bool write;         /* it may change the store */
    /* Takes a piece of the result; false: nobody wants it any more. */
    bool (*take)(void *context, struct slice piece);
    void *context;
};

/* Every entry: called on the session's own thread, may block up to its time-out, borrows its arguments for the call,
 * and says how it went in *reply. */
struct store_ops {
    const char *name;
    struct store_session *(*session_new)(struct store *store); /* NULL: memory */
    void (*session_free)(struct store_session *session);
    void (*insert)(struct store_session *session, size_t server, const struct store_insert *insert,
                   struct store_reply *reply);
    void (*query)(struct store_session *session, size_t server, const struct store_query *query, struct buf *out,
                  struct store_reply *reply);
    /* Asks the server for its version and uptime; cheap. */
    void (*probe)(struct store_session *session, size_t server, struct store_features *features,
                  struct store_reply *reply);
    /* The store in process alone, NULL elsewhere: runs the statement to its end, on a session that is used for nothing
     * else. */
    void (*run_statement)(struct store_session *session, const struct store_statement *statement,
                          struct store_reply *reply);
    /* Likewise, on another session: the statement of this tag ends early, with an error. */
    void (*cancel_statement)(struct store_session *session, const char *tag);
    void (*free)(struct store *store); /* after all sessions are freed; waits for the engine to stop */
    /* Once, before the first session: what takes time to start. False with *problem that names what is missing and the
     * cure. NULL: nothing does. */
    bool (*open)(struct store *store, struct buf *problem);
};

/* The head of every implementation's own struct. */
struct store {
    const struct store_ops *ops;
    size_t server_count;
    const char *const *server_names; /* for logs and labels: without credentials */
    bool in_process;                 /* nothing on the way repeats, loses or answers a request */
    const char *database;
    /* Any thread sets it: what is on its way to a server is given up within a second, its fate unknown. What the engine
     * in process is at goes on to its end. */
    atomic_bool hurried;
};

/* Both fail with a message in *problem that names what is missing and the cure. store_clickhouse_new does not connect.
 * store_embedded_new makes the engine's folder; its `open` loads libchdb and starts the engine. */
struct store *store_clickhouse_new(const struct store_options *options, struct buf *problem);
struct store *store_embedded_new(const struct store_options *options, const char *data_folder, bool fsync,
                                 struct buf *problem);

/* Whether a server's URLs can be read; false with a line in *problems. Connects to nothing, loads nothing. */
MUST_CHECK bool store_check(const struct store_options *options, struct buf *problems);

/* The row of `kind` in the table of stores, to be opened. */
struct store *store_new(const struct store_options *options, const char *data_folder, bool fsync, struct buf *problem);
MUST_CHECK bool store_open(struct store *store, struct buf *problem);

/* What a server of this version ("26.7.2.1") can do; its times are left alone. */
void store_features_by_version(struct store_features *features, struct slice version);

/* The probe's question and the reading of its answer (TSV) at now_ns (monotonic); false if it makes no sense. */
#define STORE_PROBE_SQL "SELECT version(), toInt64(toUnixTimestamp(now())) - toInt64(uptime()), uptime()"
MUST_CHECK bool store_parse_probe(struct slice answer, int64_t now_ns, struct store_features *features);

/* Fills a reply; the message becomes plain text (plain_text.h). */
void store_reply_set(struct store_reply *reply, enum store_outcome outcome, int code, int http_status,
                     struct slice message);

/* The code in a text like "Code: 469. DB::Exception: …"; 0 if there is none. */
int store_parse_error_code(struct slice text);
