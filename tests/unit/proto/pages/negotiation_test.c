/* What a client would rather have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/pages/negotiation.h"

/* How Prometheus 2.42 asks. */
#define PROMETHEUS                                                                                                     \
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"                    \
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

static const struct {
    const char *field, *name, *any;
    unsigned weight; /* of what is not said: 7 */
} rows[] = {
    { PROMETHEUS, "application/openmetrics-text", "*/*", 1000 },
    { PROMETHEUS, "text/plain", "*/*", 500 },
    { PROMETHEUS, "text/html", "*/*", 100 },
    { "", "gzip", "*", 7 },
    { "gzip", "gzip", "*", 1000 },
    { "deflate, GZIP ;q=0.25", "gzip", "*", 250 },
    { "gzip;q=0", "gzip", "*", 0 },
    { "*;q=0.5, gzip;q=0.001", "gzip", "*", 1 },
    { "*;q=0.5, *;q=0.2", "gzip", "*", 500 },
    { "br, deflate", "gzip", "*", 7 },
    { "x-gzip", "gzip", "*", 7 },
    { "gzip; Q=0.5", "gzip", "*", 500 },
    { "gzip;q=1.000", "gzip", "*", 1000 },
    { "gzip;q=0.12345", "gzip", "*", 123 },
    { "gzip;q=half", "gzip", "*", 1000 },
    { "gzip;q=0x5", "gzip", "*", 1000 },
    { "gzip;q=0.-1", "gzip", "*", 1000 },
    { "gzip;q=", "gzip", "*", 1000 },
    { "br,,", "gzip", "", 7 },
    { ",,;;,=;q=1,gzip;q=0.5;q=0.9", "gzip", "*", 500 },
};

static void the_first_item_of_the_name_says_how_much_it_is_wanted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned weight = negotiation_weight(slice_from_string(rows[i].field), slice_from_string(rows[i].name),
                                             slice_from_string(rows[i].any), 7);
        if (weight != rows[i].weight) {
            fail_msg("%s of %s: %u", rows[i].name, rows[i].field, weight);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_first_item_of_the_name_says_how_much_it_is_wanted) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
