/* Turns PEM files into a certificate, and into all that can be said against it. */
#include "proto/tls/certificate.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/http_options.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define CHAIN_MAX 16
#define LATE_SHARE 10 /* of its life */

/* Files. */

static bool read_all(int fd, struct buf *bytes)
{
    ssize_t count = 1;
    while (count > 0 && bytes->len <= FILE_MAX && buf_reserve(bytes, 4096)) {
        count = read(fd, bytes->data + bytes->len, bytes->cap - bytes->len);
        bytes->len += count > 0 ? (size_t)count : 0;
    }
    return count == 0;
}

bool certificate_read_file(const char *path, struct buf *bytes, struct buf *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    struct stat found;
    if (fd < 0) {
        buf_printf(problem, "%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool is_file = fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
    bool whole = is_file && read_all(fd, bytes);
    if (!is_file) {
        buf_printf(problem, "%s is no file", path);
    } else if (!whole) {
        buf_printf(problem, "%s cannot be read: %s", path,
                   bytes->len > FILE_MAX ? "it is larger than 1 MiB" : strerror(errno));
    }
    close(fd);
    return whole;
}

/* The key. */

/* Nobody is here to type a passphrase. */
static int refuse_passphrase(char *text, int size, int writing, void *asked)
{
    (void)text, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool read_key(struct certificate *certificate, const char *path, struct slice pem, struct buf *problem)
{
    bool asked = false;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    certificate->key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
    BIO_free(bio);
    ERR_clear_error();
    if (certificate->key == NULL) {
        buf_printf(problem, "%s %s", path,
                   asked ? "has a key with a passphrase; take it off with: openssl pkey -in KEY -out KEY.plain"
                         : "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)");
    }
    return certificate->key != NULL;
}

/* The chain. */

static bool read_chain(struct certificate *certificate, const char *path, struct slice pem, struct buf *problem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    ERR_clear_error();
    certificate->chain = sk_X509_new_null();
    X509 *next;
    while (bio != NULL && certificate->chain != NULL && sk_X509_num(certificate->chain) < CHAIN_MAX &&
           (next = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &(bool){ false })) != NULL) {
        if (certificate->leaf == NULL) {
            certificate->leaf = next;
        } else if (sk_X509_push(certificate->chain, next) == 0) {
            X509_free(next);
            break;
        }
    }
    BIO_free(bio);
    unsigned long why = ERR_peek_last_error();
    bool whole = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (certificate->leaf == NULL) {
        buf_printf(problem, "%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path);
    } else if (!whole) {
        buf_printf(problem, "%s: its certificate %d cannot be read, or there are more than %d", path,
                   sk_X509_num(certificate->chain) + 2, CHAIN_MAX);
    }
    return certificate->leaf != NULL && whole;
}

/* What does not fit may fit another one of the file: then they stand in the wrong order. */
static bool check_key(const struct certificate *certificate, const struct tls_certificate_options *options,
                      struct buf *problem)
{
    if (X509_check_private_key(certificate->leaf, certificate->key) == 1) {
        return true;
    }
    for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
        if (X509_check_private_key(sk_X509_value(certificate->chain, i), certificate->key) == 1) {
            buf_printf(problem, "%s: the key is that of its certificate %d; the server's own comes first",
                       options->certificate, i + 2);
            ERR_clear_error();
            return false;
        }
    }
    ERR_clear_error();
    buf_printf(problem, "%s is not the key of the certificate in %s",
               options->key != NULL ? options->key : options->certificate, options->certificate);
    return false;
}

/* Names. */

static void add_name(struct certificate *certificate, const ASN1_STRING *text)
{
    const char *data = (const char *)ASN1_STRING_get0_data(text);
    size_t len = (size_t)ASN1_STRING_length(text);
    for (size_t i = 0; i < len; i++) {
        if (data[i] <= ' ' || data[i] == '"' || data[i] == '\\' || data[i] == 0x7f) {
            return; /* no host's name, and none for a label of a metric */
        }
    }
    if (len != 0) {
        buf_append(&certificate->text, data, len);
        buf_append_byte(&certificate->text, '\0');
        certificate->name_count += !certificate->text.failed;
    }
}

static void add_common_name(struct certificate *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate->leaf);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        add_name(certificate, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    }
}

static bool read_names(struct certificate *certificate, struct buf *problem)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            add_name(certificate, name->d.dNSName);
        }
    }
    GENERAL_NAMES_free(names);
    if (certificate->name_count == 0) {
        add_common_name(certificate);
    }
    certificate->names = calloc(certificate->name_count + 1, sizeof *certificate->names);
    if (certificate->names == NULL || certificate->text.failed) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    const char *at = certificate->text.data;
    for (size_t i = 0; i < certificate->name_count; i++) {
        certificate->names[i] = slice_from_string(at);
        at += certificate->names[i].len + 1;
    }
    return true;
}

/* Time. */

static int64_t wall_ns_of(const ASN1_TIME *time)
{
    struct tm broken = { 0 };
    return ASN1_TIME_to_tm(time, &broken) == 1 ? (int64_t)timegm(&broken) * NS_PER_SECOND : 0;
}

static void append_day(struct buf *out, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    struct tm broken;
    char text[40];
    gmtime_r(&seconds, &broken);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &broken);
    buf_append_string(out, text);
}

static void warn_of_time(struct certificate *certificate, const char *path, int64_t wall_ns, struct buf *warnings)
{
    certificate->not_before_ns = wall_ns_of(X509_get0_notBefore(certificate->leaf));
    certificate->not_after_ns = wall_ns_of(X509_get0_notAfter(certificate->leaf));
    if (wall_ns >= certificate->not_after_ns) {
        buf_printf(warnings, "%s has expired, at ", path);
        append_day(warnings, certificate->not_after_ns);
        buf_append_string(warnings, ": clients refuse it\n");
    } else if (wall_ns < certificate->not_before_ns) {
        buf_printf(warnings, "%s is not valid before ", path);
        append_day(warnings, certificate->not_before_ns);
        buf_append_string(warnings, ": clients refuse it until then\n");
    }
}

/* Each is to be issued by the one behind it (RFC 5246, 7.4.2). */
static void warn_of_order(const struct certificate *certificate, const char *path, struct buf *warnings)
{
    X509 *below = certificate->leaf;
    for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
        X509 *above = sk_X509_value(certificate->chain, i);
        if (X509_check_issued(above, below) != X509_V_OK) {
            buf_printf(warnings,
                       "%s: its certificate %d was not issued by the one behind it: some clients refuse that\n", path,
                       i + 1);
            return;
        }
        below = above;
    }
}

bool certificate_read(struct certificate *certificate, const struct tls_certificate_options *options, int64_t wall_ns,
                      struct buf *problem, struct buf *warnings)
{
    ASSERT(certificate->leaf == NULL && certificate->key == NULL);
    const char *key_path = options->key != NULL ? options->key : options->certificate;
    struct buf pem = { 0 }, key = { 0 };
    bool good = certificate_read_file(options->certificate, &pem, problem) &&
                read_chain(certificate, options->certificate, buf_slice(&pem), problem) &&
                certificate_read_file(key_path, &key, problem) &&
                read_key(certificate, key_path, buf_slice(&key), problem) && check_key(certificate, options, problem) &&
                read_names(certificate, problem);
    if (key.data != NULL) {
        OPENSSL_cleanse(key.data, key.cap);
    }
    buf_release(&pem);
    buf_release(&key);
    if (good) {
        warn_of_time(certificate, options->certificate, wall_ns, warnings);
        warn_of_order(certificate, options->certificate, warnings);
    }
    return good;
}

void certificate_release(struct certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
    free(certificate->names);
    buf_release(&certificate->text);
    *certificate = (struct certificate){ 0 };
}

/* Asking. */

static enum certificate_fit name_fits(struct slice own, struct slice name)
{
    if (slice_equal_nocase(own, name)) {
        return CERTIFICATE_FITS;
    }
    const char *dot = name.len == 0 ? NULL : memchr(name.data, '.', name.len);
    bool is_wildcard = own.len > 2 && own.data[0] == '*' && own.data[1] == '.';
    if (!is_wildcard || dot == NULL || dot == name.data) {
        return CERTIFICATE_FITS_NOT;
    }
    struct slice parent = slice_after(name, (size_t)(dot - name.data));
    return slice_equal_nocase(slice_after(own, 1), parent) ? CERTIFICATE_FITS_BY_WILDCARD : CERTIFICATE_FITS_NOT;
}

enum certificate_fit certificate_fits(const struct certificate *certificate, struct slice name)
{
    enum certificate_fit best = CERTIFICATE_FITS_NOT;
    for (size_t i = 0; i < certificate->name_count && best != CERTIFICATE_FITS; i++) {
        enum certificate_fit fit = name_fits(certificate->names[i], name);
        best = fit > best ? fit : best;
    }
    return best;
}

struct slice certificate_name(const struct certificate *certificate)
{
    return certificate->name_count == 0 ? SLICE("unnamed") : certificate->names[0];
}

bool certificate_is_late(const struct certificate *certificate, int64_t wall_ns)
{
    ASSERT(certificate->leaf != NULL);
    int64_t life_ns = certificate->not_after_ns - certificate->not_before_ns;
    return certificate->not_after_ns - wall_ns < life_ns / LATE_SHARE;
}
