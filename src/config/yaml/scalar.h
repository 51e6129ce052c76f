/* What a scalar of the configuration means. Pure: the whole slice must match, nothing wraps. */
#pragma once

#include "base/bytes.h"

MUST_CHECK bool scalar_bool(struct slice text, bool *value); /* true false yes no on off, any case */
MUST_CHECK bool scalar_integer(struct slice text, int64_t *value);

/* B KB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024), any case; a plain number is bytes. */
MUST_CHECK bool scalar_size(struct slice text, int64_t *bytes);

/* ns us ms s m h d; only 0 goes without a unit. */
MUST_CHECK bool scalar_duration(struct slice text, int64_t *ns);

/* A decimal number without a sign or an exponent, with at most six places: 1, 1.0, 0.05. In millionths. */
#define SCALAR_SHARE_WHOLE INT64_C(1000000)
MUST_CHECK bool scalar_share(struct slice text, int64_t *millionths);

/* Into `out` as the file would have it, in the largest unit that divides it: 30d, 90m, 1500ms. Returns `out`. */
#define SCALAR_DURATION_SIZE 24
char *scalar_write_duration(int64_t ns, char out[SCALAR_DURATION_SIZE]);

/* Letters, digits and '_', 1 to 64 of them. */
bool scalar_is_name(struct slice text);

/* The one of `count` candidates that `text` is most likely a slip of, or NULL. */
const char *scalar_nearest(struct slice text, const char *const *candidates, size_t count);
