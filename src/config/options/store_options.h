/* Options: the store (store/). See options.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum store_kind { STORE_EMBEDDED, STORE_CLICKHOUSE };

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
    int64_t connect_timeout_ns;
    int64_t request_timeout_ns;
    const char *cluster; /* {on_cluster} of setup; "": none */
    bool create_table;
    bool add_columns;
};
