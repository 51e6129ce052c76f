/* What became of a handshake, as it is counted and told. */
#pragma once

#include "base/metrics/metrics.h"

#include <openssl/ssl.h>

/* In the order of METRICS_TLS_RESULTS. */
enum tls_result {
    TLS_OK,
    TLS_RESUMED,
    TLS_PLAIN_HTTP,         /* a request without TLS */
    TLS_VERSION,            /* older than 1.2 */
    TLS_CIPHER,             /* no cipher, group or signature in common */
    TLS_PROTOCOL,           /* ALPN offers no HTTP/1.1 */
    TLS_CLIENT_CERTIFICATE, /* lacks, or is not good */
    TLS_CLIENT_REFUSED,     /* the client sent an alert: it does not believe our certificate, for one */
    TLS_MALFORMED,
    TLS_UNFINISHED, /* the client went away, or was too slow */
    TLS_INTERNAL
};

_Static_assert(TLS_INTERNAL + 1 == METRICS_TLS_RESULT_COUNT, "a label for each");

/* Why SSL_read, SSL_accept or SSL_write failed, from the thread's queue of errors, which is empty afterwards. */
enum tls_result tls_result_of_error(const SSL *ssl);
