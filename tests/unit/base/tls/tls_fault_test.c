/* What failures of TLS are told as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/tls/tls_fault.h"

static const struct tls_option_names names = { .url = "store.url",
                                               .plain_scheme = "http://",
                                               .ca_file = "store.ca_file",
                                               .certificate = "store.client_certificate",
                                               .key = "store.client_key",
                                               .verify = "store.verify" };

static void each_fault_names_its_cause_and_its_cure(void **state)
{
    static const struct {
        long verdict;
        const char *detail;
        const char *said;
    } rows[] = {
        { 20, "unable to get local issuer certificate",
          "TLS: no CA that is trusted vouches for the server's certificate: put its CA into store.ca_file "
          "(unable to get local issuer certificate)" },
        { 18, "", "TLS: no CA that is trusted vouches for the server's certificate: put its CA into store.ca_file" },
        { 10, "", "TLS: the server's certificate has expired: renew it there" },
        { 9, "", "TLS: the server's certificate is not valid yet: compare the clocks" },
        { 62, "", "TLS: the server's certificate is for another name: give a name of the certificate in store.url" },
        { 0, "SSL: no alternative certificate subject name matches target host name 'x'",
          "TLS: the server's certificate is for another name: give a name of the certificate in store.url "
          "(SSL: no alternative certificate subject name matches target host name 'x')" },
        { 1, "error:0A00010B:SSL routines::wrong version number",
          "TLS: the server's port speaks no TLS: give its port of TLS, or a URL of http:// "
          "(error:0A00010B:SSL routines::wrong version number)" },
        { 0, "tlsv13 alert certificate required",
          "TLS: the server wants a certificate of ours: set store.client_certificate (tlsv13 alert certificate "
          "required)" },
        { 0, "tlsv1 alert unknown ca",
          "TLS: the server does not take our certificate: renew, or compare with the CA that it trusts, "
          "store.client_certificate (tlsv1 alert unknown ca)" },
        { 0, "something else", "TLS: something else" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf text = { 0 };
        tls_fault_explain(rows[i].verdict, slice_from_string(rows[i].detail), &names, &text);
        assert_string_equal(buf_c_string(&text), rows[i].said);
        buf_release(&text);
    }
}

static void what_a_library_says_is_bounded(void **state)
{
    char detail[1000];
    struct buf text = { 0 };
    (void)state;
    memset(detail, 'x', sizeof detail);
    tls_fault_explain(10, slice_make(detail, sizeof detail), &names, &text);
    assert_in_range(text.len, 100, 200);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_names_its_cause_and_its_cure),
        cmocka_unit_test(what_a_library_says_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
