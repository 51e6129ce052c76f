/* The server of HTTP and WebSockets: listeners, I/O threads, routes.
 *
 * A server has I/O threads, and one more for operators' listeners. Each has its own sockets of all listeners that it serves
 * (SO_REUSEPORT), its own libwebsockets context on its own libev loop, its own connections and its own pipeline_io. I/O
 * threads share nothing but the tables of streams and pages. HTTP/1.1 is parsed by http_parse.c on libwebsockets' raw role. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct access;
struct address_ranges;
struct front_end;
struct http_listener_options;
struct http_options;
struct limits;
struct metrics;
struct pipeline;
struct route_list;
struct server_tls;
struct status_board;
struct websocket_options;

/* Connections to the listeners that are kept apart; those of http.max_connections are others. */
#define SERVER_ADMIN_CONNECTIONS 64

/* A listener for operators, where no events come in, has a thread and connections apart from the others, which it shares
 * with its kind: whatever those are asked for, it answers. */
bool server_keeps_apart(const struct http_listener_options *listener);

struct server;

struct server_config {
    const struct http_options *http;
    const struct websocket_options *websocket;
    int64_t max_connections;      /* http.max_connections, as far as the process may open files */
    uint64_t max_receiving_bytes; /* http.max_receiving, or the share of memory that stands for it */
    uint64_t max_replying_bytes;
    struct pipeline *pipeline;
    struct metrics *metrics;
    struct limits *rates; /* borrowed; NULL: nothing is limited */
    struct status_board *board;
    const struct route_list *routes; /* which the listeners' tables borrow from */
    const struct access *access;     /* NULL: there are no keys */
};

/* Whether proxies and origins can be read; false with one line per problem. Opens nothing. */
MUST_CHECK bool server_check(const struct http_options *http, struct buf *problems);

/* The same of the listeners, for which a line begins with that of the configuration file and a colon, or with a space. */
MUST_CHECK bool server_check_listeners(const struct http_options *http, struct buf *problems);

/* Binds and starts the I/O threads. NULL with *problem ("listen on :8080: address already in use"). */
struct server *server_start(const struct server_config *config, struct buf *problem);

/* The address of the first listener that serves this (of enum http_serves), with the port that is bound, and
 * whether it speaks TLS: NULL, none does. */
const char *server_address(const struct server *server, unsigned serves, int *port, bool *secure);

/* Appends all addresses with the ports that are bound and what they serve, behind commas. */
void server_addresses(const struct server *server, struct buf *out);

/* While it is paused: its options are others now, and so are the trusted proxies, which are exchanged, the keys, and the limits. */
void server_refresh(struct server *server, struct address_ranges *trusted, const struct access *access,
                    struct limits *rates);
/* Main thread, about once a second, from server_start until it is freed. */
void server_tick(struct server *server);

/* For a reload. */
struct server_tls *server_tls_of(struct server *server);

/* What clients may refuse of the listeners' certificates: a line each, as server_check_listeners. */
void server_doubts(const struct http_options *http, struct buf *doubts);

/* close: the listening sockets close, idle connections too, requests that are not whole are answered 503, replies get
 * "Connection: close", WebSockets are told 1012. */
struct front_end *server_front(struct server *server);
