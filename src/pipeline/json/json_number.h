/* Numbers as RFC 8259 writes them: where one ends, and whether 64 bits or a double hold it. Pure. */
#pragma once

#include "base/bytes.h"

/* The number at the front of `text`, which begins with '-' or a digit: its length; 0 and the reason (static) in *reason if it
 * is none. What stands behind it is not looked at. */
size_t json_number_length(struct slice text, const char **reason);

/* Does int64_t or uint64_t hold the whole number, a double the one with a fraction or an exponent? */
bool json_number_fits(struct slice number);

/* The double nearest to the number, ties to even; infinite if it is beyond all. Takes 2 to 16 ns a byte. */
double json_number_double(struct slice number);
