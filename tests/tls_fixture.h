/* Certificates made for a test, in a temporary folder, and the client's side of TLS on a socket pair. */
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct issued {
    X509 *certificate;
    EVP_PKEY *key;
};

static char tls_folder[64];

static inline const char *tls_path(const char *name)
{
    static char paths[16][128];
    static unsigned next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%.60s/%.60s", tls_folder, name);
    return path;
}

static inline void tls_folder_make(void)
{
    strcpy(tls_folder, "/tmp/tls-test-XXXXXX");
    assert_non_null(mkdtemp(tls_folder));
}

static inline void tls_folder_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", tls_folder);
    assert_int_equal(system(command), 0);
}

static inline void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* `names`: "DNS:a.example,DNS:*.b.example"; NULL: an issuer. Valid from and to so many seconds from now. */
static inline struct issued issue(const char *common_name, const char *names, const struct issued *issuer, long from,
                                  long to)
{
    static long serial = 1;
    struct issued issued = { X509_new(), EVP_EC_gen("P-256") };
    X509_NAME *subject = X509_get_subject_name(issued.certificate);
    X509_set_version(issued.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(issued.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(issued.certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(issued.certificate), to);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Shop, Inc.", -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
    X509_set_pubkey(issued.certificate, issued.key);
    X509_set_issuer_name(issued.certificate, issuer == NULL ? subject : X509_get_subject_name(issuer->certificate));
    if (names != NULL) {
        add_extension(issued.certificate, NID_subject_alt_name, names);
    } else {
        add_extension(issued.certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    assert_int_not_equal(X509_sign(issued.certificate, issuer == NULL ? issued.key : issuer->key, EVP_sha256()), 0);
    return issued;
}

static inline void issued_free(struct issued *issued)
{
    X509_free(issued->certificate);
    EVP_PKEY_free(issued->key);
}

/* Appends to a file of the folder. */
static inline void save_certificate(const char *name, const struct issued *issued)
{
    FILE *file = fopen(tls_path(name), "ae");
    assert_int_equal(PEM_write_X509(file, issued->certificate), 1);
    fclose(file);
}

static inline void save_key(const char *name, const struct issued *issued, const char *passphrase)
{
    FILE *file = fopen(tls_path(name), "ae");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, issued->key, passphrase == NULL ? NULL : EVP_aes_128_cbc(),
                                               passphrase, passphrase == NULL ? 0 : (int)strlen(passphrase), NULL,
                                               NULL),
                     1);
    fclose(file);
}
