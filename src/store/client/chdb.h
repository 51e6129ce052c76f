/* libchdb (ClickHouse in process) as a table of functions, loaded when first needed: the program runs without it.
 *
 * The prototypes are those of chdb.h of chdb-core 26.7; no header of it is needed to build. The library is never
 * unloaded: its threads may still run. */
#pragma once

#include "base/bytes.h"

struct chdb_connection_handle; /* opaque */
typedef struct chdb_connection_handle *chdb_connection;
struct chdb_result;        /* opaque */
struct chdb_insert_stream; /* opaque */

/* What a statement would do; struct_size is the caller's sizeof. */
struct chdb_query_analysis {
    uint32_t struct_size;
    uint32_t statement_count; /* 0: it cannot be parsed */
    uint32_t flags;
    uint32_t query_class; /* 0 reads; 1 writes; 2 writes what is of all databases; 3 controls; 4 unknown */
};

/*  X(result type, name without "chdb_", parameters) */
#define CHDB_FUNCTIONS(X)                                                                                               \
    X(void, set_signal_handlers_enabled, (int enabled))                                                                 \
    X(const char *, version, (void))                                                                                    \
    /* arguments as of a command line: --path=…, --<setting>=…; NULL on failure. The engine starts with the first \
     * connection and stops with the last. */ \
    X(chdb_connection *, connect, (int argc, char **argv))                                                              \
    X(void, close_conn, (chdb_connection * connection))                                                                 \
    X(struct chdb_result *, query_n,                                                                                    \
      (chdb_connection connection, const char *sql, size_t sql_len, const char *format, size_t format_len))             \
    X(struct chdb_result *, query_with_params_n,                                                                        \
      (chdb_connection connection, const char *sql, size_t sql_len, const char *format, size_t format_len,              \
       const char *const *names, const size_t *name_lens, const char *const *values, const size_t *value_lens,          \
       size_t count))                                                                                                   \
    X(void, destroy_query_result, (struct chdb_result * result))                                                        \
    X(char *, result_buffer, (struct chdb_result * result))                                                             \
    X(size_t, result_length, (struct chdb_result * result))                                                             \
    X(const char *, result_error, (struct chdb_result * result))                                                        \
    /* The result by pieces: fetch until one is empty; each result is destroyed by itself. SELECT alone is streamed. */ \
    X(struct chdb_result *, stream_query_n,                                                                             \
      (chdb_connection connection, const char *sql, size_t sql_len, const char *format, size_t format_len))             \
    X(struct chdb_result *, stream_fetch_result, (chdb_connection connection, struct chdb_result * stream))             \
    X(void, stream_cancel_query, (chdb_connection connection, struct chdb_result * stream))                             \
    /* 0 is success; runs nothing; `database` may be NULL */                                                            \
    X(int, classify_query_n,                                                                                            \
      (chdb_connection connection, const char *sql, size_t sql_len, const char *database, size_t database_len,          \
       struct chdb_query_analysis *analysis))                                                                           \
    /* never NULL; ask stream_insert_error whether it began */                                                          \
    X(struct chdb_insert_stream *, stream_insert_n,                                                                     \
      (chdb_connection connection, const char *sql, size_t sql_len, const char *format, size_t format_len))             \
    /* 0 is success */                                                                                                  \
    X(int, stream_append, (struct chdb_insert_stream * stream, const void *data, size_t len))                           \
    X(struct chdb_result *, stream_done, (struct chdb_insert_stream * stream))                                          \
    X(void, stream_cancel_insert, (struct chdb_insert_stream * stream))                                                 \
    X(const char *, stream_insert_error, (struct chdb_insert_stream * stream))                                          \
    X(void, destroy_insert_stream, (struct chdb_insert_stream * stream))

struct chdb {
#define X(type, name, parameters) type(*name) parameters;
    CHDB_FUNCTIONS(X)
#undef X
};

/* Looks for the library at `library` ("" or NULL: $SLUICE_LIBCHDB, then beside the executable, ../vendor and ./vendor,
 * /usr/local/lib, the loader's own path) and turns its signal handlers off. On failure *problem says what to do. Takes
 * about 0.35 s. */
MUST_CHECK bool chdb_load(struct chdb *chdb, const char *library, struct buf *problem);

/* Starts the engine, or joins the running one, with these arguments after the program's name. All signals are blocked
 * meanwhile, so that the engine's threads never take one. NULL on failure. */
chdb_connection *chdb_open(const struct chdb *chdb, const char *const *arguments, size_t count);
