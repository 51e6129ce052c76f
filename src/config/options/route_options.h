/* Options: routes, the addresses of HTTP that the configuration adds (proto/route). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a source is that has no arguments. */
enum route_source_kind { SOURCE_BODY, SOURCE_FORM, SOURCE_MULTIPART, SOURCE_ARGUMENTS };

/* One entry of routes[].event: where values of an event come from. One of the members from `kind` to `body_into` says what it
 * is; the others say how it is read. Pairs: what it is called there, and the member of the event that it becomes. */
struct route_source_options {
    int line;
    const char *file;
    enum route_source_kind kind; /* SOURCE_ARGUMENTS: another member says it */
    struct string_pairs query;   /* "*": all arguments */
    struct string_pairs path;    /* captures */
    const char *pairs;           /* a capture "{rest...}" of /key/value/key/value */
    struct string_pairs cookies;
    struct string_pairs headers;
    const char *header_prefix; /* "ce-": ce-id becomes id */
    const char *header_json;   /* a field whose value is a JSON object */
    struct string_pairs constant;
    struct string_pairs made;        /* member, and what is made: "uuid" */
    const char *body_into;           /* the member that the whole body becomes */
    const char *unless_content_type; /* a body of such a type is the event itself after all */
    const char *strip_prefix;        /* of names */
    struct string_list except;       /* names that are left out */
    const char *unless;              /* no value is read if this argument of the query is there */
    bool lower_keys;
    bool base64_json; /* each value is a JSON object in base64 */
};

/* Which stream the events of a route go to: one of `name`, `capture`, `by`; none: the first. */
struct route_stream_options {
    const char *name;
    const char *capture;       /* a part of the path names it */
    const char *by;            /* a member of the event chooses it */
    struct string_pairs names; /* the values of `by`, and the streams; none: the value is the name */
    const char *otherwise;     /* the stream of all other values; NULL: they are refused */
};

/* What it answers from a lookup. */
struct route_lookup_options {
    const char *table; /* the lookup's name; NULL: none */
    const char *key;   /* a template: "{host}{path}" */
    bool lower;        /* the key in lower case */
};

enum route_slash { ROUTE_SLASH_ANY, ROUTE_SLASH_EXACT };

enum route_order { ROUTE_ORDER_USUAL, ROUTE_ORDER_LAST };

/* HEAD comes with GET, and OPTIONS is answered whatever a route says. */
enum route_method { ROUTE_GET, ROUTE_POST, ROUTE_PUT, ROUTE_PATCH, ROUTE_DELETE };

enum route_acknowledge { ROUTE_ACK_JOURNAL, ROUTE_ACK_STORED };

struct route_options {
    int line;
    const char *file;
    const char *scope;                 /* of the names that it refers to: looked up with it in front first; "" */
    const char *prefix;                /* its paths begin with it; "" */
    struct string_list included_hosts; /* where its file is included: its hosts, if `host` is empty */
    struct string_list path;           /* patterns: proto/route/route_pattern.h */
    unsigned methods;                  /* bits of enum route_method; 0: POST, or GET of a WebSocket */
    struct string_list host;           /* patterns: proto/front/host_pattern.h; empty: any */
    enum route_slash slash;
    enum route_order order;
    bool open; /* nobody needs a key */
    bool websocket;
    bool acks; /* of a WebSocket: its messages are acknowledged */
    struct route_stream_options stream;
    struct route_source_options *event;
    size_t source_count;         /* 0: the body */
    const char *items;           /* "one", "auto", a member's name; "name?": that member, if it is there */
    struct string_list envelope; /* members beside the items that each event reads as its own */
    bool atomic;                 /* one bad event refuses all */
    bool allow_empty;            /* no event at all is fine */
    uint64_t max_events;         /* 0: http.max_events */
    uint64_t max_body_bytes;     /* 0: http.max_body */
    enum route_acknowledge ack;
    struct route_lookup_options lookup;
    const char *reply;         /* of replies: a name; NULL: the usual answers */
    struct string_list secret; /* captures and arguments of the query that are never logged */
};
