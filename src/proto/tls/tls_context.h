/* What a listener shows and demands, compiled: certificates, the names they are for, versions and ciphers, whose
 * certificates of clients are believed. Immutable and counted: a connection keeps the one that it began with, so another
 * one may take its place at any time.
 *
 * TLS 1.2 with forward secrecy and AEAD ciphers alone, and TLS 1.3 (RFC 9325); no compression, no renegotiation, no early
 * data. ALPN (RFC 7301): http/1.1 and http/1.0; who offers none of them gets the alert no_application_protocol. */
#pragma once

#include "base/bytes.h"

#include <openssl/ssl.h>

struct certificate;
struct ticket_keys;
struct tls_options;

struct tls_context;

/* Reads the files. `listener` is its address: tickets of others are not taken. `tickets` is borrowed for longer than any
 * connection lives. NULL with *problem, which names the option as "<option>.client_ca: …"; *warnings as certificate_read. */
struct tls_context *tls_context_new(const struct tls_options *options, const char *listener,
                                    struct ticket_keys *tickets, int64_t wall_ns, struct buf *problem,
                                    struct buf *warnings);

/* One more, and one less, who keeps it. Any thread. */
struct tls_context *tls_context_keep(struct tls_context *context);
void tls_context_let_go(struct tls_context *context);

/* A server's side of a connection, without BIOs. NULL: memory is short. */
SSL *tls_context_begin(struct tls_context *context);

size_t tls_context_certificates(const struct tls_context *context);
const struct certificate *tls_context_certificate(const struct tls_context *context, size_t index);

/* The field of replies that has browsers come by TLS alone: a whole line, or empty. Lives as long as the context. */
struct slice tls_context_hsts(const struct tls_context *context);

/* The listener has certificates of its own to show: it speaks TLS. */
bool tls_is_on(const struct tls_options *options);
