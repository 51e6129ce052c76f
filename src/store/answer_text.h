/* What of a server's answer may be told to those who read logs and pages.
 *
 * ClickHouse quotes values in the text of most errors that a row can cause. Examples are "Column values: user_id = '…'",
 * "Cannot parse string '…' as UInt32", "Cannot load time zone …", "Unknown element '…' for enum", "Cannot parse JSON object
 * here: …", and the beginning of the body after a syntax error. Mostly, but not always, they stand in quotes.
 *
 * So only the dead letter has the text of such an error. The log and the status board have its code, the code's name, and
 * the names of the parts of the schema at fault. Words within such a text say nothing of the server either: an event may
 * hold them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct store_reply;

/* One line without rows: "code 469 VIOLATED_CONSTRAINT of constraint `c`, …", or the whole text where it cannot hold any. */
void answer_explain(const struct store_reply *reply, char *out, size_t size);

/* One line with all that the server said: for dead letters. */
void answer_quote(const struct store_reply *reply, char *out, size_t size);
