/* One operation of the document: a method of a path. Private to this room. */
#pragma once

#include "base/bytes.h"
#include "proto/front/http_method.h"

struct openapi_source;

/* OPENAPI_LIVE is a page without an end. */
enum openapi_kind { OPENAPI_EVENTS, OPENAPI_REPLY, OPENAPI_QUERY, OPENAPI_PAGE, OPENAPI_LIVE, OPENAPI_WEBSOCKET };

/* What the body of a request with events is. */
enum openapi_form { FORM_ONE, FORM_MANY };

/* A built-in one. */
struct openapi_builtin {
    const char *path;
    enum http_method method;
    enum openapi_kind kind;
    enum openapi_form form; /* OPENAPI_EVENTS */
    bool admin;
    bool open; /* nobody needs a key */
    const char *tag;
    const char *summary;
    const char *description;
    const char *content_type; /* of its 200; NULL: it has none */
    const char *schema;       /* a component; NULL: a string */
    const char *example;      /* JSON; NULL: none */
    int other_status;         /* like 200, of the state of the gateway; 0: none */
    const struct openapi_parameter *parameters;
};

/* The last one of an array has no name. */
struct openapi_parameter {
    const char *name;
    const char *description;
    const char *schema; /* members of a JSON object */
};

/* One of the pointers is not NULL. */
struct openapi_operation {
    const char *prefix;
    const char *path; /* a pattern, behind the prefix */
    enum http_method method;
    enum openapi_kind kind;
    const struct string_list *hosts;
    const struct openapi_builtin *builtin;
    const struct route_options *route;
    const struct named_query_options *query;
    const struct page_options *page;
};

/* A part of a pattern, advancing *rest behind it. False: it has no more. A capture has its name in *capture ("{a}", "{a...}":
 * "a"), else *capture is empty. Both with the text before it. */
bool openapi_next_part(struct slice *rest, struct slice *literal, struct slice *capture);

/* Appends the pattern as a path template: "/a/{rest...}" is "/a/{rest}". */
void openapi_write_path(const struct openapi_operation *operation, struct buf *out);

/* Same paths, whatever their captures are called. */
bool openapi_same_path(const struct openapi_operation *a, const struct openapi_operation *b);

/* Those that are seen by these hosts, configured ones before the built-in ones that they do not replace. NULL: memory is
 * short. The caller frees them. */
struct openapi_operation *openapi_operations(const struct openapi_source *source, const struct string_list *hosts,
                                             size_t *count);

extern const struct openapi_builtin openapi_builtins[];
extern const size_t openapi_builtin_count;

/* The reply of a route or query by its name, with the scope in front first; NULL: it has none. */
const struct reply_options *openapi_reply(const struct openapi_source *source, const char *scope, const char *name);

/* Does it take a key? */
bool openapi_needs_key(const struct openapi_source *source, const struct openapi_operation *operation);

/* The streams that a route may feed: one, or NULL for any. */
const struct stream *openapi_stream(const struct openapi_source *source, const struct openapi_operation *operation);
