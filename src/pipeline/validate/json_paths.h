/* The members of an object that are written into a JSON column, and the paths that they become. Private to json_write.c. */
#pragma once

#include "base/error.h"
#include "pipeline/json/json.h"

struct path_node;

/* Is a member left out, as it has a path in `known`? If it is but on the way of paths, *below is the node that says what is
 * left out of its value; else NULL. */
bool json_is_left_out(const struct json_document *document, json_at key, const struct path_node *known,
                      const struct path_node **below);

/* For the rare object with a dot in a key. ERROR_CONFLICTING_KEYS: two of its leaves have the same path, which is appended to
 * *path; ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error json_check_paths(const struct json_document *document, json_at object,
                                       const struct path_node *known, struct buf *path);
