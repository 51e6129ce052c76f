/* application/x-www-form-urlencoded, as queries and forms have it (WHATWG URL, 5.1), and what else names values in a text of
 * a request: cookies (RFC 6265, 5.4) and the pairs of a path. Pure; whatever comes is read as something. */
#pragma once

#include "base/bytes.h"

/* The next "name=value" between '&', still escaped; what is empty is passed over, without '=' the value is empty. */
bool urlencoded_next(struct slice *rest, struct slice *name, struct slice *value);

/* Appends the text without its escapes, never longer: what is no escape stays as it is. `plus`: '+' is a space. */
void urlencoded_decode(struct slice text, bool plus, struct buf *out);

/* The next "name=value" of a Cookie field, still escaped, without quotes around the value; what has no '=' is passed over. */
bool cookies_next(struct slice *rest, struct slice *name, struct slice *value);

/* The next two segments of a path that was decoded, in which a slash that was sent as %2F is a NUL. A last name without
 * a value has an empty one; empty names are passed over with their values. */
bool path_pairs_next(struct slice *rest, struct slice *name, struct slice *value);
