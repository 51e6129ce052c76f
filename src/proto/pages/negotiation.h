/* What a client would rather have: fields such as Accept and Accept-Encoding (RFC 9110, 12.5). Pure. */
#pragma once

#include "base/bytes.h"

/* How much `name` is wanted, of 1000: the weight of the first item that is it, whatever its other parameters; of `any` ("*", "*\/\*") if
 * none is; `unsaid` if that is not there either. What is no weight counts as 1. */
unsigned negotiation_weight(struct slice field, struct slice name, struct slice any, unsigned unsaid);
