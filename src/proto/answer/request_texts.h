/* Texts of a request by the names that replies have for them: "query.url", "path.user", "cookie.sid". */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

struct captures;
struct http_request;
struct request_values;

struct request_texts {
    const struct http_request *request;
    const struct captures *captures; /* of its path */
    struct slice client_ip;
    bool peer_trusted; /* its fields say how it came */
};

/* As sent, of a query percent-decoded; valid until `space`, which it may be written to, is. data is NULL: there is none. */
struct slice request_text(const struct request_texts *from, struct slice name, struct buf *space);

/* The member of events that the sources of a route gave; of several the last counts. data is NULL: they gave none. */
struct slice request_member(const struct request_values *values, struct slice name);

/* A proxy says that the client came over HTTPS (X-Forwarded-Proto); of several the last, which is the nearest, counts. */
bool request_came_over_https(const struct http_request *request);
