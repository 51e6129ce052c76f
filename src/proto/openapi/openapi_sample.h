/* What a template of JSON looks like once it is written. Private to this room. */
#pragma once

#include "base/bytes.h"

/* Appends JSON: the template with values that stand for any; null if it is none. */
void openapi_write_sample(const char *template_text, struct buf *out);
