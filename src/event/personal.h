/* What is likely to be personal: names of members that people's data is kept under, and texts that look like it. In doubt it
 * is. Pure. What the rules are, for people: docs/security.md, "Personal data". */
#pragma once

#include "base/bytes.h"

/* A name, or one key of a path: "user_id", "clientIp", "E-Mail", "phone2". */
bool personal_name(struct slice name);

/* An e-mail address or an IP address is in it. */
bool personal_address(struct slice text);

/* It is, or has in it, an address; or it is a phone number, a long number of a card or an account, a token, or a URL with a
 * query. */
bool personal_text(struct slice text);
