/* Origins of web pages (RFC 6454): which of them a list allows: http.cors_origins, or that of a key. Pure.
 *
 * An entry is "*" (all), "null" (pages without an origin: sandboxed frames, files), or an origin as browsers send it:
 * scheme, host, and the port unless it is the scheme's own, as in "https://shop.example" or "http://localhost:3000".
 * The first label of the host may be "*" for one label or more: with shop.example behind it allows www.shop.example and
 * a.b.shop.example, but not shop.example, no other scheme and no other port. The port "*" stands for any, and for none.
 */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

struct string_list;

/* The entry that allows this origin: its index, or -1. An empty origin is never allowed: the request is no cross-origin
 * one. */
int origins_find(const struct string_list *list, struct slice origin);

/* The entry allows other origins than the one that it spells: what is allowed must be told by the request's spelling. */
bool origins_is_pattern(const char *entry);

/* Replies differ by origin: the list names some. */
bool origins_vary(const struct string_list *list);

/* False if an entry can never match, with a line for each: "http.cors_origins: found …", why, and what to write;
 * `option` is what it begins with. */
MUST_CHECK bool origins_check(const struct string_list *list, const char *option, struct buf *problems);
