/* Running out of memory is no verdict on the bytes: neither on those of a client nor on those of the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define FIXTURE_PARENT "/dev/shm"
#include "failing_malloc.h"
#include "segment_files.h"

#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "config/yaml/document.h"
#include "config/yaml/memory.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "proto/front/decode.h"

#define MOST_CALLS 20000
#define FRAMES 3

static const size_t spans[] = { 1, MOST_CALLS }; /* one allocation fails, or all from there on */

#ifdef MALLOC_CANNOT_FAIL
#define SKIP_IF_SANITIZED() skip()
#else
#define SKIP_IF_SANITIZED() (void)0
#endif

/* --- bodies --- */

static void pack_gzip(struct slice plain, struct buf *out)
{
    z_stream stream = { 0 };
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)plain.data;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)out->data;
    stream.avail_out = (uInt)out->cap;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len = stream.total_out;
    deflateEnd(&stream);
}

static void pack_deflate(struct slice plain, struct buf *out)
{
    uLongf len = out->cap;
    assert_int_equal(compress((Bytef *)out->data, &len, (const Bytef *)plain.data, plain.len), Z_OK);
    out->len = len;
}

static void pack_zstd(struct slice plain, struct buf *out)
{
    out->len = ZSTD_compress(out->data, out->cap, plain.data, plain.len, 3);
}

static void pack_lz4(struct slice plain, struct buf *out)
{
    struct lz4_encoder *encoder = lz4_encoder_new();
    lz4_frame_begin(encoder, out, plain.len);
    lz4_frame_write(encoder, plain.data, plain.len);
    assert_true(lz4_frame_end(encoder));
    lz4_encoder_free(encoder);
}

/* With the n-th allocation failing: what became of the body, or out of memory. True: none was left to fail. */
static bool decode_with(enum encoding encoding, struct slice body, struct slice plain, size_t first, size_t span)
{
    struct buf out = { 0 };
    enum error error = ERROR_OUT_OF_MEMORY;
    malloc_fail(first, span);
    struct decoder *decoder = decoder_new();
    if (decoder != NULL) {
        error = decode_body(decoder, encoding, body, 1 << 20, &out);
    }
    bool failed = malloc_has_failed();
    assert_true(error == OK || (failed && error == ERROR_OUT_OF_MEMORY));
    assert_true(error != OK || slice_equal(buf_slice(&out), plain));
    if (decoder != NULL) { /* which is as good as before */
        buf_clear(&out);
        assert_int_equal(decode_body(decoder, encoding, body, 1 << 20, &out), OK);
        assert_true(slice_equal(buf_slice(&out), plain));
    }
    decoder_free(decoder);
    buf_release(&out);
    return !failed;
}

static void a_good_body_is_never_called_damaged(void **state)
{
    static const struct {
        enum encoding encoding;
        void (*pack)(struct slice plain, struct buf *out);
    } rows[] = {
        { ENCODING_GZIP, pack_gzip },
        { ENCODING_DEFLATE, pack_deflate },
        { ENCODING_ZSTD, pack_zstd },
        { ENCODING_LZ4, pack_lz4 },
    };
    struct buf plain = { 0 };
    (void)state;
    SKIP_IF_SANITIZED();
    for (unsigned i = 0; i < 20000; i++) {
        buf_printf(&plain, "%u,", i * 7919 % 1000);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf body = { 0 };
        assert_true(buf_reserve(&body, 1 << 20));
        rows[i].pack(buf_slice(&plain), &body);
        for (size_t span = 0; span < ARRAY_LENGTH(spans); span++) {
            size_t first = 0;
            while (!decode_with(rows[i].encoding, buf_slice(&body), buf_slice(&plain), first, spans[span])) {
                assert_true(++first < MOST_CALLS);
            }
            assert_true(first > 2); /* some failed in the library */
        }
        buf_release(&body);
    }
    buf_release(&plain);
}

/* --- the journal --- */

static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
}

static size_t count_files_in(const struct fixture *f, const char *name)
{
    char folder[128];
    size_t count = 0;
    snprintf(folder, sizeof folder, "%s/%s", f->folder, name);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return count;
}

/* A start with the n-th allocation failing stops and says so, or finds all. True: none was left to fail. */
static bool start_with(struct fixture *f, size_t first, size_t span)
{
    static const char *const names[] = { "events" };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    f->board = status_board_new();
    buf_clear(&f->problem);
    f->recovered = NULL;
    malloc_fail(first, span);
    f->journal = fixture_open_through(f, NULL);
    bool failed = malloc_has_failed();
    if (f->journal == NULL) {
        assert_true(failed);
        assert_true(f->problem.failed || f->problem.len != 0);
    } else {
        assert_segment(f->recovered, 0, 2 * FRAMES);
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
        assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), 0);
    }
    assert_int_equal(count_files_in(f, "damaged"), 0);
    fixture_close(f);
    return !failed;
}

static void a_start_that_is_short_of_memory_stops_and_damages_nothing(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    SKIP_IF_SANITIZED();
    struct buf bytes = make_segment(f, FRAMES, ends);
    buf_release(&bytes);
    for (size_t span = 0; span < ARRAY_LENGTH(spans); span++) {
        size_t first = 0;
        while (!start_with(f, first, spans[span])) {
            assert_true(++first < MOST_CALLS);
        }
        assert_true(first > 10);
    }
    must_open(f);
    assert_segment(f->recovered, 0, 2 * FRAMES);
}

/* What is asked of a waiting segment. OK, ERROR_OUT_OF_MEMORY, or it is damaged. */
static enum error check(const struct segment *segment)
{
    return segment_check(segment);
}

static enum error read_ids(const struct segment *segment)
{
    struct buf ids = { 0 };
    enum error error = segment_event_ids(segment, &ids);
    assert_true(error != OK || ids.len == segment->rows * sizeof(struct event_id));
    buf_release(&ids);
    return error;
}

static enum error merge(const struct segment *segment)
{
    struct buf bytes = { 0 };
    struct buf blocks = { 0 };
    struct gather merged;
    struct native_merger *merger = native_merger_new();
    struct lz4_decoder *decoder = lz4_decoder_new();
    enum error error = merger == NULL || decoder == NULL ? ERROR_OUT_OF_MEMORY : segment_read(segment, &bytes);
    if (error == OK) {
        error = lz4_frames_decode(decoder, buf_slice(&bytes), &blocks, 1 << 20);
    }
    if (error == OK) {
        error = native_merge(merger, &blocks, &merged);
    }
    native_merger_free(merger);
    lz4_decoder_free(decoder);
    buf_release(&bytes);
    buf_release(&blocks);
    return error;
}

static enum error walk(const struct segment *segment)
{
    struct buf bytes = { 0 };
    struct segment_header header = { 0 };
    struct segment_summary summary = { 0 };
    size_t start = 0;
    enum error error = segment_read(segment, &bytes);
    bool ours = error == OK && segment_header_read(&header, buf_slice(&bytes), &start);
    if (error == OK && !ours) {
        error = errno == ENOMEM ? ERROR_OUT_OF_MEMORY : ERROR_BAD_COMPRESSION;
    }
    if (error == OK) {
        error = segment_walk(buf_slice(&bytes), start, &header, NULL, &summary);
    }
    assert_true(error != OK || (summary.damaged_pieces == 0 && summary.rows == segment->rows));
    segment_header_release(&header);
    buf_release(&bytes);
    return error;
}

static void a_waiting_segment_is_never_called_damaged(void **state)
{
    static enum error (*const questions[])(const struct segment *segment) = { check, read_ids, merge, walk };
    struct fixture *f = *state;
    SKIP_IF_SANITIZED();
    for (unsigned i = 0; i < FRAMES; i++) {
        fixture_put(f, i * 2, 2);
    }
    struct segment *segment = journal_seal(f->journal, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(questions) * ARRAY_LENGTH(spans); i++) {
        bool failed = true;
        for (size_t first = 0; failed; first++) {
            malloc_fail(first, spans[i % ARRAY_LENGTH(spans)]);
            enum error error = questions[i / ARRAY_LENGTH(spans)](segment);
            failed = malloc_has_failed();
            assert_true(error == OK || (failed && error == ERROR_OUT_OF_MEMORY));
        }
    }
    assert_int_equal(journal_remove(f->journal, segment), OK);
}

/* A split that fails leaves the whole as it was. */
static void a_segment_is_split_or_left_whole(void **state)
{
    struct fixture *f = *state;
    SKIP_IF_SANITIZED();
    for (unsigned i = 0; i < FRAMES; i++) {
        fixture_put(f, i * 2, 2);
    }
    struct segment *whole = journal_seal(f->journal, 0);
    struct segment *halves[2] = { NULL, NULL };
    enum error error = ERROR_OUT_OF_MEMORY;
    for (size_t first = 0; error != OK; first++) {
        malloc_fail(first, 1);
        error = journal_split(f->journal, whole, 3, &halves[0], &halves[1]);
        bool failed = malloc_has_failed();
        assert_true(error == OK || (failed && error == ERROR_OUT_OF_MEMORY));
        assert_int_equal(count_files_in(f, "journal"), error == OK ? 2 : 1);
    }
    assert_segment(halves[0], 0, 3);
    assert_segment(halves[1], 3, 3);
    assert_int_equal(journal_remove(f->journal, halves[0]), OK);
    assert_int_equal(journal_remove(f->journal, halves[1]), OK);
}

/* --- configuration --- */

static void a_configuration_is_never_called_no_yaml(void **state)
{
    struct slice text = SLICE("http: { listen: 127.0.0.1:0 }\nstreams:\n  - name: events\n    fields: [a, b, c]\n");
    const struct node_file file = { .name = "test.yaml", .scope = "", .prefix = "" };
    bool failed = true;
    (void)state;
    SKIP_IF_SANITIZED();
    for (size_t first = 0; failed; first++) {
        struct buf problems = { 0 };
        const struct node *root = NULL;
        assert_true(buf_reserve(&problems, 4096));
        struct config_memory *memory = memory_new();
        malloc_fail(first, 1);
        bool read = document_read(memory, &file, text, &root, &problems);
        failed = malloc_has_failed();
        assert_true(read || (failed && strstr(buf_c_string(&problems), "out of memory") != NULL));
        assert_true(read || strstr(problems.data, "not YAML") == NULL);
        memory_free(memory);
        buf_release(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ON_JOURNAL(name) cmocka_unit_test_setup_teardown(name, with_os, fixture_stop)
        cmocka_unit_test(a_good_body_is_never_called_damaged),
        ON_JOURNAL(a_start_that_is_short_of_memory_stops_and_damages_nothing),
        ON_JOURNAL(a_waiting_segment_is_never_called_damaged),
        ON_JOURNAL(a_segment_is_split_or_left_whole),
        cmocka_unit_test(a_configuration_is_never_called_no_yaml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
