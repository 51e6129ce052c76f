/* One address of http.listeners: what is served there, and what carries those who come to it. */
#pragma once

#include "proto/route/route_table.h"

struct doorway;
struct http_options;
struct tls_acceptor;

struct listener {
    const struct http_listener_options *options;
    struct route_table routes;
    struct doorway *doorway; /* what is asked first, and its table */
    struct route_table of_doorway;
    const struct transport_ops *transport; /* of its connections, when they begin */
    struct tls_acceptor *tls;              /* NULL: it speaks plain HTTP */
    int port;                              /* bound; 0: not yet */
};

/* False with *problem, as route_table_init. */
MUST_CHECK bool listener_init(struct listener *listener, const struct http_listener_options *options,
                              const struct route_list *routes, const struct transport_ops *transport,
                              struct buf *problem);
void listener_release(struct listener *listener);

/* What can be said against a list of addresses without opening one: a line per problem. Those of entries of
 * http.listeners begin with their line in the configuration file and a colon, others with a space. */
MUST_CHECK bool listeners_check(const struct http_options *http, struct buf *problems);

/* What clients may refuse of their certificates: a line each, likewise. */
void listeners_doubts(const struct http_options *http, struct buf *doubts);

/* Appends the address with the port that is bound, and what is served there if that is not all. */
void listener_describe(const struct listener *listener, struct buf *out);
