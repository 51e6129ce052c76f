/* What is likely to be personal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/personal.h"

static void names_of_people_s_data_are_personal_however_they_are_written(void **state)
{
    static const char *const personal[] = { "user_id",    "userId",    "USER-ID",   "clientIp", "client.ip",
                                            "ip",         "ipv4",      "E-Mail",    "email2",   "phone",
                                            "firstName",  "last_name", "token",     "apiKey",   "api_key",
                                            "session_id", "password",  "useragent", "userid",   "ann@example.org" };
    static const char *const harmless[] = { "",        "number", "amount", "name",     "event_name", "timestamp",
                                            "page",    "key",    "value",  "shipment", "tip",        "zipped",
                                            "channel", "count",  "id",     "status" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(personal); i++) {
        if (!personal_name(slice_from_string(personal[i]))) {
            fail_msg("%s", personal[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++) {
        if (personal_name(slice_from_string(harmless[i]))) {
            fail_msg("%s", harmless[i]);
        }
    }
}

static void texts_that_look_like_people_s_data_are_personal(void **state)
{
    static const char *const personal[] = { "ann@example.org", "mail to <ann.b@mail.example.org>!",
                                            "10.0.0.1",        "from 192.168.1.20:80",
                                            "2001:db8::1",     "::1",
                                            "+49 170 1234567", "4111 1111 1111 1111",
                                            "eyJhbGciOi",      "https://example.org/?q=1",
                                            "Bearer abc",      "0123456789" };
    static const char *const harmless[] = { "",
                                            "purchase",
                                            "12:34:56",
                                            "2026-11-30",
                                            "2026-11-30T16:47:20Z",
                                            "1.2.3",
                                            "a@b",
                                            "550e8400-e29b-41d4-a716-446655440000",
                                            "https://example.org/a",
                                            "99999999",
                                            "@" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(personal); i++) {
        if (!personal_text(slice_from_string(personal[i]))) {
            fail_msg("%s", personal[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++) {
        if (personal_text(slice_from_string(harmless[i]))) {
            fail_msg("%s", harmless[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_people_s_data_are_personal_however_they_are_written),
        cmocka_unit_test(texts_that_look_like_people_s_data_are_personal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
