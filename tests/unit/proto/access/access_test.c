#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/options/string_list.h"
#include "event/stream.h"
#include "keys.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)

static struct stream events = { .name = "events", .index = 0 }, orders = { .name = "orders", .index = 1 };
static struct stream *const streams[] = { &events, &orders };

static struct access *compiled(const struct key_options *keys, size_t count)
{
    return keys_compiled(keys, count, streams, ARRAY_LENGTH(streams));
}

static enum error identify(const struct access *access, const char *text, const char *origin,
                           const struct access_key **key)
{
    const struct credential credential = { .key = slice_from_string(text), .origin = slice_from_string(origin) };
    return access_identify(access, &credential, NOW, key);
}

static void knows_each_key_by_its_text_alone(void **state)
{
    enum { MANY = 5000 };
    static struct key_options keys[MANY];
    static char names[MANY][16], hashes[MANY][DIGEST_SHA256_SIZE * 2 + 1];
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "key%zu", i);
        keys[i] = key_of(names[i], names[i]);
        memcpy(hashes[i], keys[i].sha256, sizeof hashes[i]);
        keys[i].sha256 = hashes[i];
    }
    struct access *access = compiled(keys, MANY);
    const struct access_key *key;
    assert_int_equal(access_key_count(access), MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(identify(access, names[i], NULL, &key), OK);
        assert_int_equal(key->index, i);
        assert_ptr_equal(access_named(access, slice_from_string(names[i])), key);
    }
    assert_int_equal(identify(access, "key5000", NULL, &key), ERROR_KEY_UNKNOWN);
    assert_null(key);
    assert_int_equal(identify(access, hashes[0], NULL, &key), ERROR_KEY_UNKNOWN);
    assert_null(access_named(access, SLICE("key5000")));
    access_free(access);
}

static void says_why_a_key_is_none(void **state)
{
    const char *shop[] = { "https://shop.example" };
    struct key_options keys[] = { key_of("old", "old"), key_of("off", "off"), key_of("page", "page"),
                                  key_of("own", "own") };
    const struct access_key *key;
    (void)state;
    keys[0].expires = "2027-01-01";
    keys[1].disabled = true;
    keys[2].origins = (struct string_list){ shop, 1 };
    keys[3].expires = "2027-02-01T00:00:00Z";
    struct access *access = compiled(keys, ARRAY_LENGTH(keys));
    assert_int_equal(identify(access, "old", NULL, &key), ERROR_KEY_EXPIRED);
    assert_int_equal(identify(access, "off", NULL, &key), ERROR_KEY_DISABLED);
    assert_int_equal(identify(access, "page", NULL, &key), ERROR_KEY_ORIGIN);
    assert_int_equal(identify(access, "page", "https://evil.example", &key), ERROR_KEY_ORIGIN);
    assert_int_equal(identify(access, "page", "null", &key), ERROR_KEY_ORIGIN);
    assert_null(key);
    assert_int_equal(identify(access, "page", "https://shop.example", &key), OK);
    assert_non_null(key);
    assert_int_equal(identify(access, "own", "https://evil.example", &key), OK);
    assert_int_equal(identify(access, "unknown", NULL, &key), ERROR_KEY_UNKNOWN);
    assert_int_equal(identify(access, "slw_unknown", NULL, &key), ERROR_KEY_MALFORMED);
    assert_int_equal(identify(access, "two words", NULL, &key), ERROR_KEY_MALFORMED);
    assert_int_equal(identify(access, "", NULL, &key), OK); /* nothing was shown */
    assert_null(key);
    access_free(access);
}

static void a_key_may_do_what_it_is_for(void **state)
{
    const char *one[] = { "orders" };
    struct key_options keys[] = { key_of("all", "a"), key_of("one", "b"), key_of("reader", "c"),
                                  key_of("operator", "d") };
    const struct access_key *key;
    (void)state;
    keys[1].streams = (struct string_list){ one, 1 };
    keys[2].scopes = ACCESS_READ;
    keys[3].scopes = ACCESS_ADMIN | ACCESS_READ;
    struct access *access = compiled(keys, ARRAY_LENGTH(keys));
    assert_int_equal(access_allows(access, NULL, ACCESS_WRITE, &events), ERROR_KEY_MISSING);
    assert_int_equal(identify(access, "a", NULL, &key), OK);
    assert_int_equal(access_allows(access, key, ACCESS_WRITE, &events), OK);
    assert_int_equal(access_allows(access, key, ACCESS_READ, NULL), ERROR_SCOPE_MISSING);
    assert_int_equal(identify(access, "b", NULL, &key), OK);
    assert_int_equal(access_allows(access, key, ACCESS_WRITE, &events), ERROR_STREAM_FORBIDDEN);
    assert_int_equal(access_allows(access, key, ACCESS_WRITE, &orders), OK);
    assert_int_equal(access_allows(access, key, ACCESS_WRITE, NULL), OK);
    assert_int_equal(identify(access, "c", NULL, &key), OK);
    assert_int_equal(access_allows(access, key, ACCESS_WRITE, &orders), ERROR_SCOPE_MISSING);
    assert_int_equal(identify(access, "d", NULL, &key), OK);
    assert_int_equal(access_allows(access, key, ACCESS_ADMIN, NULL), OK);
    assert_int_equal(access_allows(access, key, ACCESS_READ, NULL), OK);
    access_free(access);
}

static void without_keys_everybody_may_do_all(void **state)
{
    const struct access_key *key;
    struct access *access = compiled(NULL, 0);
    (void)state;
    assert_true(access_is_open(access));
    assert_int_equal(identify(access, "whatever this is", NULL, &key), OK);
    assert_null(key);
    assert_int_equal(access_allows(access, NULL, ACCESS_ADMIN, &events), OK);
    access_free(access);
}

static void a_certificate_may_stand_for_a_key(void **state)
{
    struct key_options keys[] = { key_of("text", "text"), key_of("both", "both"), key_of("certificate", "") };
    const struct access_key *key, *again;
    (void)state;
    keys[1].subject = "CN=both";
    keys[2].subject = "CN=shop,O=Example";
    keys[2].sha256 = "";
    struct access *access = compiled(keys, ARRAY_LENGTH(keys));
    struct credential credential = { .subject = SLICE("CN=shop,O=Example") };
    assert_int_equal(access_identify(access, &credential, NOW, &key), OK);
    assert_int_equal(key->index, 2);
    assert_int_equal(access_recall(access, key->hash, NOW, &again), OK);
    assert_ptr_equal(again, key);
    credential.subject = SLICE("CN=both");
    assert_int_equal(access_identify(access, &credential, NOW, &key), OK);
    assert_int_equal(key->index, 1);
    credential.key = SLICE("text"); /* who shows a key is who that says */
    assert_int_equal(access_identify(access, &credential, NOW, &key), OK);
    assert_int_equal(key->index, 0);
    credential.key = SLICE("CN=both");
    assert_int_equal(access_identify(access, &credential, NOW, &key), ERROR_KEY_UNKNOWN);
    credential.key = SLICE("subject\nCN=shop,O=Example");
    assert_int_equal(access_identify(access, &credential, NOW, &key), ERROR_KEY_MALFORMED);
    credential = (struct credential){ .subject = SLICE("CN=stranger") };
    assert_int_equal(access_identify(access, &credential, NOW, &key), OK);
    assert_null(key);
    access_free(access);
}

static void a_connection_that_shows_its_key_again_is_known_and_judged_anew(void **state)
{
    struct key_options keys[] = { key_of("a", "first"), key_of("b", "second") };
    struct access_memo memo = { 0 };
    const struct access_key *key;
    (void)state;
    keys[0].expires = "2027-06-01";
    struct access *access = compiled(keys, ARRAY_LENGTH(keys));
    struct credential credential = { .key = SLICE("first") };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), OK);
        assert_int_equal(key->index, 0);
    }
    assert_int_equal(memo.length, 5);
    assert_int_equal(access_identify_again(access, &memo, &credential, INT64_MAX - 1, &key), ERROR_KEY_EXPIRED);
    assert_null(key);
    credential.key = SLICE("firsT");
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), ERROR_KEY_UNKNOWN);
    credential.key = SLICE("second");
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), OK);
    assert_int_equal(key->index, 1);
    credential.key = SLICE("");
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), OK);
    assert_null(key);
    access_free(access);
    credential.key = SLICE("second");
    access = compiled(keys, 1); /* a reload without the key */
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), ERROR_KEY_UNKNOWN);
    access_free(access);
}

static void what_a_connection_remembers_is_asked_for_time_and_origin_each_time(void **state)
{
    const char *shop[] = { "https://shop.example" };
    struct key_options keys[] = { key_of("a", "a-key-with-twenty-six-bytes"), key_of("page", "page") };
    struct access_memo memo = { 0 };
    const struct access_key *key;
    const struct slice none = SLICE(""), page = SLICE("https://shop.example"), evil = SLICE("https://evil.example");
    struct credential credential = { .key = SLICE("a-key-with-twenty-six-bytes") };
    (void)state;
    keys[0].expires = "2027-06-01";
    keys[1].origins = (struct string_list){ shop, 1 };
    struct access *access = compiled(keys, ARRAY_LENGTH(keys)), *reloaded = compiled(keys, ARRAY_LENGTH(keys));
    assert_false(access_remembers(access, &memo, credential.key, &none, NOW, &key)); /* of nobody yet */
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), OK);
    assert_true(access_remembers(access, &memo, credential.key, &none, NOW, &key));
    assert_false(access_remembers(access, &memo, credential.key, &none, key->expires_ns, &key));
    credential = (struct credential){ .key = SLICE("page"), .origin = page };
    assert_int_equal(access_identify_again(access, &memo, &credential, NOW, &key), OK);
    assert_true(access_remembers(access, &memo, credential.key, &page, NOW, &key));
    assert_int_equal(key->index, 1);
    assert_false(access_remembers(access, &memo, credential.key, &evil, NOW, &key));
    assert_null(key);
    assert_false(access_remembers(access, &memo, credential.key, &none, NOW, &key));
    assert_false(access_remembers(access, &memo, SLICE("pagE"), &page, NOW, &key));
    assert_false(access_remembers(access, &memo, SLICE("pag"), &page, NOW, &key));
    assert_false(access_remembers(access, &memo, SLICE(""), &page, NOW, &key));
    assert_false(access_remembers(reloaded, &memo, credential.key, &page, NOW, &key));
    memo.place = &memo;
    credential = (struct credential){ .key = SLICE("page"), .origin = page };
    assert_int_equal(access_identify_again(reloaded, &memo, &credential, NOW, &key), OK);
    assert_null(memo.place); /* where it was let in before counts no more */
    access_free(access);
    access_free(reloaded);
}

static void no_two_compilations_have_the_same_generation(void **state)
{
    struct key_options key = key_of("a", "a");
    struct access *first = compiled(&key, 1), *second = compiled(&key, 1);
    (void)state;
    assert_true(access_generation(first) != access_generation(second));
    access_free(first);
    access_free(second);
}

static void a_hash_is_recalled_until_its_key_may_not_be_used(void **state)
{
    struct key_options keys[] = { key_of("a", "a"), key_of("off", "off") };
    uint8_t unknown[ACCESS_HASH_SIZE] = { 0 };
    const struct access_key *key, *again;
    (void)state;
    keys[0].expires = "2027-06-01";
    keys[1].disabled = true;
    struct access *access = compiled(keys, ARRAY_LENGTH(keys));
    assert_int_equal(identify(access, "a", NULL, &key), OK);
    assert_int_equal(access_recall(access, key->hash, NOW, &again), OK);
    assert_ptr_equal(again, key);
    assert_int_equal(access_recall(access, key->hash, key->expires_ns, &again), ERROR_KEY_EXPIRED);
    assert_int_equal(access_recall(access, access_named(access, SLICE("off"))->hash, NOW, &again), ERROR_KEY_DISABLED);
    assert_int_equal(access_recall(access, unknown, NOW, &again), ERROR_KEY_UNKNOWN);
    assert_null(again);
    access_free(access);
}

static void who_stays_is_asked_again_and_is_nobody_elses(void **state)
{
    struct key_options shop[] = { key_of("shop", "shop") }, other[] = { key_of("other", "shop") };
    struct access *first = compiled(shop, 1), *same = compiled(shop, 1), *renamed = compiled(other, 1);
    const struct access_key *key;
    struct access_hold hold;
    (void)state;
    assert_int_equal(identify(first, "shop", NULL, &key), OK);
    access_hold_take(&hold, first, key);
    assert_false(access_hold_must_ask(&hold, first, NOW));
    assert_true(access_hold_must_ask(&hold, same, NOW));
    assert_int_equal(access_hold_ask(&hold, same, &events, false, NOW), OK);
    assert_true(hold.shown && !access_hold_must_ask(&hold, same, NOW));
    assert_int_equal(access_hold_ask(&hold, renamed, &events, false, NOW), ERROR_KEY_UNKNOWN);
    assert_int_equal(access_hold_ask(&hold, renamed, &events, true, NOW), OK);
    assert_false(hold.shown);
    access_free(first);
    access_free(same);
    access_free(renamed);
}

static void says_what_is_wrong_with_a_key(void **state)
{
    static const char *no_stream[] = { "event" }, *slash[] = { "https://shop.example/" };
    static char name[66];
    struct key_options good = key_of("good", "good");
    struct key_options bad[] = { good, good, good, good, good, good, good, good, good, good, good };
    static const char *const says[] = {
        "f:7: keys.two words.name: expected",
        "f:7: keys.good.sha256: found no SHA-256",
        "f:7: keys.good.sha256: found no SHA-256",
        "f:7: keys.good.sha256: found nothing",
        "f:7: keys.good.scopes: found none",
        "f:7: keys.good.streams: there is no stream \"event\"; there are: events, orders",
        "f:7: keys.good.origins: found \"https://shop.example/\"",
        "f:7: keys.good.expires: found \"soon\"",
        "f:7: keys.good.scopes: found admin in a key with origins",
        "expected 1 to 64",
        "f:7: keys.good.sha256: found a key itself",
    };
    (void)state;
    memset(name, 'a', 65);
    bad[0].name = "two words";
    bad[1].sha256 = "abc";
    bad[2].sha256 = "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    bad[3].sha256 = "";
    bad[4].scopes = 0;
    bad[5].streams = (struct string_list){ no_stream, 1 };
    bad[6].origins = (struct string_list){ slash, 1 };
    bad[7].expires = "soon";
    bad[8].origins = (struct string_list){ (const char *[]){ "null" }, 1 };
    bad[8].scopes = ACCESS_WRITE | ACCESS_ADMIN;
    bad[9].name = name;
    bad[10].sha256 = "slw_000g40r40m30e209185gr38e1w8124gkg2tswr";
    for (size_t i = 0; i < ARRAY_LENGTH(says); i++) {
        struct buf problems = { 0 };
        if (access_new(&bad[i], 1, streams, ARRAY_LENGTH(streams), &problems) != NULL ||
            strstr(buf_c_string(&problems), says[i]) == NULL) {
            fail_msg("expected \"%s\", found \"%s\"", says[i], problems.data);
        }
        buf_release(&problems);
    }
}

static void no_two_keys_have_the_same_name_hash_or_subject(void **state)
{
    static const char *const says[] = { "keys.b.sha256: found what the key \"a\" of f:3 has", "keys.a.name: found",
                                        "keys.b.subject: found" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(says); i++) {
        struct key_options keys[] = { key_of("a", "a"), key_of("b", "b") };
        struct buf problems = { 0 };
        keys[0].line = 3;
        keys[0].subject = "CN=a";
        keys[1].sha256 = i == 0 ? keys[0].sha256 : keys[1].sha256;
        keys[1].name = i == 1 ? "a" : "b";
        keys[1].subject = i == 2 ? "CN=a" : "CN=b";
        assert_null(access_new(keys, 2, streams, ARRAY_LENGTH(streams), &problems));
        if (strstr(buf_c_string(&problems), says[i]) == NULL) {
            fail_msg("expected \"%s\", found \"%s\"", says[i], problems.data);
        }
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_each_key_by_its_text_alone),
        cmocka_unit_test(says_why_a_key_is_none),
        cmocka_unit_test(a_key_may_do_what_it_is_for),
        cmocka_unit_test(without_keys_everybody_may_do_all),
        cmocka_unit_test(a_certificate_may_stand_for_a_key),
        cmocka_unit_test(a_connection_that_shows_its_key_again_is_known_and_judged_anew),
        cmocka_unit_test(what_a_connection_remembers_is_asked_for_time_and_origin_each_time),
        cmocka_unit_test(no_two_compilations_have_the_same_generation),
        cmocka_unit_test(a_hash_is_recalled_until_its_key_may_not_be_used),
        cmocka_unit_test(who_stays_is_asked_again_and_is_nobody_elses),
        cmocka_unit_test(says_what_is_wrong_with_a_key),
        cmocka_unit_test(no_two_keys_have_the_same_name_hash_or_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
