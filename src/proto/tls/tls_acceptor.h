/* The TLS of one listener: what its next connections begin with, and whether its files say something else by now.
 *
 * Connections take from it on any thread; who reads the files is one thread, the main one. What cannot be used leaves what
 * there was: the status board and the log say so. */
#pragma once

#include "base/bytes.h"

struct status_board;
struct ticket_keys;
struct tls_acceptor;
struct tls_context;
struct tls_options;

struct tls_acceptor_config {
    const struct tls_options *options; /* borrowed until tls_acceptor_reload gives others */
    const char *listener;              /* its address; copied */
    struct ticket_keys *tickets;       /* outlives all connections */
    struct status_board *board;
};

/* NULL with *problem. What clients may refuse of the certificates is logged. */
struct tls_acceptor *tls_acceptor_new(const struct tls_acceptor_config *config, struct buf *problem);

/* Connections may outlive it. NULL is fine. */
void tls_acceptor_free(struct tls_acceptor *acceptor);

/* What a new connection begins with; it is the caller's to let go. Any thread. */
struct tls_context *tls_acceptor_take(struct tls_acceptor *acceptor);

/* Main thread, about once a second: looks whether the files have changed and are at rest, and reads them. */
enum tls_look { TLS_LOOK_SAME, TLS_LOOK_CHANGED, TLS_LOOK_FAILED };
enum tls_look tls_acceptor_look(struct tls_acceptor *acceptor, int64_t wall_ns);

/* Reload, in its two halves. The first reads what `options` say, and changes nothing: NULL with *problem. The second, which
 * cannot fail, gives that to connections that come from now on; `options` are borrowed from then. */
struct tls_context *tls_acceptor_prepare(const struct tls_acceptor *acceptor, const struct tls_options *options,
                                         struct buf *problem);
void tls_acceptor_reload(struct tls_acceptor *acceptor, const struct tls_options *options, struct tls_context *fresh);

/* Calls for each certificate in use, the default one first. Main thread. */
void tls_acceptor_list(struct tls_acceptor *acceptor,
                       void (*see)(void *context, const char *listener, struct slice name, int64_t not_after_ns),
                       void *context);

/* What can be said against it without serving: false with *problem. *warnings gets a line each. */
MUST_CHECK bool tls_check(const struct tls_options *options, struct buf *problem, struct buf *warnings);
