/* Turns the options of a listener's TLS into an SSL_CTX. */
#include "proto/tls/tls_context.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/http_options.h"
#include "proto/tls/certificate.h"
#include "proto/tls/ticket_keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CIPHERS                                                                                                        \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"                         \
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define GROUPS "X25519:P-256:P-384"
#define HSTS_LINE 64
#define SECURITY_LEVEL 2 /* keys of 112 bits of security at least: RSA of 2048 */

struct tls_context {
    atomic_size_t keepers;
    SSL_CTX *ssl;
    struct certificate *certificates;
    size_t count;
    struct ticket_keys *tickets;
    char hsts[HSTS_LINE];
    size_t hsts_length;
};

bool tls_is_on(const struct tls_options *options)
{
    return options->certificate != NULL || options->certificate_count != 0;
}

/* Certificates. */

static bool use(SSL *ssl, const struct certificate *certificate)
{
    return SSL_use_cert_and_key(ssl, certificate->leaf, certificate->key, certificate->chain, 0) == 1;
}

/* All that fit as well as the best does, so that a client gets the one whose kind of key it knows. */
static enum certificate_fit best_fit(const struct tls_context *context, struct slice name)
{
    enum certificate_fit best = CERTIFICATE_FITS_NOT;
    for (size_t i = 0; i < context->count; i++) {
        enum certificate_fit fit = certificate_fits(&context->certificates[i], name);
        best = fit > best ? fit : best;
    }
    return best;
}

static int choose_certificate(SSL *ssl, void *opaque)
{
    const struct tls_context *context = opaque;
    struct slice name = slice_from_string(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (name.len == 0) {
        name = certificate_name(&context->certificates[0]);
    }
    enum certificate_fit best = best_fit(context, name);
    if (best == CERTIFICATE_FITS_NOT) {
        return 1; /* the first, which the SSL_CTX has */
    }
    SSL_certs_clear(ssl);
    bool any = false;
    for (size_t i = 0; i < context->count; i++) {
        if (certificate_fits(&context->certificates[i], name) == best) {
            any = use(ssl, &context->certificates[i]) || any; /* a second one of the same kind of key is not taken */
        }
    }
    ERR_clear_error();
    return any;
}

static bool read_certificates(struct tls_context *context, const struct tls_options *options, int64_t wall_ns,
                              struct buf *problem, struct buf *warnings)
{
    context->certificates = calloc(options->certificate_count + 1, sizeof *context->certificates);
    if (context->certificates == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    const struct tls_certificate_options first = { .certificate = options->certificate, .key = options->key };
    bool good = true;
    if (first.certificate != NULL) {
        good = certificate_read(&context->certificates[context->count++], &first, wall_ns, problem, warnings);
    }
    for (size_t i = 0; good && i < options->certificate_count; i++) {
        good = certificate_read(&context->certificates[context->count++], &options->certificates[i], wall_ns, problem,
                                warnings);
    }
    return good;
}

static bool use_first(struct tls_context *context, struct buf *problem)
{
    const struct certificate *first = &context->certificates[0];
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(context->ssl, first->leaf, first->key, first->chain, 1) != 1) {
        buf_printf(problem,
                   "%.*s: OpenSSL does not take its certificate: %s; expected RSA of 2048 bits or more, or ECDSA",
                   (int)certificate_name(first).len, certificate_name(first).data,
                   ERR_reason_error_string(ERR_peek_last_error()));
        ERR_clear_error();
        return false;
    }
    if (context->count > 1) {
        SSL_CTX_set_cert_cb(context->ssl, choose_certificate, context);
    }
    return true;
}

/* Clients' certificates. */

static int add_issuers(SSL_CTX *ssl, X509_STORE *store, struct slice pem)
{
    int count = 0;
    X509 *next;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    while (bio != NULL && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        bool added = X509_STORE_add_cert(store, next) == 1 && SSL_CTX_add_client_CA(ssl, next) == 1;
        count += added;
        X509_free(next);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

static bool ask_for_certificates(struct tls_context *context, const struct tls_options *options, struct slice pem,
                                 struct buf *problem)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL || add_issuers(context->ssl, store, pem) == 0) {
        X509_STORE_free(store);
        buf_printf(problem, "%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", options->client_ca);
        return false;
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); /* an issuer that is named is believed, whoever issued it */
    SSL_CTX_set1_verify_cert_store(context->ssl, store);
    X509_STORE_free(store);
    bool required = options->client_certificate == TLS_CLIENT_REQUIRED;
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return true;
}

/* Sessions. What one listener believed of a client, or by one list of issuers, is nothing to another. */

static bool name_sessions(struct tls_context *context, const struct tls_options *options, const char *listener,
                          struct slice issuers)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buf text = { 0 };
    buf_printf(&text, "%s %d %s\n", listener, (int)options->client_certificate,
               options->client_ca != NULL ? options->client_ca : "");
    buf_append_slice(&text, issuers);
    bool good = !text.failed && EVP_Digest(text.data, text.len, digest, &size, EVP_sha256(), NULL) == 1 &&
                SSL_CTX_set_session_id_context(context->ssl, digest, size) == 1;
    buf_release(&text);
    return good;
}

static int use_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                          int sealing)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return ticket_keys_use(context->tickets, name, iv, cipher, mac, sealing);
}

/* A ticket brings the certificate that its client proved to own back, which may have expired since: then hands are shaken
 * anew, and who must show one shows one that is good. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t length,
                                      SSL_TICKET_STATUS status, void *opaque)
{
    (void)ssl, (void)name, (void)length, (void)opaque;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    ASSERT(session != NULL);
    const X509 *own = SSL_SESSION_get0_peer(session);
    if (own != NULL && X509_cmp_current_time(X509_get0_notAfter(own)) <= 0) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static void set_sessions(struct tls_context *context)
{
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context->ssl, TICKET_LIFE_SECONDS);
    SSL_CTX_set_num_tickets(context->ssl, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl, use_ticket_key);
    SSL_CTX_set_session_ticket_cb(context->ssl, NULL, judge_ticket, NULL);
}

/* Protocols. */

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                           unsigned offered_length, void *opaque)
{
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *found;
    (void)ssl, (void)opaque;
    if (SSL_select_next_proto(&found, length, ours, sizeof ours - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_protocols(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 && SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 &&
           SSL_CTX_set_ciphersuites(ssl, CIPHERS_13) == 1 && SSL_CTX_set1_groups_list(ssl, GROUPS) == 1;
}

/* All together. */

static bool set_up(struct tls_context *context, const struct tls_options *options, const char *listener,
                   struct slice issuers, struct buf *problem)
{
    context->ssl = SSL_CTX_new(TLS_server_method());
    if (context->ssl == NULL || !set_protocols(context->ssl) || !name_sessions(context, options, listener, issuers)) {
        buf_append_string(problem, "OpenSSL cannot be set up: memory is short, or its configuration forbids it");
        return false;
    }
    SSL_CTX_set_app_data(context->ssl, context);
    set_sessions(context);
    return (options->client_ca == NULL || ask_for_certificates(context, options, issuers, problem)) &&
           use_first(context, problem);
}

/* RFC 6797, 6.1. */
static void write_hsts(struct tls_context *context, int64_t hsts_ns)
{
    if (hsts_ns != 0) {
        int length = snprintf(context->hsts, sizeof context->hsts, "Strict-Transport-Security: max-age=%lld\r\n",
                              (long long)(hsts_ns / NS_PER_SECOND));
        ASSERT(length > 0 && (size_t)length < sizeof context->hsts);
        context->hsts_length = (size_t)length;
    }
}

struct slice tls_context_hsts(const struct tls_context *context)
{
    return slice_make(context->hsts, context->hsts_length);
}

struct tls_context *tls_context_new(const struct tls_options *options, const char *listener,
                                    struct ticket_keys *tickets, int64_t wall_ns, struct buf *problem,
                                    struct buf *warnings)
{
    ASSERT(tls_is_on(options));
    struct buf issuers = { 0 };
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    context->tickets = tickets;
    write_hsts(context, options->hsts_ns);
    atomic_init(&context->keepers, 1);
    bool good = read_certificates(context, options, wall_ns, problem, warnings) &&
                (options->client_ca == NULL || certificate_read_file(options->client_ca, &issuers, problem)) &&
                set_up(context, options, listener, buf_slice(&issuers), problem);
    buf_release(&issuers);
    if (!good) {
        tls_context_let_go(context);
        return NULL;
    }
    return context;
}

struct tls_context *tls_context_keep(struct tls_context *context)
{
    size_t before = atomic_fetch_add(&context->keepers, 1);
    ASSERT(before != 0);
    return context;
}

void tls_context_let_go(struct tls_context *context)
{
    if (context == NULL || atomic_fetch_sub(&context->keepers, 1) != 1) {
        return;
    }
    SSL_CTX_free(context->ssl);
    for (size_t i = 0; i < context->count; i++) {
        certificate_release(&context->certificates[i]);
    }
    free(context->certificates);
    free(context);
}

SSL *tls_context_begin(struct tls_context *context)
{
    SSL *ssl = SSL_new(context->ssl);
    if (ssl != NULL) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

size_t tls_context_certificates(const struct tls_context *context)
{
    return context->count;
}

const struct certificate *tls_context_certificate(const struct tls_context *context, size_t index)
{
    ASSERT_BELOW(index, context->count);
    return &context->certificates[index];
}
