/* Where the pages of operators are, as seen from the same machine. Pure. */
#pragma once

#include "base/bytes.h"

struct http_options;

/* Appends the URL ("http://127.0.0.1:9100") of the listener that is best asked: it serves `admin`; it serves no events, for it
 * asks for no key then; it speaks no TLS. Of what listens on all addresses, the loopback's is taken. *secure: it is https. False
 * with *problem: no listener serves `admin`, or its port is chosen when the gateway starts. */
MUST_CHECK bool admin_url_find(const struct http_options *http, struct buf *url, bool *secure, struct buf *problem);
