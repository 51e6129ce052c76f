/* Base64 in both alphabets (RFC 4648, 4 and 5), with or without its padding. Pure. */
#pragma once

#include "base/bytes.h"

/* Appends what the text stands for, never longer. False: it is no base64. */
MUST_CHECK bool base64_decode(struct slice text, struct buf *out);
