/* Plain text: what others wrote (servers, files, clients) as one line that does nothing to a terminal, a log reader or a
 * JSON parser. The log, the status board and the replies of stores all go through here. Pure. */
#pragma once

#include "base/bytes.h"

/* Writes `text` with a NUL behind it, cut between characters to what `size` bytes (1 or more) hold; the length. Controls
 * (C0, C1, DEL) and line separators become spaces; what is no UTF-8, and what turns the direction of writing, becomes
 * U+FFFD. Not in place. */
size_t plain_text_copy(struct slice text, char *out, size_t size);

/* The same to a string where it stands, in `size` bytes, at most PLAIN_TEXT_MAX. */
#define PLAIN_TEXT_MAX 4096
void plain_text_clean(char *text, size_t size);
