/* Where a redirect may go: no value that a client chooses may lead to a host that the configuration does not name. Whatever
 * browsers and servers read differently (WHATWG URL; RFC 3986) is refused: backslashes, controls, user names, schemes
 * other than http and https, a scheme without "//", other characters than those of host names in the host. Pure. */
#pragma once

#include "base/bytes.h"

struct string_list;

/* "a.example", "*.a.example", "[::1]", each with ":8443" or ":*" behind it, or without (the port of the scheme). */
bool url_host_is_entry(struct slice entry);

/* "/path" on the host of the request, or "http://host/…" or "https://host/…" of a host that `hosts` allow; NULL: any. */
bool url_is_allowed(struct slice url, const struct string_list *hosts);

/* The front of a URL, before its first value, settles where it goes: values that are percent-encoded change nothing of it.
 * `whole`: nothing comes behind it. */
bool url_settles_host(struct slice front, bool whole);

/* Appends a URL that is allowed, as Location has it: what is no character of a URL is percent-encoded. */
void url_append(struct slice url, struct buf *out);

/* Appends a value that is a part of a URL behind its host: all but letters, digits and "-._~" is percent-encoded. */
void url_append_part(struct slice value, struct buf *out);
