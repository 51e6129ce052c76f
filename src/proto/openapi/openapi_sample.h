/* What a template of JSON looks like once it is written. Private to this room. */
#pragma once

#include "base/bytes.h"

struct named_query_options;

/* Appends JSON: the template with values that stand for any; null if it is none. `query`: whose results it names; or NULL. */
void openapi_write_sample(const char *template_text, const struct named_query_options *query, struct buf *out);
