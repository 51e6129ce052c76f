/* What a connection lends to each of its requests: where it may go, who asks, and the place of its answer. What a request
 * means for the connection is an outcome that its session acts on. */
#pragma once

#include "event/ticket.h"
#include "proto/access/access_kept.h"
#include "proto/front/turn.h"
#include "proto/http/answer_ring.h"
#include "proto/http/http_upgrade.h"
#include "proto/limits/limit_state.h"

struct http_exchange {
    struct io_context *context;
    const struct route_table *routes;
    struct transport *transport; /* what carries it */
    uint32_t slot;
    uint32_t generation;

    struct client_address peer;
    bool peer_trusted;
    char peer_text[CLIENT_ADDRESS_TEXT];
    size_t peer_text_length;
    struct slice
        certificate_subject; /* of the certificate that the client proved to own (RFC 2253); data is NULL: none */

    struct slice hsts; /* a line of its replies over TLS; empty: none */

    struct turn_share share;
    int64_t whole_ns;           /* when the request was whole that waits for its turn; 0: none does */
    struct toll toll;           /* of the request that is read or served; only while there are limits */
    struct answer_ring answers; /* full: requests wait unparsed, and reading stops */
    struct ws_terms terms;      /* of the upgrade, if there is one */
    struct access_memo known;   /* the key that was shown last */
    struct limit_place place;   /* of the client that asked last, among the limits */
};

/* After a request. */
enum http_outcome {
    HTTP_GOES_ON,
    HTTP_IS_LAST, /* its answer ends the connection */
    HTTP_UPGRADES /* its answer is the 101, and `terms` are settled */
};

/* Where the completion of the request that is taken next will go. */
static inline struct token http_exchange_next_token(const struct http_exchange *exchange)
{
    return (struct token){ exchange->slot, exchange->generation, exchange->answers.next };
}
