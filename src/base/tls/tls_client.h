/* TLS 1.2 and 1.3 towards servers: whom we believe, who we are, and a session over a socket. By OpenSSL.
 *
 * A client reads its files when it is made; who makes one for each connection finds renewed files by itself. A session
 * never blocks and never raises SIGPIPE: it says what it waits for, and the caller polls. One thread at a time. */
#pragma once

#include "base/bytes.h"

struct tls_client;
struct tls_option_names;
struct tls_session;

/* Files of PEM; "" and NULL: not given. Borrowed. */
struct tls_files {
    const char *ca_file;     /* who may have signed the server's certificate; not given: whom the system trusts */
    const char *certificate; /* ours, and what is between it and its CA */
    const char *key;         /* not given: it is in `certificate`. Without a passphrase */
    bool accept_any;         /* whatever certificate the server shows */
};

/* Whether any is given. */
bool tls_files_given(const struct tls_files *files);

/* NULL with *problem, which names the option and the file. */
struct tls_client *tls_client_new(const struct tls_files *files, const struct tls_option_names *names,
                                  struct buf *problem);
void tls_client_free(struct tls_client *client); /* after its sessions; NULL is allowed */

/* Whether the files go together and can be used; false with *problem. `secure`: there is a URL that they are for. */
MUST_CHECK bool tls_files_check(const struct tls_files *files, const struct tls_option_names *names, bool secure,
                                struct buf *problem);

/* For a connected socket, which stays the caller's, to a server that must be `host`, a name or an address. NULL: memory. */
struct tls_session *tls_session_new(struct tls_client *client, int fd, const char *host);
void tls_session_free(struct tls_session *session); /* says good-bye if that goes at once; NULL is allowed */

enum tls_progress {
    TLS_DONE,
    TLS_WAITS_TO_READ,
    TLS_WAITS_TO_WRITE,
    TLS_FAILED /* or the server ended it: tls_session_explain */
};

MUST_CHECK enum tls_progress tls_session_greet(struct tls_session *session);
/* Once greeted: the server may still refuse our certificate (TLS 1.3). What it says of that is lost if bytes of ours reach it
 * before it was read, for they are answered with a reset. */
bool tls_session_may_be_refused(const struct tls_session *session);
/* DONE: at least one byte, which *moved counts. What waits is tried again with the same bytes, or with more. */
MUST_CHECK enum tls_progress tls_session_read(struct tls_session *session, void *to, size_t room, size_t *moved);
MUST_CHECK enum tls_progress tls_session_write(struct tls_session *session, struct slice data, size_t *moved);
/* Bytes are here that no poll will tell of. */
bool tls_session_holds_more(const struct tls_session *session);

/* Why the last call failed. */
void tls_session_explain(const struct tls_session *session, const struct tls_option_names *names, struct buf *problem);
