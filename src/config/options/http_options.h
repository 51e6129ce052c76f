/* Options: the HTTP front end (proto/server, proto/http). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a listener may serve, as bits: where events come in, the pages of clients, those of operators; and what the configuration
 * adds, which the first two serve as well. */
enum http_serves { SERVES_EVENTS = 1, SERVES_PAGES = 2, SERVES_ADMIN = 4, SERVES_ROUTES = 8 };

#define HTTP_LISTENERS_MAX 16

/* TLS of a listener (proto/tls). */

/* `key` NULL: it stands in the file of the certificate. */
struct tls_certificate_options {
    int line;
    const char *file;
    const char *certificate;
    const char *key;
};

enum tls_client_certificate { TLS_CLIENT_REQUIRED, TLS_CLIENT_OPTIONAL };

struct tls_options {
    const char *certificate; /* the first one; NULL, and no `certificates`: the listener speaks plain HTTP */
    const char *key;
    struct tls_certificate_options *certificates; /* more, chosen by the name that a client asks for */
    size_t certificate_count;
    const char *client_ca; /* NULL: clients are asked for none */
    enum tls_client_certificate client_certificate;
    int64_t hsts_ns; /* 0: browsers are not told to come by TLS alone */
};

struct http_listener_options {
    int line; /* in the configuration file, for messages; 0: `option` is not in http.listeners */
    const char *file;
    const char *listen;         /* "host:port", "[::1]:port", ":port" */
    unsigned serves;            /* of enum http_serves, never 0 */
    const char *acme_webroot;   /* NULL: none */
    const char *redirect_https; /* "true", "false" or a port; NULL: it is not given */
    const char *option;         /* that gave the address, "admin.listen". Of no option */
    struct tls_options tls;
};

struct http_options {
    const char *listen; /* the short form of one listener, which is in `listeners`; NULL: it was not given */
    struct http_listener_options *listeners; /* all, those of the short forms first */
    size_t listener_count;                   /* 1 to HTTP_LISTENERS_MAX */
    struct tls_options tls;                  /* of `listen` */
    int64_t io_threads;
    uint64_t max_body_bytes; /* as received, still compressed */
    uint64_t max_decompressed_bytes;
    uint64_t max_ratio;           /* decompressed : sent, beyond 1 MiB, for all doors */
    uint64_t max_header_bytes;    /* request line and fields together */
    uint64_t max_events;          /* in one payload */
    int64_t max_connections;      /* of all I/O threads */
    int64_t max_per_address;      /* of one client address */
    uint64_t max_receiving_bytes; /* of requests and messages that are not whole; 0: a share of memory */
    uint64_t max_replying_bytes;  /* of replies that are not taken; likewise */
    uint64_t min_body_rate;       /* bytes a second; 0: none */
    uint64_t min_reply_rate;
    int64_t header_timeout_ns;          /* from a request's first byte to its last header byte */
    int64_t body_timeout_ns;            /* for the whole body */
    int64_t idle_timeout_ns;            /* keep-alive */
    int64_t wait_timeout_ns;            /* ?wait=stored */
    struct string_list cors_origins;    /* as proto/front/origins.h says, for WebSockets too */
    struct string_list hosts;           /* as proto/front/hosts.h says; empty: all */
    struct string_list trusted_proxies; /* addresses or CIDR */
    bool demo;                          /* /demo is served */
};

struct admin_options {
    const char *listen; /* the short form of a listener that serves SERVES_ADMIN alone; "": none */
};
