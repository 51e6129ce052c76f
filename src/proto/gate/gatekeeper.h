/* May I come in? What the three doors ask before a byte of a payload is unpacked or parsed. The answer is an error, which
 * each door tells in its own way: HTTP by a status (413, 429, 503), a WebSocket by a close code or by not being read, UDP by a
 * counted drop. The questions, in this order:
 *
 *   who is it?       the client's address, how many connections and WebSockets it may have, its key, and what that is for
 *   how much is it?  the bytes, against what the door takes at once; what came before, against the limits
 *   is there room?   in the gateway, and in the stream's part of the journal
 *
 * Plain data that all threads share; any thread may ask. */
#pragma once

#include "base/error.h"
#include "proto/front/client_address.h"

struct access;
struct connection_limits;
struct http_options;
struct limits;
struct pipeline;
struct stream;
struct websocket_options;

enum gatekeeper_kind { GATEKEEPER_CONNECTION, GATEKEEPER_WEBSOCKET, GATEKEEPER_KINDS };

struct gatekeeper {
    const struct pipeline *pipeline;
    struct connection_limits *limits[GATEKEEPER_KINDS]; /* NULL: any number */
    const struct access *access;                        /* borrowed; NULL: as if there were no keys */
    struct limits *rates;                               /* borrowed; NULL: none */
};

/* Makes the limits of `http` and `websocket`; the pipeline outlives it. False: memory is short; gatekeeper_release follows
 * either way. */
MUST_CHECK bool gatekeeper_init(struct gatekeeper *gatekeeper, const struct pipeline *pipeline,
                                const struct http_options *http, const struct websocket_options *websocket);
/* Other options, as far as they can be taken: how many of an address, and how many WebSockets. Who is in stays. */
void gatekeeper_refresh(const struct gatekeeper *gatekeeper, const struct http_options *http,
                        const struct websocket_options *websocket);
void gatekeeper_release(struct gatekeeper *gatekeeper);

/* OK: one more of this client, until gatekeeper_leave. Else as connection_limits_enter. */
MUST_CHECK enum error gatekeeper_enter(const struct gatekeeper *gatekeeper, enum gatekeeper_kind kind,
                                       const struct client_address *client);
void gatekeeper_leave(const struct gatekeeper *gatekeeper, enum gatekeeper_kind kind,
                      const struct client_address *client);

/* OK, or `too_large`: what this door says of more than it takes. */
MUST_CHECK static inline enum error gatekeeper_weigh(uint64_t bytes, uint64_t most, enum error too_large)
{
    return bytes > most ? too_large : OK;
}

/* Is there room for a payload of this stream? NULL: it names its stream itself, and the commit says whether that one has
 * room. Cheap. */
MUST_CHECK enum error gatekeeper_admits(const struct gatekeeper *gatekeeper, const struct stream *stream);
