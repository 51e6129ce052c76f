/* A query of the configuration, compiled: what it takes, what it asks, what it answers. Read by any thread. */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "config/options/reply_options.h"
#include "proto/reply/template.h"
#include "query/statement/statement.h"

struct page_request;
struct reply_set;

struct named_query {
    const struct named_query_options *options;
    struct parameter *parameters;
    size_t parameter_count;
    struct statement *statements;
    size_t statement_count;
    struct reply_options reply;
    struct reply_set *replies; /* NULL: the usual answers */
    struct hash128 identity;   /* of all that its answers follow from but values and rows */
    const struct string_list *hosts;
};

/* What names of queries mean. */
struct named_query_world {
    struct stream *const *streams;
    size_t stream_count;
    const struct reply_options *replies;
    size_t reply_count;
    const char *database;
    template_knows *knows; /* query_reply_knows */
};

/* NULL, with a line for each problem in *problems: "file:line: queries.name.…: …". */
struct named_query *named_query_compile(const struct named_query_options *options,
                                        const struct named_query_world *world, struct buf *problems);
/* Has it a reply of its own for no rows at all? */
bool named_query_tells_missing(const struct named_query *query);

void named_query_free(struct named_query *query);

/* The values of a request: as many as parameters; zeroed before, to be released either way. Not OK: *problem says why, *at_fault is the
 * parameter, NULL if memory is short. */
MUST_CHECK enum error named_query_bind(const struct named_query *query, const struct page_request *request,
                                       int64_t now_wall_ns, struct bound_value *values,
                                       const struct parameter **at_fault, struct buf *problem);

/* What names the question: equal ones have equal answers. A time that is "now" because it was left out counts as the same
 * whenever that was. *key is not set, and false returned, if memory is short. */
MUST_CHECK bool named_query_key(const struct named_query *query, const struct bound_value *values, struct hash128 *key);
