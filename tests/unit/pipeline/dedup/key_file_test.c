#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "event/event_id.h"
#include "pipeline/dedup/key_file.h"
#include "pipeline/validate/validate_private.h"

struct reading {
    size_t records;
    size_t ids;
    struct event_id first, last;
    int64_t wall_ns;
};

static void take(void *context, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    struct reading *reading = context;
    if (reading->ids == 0) {
        reading->first = ids[0];
    }
    reading->last = ids[count - 1];
    reading->records++;
    reading->ids += count;
    reading->wall_ns = wall_ns;
}

static struct event_id *make_ids(size_t count, uint8_t fill)
{
    struct event_id *ids = calloc(count, sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < count; i++) {
        memset(ids[i].bytes, fill, sizeof ids[i].bytes);
        memcpy(ids[i].bytes, &i, sizeof i);
    }
    return ids;
}

/* Reads from memory that ends with the bytes, so that a sanitizer sees any step beyond them. */
static size_t read_exact(struct slice bytes, struct reading *reading, size_t *skipped)
{
    char *copy = malloc(bytes.len + (bytes.len == 0));
    assert_non_null(copy);
    if (bytes.len != 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    *reading = (struct reading){ 0 };
    size_t good = key_records_read(slice_make(copy, bytes.len), take, reading, skipped);
    free(copy);
    return good;
}

static void reads_back_what_was_appended(void **state)
{
    (void)state;
    static const size_t counts[] = { 1, 2, 1000, KEY_RECORD_IDS, KEY_RECORD_IDS + 1 };
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        struct event_id *ids = make_ids(counts[i], 0x80);
        struct buf out = { 0 };
        key_records_append(&out, ids, counts[i], 77);
        struct reading reading;
        size_t skipped;
        assert_int_equal(read_exact(buf_slice(&out), &reading, &skipped), out.len);
        assert_int_equal(skipped, 0);
        assert_int_equal(reading.ids, counts[i]);
        assert_int_equal(reading.records, (counts[i] + KEY_RECORD_IDS - 1) / KEY_RECORD_IDS);
        assert_memory_equal(&reading.first, &ids[0], sizeof *ids);
        assert_memory_equal(&reading.last, &ids[counts[i] - 1], sizeof *ids);
        assert_int_equal(reading.wall_ns, 77);
        buf_release(&out);
        free(ids);
    }
}

static void cuts_at_the_last_whole_record_wherever_it_was_torn(void **state)
{
    (void)state;
    struct event_id *ids = make_ids(5, 0x80);
    struct buf out = { 0 };
    key_records_append(&out, ids, 5, 1);
    size_t first = out.len;
    key_records_append(&out, ids, 3, 2);
    for (size_t length = 0; length <= out.len; length++) {
        struct reading reading;
        size_t skipped;
        size_t good = read_exact(slice_make(out.data, length), &reading, &skipped);
        size_t expected = length < first ? 0 : length < out.len ? first : out.len;
        assert_int_equal(good, expected);
        assert_int_equal(reading.ids, expected == 0 ? 0 : expected == first ? 5 : 8);
        assert_int_equal(skipped, 0);
    }
    buf_release(&out);
    free(ids);
}

static void skips_a_damaged_record_and_reads_on(void **state)
{
    (void)state;
    struct event_id *ids = make_ids(5, 0x80);
    struct buf out = { 0 };
    key_records_append(&out, ids, 5, 1);
    size_t first = out.len;
    key_records_append(&out, ids, 3, 2);
    for (size_t at = 0; at < first; at++) {
        out.data[at] = (char)(out.data[at] ^ 0x10);
        struct reading reading;
        size_t skipped;
        assert_int_equal(read_exact(buf_slice(&out), &reading, &skipped), out.len);
        assert_int_equal(reading.ids, 3);
        assert_int_equal(skipped, first);
        out.data[at] = (char)(out.data[at] ^ 0x10);
    }
    buf_release(&out);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_appended),
        cmocka_unit_test(cuts_at_the_last_whole_record_wherever_it_was_torn),
        cmocka_unit_test(skips_a_damaged_record_and_reads_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
