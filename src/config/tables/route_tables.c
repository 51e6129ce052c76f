/* The options of routes. */
#include "config/tables/sections.h"

#include "config/options/route_options.h"
#include "config/tables/rows.h"

static const char *const source_kinds[] = { [SOURCE_BODY] = "body",
                                            [SOURCE_FORM] = "form",
                                            [SOURCE_MULTIPART] = "multipart",
                                            [SOURCE_ARGUMENTS] = "arguments",
                                            NULL };
static const char *const slashes[] = { [ROUTE_SLASH_ANY] = "any", [ROUTE_SLASH_EXACT] = "exact", NULL };
static const char *const orders[] = { [ROUTE_ORDER_USUAL] = "usual", [ROUTE_ORDER_LAST] = "last", NULL };
static const char *const acknowledges[] = { [ROUTE_ACK_JOURNAL] = "journal", [ROUTE_ACK_STORED] = "stored", NULL };
static const char *const methods[] = { [ROUTE_GET] = "GET",     [ROUTE_POST] = "POST",     [ROUTE_PUT] = "PUT",
                                       [ROUTE_PATCH] = "PATCH", [ROUTE_DELETE] = "DELETE", NULL };

_Static_assert(sizeof(enum route_source_kind) == sizeof(int) && sizeof(enum route_slash) == sizeof(int) &&
                   sizeof(enum route_order) == sizeof(int) && sizeof(enum route_acknowledge) == sizeof(int),
               "an OPTION_ENUM is stored as an int");

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option source_rows[] = {
    { "source",           ENUM(route_source_options, kind),                    "arguments",        NULL,    NULL,
      "`body`: the body's JSON; `form`: its fields, of a form (`application/x-www-form-urlencoded`); `multipart`: those of one of "
      "`multipart/form-data`, without files; `arguments`: what the other keys say. `event: [body]` is short for it.",
      .names = source_kinds },
    { "query",            PAIRS(route_source_options, query),                  NULL,               NULL,    NULL,
      "Arguments of the query: a list of names, `\"*\"` for all, or `{ name: member }`." },
    { "path",             PAIRS(route_source_options, path),                   NULL,               NULL,    NULL,
      "Parts of the path: a list of their names, or `{ name: member }`." },
    { "pairs",            STRING(route_source_options, pairs),                 NULL,               "1",     NULL,
      "The name of a part `{rest...}` that is read as /key/value/key/value." },
    { "cookies",          PAIRS(route_source_options, cookies),                NULL,               NULL,    NULL,
      "Cookies: a list of names, or `{ name: member }`." },
    { "headers",          PAIRS(route_source_options, headers),                NULL,               NULL,    NULL,
      "Header fields: a list of names, or `{ name: member }`." },
    { "header_prefix",    STRING(route_source_options, header_prefix),         NULL,               "1",     NULL,
      "All header fields whose names begin so; the rest of the name is the member." },
    { "header_json",      STRING(route_source_options, header_json),           NULL,               "1",     NULL,
      "A header field whose value is a JSON object." },
    { "constant",         PAIRS(route_source_options, constant),               NULL,               NULL,    NULL,
      "`{ member: value }`, always the same." },
    { "made",             PAIRS(route_source_options, made),                   NULL,               NULL,    NULL,
      "`{ member: uuid }`: a value that is made for each request." },
    { "body_into",        STRING(route_source_options, body_into),             NULL,               "1",     NULL,
      "The member that the whole body becomes." },
    { "unless_content_type", STRING(route_source_options, unless_content_type), NULL,              "1",     NULL,
      "Of `body_into`: a body whose Content-Type begins so is the event itself." },
    { "strip_prefix",     STRING(route_source_options, strip_prefix),          NULL,               "1",     NULL,
      "Taken off the names that begin so." },
    { "except",           STRINGS(route_source_options, except),               "",                 NULL,    NULL,
      "Names that are left out." },
    { "unless",           STRING(route_source_options, unless),                NULL,               "1",     NULL,
      "This source is not read if the query has an argument of this name." },
    { "lower_keys",       BOOL(route_source_options, lower_keys),              "false",            NULL,    NULL,
      "Names are read in lower case." },
    { "base64_json",      BOOL(route_source_options, base64_json),             "false",            NULL,    NULL,
      "Each value is a JSON object in base64." },
};

static const struct option_table source_table = SHORT_TABLE(source_rows, "source");

static const struct option route_stream_rows[] = {
    { "name",             STRING(route_stream_options, name),                  NULL,               "1",     NULL,
      "The stream. `stream: NAME` is short for it." },
    { "capture",          STRING(route_stream_options, capture),               NULL,               "1",     NULL,
      "The part of the path that names it; an unknown one is answered 404." },
    { "by",               STRING(route_stream_options, by),                    NULL,               "1",     NULL,
      "The member of the event that chooses it; with `items: one` alone." },
    { "names",            PAIRS(route_stream_options, names),                  NULL,               NULL,    NULL,
      "`{ value: stream }`; without it the value is the stream's name." },
    { "else",             STRING(route_stream_options, otherwise),             NULL,               "1",     NULL,
      "The stream of events with another value, or none; without it they are refused." },
};

static const struct option_table route_stream_table = SHORT_TABLE(route_stream_rows, "name");

static const struct option route_lookup_rows[] = {
    { "table",            STRING(route_lookup_options, table),                 NULL,               "1",     NULL,
      "The name of an entry of `lookups`." },
    { "key",              STRING(route_lookup_options, key),                   "{host}{path}",     "1",     NULL,
      "What is looked up: a text with `{host}` (in lower case, without a port), `{path}`, `{path.NAME}` (a part of the path), "
      "`{query.NAME}`, `{client_ip}`." },
    { "lower",            BOOL(route_lookup_options, lower),                   "false",            NULL,    NULL,
      "The key is made lower case first." },
};

static const struct option_table route_lookup_table = SHORT_TABLE(route_lookup_rows, "table");

static const struct option route_rows[] = {
    INHERITED_SCOPE(route_options), INHERITED_PREFIX(route_options), INHERITED_HOSTS(route_options),
    { "path",             STRINGS(route_options, path),                        NULL,               NULL,    NULL,
      "One path or a list: `/a/b`, `/a/{name}` (one segment), `/a/{rest...}` (all that follows, perhaps nothing).", .required = true },
    { "methods",          SET(route_options, methods),                         NULL,               NULL,    NULL,
      "Without it POST; of a `websocket` GET. GET brings HEAD. A HEAD never makes an event.", .names = methods },
    { "host",             STRINGS(route_options, host),                        "",                 NULL,    NULL,
      "The names by which it is there (`Host`): `a.example`, `*.a.example`; empty: all." },
    { "slash",            ENUM(route_options, slash),                          "any",              NULL,    NULL,
      "Whether `/a/` is `/a` (`any`) or not (`exact`).", .names = slashes },
    { "order",            ENUM(route_options, order),                          "usual",            NULL,    NULL,
      "`last`: it is asked for those paths alone that no other route has.", .names = orders },
    { "open",             BOOL(route_options, open),                           "false",            NULL,    NULL,
      "Nobody needs a key here, though `keys` are configured: a tracking pixel, a short link." },
    { "websocket",        BOOL(route_options, websocket),                      "false",            NULL,    NULL,
      "Clients open a WebSocket here (by GET)." },
    { "acks",             BOOL(route_options, acks),                           "true",             NULL,    NULL,
      "Of a WebSocket: each message is acknowledged." },
    { "stream",           GROUP(route_options, stream),                        NULL,               NULL,    NULL,
      "Where its events go; without it: to the first stream. A route of GET alone with `reply` and neither `stream` nor `event` takes no events.",
      .table = &route_stream_table },
    { "event",            LIST(route_options, event, source_count, route_source_options), NULL, NULL,    "32",
      "Where the values of an event come from, later ones win; without it: the body.", .table = &source_table },
    { "items",            STRING(route_options, items),                        "auto",             "1",     NULL,
      "`one`: the body is one event; `auto`: as on /events/bulk; else the member that holds the list, with `?` behind it if "
      "the body is one event without it." },
    { "envelope",         STRINGS(route_options, envelope),                    "",                 NULL,    NULL,
      "Members beside the list that each event reads as if they were its own." },
    { "atomic",           BOOL(route_options, atomic),                         "false",            NULL,    NULL,
      "One bad event refuses all." },
    { "allow_empty",      BOOL(route_options, allow_empty),                    "false",            NULL,    NULL,
      "A list without events is accepted." },
    { "max_events",       INTEGER(route_options, max_events),                  "0",                NULL,    "100000000",
      "Most events of one request; 0: `http.max_events`, which is the most as well." },
    { "max_body",         SIZE(route_options, max_body_bytes),                 "0",                NULL,    "1GiB",
      "Largest body as it is sent; 0: `http.max_body`, which is the most as well." },
    { "ack",              ENUM(route_options, ack),                            "journal",          NULL,    NULL,
      "What a reply waits for: that the events are in the journal, or stored.", .names = acknowledges },
    { "lookup",           GROUP(route_options, lookup),                        NULL,               NULL,    NULL,
      "By GET, it answers what a table of `lookups` has: `reply` says how, by its `found` (with `{value}`) and `missing`.",
      .table = &route_lookup_table },
    { "reply",            STRING(route_options, reply),                        NULL,               "1",     NULL,
      "The name of an entry of `replies`; without it: the usual answers." },
    { "secret",           STRINGS(route_options, secret),                      "",                 NULL,    NULL,
      "Parts of the path and arguments of the query that are never logged." },
};
/* clang-format on */

const struct option_table route_table = TABLE(route_rows);
