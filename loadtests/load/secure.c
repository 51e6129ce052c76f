/* Turns sockets into TLS. */
#include "secure.h"

#include "fail.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* struct secure is OpenSSL's SSL: one allocation less, and one pointer. */
static SSL *ssl_of(struct secure *secure)
{
    return (SSL *)(void *)secure;
}

static SSL_CTX *context(void)
{
    static SSL_CTX *made;
    static const unsigned char protocols[] = "\x08http/1.1";
    if (made == NULL) {
        made = SSL_CTX_new(TLS_client_method());
        if (made == NULL || SSL_CTX_set_alpn_protos(made, protocols, sizeof protocols - 1) != 0) {
            fail("OpenSSL cannot be set up");
        }
        SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    return made;
}

struct secure *secure_new(int fd)
{
    SSL *ssl = SSL_new(context());
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1) {
        fail("the TLS handshake failed: %s", ERR_reason_error_string(ERR_peek_last_error()));
    }
    return (struct secure *)(void *)ssl;
}

void secure_free(struct secure *secure)
{
    if (secure != NULL) {
        SSL_shutdown(ssl_of(secure));
        SSL_free(ssl_of(secure));
        ERR_clear_error();
    }
}

/* What SSL_read_ex and SSL_write_ex came to. */
static ssize_t outcome(struct secure *secure, int good, size_t count)
{
    if (good == 1) {
        return (ssize_t)count;
    }
    int why = SSL_get_error(ssl_of(secure), good);
    ERR_clear_error();
    if (why == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return -1;
}

ssize_t secure_send(struct secure *secure, const char *bytes, size_t count)
{
    size_t taken = 0;
    int good = SSL_write_ex(ssl_of(secure), bytes, count, &taken);
    return outcome(secure, good, taken);
}

ssize_t secure_receive(struct secure *secure, char *bytes, size_t room)
{
    size_t taken = 0;
    int good = SSL_read_ex(ssl_of(secure), bytes, room, &taken);
    return outcome(secure, good, taken);
}
