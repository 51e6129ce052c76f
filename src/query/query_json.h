/* The answer of the read API. Pure. */
#pragma once

#include "query/query_sql.h"

/* `rows` is the server's answer to query_request_sql in TSV. Appends the JSON object; false if the rows make no sense or
 * memory is short. */
MUST_CHECK bool query_json(const struct query_request *request, struct slice rows, struct buf *out);
