/* The part of a host's name that its owner registered, by the public suffix list (publicsuffix.org): of "www.a.co.uk"
 * "a.co.uk". registrable.c is the one file that knows libpsl. */
#pragma once

#include "base/bytes.h"

/* Of a host with or without a port; in lower case, valid as long as `space`, which it is written to. Empty: the host is an
 * address, a public suffix itself, or no name. Any thread. */
struct slice registrable_domain(struct slice host, struct buf *space);
