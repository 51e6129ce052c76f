/* Turns OpenSSL's reasons into a few classes. */
#include "proto/tls/tls_result.h"

#include <openssl/err.h>

struct reason_class {
    int reason;
    enum tls_result result;
};

static const struct reason_class classes[] = {
    { SSL_R_UNSUPPORTED_PROTOCOL, TLS_VERSION },
    { SSL_R_VERSION_TOO_LOW, TLS_VERSION },
    { SSL_R_WRONG_SSL_VERSION, TLS_VERSION },
    { SSL_R_UNKNOWN_PROTOCOL, TLS_VERSION },
    { SSL_R_INAPPROPRIATE_FALLBACK, TLS_VERSION },
    { SSL_R_NO_PROTOCOLS_AVAILABLE, TLS_VERSION },
    { SSL_R_NO_SHARED_CIPHER, TLS_CIPHER },
    { SSL_R_NO_SUITABLE_KEY_SHARE, TLS_CIPHER },
    { SSL_R_NO_SHARED_GROUPS, TLS_CIPHER },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_CIPHER },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_CIPHER },
    { SSL_R_NO_APPLICATION_PROTOCOL, TLS_PROTOCOL },
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_CLIENT_CERTIFICATE },
    { SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_CLIENT_CERTIFICATE },
    { SSL_R_BAD_SIGNATURE, TLS_CLIENT_CERTIFICATE },
    { SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_UNFINISHED },
    { ERR_R_MALLOC_FAILURE, TLS_INTERNAL },
    { ERR_R_INTERNAL_ERROR, TLS_INTERNAL },
};

enum tls_result tls_result_of_error(const SSL *ssl)
{
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    ERR_clear_error();
    if (error == 0) {
        return TLS_UNFINISHED; /* the socket, not what came from it */
    }
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        return TLS_CLIENT_REFUSED;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        if (classes[i].reason == reason) {
            return classes[i].result;
        }
    }
    return SSL_get_verify_result(ssl) != X509_V_OK ? TLS_CLIENT_CERTIFICATE : TLS_MALFORMED;
}
