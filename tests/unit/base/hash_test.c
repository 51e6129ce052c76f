#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <string.h>

#include "base/hash.h"

/* The hash that a new process gives a text. */
static uint64_t hash_elsewhere(const char *text)
{
    int ends[2];
    uint64_t hash = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        hash = hash_seeded_64(text, strlen(text));
        _exit(write(ends[1], &hash, sizeof hash) != (ssize_t)sizeof hash);
    }
    assert_int_equal(read(ends[0], &hash, sizeof hash), sizeof hash);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    return hash;
}

/* The first test: this process must not have drawn a seed that its children would share. */
static void each_process_draws_a_seed_of_its_own(void **state)
{
    (void)state;
    assert_true(hash_elsewhere("key") != hash_elsewhere("key"));
}

static void a_seeded_hash_is_the_same_for_the_same_data_alone(void **state)
{
    (void)state;
    struct hash128 hash = hash_seeded_128("key", 3), same = hash_seeded_128("keys", 3),
                   other = hash_seeded_128("kez", 3);
    assert_true(hash.high == same.high && hash.low == same.low);
    assert_true(hash.high != other.high && hash.low != other.low);
    assert_true(hash_seeded_64("key", 3) == hash_seeded_64("keys", 3));
    assert_true(hash_seeded_64("key", 3) != hash_seeded_64("kez", 3));
}

static void what_is_on_disk_hashes_as_ever(void **state)
{
    (void)state;
    struct hash128 hash = hash_xxh3_128("", 0);
    assert_true(hash.high == UINT64_C(0x99AA06D3014798D8) && hash.low == UINT64_C(0x6001C324468D497F));
    assert_true(hash_xxh3_64("", 0) == UINT64_C(0x2D06800538D394C2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_process_draws_a_seed_of_its_own),
        cmocka_unit_test(a_seeded_hash_is_the_same_for_the_same_data_alone),
        cmocka_unit_test(what_is_on_disk_hashes_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
