/* How large a value is, told from the tape. Pure. */
#pragma once

#include "pipeline/json/json.h"

/* Is the value larger than `limit` bytes as JSON without blanks, an escape counted as what it stands for? Costs nothing like
 * a walk for what is far smaller and stands before another object. */
bool json_is_larger(const struct json_document *document, json_at at, uint64_t limit);

/* Bytes of the keys above each value that is no object, dots among them: what the paths within the value take written out,
 * but for their last keys. Paths begin anew in the objects of arrays. */
uint64_t json_path_bytes(const struct json_document *document, json_at at);
