/* A certificate that the server shows: its chain, its key, and the names that it is for, read from PEM files (RFC 7468).
 * Immutable once read; any thread may look. The objects of OpenSSL in it are counted by OpenSSL. */
#pragma once

#include "base/bytes.h"

#include <openssl/ssl.h>

struct tls_certificate_options;

struct certificate {
    X509 *leaf;
    STACK_OF(X509) * chain; /* its issuers, the nearest first */
    EVP_PKEY *key;
    struct slice
        *names; /* DNS names (RFC 6125: the alternative names, or else the common name), "*.example" among them */
    size_t name_count;
    struct buf text;       /* which `names` borrow from */
    int64_t not_before_ns; /* wall time */
    int64_t not_after_ns;
};

/* A zeroed one is filled. False with *problem, which names the file: it cannot be read, is no PEM, the key does not fit,
 * has a passphrase. *warnings gets a line for each thing that clients may refuse: expired, not valid yet, a chain out of
 * order. certificate_release follows either way. */
MUST_CHECK bool certificate_read(struct certificate *certificate, const struct tls_certificate_options *options,
                                 int64_t wall_ns, struct buf *problem, struct buf *warnings);
void certificate_release(struct certificate *certificate);

/* How a name that a client asks for fits: exactly, by a wildcard that stands for its first label, or not at all. */
enum certificate_fit { CERTIFICATE_FITS_NOT, CERTIFICATE_FITS_BY_WILDCARD, CERTIFICATE_FITS };
enum certificate_fit certificate_fits(const struct certificate *certificate, struct slice name);

/* Its first name, or "unnamed". */
struct slice certificate_name(const struct certificate *certificate);

/* Less than a tenth of its life is left: whoever renews it has missed the time. */
bool certificate_is_late(const struct certificate *certificate, int64_t wall_ns);

/* The whole of a PEM file, which is small. False with *problem. */
MUST_CHECK bool certificate_read_file(const char *path, struct buf *bytes, struct buf *problem);
