/* The opening handshake (RFC 6455, section 4.2): judges a request, settles the terms, writes the 101. The only place
 * that knows libcrypto (SHA-1 and base64 of the key). */
#pragma once

#include "event/request_fields.h"
#include "proto/access/access_kept.h"
#include "proto/front/client_address.h"

struct event_route;
struct gatekeeper;
struct http_request;
struct io_context;
struct route;

/* What was agreed: from the handshake to the connection's end. Owned by the session that serves it. */
struct ws_terms {
    const struct event_route *route;
    const struct stream *stream;
    bool acks;
    uint32_t ack_series;              /* of METRIC_REPLY_SECONDS */
    const struct gatekeeper *entered; /* with `address`; NULL: not yet */
    struct client_address address;
    char client_ip[CLIENT_ADDRESS_TEXT];
    size_t client_ip_length;
    struct buf user_agent;
    struct access_hold key;
    struct request_fields request; /* slices of request_text */
    struct buf request_text;
};

/* A route that is built in: `?stream=` chooses, `?ack=0` silences. `client` is the address behind trusted proxies.
 * OK: *terms is filled and counted by context->gatekeeper, and the whole 101 reply is appended to `out` (empty at
 * first). It names the subprotocol sluice.v1 if that is among those offered.
 * Else nothing is kept, *detail may say more (static), and the content of `out` is of no meaning:
 *   ERROR_DRAINING
 *   ERROR_BAD_REQUEST         HTTP/1.0, a body, a key that is not 16 bytes in base64
 *   ERROR_UPGRADE_REQUIRED    no upgrade to websocket, or not version 13 (426 names it)
 *   ERROR_ORIGIN_NOT_ALLOWED  an Origin that is neither the gateway's own (its host and port are those of Host) nor in
 *                             http.cors_origins; no Origin is no browser, and allowed
 *   ERROR_UNKNOWN_STREAM, ERROR_BAD_ARGUMENT, ERROR_OUT_OF_MEMORY, and what gatekeeper_enter says. */
MUST_CHECK enum error http_upgrade(struct io_context *context, const struct http_request *request,
                                   const struct route *route, struct client_address client, struct ws_terms *terms,
                                   struct buf *out, struct slice *detail);

/* Is not counted any more, frees. Zeroed terms are empty, and are so again afterwards. */
void ws_terms_release(struct ws_terms *terms);
