/* What is read from PEM files, and what is said of those that cannot be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options/http_options.h"
#include "proto/tls/certificate.h"
#include "tls_fixture.h"

#define DAY 86400L

static struct issued root, middle, shop, old, future;

static int make_all(void **state)
{
    (void)state;
    tls_folder_make();
    root = issue("root", NULL, NULL, -DAY, 100 * DAY);
    middle = issue("middle", NULL, &root, -DAY, 100 * DAY);
    shop = issue("shop", "DNS:shop.example,DNS:*.shop.example,IP:127.0.0.1", &middle, -DAY, 90 * DAY);
    old = issue("old", "DNS:old.example", &root, -10 * DAY, -DAY);
    future = issue("future", "DNS:future.example", &root, DAY, 10 * DAY);
    save_certificate("shop.pem", &shop);
    save_certificate("shop.pem", &middle);
    save_key("shop.key", &shop, NULL);
    save_certificate("both.pem", &shop);
    save_key("both.pem", &shop, NULL);
    save_key("locked.key", &shop, "secret");
    save_certificate("turned.pem", &middle);
    save_certificate("turned.pem", &shop);
    save_certificate("gap.pem", &shop);
    save_certificate("gap.pem", &root);
    save_certificate("old.pem", &old);
    save_key("old.key", &old, NULL);
    save_certificate("future.pem", &future);
    save_key("future.key", &future, NULL);
    fclose(fopen(tls_path("empty"), "we"));
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    issued_free(&root);
    issued_free(&middle);
    issued_free(&shop);
    issued_free(&old);
    issued_free(&future);
    tls_folder_remove();
    return 0;
}

static struct buf problem, warnings;

static bool read_pair(struct certificate *certificate, const char *path, const char *key)
{
    const struct tls_certificate_options options = { .certificate = tls_path(path),
                                                     .key = key == NULL ? NULL : tls_path(key) };
    buf_clear(&problem);
    buf_clear(&warnings);
    *certificate = (struct certificate){ 0 };
    return certificate_read(certificate, &options, clock_wall_ns(), &problem, &warnings);
}

static void assert_says(struct buf *text, const char *expected)
{
    const char *found = text->len == 0 ? "" : buf_c_string(text);
    if (strstr(found, expected) == NULL) {
        fail_msg("found \"%s\", expected \"%s\"", found, expected);
    }
}

static void reads_a_chain_its_key_and_its_names(void **state)
{
    (void)state;
    struct certificate certificate;
    assert_true(read_pair(&certificate, "shop.pem", "shop.key"));
    assert_int_equal(certificate.name_count, 2);
    assert_true(slice_equal(certificate_name(&certificate), SLICE("shop.example")));
    assert_int_equal(sk_X509_num(certificate.chain), 1);
    assert_int_equal(warnings.len, 0);
    assert_false(certificate_is_late(&certificate, clock_wall_ns()));
    assert_true(certificate_is_late(&certificate, clock_wall_ns() + 85 * DAY * NS_PER_SECOND));
    certificate_release(&certificate);
}

static void reads_a_key_from_the_file_of_its_certificate(void **state)
{
    (void)state;
    struct certificate certificate;
    assert_true(read_pair(&certificate, "both.pem", NULL));
    certificate_release(&certificate);
}

static void says_what_is_wrong_with_the_files(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *key, *says;
    } rows[] = {
        { "none.pem", "shop.key", "none.pem cannot be read: No such file" },
        { "shop.pem", "none.key", "none.key cannot be read: No such file" },
        { ".", "shop.key", "is no file" },
        { "empty", "shop.key", "empty holds no certificate in PEM" },
        { "shop.key", "shop.key", "shop.key holds no certificate in PEM" },
        { "shop.pem", "empty", "empty holds no private key in PEM" },
        { "shop.pem", NULL, "shop.pem holds no private key in PEM" },
        { "shop.pem", "locked.key", "has a key with a passphrase; take it off with: openssl pkey" },
        { "shop.pem", "old.key", "old.key is not the key of the certificate in" },
        { "turned.pem", "shop.key", "the key is that of its certificate 2; the server's own comes first" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct certificate certificate;
        assert_false(read_pair(&certificate, rows[i].certificate, rows[i].key));
        assert_says(&problem, rows[i].says);
        certificate_release(&certificate);
    }
}

static void a_file_cut_anywhere_is_told_or_read(void **state)
{
    (void)state;
    struct buf whole = { 0 };
    assert_true(certificate_read_file(tls_path("both.pem"), &whole, &problem));
    for (size_t len = 0; len < whole.len; len += 7) {
        struct certificate certificate;
        FILE *file = fopen(tls_path("cut.pem"), "we");
        fwrite(whole.data, 1, len, file);
        fclose(file);
        assert_false(read_pair(&certificate, "cut.pem", NULL));
        assert_int_not_equal(problem.len, 0);
        certificate_release(&certificate);
    }
    buf_release(&whole);
}

static void warns_of_what_clients_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *key, *says;
    } rows[] = {
        { "old.pem", "old.key", "old.pem has expired, at " },
        { "future.pem", "future.key", "future.pem is not valid before " },
        { "gap.pem", "shop.key", "its certificate 1 was not issued by the one behind it" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct certificate certificate;
        assert_true(read_pair(&certificate, rows[i].certificate, rows[i].key));
        assert_says(&warnings, rows[i].says);
        certificate_release(&certificate);
    }
}

static void a_wildcard_stands_for_one_label(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum certificate_fit fit;
    } rows[] = {
        { "shop.example", CERTIFICATE_FITS },
        { "SHOP.Example", CERTIFICATE_FITS },
        { "a.shop.example", CERTIFICATE_FITS_BY_WILDCARD },
        { "A.SHOP.EXAMPLE", CERTIFICATE_FITS_BY_WILDCARD },
        { "a.b.shop.example", CERTIFICATE_FITS_NOT },
        { ".shop.example", CERTIFICATE_FITS_NOT },
        { "xshop.example", CERTIFICATE_FITS_NOT },
        { "example", CERTIFICATE_FITS_NOT },
        { "", CERTIFICATE_FITS_NOT },
    };
    struct certificate certificate;
    assert_true(read_pair(&certificate, "shop.pem", "shop.key"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(certificate_fits(&certificate, slice_from_string(rows[i].name)), rows[i].fit);
    }
    certificate_release(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_chain_its_key_and_its_names),
        cmocka_unit_test(reads_a_key_from_the_file_of_its_certificate),
        cmocka_unit_test(says_what_is_wrong_with_the_files),
        cmocka_unit_test(a_file_cut_anywhere_is_told_or_read),
        cmocka_unit_test(warns_of_what_clients_refuse),
        cmocka_unit_test(a_wildcard_stands_for_one_label),
    };
    int failed = cmocka_run_group_tests(tests, make_all, remove_all);
    buf_release(&problem);
    buf_release(&warnings);
    return failed;
}
