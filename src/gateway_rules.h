/* What the doors have of a configuration that is read anew, compiled: for gateway_reload.c. */
#pragma once

#include "base/bytes.h"

struct access;
struct address_ranges;
struct http_options;
struct limits;
struct server;
struct tls_context;
struct udp;
struct udp_options;
struct udp_rules;

/* Before the swap what is new, after it what held before. Zeroed it is empty. */
struct gateway_rules {
    struct address_ranges *trusted;
    struct access *access; /* NULL: there are no keys */
    struct limits *rates;  /* borrowed; NULL: nothing is limited */
    struct udp_rules *udp;
    struct tls_context **tls; /* of the listeners with TLS, until it is theirs */
    struct server *server;    /* borrowed: whose listeners those are */
};

/* The rest, once `access` and `server` are there; the options outlive it, and `door` is that of UDP. False with *problems;
 * gateway_rules_release follows either way. */
MUST_CHECK bool gateway_rules_compile(struct gateway_rules *rules, const struct http_options *http,
                                      const struct udp_options *udp, const struct udp *door, struct buf *problems);
void gateway_rules_release(struct gateway_rules *rules);
