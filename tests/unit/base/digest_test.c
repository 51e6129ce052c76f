#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"

static void says_what_the_standards_say(void **state)
{
    uint8_t sha256[DIGEST_SHA256_SIZE], sha1[DIGEST_SHA1_SIZE];
    char text[DIGEST_BASE64_SIZE(4)];
    (void)state;
    assert_true(digest_sha256(SLICE("abc"), sha256)); /* FIPS 180-4, B.1 */
    assert_memory_equal(sha256,
                        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                        "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
                        sizeof sha256);
    digest_sha1(SLICE("abc"), sha1);
    assert_memory_equal(sha1, "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d",
                        sizeof sha1);
    digest_base64(SLICE("foob"), text);
    assert_string_equal(text, "Zm9vYg==");
}

/* RFC 4231, 4.2 and 4.3. A prepared key serves again. */
static void hmac_is_what_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        struct slice key, bytes;
        const char *mac;
    } rows[] = {
        { { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20 },
          { "Hi There", 8 },
          "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b"
          "\x88\x1d\xc2\x00\xc9\x83\x3d\xa7\x26\xe9\x37\x6c\x2e\x32\xcf\xf7" },
        { { "Jefe", 4 },
          { "what do ya want for nothing?", 28 },
          "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
          "\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43" },
    };
    struct digest_scratch *scratch = digest_scratch_new();
    assert_non_null(scratch);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct digest_hmac_key *key = digest_hmac_key_new(rows[i].key);
        assert_non_null(key);
        for (int again = 0; again < 2; again++) {
            uint8_t mac[DIGEST_SHA256_SIZE];
            assert_true(digest_hmac_sha256(key, scratch, rows[i].bytes, mac));
            assert_memory_equal(mac, rows[i].mac, sizeof mac);
        }
        digest_hmac_key_free(key);
    }
    digest_scratch_free(scratch);
}

static void tells_equal_from_other_bytes(void **state)
{
    (void)state;
    assert_true(digest_equal("abc", "abc", 3));
    assert_false(digest_equal("abc", "abd", 3));
    assert_false(digest_equal("abc", "bbc", 3));
    assert_true(digest_equal("abc", "abd", 2));
    assert_true(digest_equal("", "x", 0));
    char a[43], b[43];
    memset(a, 'x', sizeof a);
    for (size_t i = 0; i < sizeof a; i++) { /* in words, and behind them */
        memset(b, 'x', sizeof b);
        assert_true(digest_equal(a, b, sizeof a));
        b[i] = 'X';
        assert_false(digest_equal(a, b, sizeof a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_standards_say),
        cmocka_unit_test(hmac_is_what_the_standard_says),
        cmocka_unit_test(tells_equal_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
