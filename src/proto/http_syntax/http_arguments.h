/* Arguments of queries and forms (application/x-www-form-urlencoded); page_argument finds one by its name. */
#pragma once

#include "base/bytes.h"

/* Appends `text` with its %XX undone ('+' becomes a space if plus_is_space). False: an escape is not valid. */
MUST_CHECK bool http_unescape(struct slice text, bool plus_is_space, struct buf *out);
