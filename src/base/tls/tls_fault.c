/* Turns a failure of TLS into its cause and its cure. */
#include "base/tls/tls_fault.h"

#include "base/assert.h"

#include <stddef.h>

#define LONGEST_DETAIL 100

#define NONE offsetof(struct tls_option_names, verify) /* the cure names no option; none names `verify` */

struct fault {
    long verdict;       /* 0: known by its words */
    const char *phrase; /* NULL: known by its verdict */
    const char *cause;
    const char *cure;
    size_t option; /* stands behind the cure */
};

#define OPTION(member) offsetof(struct tls_option_names, member)
#define UNKNOWN_CA(number)                                                                                             \
    {                                                                                                                  \
        number, NULL, "no CA that is trusted vouches for the server's certificate", "put its CA into", OPTION(ca_file) \
    }
#define OTHER_NAME(number, words)                                                                                      \
    {                                                                                                                  \
        number, words, "the server's certificate is for another name", "give a name of the certificate in",            \
            OPTION(url)                                                                                                \
    }
#define REFUSED(words)                                                                                                 \
    {                                                                                                                  \
        0, words, "the server does not take our certificate", "renew, or compare with the CA that it trusts,",         \
            OPTION(certificate)                                                                                        \
    }
#define WANTED(words)                                                                                                  \
    {                                                                                                                  \
        0, words, "the server wants a certificate of ours", "set", OPTION(certificate)                                 \
    }
#define NO_TLS(words)                                                                                                  \
    {                                                                                                                  \
        0, words, "the server's port speaks no TLS", "give its port of TLS, or a URL of", OPTION(plain_scheme)         \
    }

/* Verdicts: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT 2, …_CERT_NOT_YET_VALID 9, …_CERT_HAS_EXPIRED 10, …_SELF_SIGNED_CERT 18
 * and 19, …_ISSUER_CERT_LOCALLY 20, …_LEAF_SIGNATURE 21, …_HOSTNAME_MISMATCH 62, …_IP_ADDRESS_MISMATCH 64. Words: of
 * OpenSSL's alerts (RFC 8446, 6.2), and of libcurl, which compares names itself. */
static const struct fault faults[] = {
    UNKNOWN_CA(2),
    UNKNOWN_CA(18),
    UNKNOWN_CA(19),
    UNKNOWN_CA(20),
    UNKNOWN_CA(21),
    { 9, NULL, "the server's certificate is not valid yet", "compare the clocks", NONE },
    { 10, NULL, "the server's certificate has expired", "renew it there", NONE },
    OTHER_NAME(62, NULL),
    OTHER_NAME(64, NULL),
    OTHER_NAME(0, "subject name matches"),
    OTHER_NAME(0, "does not match target host name"),
    WANTED("alert certificate required"),
    WANTED("No required SSL certificate was sent"),
    REFUSED("alert unknown ca"),
    REFUSED("alert bad certificate"),
    REFUSED("alert certificate unknown"),
    REFUSED("alert certificate expired"),
    REFUSED("alert certificate revoked"),
    NO_TLS("wrong version number"),
    NO_TLS("packet length too long"),
    { 0, "SSL connection timeout", "the server does not answer the first words of TLS",
      "give its port of TLS, or look at the server;", OPTION(url) },
    { 0, "protocol version", "the server speaks neither TLS 1.2 nor 1.3", "update it", NONE },
    { 0, "handshake failure", "the server agrees to no cipher, or wants a certificate of ours",
      "look at its log, or set", OPTION(certificate) },
};

static bool has(struct slice text, const char *phrase)
{
    return text.len != 0 && memmem(text.data, text.len, phrase, strlen(phrase)) != NULL;
}

static const struct fault *find(long verdict, struct slice detail)
{
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        const struct fault *fault = &faults[i];
        if (fault->verdict != 0 ? fault->verdict == verdict : has(detail, fault->phrase)) {
            return fault;
        }
    }
    return NULL;
}

static const char *option_at(const struct tls_option_names *names, size_t offset)
{
    const char *name;
    ASSERT(offset + sizeof name <= sizeof *names);
    memcpy(&name, (const char *)names + offset, sizeof name);
    return name;
}

void tls_fault_explain(long verdict, struct slice detail, const struct tls_option_names *names, struct buf *out)
{
    const struct fault *fault = find(verdict, detail);
    ASSERT(names->url != NULL && names->verify != NULL);
    detail.len = detail.len < LONGEST_DETAIL ? detail.len : LONGEST_DETAIL;
    if (fault == NULL) {
        buf_printf(out, "TLS: %.*s", (int)detail.len, detail.data);
        return;
    }
    buf_printf(out, "TLS: %s: %s", fault->cause, fault->cure);
    if (fault->option != NONE) {
        buf_printf(out, " %s", option_at(names, fault->option));
    }
    if (detail.len != 0) {
        buf_printf(out, " (%.*s)", (int)detail.len, detail.data);
    }
}
