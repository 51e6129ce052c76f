/* What a request shows of its sender: the text of a key, in one of the places where clients have one.
 *
 *   Authorization: Bearer KEY
 *   Authorization: Basic base64("KEY:")    the user is the key; a password is not looked at
 *   X-API-Key: KEY
 *   ?key=KEY                               of events and WebSockets; it is cut out of the query
 *   Sec-WebSocket-Protocol: sluice.v1, key.KEY
 *
 * Of Authorization other schemes than these show nothing. The same key in two places is one. Pure but for its memory. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct http_request;

/* A head that shows "Authorization: Bearer KEY", as most do, and neither another key nor a query: *key is it. */
bool credential_is_bearer(const struct http_request *request, struct slice *key);

/* `takes`: of a request for events or a WebSocket: ?key= and the subprotocol count. *key: it, or empty. OK, or with *detail
 * ERROR_BAD_REQUEST (two keys that differ, an escape that is none, Basic that is no base64) or ERROR_OUT_OF_MEMORY. A key is cut
 * out of request->query either way. It lies in the request or in `texts`, the new query in `query`. */
MUST_CHECK enum error credential_of(struct http_request *request, bool takes, struct buf *texts, struct buf *query,
                                    struct slice *key, struct slice *detail);
