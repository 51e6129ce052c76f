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

static void tells_equal_from_other_bytes(void **state)
{
    (void)state;
    assert_true(digest_equal("abc", "abc", 3));
    assert_false(digest_equal("abc", "abd", 3));
    assert_false(digest_equal("abc", "bbc", 3));
    assert_true(digest_equal("abc", "abd", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_standards_say),
        cmocka_unit_test(tells_equal_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
