/* Turns the text of a number into a canonical decimal that a Decimal(P, S) column takes without rounding. Pure. */
#pragma once

#include "base/bytes.h"

#define DECIMAL_MAX_PRECISION 76
#define DECIMAL_TEXT_MAX 96

/* Is it [-]digits[.digits][e[+-]digits]? */
bool decimal_is_number(struct slice text);

enum decimal_verdict { DECIMAL_FINE, DECIMAL_NOT_A_NUMBER, DECIMAL_TOO_LARGE, DECIMAL_TOO_FINE };

/* [-]digits[.digits][e[+-]digits] into `out` (*len bytes): no leading or trailing zeros, no exponent, "0" for zero. */
MUST_CHECK enum decimal_verdict decimal_format(struct slice text, unsigned precision, unsigned scale,
                                               char out[DECIMAL_TEXT_MAX], size_t *len);
