/* Writes a parsed JSON value back as compact text, made fit for a ClickHouse JSON column: keys of an object are unique
 * (the last wins), no two keys name the same path (`a.b` beside {"a":{"b":…}}), depth is bounded. */
#pragma once

#include "pipeline/json/json.h"

struct path_node;

/* What a JSON column pays for besides the text. Not counted for other columns. */
struct json_extent {
    uint64_t keys;  /* of all its objects, those in arrays among them */
    uint64_t paths; /* from the value to what is no object, arrays not entered: columns of the engine */
};

/* Appends the value at `at`, and sets *extent. ERROR_CONFLICTING_KEYS with the path in *path (a buf to append to), ERROR_OUT_OF_RANGE with
 * the number that no double holds in *path, ERROR_OUT_OF_MEMORY;
 * `out` may then hold a part. With `for_json_column` false the value is written as it is. The parser has bounded the
 * depth. */
MUST_CHECK enum error json_write(const struct json_document *document, json_at at, bool for_json_column,
                                 struct buf *out, struct buf *path, struct json_extent *extent);

/* The same for the object at `object` without what has a path in `known` (unknown_fields: collect). Of an object on the way
 * of paths, what those do not lead to; of an array whose items are read, an object for each item with what is left of it. */
MUST_CHECK enum error json_write_unknown(const struct json_document *document, json_at object,
                                         const struct path_node *known, bool for_json_column, struct buf *out,
                                         struct buf *path, struct json_extent *extent);
