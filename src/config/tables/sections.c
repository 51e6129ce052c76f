/* The sections of a file, one row each. */
#include "config/tables/sections.h"

#include "config/options/access_options.h"
#include "config/options/lookup_options.h"
#include "config/options/options.h"
#include "config/options/reply_options.h"
#include "config/tables/rows.h"

#define SECTION(member, text)                                                                                          \
    {                                                                                                                  \
#member, GROUP(config, member), NULL, NULL, NULL, text, .table = &member##_table                               \
    }

static const struct option section_rows[] = {
    { "include", LIST(config, includes, include_count, include_options), NULL, NULL, "64",
      "Other configuration files whose sections this one takes over, such as presets. What this file says itself wins. "
      "Lists of "
      "streams are joined, those of this file first. Two files that say different things of an option are a problem, "
      "unless this "
      "one says it itself.",
      .table = &include_table },
    SECTION(log, "What the gateway says about itself."),
    SECTION(http, "The HTTP front end."),
    SECTION(websocket, "The WebSocket front end, on the address of the HTTP front end."),
    SECTION(udp, "The UDP front end."),
    SECTION(admin, "The pages for operators."),
    SECTION(limits, "How much may be sent: docs/operations.md, \"Limits\". What is beyond it is answered 429."),
    SECTION(journal, "Where acknowledged events wait for the store."),
    SECTION(commit, "The queue in front of the journal."),
    SECTION(dedup, "The filter of duplicates."),
    SECTION(store, "Where the events go."),
    SECTION(writer, "How batches are sent to the store."),
    SECTION(query, "The reading API: GET /events/metrics, and what `queries` declares."),
    SECTION(rejects, "Rejected input that is kept on disk: docs/operations.md, \"Rejected input\"."),
    SECTION(drain, "What happens on SIGTERM."),
    SECTION(live, "What flows now, for people: the page /live, and /live/events, which it reads: docs/live.md."),
    SECTION(openapi, "What the gateway says of its own paths: /openapi.json, and Swagger UI at /swagger."),
    { "keys", LIST(config, keys, key_count, key_options), NULL, "1", "10000",
      "Who may come in, and what for. With one key or more whoever shows none is refused: docs/security.md.",
      .joined = true, .named_by = "name", .table = &key_table, .reloads = true },
    { "keys_file", STRING(config, keys_file), "", NULL, NULL,
      "A file with more keys: a list as that of `keys`. A relative path is beside the configuration file.",
      .reloads = true },
    { "streams", LIST(config, streams, stream_count, stream_options), NULL, "1", "256",
      "The declared kinds of events, at least one.", .required = true, .joined = true, .table = &stream_table },
    { "lookups", LIST(config, lookups, lookup_count, lookup_options), NULL, NULL, "64",
      "Tables of texts in memory, filled from the store, that routes answer from: docs/routes.md.", .joined = true,
      .table = &lookup_table, .named_by = "name" },
    { "setup", LIST(config, setup, setup_count, setup_options), NULL, NULL, "64",
      "Files of SQL that are run on each server at the start, before the streams' tables are looked at: "
      "docs/operations.md, "
      "\"SQL of your own\".",
      .joined = true, .table = &setup_table },
    { "routes", LIST(config, routes, route_count, route_options), NULL, NULL, "1000",
      "Addresses of HTTP beside the gateway's own, or in their place: docs/routes.md.", .joined = true,
      .table = &route_table },
    { "pages", LIST(config, pages, page_count, page_options), NULL, NULL, "256",
      "Texts of the gateway's state at paths of their own: docs/routes.md.", .joined = true, .table = &page_table },
    { "files", LIST(config, files, files_count, files_options), NULL, NULL, "64",
      "Folders of files that are served: docs/routes.md.", .joined = true, .table = &files_table },
    { "queries", LIST(config, queries, query_count, named_query_options), NULL, NULL, "256",
      "SELECTs that are served at a path: docs/queries.md.", .joined = true, .table = &named_query_table,
      .named_by = "name" },
    { "replies", LIST(config, replies, reply_count, reply_options), NULL, NULL, "256",
      "What routes and queries answer instead of the usual, by name: docs/routes.md.", .joined = true,
      .named_by = "name", .table = &reply_table },
};

const struct option_table option_sections = TABLE(section_rows);
