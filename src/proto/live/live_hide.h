/* Which fields of an event are not for the eyes of who watches, and what a message says without them. It hides rather than shows:
 * docs/live.md, "What is hidden". Pure. */
#pragma once

#include "base/bytes.h"

struct column_spec;
struct live_options;

/* Does the name look as if its values were personal: "client_ip", "userId", "e-mail"? */
bool live_name_is_personal(struct slice name);

/* Is the value of this column hidden? */
bool live_hides(const struct live_options *options, const struct column_spec *spec);

/* Does the configuration say that the values of this field are shown? */
bool live_shows(const struct live_options *options, struct slice field);

/* Appends the message of a refusal, without what the event held: what stands between quotes, and a number or Boolean at its
 * front. */
void live_append_masked(struct slice message, struct buf *out);
