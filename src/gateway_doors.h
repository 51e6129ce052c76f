/* The doors of a running gateway, HTTP and UDP, started, asked and stopped together: for gateway.c. */
#pragma once

#include "base/bytes.h"

struct access;
struct config;
struct front_end;
struct gateway_rules;
struct http_options;
struct limits;
struct metrics;
struct pipeline;
struct route_list;
struct server;
struct status_board;
struct udp;
struct udp_options;
struct websocket_options;

struct gateway_doors {
    struct server *server;
    struct udp *udp;
    struct front_end *fronts[2]; /* of both, once started: they end alike */
    size_t count;
};

/* What they are built on. */
struct gateway_doors_parts {
    const struct config *config; /* for the shares of memory and files */
    const struct http_options *http;
    const struct websocket_options *websocket;
    const struct udp_options *udp;
    size_t server_count; /* of the store */
    struct pipeline *pipeline;
    struct metrics *metrics;
    struct status_board *board;
    const struct route_list *routes;
    struct limits *rates;        /* NULL: nothing is limited */
    const struct access *access; /* NULL: there are no keys */
};

/* Clients can connect from here on. False with *problem; what has started is in *doors. */
MUST_CHECK bool gateway_doors_start(struct gateway_doors *doors, const struct gateway_doors_parts *parts,
                                    struct buf *problem);

/* As front_end.h says: all stand still, or none does. */
MUST_CHECK bool gateway_doors_pause(struct gateway_doors *doors, int64_t deadline_ns, int64_t *since_ns);
void gateway_doors_resume(struct gateway_doors *doors);

/* While they stand still: the options that they borrow are others now, and what was compiled of them is exchanged. */
void gateway_doors_refresh(struct gateway_doors *doors, const struct http_options *http, struct gateway_rules *rules);

/* As front_end.h says. */
void gateway_doors_close(struct gateway_doors *doors);
void gateway_doors_stop(struct gateway_doors *doors, int64_t deadline_ns);
void gateway_doors_free(struct gateway_doors *doors);

/* The threads that have been at one turn for `limit_ns` or longer; NULL: none. */
const char *gateway_doors_stuck(const struct gateway_doors *doors, int64_t now_ns, int64_t limit_ns);

/* As gateway_address, gateway_http_addresses and gateway_udp_addresses say. */
const char *gateway_doors_address(const struct gateway_doors *doors, unsigned serves, int *port, bool *secure);
void gateway_doors_addresses(const struct gateway_doors *doors, struct buf *out);
void gateway_doors_udp_addresses(const struct gateway_doors *doors, struct buf *out);

/* About once a second: certificates that changed are read. */
void gateway_doors_tick(struct gateway_doors *doors);
