/* What a named query answers: by its `replies`, or as usual. Pure. */
#pragma once

#include "config/options/reply_options.h"
#include "query/named_query.h"
#include "query/statement/result.h"

struct page_reply;

/* What happened. */
struct query_fate {
    enum reply_outcome outcome; /* OK, MISSING, REJECTED, FULL, FAILED */
    enum error error;           /* of those that are neither OK nor MISSING */
    struct slice detail;
    const struct parameter *at_fault; /* NULL: none */
    const struct bound_value *values; /* by parameter */
    const struct result *results;     /* by statement; of OK and MISSING */
    int64_t now_wall_ns;
};

/* template_knows; the context is a struct named_query. */
bool query_reply_knows(const void *query, struct slice name);

/* Fills the empty *reply. */
void query_reply_write(const struct named_query *query, const struct query_fate *fate, struct page_reply *reply);
