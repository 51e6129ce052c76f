/* Writes a parsed JSON value back as compact text, made fit for a ClickHouse JSON column: keys of an object are unique
 * (the last wins), no two keys name the same path (`a.b` beside {"a":{"b":…}}), depth is bounded. */
#pragma once

#include "pipeline/json.h"

/* Appends the value at `at`. ERROR_CONFLICTING_KEYS with the path in *path (a buf to append to), ERROR_TOO_DEEP. With
 * `for_json_column` false the value is written as it is (collect, String columns that take objects). */
MUST_CHECK enum error json_write(const struct json_document *document, json_at at, bool for_json_column,
                                 struct buf *out, struct buf *path);
