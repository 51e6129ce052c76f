/* The options of the doors: HTTP, WebSocket, UDP, the pages for operators. */
#include "config/tables/sections.h"

#include "config/options/http_options.h"
#include "config/options/udp_options.h"
#include "config/options/websocket_options.h"
#include "config/tables/rows.h"

static const char *const tls_client_certificates[] = { "required", "optional", NULL }; /* enum tls_client_certificate */
static const char *const http_serves[] = { "events", "pages", "admin", "routes", NULL }; /* enum http_serves */

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option tls_certificate_rows[] = {
    { "certificate",      STRING(tls_certificate_options, certificate),        NULL,               "1",     NULL,
      "As `tls.certificate`.", .required = true, .reloads = true },
    { "key",              STRING(tls_certificate_options, key),                NULL,               "1",     NULL,
      "As `tls.key`.", .reloads = true },
};

static const struct option_table tls_certificate_table = TABLE(tls_certificate_rows);

static const struct option tls_rows[] = {
    { "certificate",      STRING(tls_options, certificate),                    NULL,               "1",     NULL,
      "A PEM file with the certificate of the server, and those of its issuers behind it in order (certbot's "
      "`fullchain.pem`). Given, the listener speaks HTTPS alone. It is read again when it changes.", .reloads = true },
    { "key",              STRING(tls_options, key),                            NULL,               "1",     NULL,
      "A PEM file with its key, without a passphrase. Not given: the key stands in the file of the certificate.", .reloads = true },
    { "certificates",     LIST(tls_options, certificates, certificate_count, tls_certificate_options), NULL, NULL, "64",
      "More of them. A client gets the one whose names have the name that it asks for (SNI), else the first.",
      .table = &tls_certificate_table, .reloads = true },
    { "client_ca",        STRING(tls_options, client_ca),                      NULL,               "1",     NULL,
      "A PEM file with the certificates of those who issue the clients' certificates. Given, clients show one (mTLS).", .reloads = true },
    { "client_certificate", ENUM(tls_options, client_certificate),             "required",         NULL,    NULL,
      "With `client_ca`: `required`, who shows none does not get in; `optional`, who shows one must show a good one.",
      .names = tls_client_certificates, .reloads = true },
    { "hsts",             DURATION(tls_options, hsts_ns),                      "0s",               NULL,    "730d",
      "How long browsers, once told, come to this name by https alone (Strict-Transport-Security): `365d`. 0: they are not told. It "
      "cannot be taken back before that time is over.", .reloads = true },
};

static const struct option_table tls_table = TABLE(tls_rows);

static const struct option http_listener_rows[] = {
    { "listen",           STRING(http_listener_options, listen),               NULL,               "1",     NULL,
      "The address, as `http.listen` has it.", .required = true },
    { "serves",           SET(http_listener_options, serves),                  NULL,               NULL,    NULL,
      "What is served there; other paths get 404. `events`: /events, /events/bulk, /events/batch and the WebSockets. `pages`: "
      "/events/metrics, /, /demo, /sluice.js, /openapi.json and /swagger, and `queries`, `pages` and `files`. `admin`: /metrics, /health, /livez, /readyz, /ping and /status. `routes`: what "
      "the configuration adds, and none of the gateway's own paths. Not given: all; with `admin.listen`, all but `admin`.", .names = http_serves },
    { "acme_webroot",     STRING(http_listener_options, acme_webroot),         NULL,               "1",     NULL,
      "A folder that an ACME client writes to (`certbot --webroot -w`, `lego --http.webroot`): its `.well-known/acme-challenge/` is "
      "served before all else. docs/operations.md, \"Let's Encrypt\"." },
    { "redirect_https",   STRING(http_listener_options, redirect_https),       NULL,               NULL,    NULL,
      "`true`: all else is answered 308 to https, by the same name, path and query; a number is the port of https if that is not 443. "
      "It needs `http.hosts`." },
    { "tls",              GROUP(http_listener_options, tls),                   NULL,               NULL,    NULL,
      "HTTPS on this address, and WebSockets as `wss`: docs/operations.md, \"TLS\".", .table = &tls_table, .reloads = true },
};

static const struct option_table http_listener_table = TABLE(http_listener_rows);

static const struct option http_rows[] = {
    { "listen",           STRING(http_options, listen),                        NULL,               "1",     NULL,
      "The address of HTTP: `host:port`, `[::1]:port` or `:port` (IPv4 and IPv6; `[::]:port` is IPv6 alone). It is the short form "
      "of one entry of `http.listeners`. If neither is given: `0.0.0.0:8080`." },
    { "listeners",        LIST(http_options, listeners, listener_count, http_listener_options), NULL, NULL,    "16",
      "The addresses of HTTP. `http.listen` and `admin.listen`, where they are given, are two more; at most 16 in all. Each I/O "
      "thread has a socket of each. Listeners that serve `admin` but not `events` share a thread and 64 connections of their own.",
      .table = &http_listener_table },
    { "tls",              GROUP(http_options, tls),                            NULL,               NULL,    NULL,
      "HTTPS on `http.listen`: docs/operations.md, \"TLS\".", .table = &tls_table, .reloads = true },
    { "io_threads",       INTEGER(http_options, io_threads),                   "1",                "1",     "64",
      "Threads that read requests; each has its own listening socket. One is enough for a machine of two cores." },
    { "max_body",         SIZE(http_options, max_body_bytes),                  "16MiB",            "1KiB",  "1GiB",
      "Largest request body as it is sent, still compressed; larger ones are answered 413.", .reloads = true },
    { "max_decompressed", SIZE(http_options, max_decompressed_bytes),          "64MiB",            "1KiB",  "1GiB",
      "Largest request body once decompressed; larger ones are answered 413.", .reloads = true },
    { "max_ratio",        INTEGER(http_options, max_ratio),                    "200",              "1",     "1000000",
      "A body, WebSocket message or datagram of more than 1 MiB once decompressed may have at most this many times the bytes "
      "that were sent. Others are answered 413 (`ratio_too_high`).", .reloads = true },
    { "max_header",       SIZE(http_options, max_header_bytes),                "16KiB",            "1KiB",  "1MiB",
      "Largest request line and header fields together; larger ones are answered 431.", .reloads = true },
    { "max_events",       INTEGER(http_options, max_events),                   "100000",           "1",     "10000000",
      "Most events in one request; more are answered 413." },
    { "max_connections",  INTEGER(http_options, max_connections),              "20000",            "1",     "1000000",
      "Most connections open at once, WebSockets among them, over all I/O threads. The limit of open files may leave fewer; "
      "then the log says so at start." },
    { "max_per_address",  INTEGER(http_options, max_per_address),              "1000",             "1",     "1000000",
      "Most connections of one client address (IPv6: of its /64), WebSockets among them; more are answered 429. Proxies in "
      "`trusted_proxies` may have any number.", .reloads = true },
    { "max_receiving",    SIZE(http_options, max_receiving_bytes),             "0",                NULL,    "1TiB",
      "Most bytes kept of requests and WebSocket messages that are not whole. Near it large ones are not read on, then they "
      "are answered 503. 0: an eighth of the memory, at least 64MiB and room for four of the largest." },
    { "max_replying",     SIZE(http_options, max_replying_bytes),              "0",                NULL,    "1TiB",
      "Most bytes kept of replies that clients have not taken. Near it the connection that has taken nothing for longest is "
      "closed. 0: an eighth of the memory, at least 64MiB." },
    { "min_body_rate",    SIZE(http_options, min_body_rate),                   "1KiB",             NULL,    "1GiB",
      "Bytes a second that a client must send of a request's body or a message, over ten seconds; slower ones are answered "
      "408 (1008). 0: no such bound.", .reloads = true },
    { "min_reply_rate",   SIZE(http_options, min_reply_rate),                  "1KiB",             NULL,    "1GiB",
      "Bytes a second that a client must take of what waits for it, over ten seconds; slower ones are closed. 0: after "
      "`idle_timeout`.", .reloads = true },
    { "header_timeout",   DURATION(http_options, header_timeout_ns),           "10s",              "100ms", "10m",
      "From a request's first byte to the end of its header; slower ones are answered 408. From a new connection to its first "
      "byte, too; such are closed.", .reloads = true },
    { "body_timeout",     DURATION(http_options, body_timeout_ns),             "30s",              "100ms", "1h",
      "For the whole of a request's body; slower ones are answered 408.", .reloads = true },
    { "idle_timeout",     DURATION(http_options, idle_timeout_ns),             "75s",              "100ms", "1d",
      "How long a connection is kept open between two requests.", .reloads = true },
    { "wait_timeout",     DURATION(http_options, wait_timeout_ns),             "10s",              "100ms", "10m",
      "How long `?wait=stored` waits for ClickHouse before it is answered 202.", .reloads = true },
    { "cors_origins",     STRINGS(http_options, cors_origins),                 "",                 NULL,    NULL,
      "Origins of web pages that may open a WebSocket (others get 403) and read replies of HTTP: exact (`https://shop.example`), "
      "`https://*.shop.example` for all hosts below that (not itself), `http://localhost:*` for any port, `null`, or `\"*\"` for all. "
      "Pages of the gateway's own origin always may. No POST is refused by its origin: browsers hold back those that they ask "
      "about first.", .reloads = true },
    { "hosts",            STRINGS(http_options, hosts),                        "",                 NULL,    NULL,
      "Names by which the gateway may be called (`Host`): `events.example` with any port, `*.events.example`, "
      "`events.example:8443`. Other names get 421; addresses and `localhost` are always taken. Empty: any name. It keeps out pages "
      "whose own name was made to lead here (DNS rebinding). For `admin.listen`, too.", .reloads = true },
    { "trusted_proxies",  STRINGS(http_options, trusted_proxies),              "127.0.0.1, ::1",   NULL,    NULL,
      "Addresses or networks (CIDR) whose X-Forwarded-For is believed.", .reloads = true },
    { "demo",             BOOL(http_options, demo),                            "true",             NULL,    NULL,
      "Serve /demo, a page that shows the browser SDK at work." },
};

static const struct option websocket_rows[] = {
    { "max_message",      SIZE(websocket_options, max_message_bytes),          "4MiB",             "1KiB",  "1GiB",
      "Largest message as it is sent, still compressed, over all its fragments; a larger one ends the connection (1009).", .reloads = true },
    { "max_decompressed", SIZE(websocket_options, max_decompressed_bytes),     "4MiB",             "1KiB",  "512MiB",
      "Largest message once decompressed; a larger one ends the connection (1009).", .reloads = true },
    { "max_in_flight",    INTEGER(websocket_options, max_in_flight),           "20000",            "1",     "100000000",
      "Most events of one connection that are not acknowledged yet; beyond it the connection is not read.", .reloads = true },
    { "max_connections",  INTEGER(websocket_options, max_connections),         "10000",            "1",     "1000000",
      "Most WebSockets open at once; more are answered 503.", .reloads = true },
    { "max_per_address",  INTEGER(websocket_options, max_per_address),         "1000",             "1",     "1000000",
      "Most WebSockets of one client address; more are answered 429.", .reloads = true },
    { "ping_interval",    DURATION(websocket_options, ping_interval_ns),       "30s",              "1s",    "1d",
      "A connection that was silent for so long is sent a ping.", .reloads = true },
    { "pong_timeout",     DURATION(websocket_options, pong_timeout_ns),        "10s",              "1s",    "1h",
      "If nothing comes back for so long after a ping, the connection is closed.", .reloads = true },
    { "message_timeout",  DURATION(websocket_options, message_timeout_ns),     "30s",              "1s",    "1h",
      "From a message's first byte to its last; a slower one ends the connection (1008).", .reloads = true },
    { "full_timeout",     DURATION(websocket_options, full_timeout_ns),        "10s",              "1s",    "1h",
      "How long a connection is not read while the gateway can take no events; then it is closed (1013).", .reloads = true },
};

static const struct option udp_listener_rows[] = {
    { "listen",           STRING(udp_listener_options, listen),                NULL,               "1",     NULL,
      "Address: `host:port`, `[::1]:port` or `:port` (IPv4 and IPv6; `[::]:port` is IPv6 alone); `off`: none.",
      .required = true },
    { "stream",           STRING(udp_listener_options, stream),                "",                 NULL,    NULL,
      "The stream of datagrams that name none; empty: the first." },
    { "allow",            STRINGS(udp_listener_options, allow),                "",                 NULL,    NULL,
      "Addresses or networks (CIDR) that may send there; what others send is dropped (`address_not_allowed`). Empty: all.", .reloads = true },
    { "hmac",             STRINGS(udp_listener_options, hmac),                 "",                 NULL,    NULL,
      "Names of `keys` whose owners may send there: each datagram ends in a trailer with its time and its HMAC-SHA-256; others "
      "are dropped. docs/protocol.md, \"Signed datagrams\". Empty: datagrams are not signed.", .reloads = true },
};

static const struct option_table udp_listener_table = TABLE(udp_listener_rows);

static const struct option udp_rows[] = {
    { "threads",          INTEGER(udp_options, threads),                       "1",                "1",     "64",
      "Threads that read each listener; each has a socket of its own." },
    { "receive_buffer",   SIZE(udp_options, receive_buffer),                   "64MiB",            "64KiB", "1GiB",
      "Bytes of a socket's unread datagrams that the kernel keeps; it drops those beyond them." },
    { "max_decompressed", SIZE(udp_options, max_decompressed_bytes),           "256KiB",           "1KiB",  "15MiB",
      "Largest datagram once decompressed; larger ones are counted as rejected.", .reloads = true },
    { "hmac_window",      DURATION(udp_options, hmac_window_ns),               "60s",              "1s",    "1h",
      "How far the time of a signed datagram may be from the gateway's; others are dropped (`signature_time`).", .reloads = true },
    { "hmac_remembered",  INTEGER(udp_options, hmac_remembered),               "1000000",          "1000",  "100000000",
      "Signatures kept of each key, 28 bytes each, so that none is taken twice. A key that signs more in a window has a "
      "shorter window." },
    { "listeners",        LIST(udp_options, listeners, listener_count, udp_listener_options), NULL, NULL,    "16",
      "The addresses; none: no UDP.", .table = &udp_listener_table },
};

static const struct option admin_rows[] = {
    { "listen",           STRING(admin_options, listen),                       "",                 NULL,    NULL,
      "The short form of a listener that serves `admin` alone: /metrics, /health and the other pages, with a thread and 64 "
      "connections of their own. Empty: `http.listen` serves them." },
};
/* clang-format on */

const struct option_table http_table = TABLE(http_rows);
const struct option_table websocket_table = TABLE(websocket_rows);
const struct option_table udp_table = TABLE(udp_rows);
const struct option_table admin_table = TABLE(admin_rows);
