/* Options: the store (store/). See options.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum store_kind { STORE_EMBEDDED, STORE_CLICKHOUSE };

enum store_verify { STORE_VERIFY_FULL, STORE_VERIFY_NOTHING };

struct store_options {
    enum store_kind kind;
    const char *path;          /* embedded: the engine's folder; "" is <data>/clickhouse */
    const char *library;       /* embedded: path of libchdb.so; "" searches */
    const char *engine_config; /* embedded: a file of the engine's own configuration; "" : none */
    uint64_t max_memory;       /* embedded: the engine's ceiling */
    const char *url;           /* clickhouse: comma-separated http:// or https:// */
    const char *user;
    const char *password;
    const char *password_file; /* "" : none; else `password` is what it holds */
    const char *database;
    const char *ca_file;            /* https: PEM of the CAs that are trusted; "": the system's */
    const char *client_certificate; /* https: PEM of our own; "": none */
    const char *client_key;         /* "": in client_certificate */
    enum store_verify verify;
    int64_t connect_timeout_ns;
    int64_t request_timeout_ns;
    const char *cluster; /* {on_cluster} of setup; "": none */
    bool create_table;
    bool add_columns;
};
