/* Segments: the header says what it was given, in any bytes, and nothing when a bit has changed; names and statements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/lz4.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "sample_rows.h"

#define NAME "events-01890a5d-ac96-774b-bcce-b302099a8057"

static struct stream *stream;

static int set_up(void **state)
{
    (void)state;
    stream = sample_stream();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_free(stream);
    return 0;
}

static void header_says_what_it_was_given(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct segment_header header;
    size_t length;
    segment_header_write(stream, NAME, "parent", &out);
    size_t whole = out.len;
    buf_append_string(&out, "what follows");
    assert_true(segment_header_read(&header, buf_slice(&out), &length));
    assert_int_equal(length, whole);
    assert_int_equal(header.damaged, 0);
    assert_int_equal(2 * lz4_frame_length(buf_slice(&out)), whole);
    assert_string_equal(header.stream, "events");
    assert_string_equal(header.table, "events");
    assert_string_equal(header.name, NAME);
    assert_string_equal(header.parent, "parent");
    assert_string_equal(header.event_id_column, "event_id");
    assert_string_equal(header.time_column, "ts");
    assert_int_equal(header.column_count, stream->column_count);
    for (size_t i = 0; i < header.column_count; i++) {
        assert_true(slice_equal(header.columns[i].name, slice_from_string(stream->columns[i].name)));
        assert_true(slice_equal(header.columns[i].wire_name, slice_from_string(stream->columns[i].type.wire_name)));
    }
    segment_header_release(&header);
    buf_release(&out);
}

static void header_takes_any_name_and_a_new_one(void **state)
{
    (void)state;
    const char *table = stream->table;
    struct buf out = { 0 };
    struct buf renamed = { 0 };
    struct segment_header header;
    size_t length;
    stream->table = "a \"table\"\\ [with], {\n\x01}";
    segment_header_write(stream, NAME, "", &out);
    stream->table = table;
    assert_true(segment_header_read(&header, buf_slice(&out), &length));
    assert_string_equal(header.table, "a \"table\"\\ [with], {\n\x01}");
    segment_header_rename(&header, "half", NAME, &renamed);
    segment_header_release(&header);
    assert_true(segment_header_read(&header, buf_slice(&renamed), &length));
    assert_string_equal(header.table, "a \"table\"\\ [with], {\n\x01}");
    assert_string_equal(header.name, "half");
    assert_string_equal(header.parent, NAME);
    assert_string_equal(header.time_column, "ts");
    assert_int_equal(header.column_count, stream->column_count);
    segment_header_release(&header);
    buf_release(&out);
    buf_release(&renamed);
}

static void flip(struct buf *bytes, size_t bit)
{
    bytes->data[bit / 8] = (char)(bytes->data[bit / 8] ^ (1 << bit % 8));
}

static void header_is_read_from_one_copy_when_the_other_is_cut_off_or_has_any_bit_changed(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct segment_header header;
    size_t length;
    segment_header_write(stream, NAME, "", &out);
    size_t copy = out.len / 2;
    for (size_t len = 0; len < out.len; len++) {
        bool whole = len >= copy;
        assert_int_equal(segment_header_read(&header, slice_make(out.data, len), &length), whole);
        assert_int_equal(length, whole ? copy : length); /* as of the versions that wrote one */
        segment_header_release(&header);
    }
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        flip(&out, bit);
        assert_true(segment_header_read(&header, buf_slice(&out), &length));
        assert_string_equal(header.name, NAME);
        assert_int_equal(header.column_count, stream->column_count);
        assert_int_equal(header.damaged, bit / 8 < copy ? copy : 0);
        assert_int_equal(length, bit / 8 < copy ? out.len : copy); /* the rest does not check: damage for the walk */
        segment_header_release(&header);
        flip(&out, bit);
    }
    buf_release(&out);
}

static void header_is_refused_if_no_copy_checks(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct segment_header header;
    size_t length;
    segment_header_write(stream, NAME, "", &out);
    size_t copy = out.len / 2;
    for (size_t bit = 0; bit < copy * 8; bit++) {
        flip(&out, bit);
        assert_false(segment_header_read(&header, slice_make(out.data, copy), &length));
        flip(&out, copy * 8 + bit * 7 % (copy * 8));
        assert_false(segment_header_read(&header, buf_slice(&out), &length));
        assert_false(segment_header_is_sound(buf_slice(&out)));
        flip(&out, copy * 8 + bit * 7 % (copy * 8));
        flip(&out, bit);
    }
    buf_release(&out);
}

static void seal_tells_rows_only_where_it_stands_and_of_its_own_segment(void **state)
{
    (void)state;
    struct buf out = { 0 };
    uint64_t rows;
    buf_append_string(&out, "frames");
    segment_seal_write(NAME, 12345, 6, &out);
    size_t size = out.len - 6;
    assert_int_equal(lz4_frame_length(slice_after(buf_slice(&out), 6)), size); /* every reader skips it */
    buf_append_string(&out, "what follows");
    assert_int_equal(segment_seal_read(buf_slice(&out), 6, NAME, &rows), size);
    assert_int_equal(rows, 12345);
    assert_int_equal(segment_seal_read(buf_slice(&out), 6, "events", &rows), 0);
    assert_int_equal(segment_seal_read(slice_after(buf_slice(&out), 1), 5, NAME, &rows), 0);
    for (size_t len = 6; len < 6 + size; len++) {
        assert_int_equal(segment_seal_read(slice_make(out.data, len), 6, NAME, &rows), 0);
    }
    for (size_t bit = 6 * 8; bit < (6 + size) * 8; bit++) {
        flip(&out, bit);
        assert_int_equal(segment_seal_read(buf_slice(&out), 6, NAME, &rows), 0);
        flip(&out, bit);
    }
    buf_release(&out);
}

/* A header whose hash is right but whose text is not ours. */
static void header_of_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "{\"format\":2",
        "{\"format\":1}",
        "{\"format\":1,\"stream\":\"a",
        "{\"format\":1,\"stream\":\"\\u0000\"",
        "{\"format\":1,\"stream\":\"\\u00",
        "{\"format\":1,\"stream\":\"\\",
        "{\"format\":1,\"stream\":\"s\",\"table\":\"t\",\"name\":\"n\",\"event_id\":\"\",\"time\":\"\",\"parent\":\"\","
        "\"columns\":[[\"a\"]]",
        "{\"format\":1,\"stream\":\"s\",\"table\":\"t\",\"name\":\"n\",\"event_id\":\"\",\"time\":\"\",\"parent\":\"\","
        "\"columns\":[[\"a\",\"UInt8\"]",
        "{\"format\":1,\"stream\":\"s\",\"table\":\"t\",\"name\":\"n\",\"event_id\":\"\",\"time\":\"\",\"parent\":\"\","
        "\"columns\":[[\"a\",\"UInt8\"]]x",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct buf out = { 0 };
        struct segment_header header;
        size_t length;
        char check[EVENT_ID_TEXT];
        struct event_id hash = event_id_from_key(slice_from_string(texts[i]));
        event_id_format(&hash, check);
        uint32_t head[2] = { LZ4_SKIPPABLE_MAGIC, (uint32_t)strlen(texts[i]) + 48 };
        buf_append(&out, head, sizeof head);
        buf_printf(&out, "%s,\"check\":\"%.*s\"}", texts[i], EVENT_ID_TEXT, check);
        assert_int_equal(out.len, 8 + head[1]);
        assert_false(segment_header_read(&header, buf_slice(&out), &length));
        buf_release(&out);
    }
}

static void names_are_made_and_parsed(void **state)
{
    (void)state;
    struct event_id uuid;
    struct slice parsed;
    char name[SEGMENT_NAME_MAX];
    assert_true(segment_parse_name(SLICE(NAME SEGMENT_SUFFIX), &parsed, &uuid));
    assert_true(slice_equal(parsed, SLICE("events")));
    assert_int_equal(segment_made_ns(&uuid), INT64_C(0x01890a5dac96) * NS_PER_MS);
    segment_make_name(name, "events", &uuid);
    assert_string_equal(name, NAME);
    static const struct slice wrong[] = {
        SLICE(""),
        SLICE(SEGMENT_SUFFIX),
        SLICE("events"),
        SLICE("-01890a5d-ac96-774b-bcce-b302099a8057"),
        SLICE("ev ents-01890a5d-ac96-774b-bcce-b302099a8057"),
        SLICE("events-01890a5d-ac96-774b-bcce-b302099a805g"),
        SLICE("events-01890a5d-ac96-774b-bcce-b302099a8057x"),
        SLICE("../events-01890a5d-ac96-774b-bcce-b302099a8057"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        assert_false(segment_parse_name(wrong[i], &parsed, &uuid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_says_what_it_was_given),
        cmocka_unit_test(header_takes_any_name_and_a_new_one),
        cmocka_unit_test(header_is_read_from_one_copy_when_the_other_is_cut_off_or_has_any_bit_changed),
        cmocka_unit_test(header_is_refused_if_no_copy_checks),
        cmocka_unit_test(seal_tells_rows_only_where_it_stands_and_of_its_own_segment),
        cmocka_unit_test(header_of_another_form_is_refused),
        cmocka_unit_test(names_are_made_and_parsed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
