#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/dedup/redis_address.h"

static void reads_every_part(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *path;
        int port;
        const char *user, *password;
        int64_t database;
        const char *name;
    } rows[] = {
        { "redis://localhost", "localhost", "", 6379, "", "", 0, "redis://localhost:6379/0" },
        { "redis://localhost:7000", "localhost", "", 7000, "", "", 0, "redis://localhost:7000/0" },
        { "redis://localhost/", "localhost", "", 6379, "", "", 0, "redis://localhost:6379/0" },
        { "redis://cache.example:1/15", "cache.example", "", 1, "", "", 15, "redis://cache.example:1/15" },
        { "redis://:sesame@h", "h", "", 6379, "", "sesame", 0, "redis://h:6379/0" },
        { "redis://sesame@h", "h", "", 6379, "", "sesame", 0, "redis://h:6379/0" },
        { "redis://me:se:same@h:5/3", "h", "", 5, "me", "se:same", 3, "redis://h:5/3" },
        { "redis://me:p%40ss%2fw@h", "h", "", 6379, "me", "p@ss/w", 0, "redis://h:6379/0" },
        { "redis://[::1]", "::1", "", 6379, "", "", 0, "redis://[::1]:6379/0" },
        { "redis://[fe80::1]:99/2", "fe80::1", "", 99, "", "", 2, "redis://[fe80::1]:99/2" },
        { "redis+unix:///run/redis.sock", "", "/run/redis.sock", 0, "", "", 0, "redis+unix:///run/redis.sock?db=0" },
        { "redis+unix://me:pw@/run/r?db=4", "", "/run/r", 0, "me", "pw", 4, "redis+unix:///run/r?db=4" },
        { "rediss://me:pw@h/2", "h", "", 6379, "me", "pw", 2, "rediss://h:6379/2" },
        { "rediss://[::1]:7", "::1", "", 7, "", "", 0, "rediss://[::1]:7/0" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct redis_address address;
        struct buf problem = { 0 };
        if (!redis_address_parse(&address, slice_from_string(rows[i].url), &problem)) {
            fail_msg("%s: %s", rows[i].url, buf_c_string(&problem));
        }
        assert_string_equal(address.host, rows[i].host);
        assert_string_equal(address.path, rows[i].path);
        assert_int_equal(address.port, rows[i].port);
        assert_string_equal(address.user, rows[i].user);
        assert_string_equal(address.password, rows[i].password);
        assert_int_equal(address.database, rows[i].database);
        assert_string_equal(address.name, rows[i].name);
        assert_int_equal(address.secure, strncmp(rows[i].url, "rediss:", 7) == 0);
        redis_address_release(&address);
    }
}

static void refuses_what_it_cannot_mean(void **state)
{
    (void)state;
    static const struct {
        const char *url, *because;
    } rows[] = {
        { "", "expected" },
        { "h:6379", "expected" },
        { "http://h", "expected" },
        { "redis://", "expected" },
        { "redis://:6379", "expected" },
        { "redis://h:0", "expected" },
        { "redis://h:65536", "expected" },
        { "redis://h:port", "expected" },
        { "redis://h/one", "expected" },
        { "redis://h/-1", "expected" },
        { "redis://[::1", "expected" },
        { "redis://[::1]6379", "expected" },
        { "redis://a:%4@h", "expected" },
        { "redis://a:%00@h", "expected" },
        { "redis://a:%zz@h", "expected" },
        { "redis+unix://", "expected" },
        { "redis+unix:///", "expected" },
        { "redis+unix://run/r", "expected" },
        { "redis+unix:///run/r?data=1", "expected" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct redis_address address;
        struct buf problem = { 0 };
        if (redis_address_parse(&address, slice_from_string(rows[i].url), &problem)) {
            fail_msg("%s was taken", rows[i].url);
        }
        assert_non_null(strstr(buf_c_string(&problem), rows[i].because));
        buf_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_part),
        cmocka_unit_test(refuses_what_it_cannot_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
