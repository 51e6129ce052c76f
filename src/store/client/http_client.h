/* An HTTP client for ClickHouse's interface: POST with keep-alive, and an exact account of what a failure may have
 * done.
 *
 * One client per session and server, used by one thread. A name is resolved anew after a connection failed, and at least
 * once a minute, so that a server that moved is found. A request is never sent twice behind the caller's back: bodies
 * cannot be rewound, so libcurl does not repeat one on a fresh connection. (A server that restarted meanwhile could
 * answer the repetition "done" from its deduplication log alone.) */
#pragma once

#include "base/bytes.h"

#include <stdatomic.h>

struct tls_files;
struct tls_option_names;

#define HTTP_FAILURE_MAX 384
#define HTTP_SERVER_MAX 128

/* Where requests go. All strings are owned. */
struct http_address {
    char *url;  /* ends in '?' or in arguments */
    char *name; /* for people: without credentials and arguments */
    char *user; /* "" : none */
    char *password;
};

/* Takes user:password@ and a trailing slash into account. False if it is not an http:// or https:// URL. */
MUST_CHECK bool http_address_parse(struct http_address *address, struct slice url);
void http_address_release(struct http_address *address);

struct http_call {
    const char *url;
    const char *user; /* sent as X-ClickHouse-User unless "" */
    const char *password;
    const struct tls_files *tls;              /* for https:// */
    const struct tls_option_names *tls_names; /* what messages call those */
    const char *content_encoding;             /* NULL: identity */
    struct gather body;
    long connect_timeout_ms;    /* 0: libcurl's own */
    long timeout_ms;            /* of the whole request; 0: none */
    const atomic_bool *hurried; /* once true, the request is given up within a second */
    struct buf *answer;         /* appended to */
    uint64_t max_answer;        /* of an error's text, 64 KiB are enough; of all headers, no more are taken */
};

enum http_fate {
    HTTP_ANSWERED, /* status is set, and the answer whole unless status is an error */
    HTTP_NOT_SENT, /* not a byte went out */
    HTTP_LOST,     /* sent, or partly sent, and no whole answer */
    HTTP_TOO_LARGE /* the answer passed max_answer */
};

struct http_result {
    enum http_fate fate;
    long status;
    int exception_code;           /* X-ClickHouse-Exception-Code; 0: none */
    bool from_clickhouse;         /* there was an X-ClickHouse-* header */
    char server[HTTP_SERVER_MAX]; /* X-ClickHouse-Server-Display-Name; "": none */
    char failure[HTTP_FAILURE_MAX];
};

struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);

/* Blocks up to its time-out. */
void http_post(struct http_client *client, const struct http_call *request, struct http_result *result);
