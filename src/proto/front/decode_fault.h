/* Says what a client is to mend whose compressed payload could not be unpacked. */
#pragma once

#include "base/bytes.h"
#include "proto/front/encoding.h"

/* Appends, of a payload that decode_body called ERROR_BAD_COMPRESSION: what was expected, what the bytes look like (plain
 * JSON, another coding, an LZ4 block without its size), and the cure. Pure; slow, for error messages only. */
void decode_describe_fault(enum encoding encoding, struct slice in, struct buf *out);
