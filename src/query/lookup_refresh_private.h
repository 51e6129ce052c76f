/* What lookup_refresh.c leaves to lookup_compile.c: a lookup is compiled from its options. */
#pragma once

#include "query/lookup_config.h"
#include "query/statement/statement.h"

struct lookup_plan {
    const struct lookup_options *options;
    struct select_options select; /* what `statement` is compiled from */
    struct statement statement;
    const struct stream *through;    /* NULL: none */
    size_t key_column, value_column; /* of it */
};

/* False: lines in *problems. Release it either way. */
MUST_CHECK bool lookup_compile(struct lookup_plan *plan, const struct lookup_options *options,
                               const struct lookups_config *config, struct buf *problems);
void lookup_release(struct lookup_plan *plan);

/* The rows of an answer (TSV) as two texts each. False: *problem says why. */
struct lookup_table;
MUST_CHECK bool lookup_read_rows(struct slice answer, struct lookup_table *table, struct buf *problem);
