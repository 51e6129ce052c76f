/* Options: queries, SELECTs that are served at a path (query/). See options.h. */
#pragma once

#include "config/options/reply_options.h"
#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parameter_from { PARAMETER_FROM_ADDRESS, PARAMETER_FROM_PATH, PARAMETER_FROM_QUERY, PARAMETER_FROM_HEADER };

/* How a time is read and shown. */
enum parameter_format { PARAMETER_FORMAT_ANY, PARAMETER_FORMAT_RFC3339, PARAMETER_FORMAT_UNIX };

/* One entry of queries[].parameters. Texts, for their meaning depends on the type. NULL: not given. */
struct parameter_options {
    int line;
    const char *file;
    const char *name;
    const char *type; /* ClickHouse's; of choices: none */
    enum parameter_from from;
    const char *header; /* from: header: the field's name; NULL: the parameter's, with '-' for '_' */
    bool required;
    bool optional; /* statements that use it say `if` */
    const char *default_text;
    const char *min;
    const char *max;
    const char *not_before; /* another parameter */
    struct string_list one_of;
    bool not_blank;
    uint64_t min_length;
    uint64_t max_length;
    uint64_t max_items;
    enum parameter_format format;
    struct string_pairs choices; /* words of clients, and the SQL that they stand for */
    const char *otherwise;       /* the SQL of any other word, and of none */
};

enum select_shape { SELECT_ROWS, SELECT_ROW, SELECT_MAP, SELECT_VALUE, SELECT_TABLE, SELECT_JSON };

struct select_options {
    int line;
    const char *file;
    const char *name;
    const char *sql;
    enum select_shape shape;
    const char *only_if; /* a parameter: it runs if that has a value */
};

enum query_cache_in { QUERY_CACHE_MEMORY, QUERY_CACHE_REDIS };

enum query_slash { QUERY_SLASH_ANY, QUERY_SLASH_EXACT };

struct named_query_options {
    int line;
    const char *file;
    const char *name;
    const char *scope;                 /* of the names that it refers to: looked up with it in front first; "" */
    const char *prefix;                /* its paths begin with it; "" */
    struct string_list included_hosts; /* where its file is included: its hosts, if `host` is empty */
    struct string_list path;           /* patterns: proto/route/route_pattern.h */
    struct string_list host;           /* patterns: proto/front/host_pattern.h; empty: any */
    enum query_slash slash;
    const char *stream; /* of {rows}; NULL: the first */
    struct parameter_options *parameters;
    size_t parameter_count;
    struct select_options *selects;
    size_t select_count;
    struct reply_options reply; /* its name: of an entry of replies; NULL: what it says itself */
    int64_t cache_ns;           /* 0: none */
    enum query_cache_in cache_in;
    int64_t timeout_ns; /* 0: query.timeout */
    uint64_t max_rows;
    uint64_t max_bytes;
};
