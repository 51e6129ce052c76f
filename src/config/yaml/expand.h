/* Puts the environment into a scalar.
 *
 * `${NAME}` becomes the variable's value, `${NAME:-default}` the default if the variable is unset or empty, `$${` stands
 * for a literal `${`. A default may name variables, too: `${A:-${B:-c}}`. What is put in is not looked at again. */
#pragma once

#include "base/bytes.h"

/* Appends the expanded text to *out. On failure false with "found …, expected …" in *problem. */
MUST_CHECK bool expand(struct slice text, const char *(*lookup)(const char *name), struct buf *out,
                       struct buf *problem);
