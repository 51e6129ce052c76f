/* Why a connection by TLS to a server came to nothing, in words that name the cure. Pure: it knows no library but by its
 * numbers and words. */
#pragma once

#include "base/bytes.h"

/* What users call the options that a cure may name. */
struct tls_option_names {
    const char *url;
    const char *plain_scheme; /* of a URL without TLS: "http://" */
    const char *ca_file;
    const char *certificate;
    const char *key;
    const char *verify;
};

/* Appends one line, without its end. `verdict` is the certificate's: X509_V_ERR_… of openssl/x509_vfy.h; 0: it is not what
 * failed. `detail` is what the library says itself; of it at most 100 bytes are repeated. */
void tls_fault_explain(long verdict, struct slice detail, const struct tls_option_names *names, struct buf *out);
