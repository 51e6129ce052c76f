/* Turns bytes into records of TLS, and back; the client's side. */
#include "base/tls/tls_client.h"

#include "base/assert.h"
#include "base/tls/tls_fault.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls_client {
    SSL_CTX *context;
    BIO_METHOD *socket; /* OpenSSL's own writes raise SIGPIPE, and block where the socket does */
};

struct tls_session {
    SSL *ssl;
    int fd;
    char detail[128]; /* of the last failure */
};

/* --- the socket --- */

static int socket_fd(BIO *bio)
{
    const struct tls_session *session = BIO_get_data(bio);
    ASSERT(session != NULL);
    return session->fd;
}

static bool passes(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int socket_write(BIO *bio, const char *data, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(socket_fd(bio), data, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && passes()) {
        BIO_set_retry_write(bio);
    }
    return (int)sent;
}

static int socket_read(BIO *bio, char *data, int room)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(socket_fd(bio), data, (size_t)room, MSG_DONTWAIT);
    if (got < 0 && passes()) {
        BIO_set_retry_read(bio);
    }
    return (int)got;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (method != NULL && BIO_meth_set_write(method, socket_write) == 1 &&
        BIO_meth_set_read(method, socket_read) == 1 && BIO_meth_set_ctrl(method, socket_control) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

/* --- files --- */

static bool is_given(const char *file)
{
    return file != NULL && file[0] != '\0';
}

bool tls_files_given(const struct tls_files *files)
{
    return is_given(files->ca_file) || is_given(files->certificate) || is_given(files->key) || files->accept_any;
}

/* What OpenSSL says; its queue of errors is empty afterwards. */
static void take_reason(char *text, size_t size, int number)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_SYSTEM_ERROR(code) ? NULL : ERR_reason_error_string(code);
    int error = ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : number;
    const char *otherwise = error != 0 ? strerror(error) : "the connection was closed";
    snprintf(text, size, "%s", reason != NULL ? reason : otherwise);
    ERR_clear_error();
}

/* OpenSSL would say of a file that is not there "system lib". */
static bool refuse_file(const char *option, const char *file, struct buf *problem)
{
    char reason[128];
    FILE *found = fopen(file, "rbe");
    if (found == NULL) {
        snprintf(reason, sizeof reason, "%s", strerror(errno));
        ERR_clear_error();
    } else {
        fclose(found);
        take_reason(reason, sizeof reason, 0);
    }
    buf_printf(problem, "%s: %s cannot be used: %s; expected a readable file of PEM%s", option, file, reason,
               found == NULL ? "" : ", a key without a passphrase");
    return false;
}

/* Nobody is asked for a passphrase on a terminal. */
static int no_passphrase(char *to, int room, int writing, void *context)
{
    (void)to, (void)room, (void)writing, (void)context;
    return 0;
}

static bool load_trust(SSL_CTX *context, const struct tls_files *files, const struct tls_option_names *names,
                       struct buf *problem)
{
    if (is_given(files->ca_file)) {
        return SSL_CTX_load_verify_file(context, files->ca_file) == 1 ||
               refuse_file(names->ca_file, files->ca_file, problem);
    }
    return SSL_CTX_set_default_verify_paths(context) == 1;
}

static bool load_identity(SSL_CTX *context, const struct tls_files *files, const struct tls_option_names *names,
                          struct buf *problem)
{
    bool apart = is_given(files->key);
    const char *key = apart ? files->key : files->certificate;
    if (!is_given(files->certificate)) {
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
        return refuse_file(names->certificate, files->certificate, problem);
    }
    return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 ||
           refuse_file(apart ? names->key : names->certificate, key, problem);
}

static SSL_CTX *new_context(const struct tls_files *files, const struct tls_option_names *names, struct buf *problem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(context);
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_verify(context, files->accept_any ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!load_trust(context, files, names, problem) || !load_identity(context, files, names, problem)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

struct tls_client *tls_client_new(const struct tls_files *files, const struct tls_option_names *names,
                                  struct buf *problem)
{
    SSL_CTX *context = new_context(files, names, problem);
    struct tls_client *client = context == NULL ? NULL : calloc(1, sizeof *client);
    BIO_METHOD *socket = client == NULL ? NULL : socket_method();
    if (socket == NULL) {
        if (context != NULL) {
            buf_append_string(problem, "out of memory");
        }
        SSL_CTX_free(context);
        free(client);
        return NULL;
    }
    *client = (struct tls_client){ .context = context, .socket = socket };
    return client;
}

void tls_client_free(struct tls_client *client)
{
    if (client != NULL) {
        SSL_CTX_free(client->context);
        BIO_meth_free(client->socket);
        free(client);
    }
}

bool tls_files_check(const struct tls_files *files, const struct tls_option_names *names, bool secure,
                     struct buf *problem)
{
    if (!secure) {
        if (tls_files_given(files)) {
            buf_printf(problem, "%s: found no URL with TLS, expected one, for %s is given", names->url,
                       is_given(files->ca_file)       ? names->ca_file
                       : is_given(files->certificate) ? names->certificate
                       : is_given(files->key)         ? names->key
                                                      : names->verify);
        }
        return !tls_files_given(files);
    }
    if (is_given(files->key) && !is_given(files->certificate)) {
        buf_printf(problem, "%s: found a key without %s, expected both", names->key, names->certificate);
        return false;
    }
    if (is_given(files->ca_file) && files->accept_any) {
        buf_printf(problem, "%s: found a CA, expected none, for %s accepts any certificate", names->ca_file,
                   names->verify);
        return false;
    }
    struct tls_client *client = tls_client_new(files, names, problem);
    tls_client_free(client);
    return client != NULL;
}

/* --- sessions --- */

static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1) {
        return true;
    }
    ERR_clear_error();
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls_session *tls_session_new(struct tls_client *client, int fd, const char *host)
{
    struct tls_session *session = calloc(1, sizeof *session);
    SSL *ssl = session == NULL ? NULL : SSL_new(client->context);
    BIO *bio = ssl == NULL ? NULL : BIO_new(client->socket);
    ASSERT(fd >= 0);
    if (bio == NULL || !expect_host(ssl, host)) {
        BIO_free(bio);
        SSL_free(ssl);
        free(session);
        ERR_clear_error();
        return NULL;
    }
    *session = (struct tls_session){ .ssl = ssl, .fd = fd };
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (session != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(session->ssl);
        ERR_clear_error();
        SSL_free(session->ssl);
        free(session);
    }
}

/* `returned` is what an SSL_… call returned, 1 for success. */
static enum tls_progress judge(struct tls_session *session, int returned)
{
    int number = errno;
    switch (returned == 1 ? SSL_ERROR_NONE : SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_NONE: return TLS_DONE;
    case SSL_ERROR_WANT_READ: return TLS_WAITS_TO_READ;
    case SSL_ERROR_WANT_WRITE: return TLS_WAITS_TO_WRITE;
    case SSL_ERROR_SYSCALL: take_reason(session->detail, sizeof session->detail, number); break;
    default: take_reason(session->detail, sizeof session->detail, 0);
    }
    return TLS_FAILED;
}

enum tls_progress tls_session_greet(struct tls_session *session)
{
    ERR_clear_error();
    errno = 0;
    return judge(session, SSL_do_handshake(session->ssl));
}

bool tls_session_may_be_refused(const struct tls_session *session)
{
    return SSL_version(session->ssl) >= TLS1_3_VERSION;
}

enum tls_progress tls_session_read(struct tls_session *session, void *to, size_t room, size_t *moved)
{
    ASSERT(room != 0);
    ERR_clear_error();
    errno = 0;
    *moved = 0;
    return judge(session, SSL_read_ex(session->ssl, to, room, moved));
}

enum tls_progress tls_session_write(struct tls_session *session, struct slice data, size_t *moved)
{
    ASSERT(data.len != 0);
    ERR_clear_error();
    errno = 0;
    *moved = 0;
    return judge(session, SSL_write_ex(session->ssl, data.data, data.len, moved));
}

bool tls_session_holds_more(const struct tls_session *session)
{
    return SSL_pending(session->ssl) > 0;
}

void tls_session_explain(const struct tls_session *session, const struct tls_option_names *names, struct buf *problem)
{
    bool verified = SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE;
    long verdict = verified ? SSL_get_verify_result(session->ssl) : X509_V_OK;
    const char *detail = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : session->detail;
    tls_fault_explain(verdict, slice_from_string(detail), names, problem);
}
