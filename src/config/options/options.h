/* Every option of the program: a header for each section, named by the module that it configures. Whoever needs one
 * section includes that header alone; this one is for those that need all of them. Plain data.
 *
 * config/ fills them from YAML and checks each value alone (type, range, unit); the module that an option struct is
 * named after checks what only it can know (a ClickHouse type, a path). Strings are owned by the struct config that
 * holds them and live until config_free. Sizes are bytes, times nanoseconds. */
#pragma once

#include "config/options/access_options.h"
#include "config/options/batch_options.h"
#include "config/options/commit_options.h"
#include "config/options/dedup_options.h"
#include "config/options/drain_options.h"
#include "config/options/files_options.h"
#include "config/options/http_options.h"
#include "config/options/include_options.h"
#include "config/options/journal_options.h"
#include "config/options/limits_options.h"
#include "config/options/live_options.h"
#include "config/options/log_options.h"
#include "config/options/named_query_options.h"
#include "config/options/page_options.h"
#include "config/options/query_options.h"
#include "config/options/rejects_options.h"
#include "config/options/route_options.h"
#include "config/options/setup_options.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "config/options/string_list.h"
#include "config/options/udp_options.h"
#include "config/options/websocket_options.h"
#include "config/options/writer_options.h"

struct lookup_options;
struct reply_options;

struct config {
    struct include_options *includes; /* of the file itself */
    size_t include_count;
    struct log_options log;
    struct http_options http;
    struct websocket_options websocket;
    struct udp_options udp;
    struct admin_options admin;
    struct limits_options limits;
    struct journal_options journal;
    struct commit_options commit;
    struct dedup_options dedup;
    struct store_options store;
    struct writer_options writer;
    struct query_options query;
    struct rejects_options rejects;
    struct drain_options drain;
    struct live_options live;
    struct openapi_options openapi;
    struct key_options *keys; /* of the configuration, then of keys_file */
    size_t key_count;
    const char *keys_file; /* "": none */
    struct stream_options *streams;
    size_t stream_count;
    struct setup_options *setup;
    size_t setup_count;
    struct route_options *routes;
    size_t route_count;
    struct page_options *pages;
    size_t page_count;
    struct files_options *files;
    size_t files_count;
    struct named_query_options *queries;
    size_t query_count;
    struct lookup_options *lookups;
    size_t lookup_count;
    struct reply_options *replies;
    size_t reply_count;
    const char *file;             /* for messages */
    const char *text;             /* of the file and those that it includes */
    struct config_memory *memory; /* what owns the strings */
};
