/* A statement of a named query: checked and cut into pieces once, put together for each request. Nothing of a client's
 * text gets into it: parameters are bound, the rest is the configuration's. Read by any thread. */
#pragma once

#include "query/statement/parameter.h"

#define QUERY_PARAMETERS_MAX 64

struct statement {
    const struct select_options *options;
    struct buf text;   /* literal SQL, without comments */
    struct buf pieces; /* struct statement_piece */
    uint64_t uses;     /* a bit for each parameter */
    int only_if;       /* the parameter without whose value it is left out; -1: none */
};

/* What names of a statement mean. */
struct statement_scope {
    const struct parameter *parameters;
    size_t parameter_count;
    struct stream *const *streams;
    size_t stream_count;
    const char *scope;           /* streams are looked up with it in front first */
    const struct stream *stream; /* of {rows} */
};

/* NULL: there is none. */
const struct stream *statement_find_stream(const struct statement_scope *scope, struct slice name);
/* -1: there is none. */
int statement_find_parameter(const struct statement_scope *scope, struct slice name);

/* False: *problem says why, without a line end. Release it either way. */
MUST_CHECK bool statement_compile(struct statement *statement, const struct select_options *options,
                                  const struct statement_scope *scope, struct buf *problem);
void statement_release(struct statement *statement);

/* Is it left out, with these values? */
static inline bool statement_is_skipped(const struct statement *statement, const struct bound_value *values)
{
    return statement->only_if >= 0 && !values[statement->only_if].present;
}

/* Appends the SQL. `collapses` says of each stream, by index, whether its table is to be read with FINAL. */
void statement_append_sql(const struct statement *statement, const struct bound_value *values, const char *database,
                          const bool *collapses, struct buf *out);

/* A bit for each stream, by index, whose rows it reads (of the first 64; the others are read with FINAL always). */
uint64_t statement_streams(const struct statement *statement);
