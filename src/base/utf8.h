/* UTF-8 as decoders of the web read it (WHATWG Encoding; Unicode, 3.9): what is none becomes U+FFFD, one for each longest
 * beginning of a character, or else for each byte. ASCII behind a bad byte always stays. Pure. */
#pragma once

#include "base/bytes.h"

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Bytes at the front of `text`, which is not empty, that are one character (*whole), or that become one U+FFFD. No
 * surrogates, nothing overlong, nothing above U+10FFFF is a character. */
size_t utf8_take(struct slice text, bool *whole);

/* Bytes at the end of `text` that begin a character whose rest is not there: 0 to 3. */
size_t utf8_unfinished(struct slice text);

/* Appends the text with U+FFFD for what is no UTF-8. */
void utf8_append_repaired(struct buf *out, struct slice text);
