#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/json/json_repair.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_look.h"
#include "pipeline/payload/payload_reader.h"

static const struct envelope_names names = { { "events", 6 }, { "stream", 6 }, { "sent_at", 7 } };

struct setup {
    struct json_parser *parser;
    struct json_repair repair;
    struct buf text;  /* with its padding */
    struct buf story; /* what the reader told */
    struct payload_source source;
    struct payload_reader reader;
};

static int start(void **state)
{
    static struct setup setup;
    setup = (struct setup){ .parser = json_parser_new() };
    *state = &setup;
    return setup.parser == NULL;
}

static int end(void **state)
{
    struct setup *setup = *state;
    json_parser_free(setup->parser);
    json_repair_release(&setup->repair);
    buf_release(&setup->text);
    buf_release(&setup->story);
    return 0;
}

static enum error open_text(struct setup *setup, enum payload_form form, struct slice text, bool repairs)
{
    buf_clear(&setup->text);
    buf_append_slice(&setup->text, text);
    buf_append_fill(&setup->text, 'x', JSON_PADDING);
    setup->source = (struct payload_source){ .bytes = slice_make(setup->text.data, text.len),
                                             .form = form,
                                             .picks_stream = true,
                                             .names = &names,
                                             .max_events = 5,
                                             .parser = setup->parser,
                                             .repair = &setup->repair };
    return payload_open(&setup->reader, &setup->source, repairs);
}

/* Its last member's number; '?' for what is no object of such. */
static void tell_event(struct setup *setup)
{
    const struct json_document *document = &setup->reader.document;
    json_at at = setup->reader.at, last = 0;
    if (json_type(document, at) == '{') {
        for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m + 1)) {
            last = m + 1;
        }
    }
    if (last != 0 && json_type(document, last) == 'l') {
        buf_printf(&setup->story, " %lld", (long long)json_int64(document, last));
    } else {
        buf_append_string(&setup->story, " ?");
    }
}

static void tell_refusal(struct setup *setup)
{
    char why[256];
    payload_explain(&setup->reader, why, sizeof why);
    buf_printf(&setup->story, " !%s%s%s", error_info(setup->reader.error)->code, why[0] != '\0' ? ": " : "", why);
}

static void tell_pieces(struct setup *setup)
{
    struct payload_reader *reader = &setup->reader;
    uint64_t pieces = 0;
    for (enum payload_found found; (found = payload_next(reader)) != PAYLOAD_END; pieces++) {
        assert_int_not_equal(found, PAYLOAD_FAILED);
        if (found == PAYLOAD_EVENT) {
            tell_event(setup);
        } else {
            buf_printf(&setup->story, " -%.*s", (int)reader->piece.len, reader->piece.data);
        }
    }
    assert_int_equal(pieces, reader->count);
    assert_int_equal(payload_next(reader), PAYLOAD_END);
}

/* "of [stream] layout count: what there is"; the count before lines of several objects are met. */
static const char *read_text(struct setup *setup, enum payload_form form, struct slice text, struct payload_rules rules)
{
    static const char *layouts[] = { "", "records", "lines", "document", "items", "values" };
    struct payload_reader *reader = &setup->reader;
    buf_clear(&setup->story);
    enum error error = open_text(setup, form, text, rules.repairs);
    struct slice named = reader->named;
    buf_printf(&setup->story, "%s%.*s", named.len != 0 ? "of " : "", (int)named.len, named.data);
    error = error == OK ? payload_settle(reader, rules) : error;
    if (error == OK) {
        buf_printf(&setup->story, "%s%s %u:", named.len != 0 ? " " : "", layouts[reader->layout],
                   (unsigned)reader->count);
        tell_pieces(setup);
    } else {
        tell_refusal(setup);
    }
    return buf_c_string(&setup->story);
}

#define ONE PAYLOAD_ONE
#define MANY PAYLOAD_MANY
#define LINES PAYLOAD_LINES

static const struct {
    enum payload_form form;
    struct slice text;
    const char *story;
} rows[] = {
    /* One text. */
    { ONE, SLICE("{\"a\":1}"), "document 1: 1" },
    { MANY, SLICE("{\"a\":1}"), "document 1: 1" },
    { ONE, SLICE("7"), "document 1: ?" },
    { ONE, SLICE("[{\"a\":1},{\"a\":2}]"), "document 1: ?" },
    { ONE, SLICE("{\"events\":[{\"a\":1}],\"a\":4}"), "document 1: 4" },
    { MANY, SLICE("[{\"a\":1},2,{\"a\":3}]"), "document 3: 1 ? 3" },
    { MANY, SLICE("[[1],{},[]]"), "document 3: ? ? ?" },
    { MANY, SLICE("{\"events\":[{\"a\":1},{\"a\":2}]}"), "document 2: 1 2" },
    { MANY, SLICE("{\"x\":[3],\"events\":[{\"a\":1}],\"events\":[{\"a\":2},4]}"), "document 1: 1" },
    { MANY, SLICE("{\"events\":1,\"a\":2}"), "document 1: 2" },
    { MANY, SLICE("{\"stream\":\"s\",\"a\":1}"), "of s document 1: 1" },
    { MANY, SLICE("{\"stream\":\"s\",\"events\":[{\"a\":1},{\"a\":2}]}"), "of s document 2: 1 2" },
    { MANY, SLICE("[{\"stream\":\"s\",\"a\":1}]"), "document 1: 1" },
    { MANY, SLICE("{\n\"events\":[\n{\"a\":1},\n{\"a\":2}\n]\n}\n"), "document 2: 1 2" },
    { MANY, SLICE("[]"), " !empty_payload" },
    { MANY, SLICE("{\"events\":[]}"), " !empty_payload" },
    { MANY, SLICE("[1,2,3,4,5,6]"), " !too_many_events: the payload holds 6 events; at most 5 are taken at once" },
    /* What frames a text. */
    { ONE, SLICE(""), " !empty_payload" },
    { MANY, SLICE("\xEF\xBB\xBF \r\n\0"), " !empty_payload" },
    { LINES, SLICE("\n\n"), " !empty_payload" },
    { ONE, SLICE("\xEF\xBB\xBF{\"a\":1}\0\0"), "document 1: 1" },
    { ONE, SLICE("\x1e{\"a\":1}\n"), "document 1: 1" },
    { MANY, SLICE("\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}"), "lines 2: 1 2" },
    /* Lines. */
    { LINES, SLICE("{\"a\":1}"), "lines 1: 1" },
    { LINES, SLICE("[1]\n{\"a\":2}\n\n \r\n{x}\0\n"), "lines 3: ? 2 -{x}" },
    { MANY, SLICE("{\"a\":1}\n{\"a\":2}\n"), "lines 2: 1 2" },
    { MANY, SLICE("{\"a\":1}\n2\n{\"a\":3"), "lines 3: 1 ? -{\"a\":3" },
    { MANY, SLICE("{x}\n{\"a\":2}\n"), "lines 2: -{x} 2" },
    { MANY, SLICE("\"a\":1}\n\n{\"a\":2}\n"), "lines 2: -\"a\":1} 2" },
    { MANY, SLICE("{x,\n{\"a\":2}\n"),
      " !invalid_json: invalid JSON at byte 1: no key in double quotes where one should stand" },
    { MANY, SLICE("{\"stream\":\"s\",\"a\":1}\n{\"a\":2}"), "lines 2: 1 2" },
    { LINES, SLICE("1\n2\n3\n4\n5\n6"), " !too_many_events: the payload holds 6 events; at most 5 are taken at once" },
    { LINES, SLICE("{\"a\":1}{\"a\":2} {x}\n{\"a\":3}"), "lines 2: 1 2 -{x} 3" },
    { LINES, SLICE("{\"a\":1}{\"a\":2}\n{\"a\":3}{\"a\":4}{\"a\":5}{\"a\":6}\n{\"a\":7}"),
      "lines 3: 1 2 -{\"a\":3}{\"a\":4}{\"a\":5}{\"a\":6} 7" },
    /* Sequences. */
    { MANY, SLICE("\x1e{\"a\":1}\n\x1e{\"a\":2}\n"), "records 2: 1 2" },
    { LINES, SLICE("\x1e{\"a\":1\n\x1e{\"a\":2}\n\x1e"), "records 2: -{\"a\":1 2" },
    { MANY, SLICE("\x1e\x1e"), " !empty_payload" },
    /* An array of which some items are no JSON. */
    { MANY, SLICE("[{\"a\":1},{x},{\"a\":3}]"), "items 3: 1 -{x} 3" },
    { MANY, SLICE("[{x},,{\"a\":3}]"), "items 3: -{x} - 3" },
    { MANY, SLICE("[{x},{y}]"),
      " !invalid_json: invalid JSON at byte 2: no key in double quotes where one should stand" },
    { MANY, SLICE("[{\"a\":1},{x}"),
      " !invalid_json: invalid JSON at byte 10: no key in double quotes where one should stand" },
    { MANY, SLICE("{\"events\":[{x},{\"a\":2}],\"stream\":\"s\"}"), "of s items 2: -{x} 2" },
    { MANY, SLICE("{\"events\":[{x},{\"a\":2}],y}"),
      " !invalid_json: invalid JSON at byte 12: no key in double quotes where one should stand" },
    { MANY, SLICE("[x,x,x,x,x,x]"), " !too_many_events: the payload holds 6 events; at most 5 are taken at once" },
    /* Objects one behind the other. */
    { MANY, SLICE("{\"a\":1}{\"a\":2}"), "values 2: 1 2" },
    { MANY, SLICE("{\"a\":1} {x}{\"a\":3"), "values 3: 1 -{x} -{\"a\":3" },
    { MANY, SLICE("{\"a\":1}\n{\"a\":2}{\"a\":3}"), "lines 2: 1 2 3" },
    { MANY, SLICE("{\"events\":[]}{\"a\":2}"),
      " !invalid_json: invalid JSON at byte 13: something behind the end of the value" },
    { ONE, SLICE("{\"a\":1}{\"a\":2}"),
      " !invalid_json: invalid JSON at byte 7: something behind the end of the value" },
    { MANY, SLICE("{x}{y}"), " !invalid_json: invalid JSON at byte 1: no key in double quotes where one should stand" },
};

static void each_payload_is_read_as_the_table_says(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *story = read_text(*state, rows[i].form, rows[i].text, (struct payload_rules){ .repairs = true });
        if (strcmp(story, rows[i].story) != 0) {
            fail_msg("%.*s: %s", (int)rows[i].text.len, rows[i].text.data, story);
        }
    }
}

static void where_the_envelopes_array_is_data_there_are_no_envelopes(void **state)
{
    static const struct {
        struct slice text;
        const char *story;
    } data[] = {
        { SLICE("{\"events\":[1,2],\"a\":3}"), "document 1: 3" },
        { SLICE("{\"events\":[1],\"a\":3}{\"events\":[2],\"a\":4}"), "values 2: 3 4" },
        { SLICE("[{\"a\":1},{\"events\":[],\"a\":2}]"), "document 2: 1 2" },
        { SLICE("{\"events\":[{\"a\":1},x]}"), " !invalid_json: invalid JSON at byte 19: a value that is not JSON" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(data); i++) {
        const struct payload_rules rules = { .repairs = true, .items_are_data = true };
        assert_string_equal(read_text(*state, MANY, data[i].text, rules), data[i].story);
    }
}

/* The document was repaired before it was known that its stream has nothing repaired. */
static void what_the_named_stream_does_not_have_repaired_costs_itself_alone(void **state)
{
    struct setup *setup = *state;
    struct slice text = SLICE("{\"stream\":\"s\",\"events\":[{\"t\":\"\xe9\",\"a\":1},{\"a\":2}]}");
    assert_int_equal(open_text(setup, MANY, text, true), OK);
    assert_true(slice_equal(setup->reader.named, SLICE("s")));
    assert_int_equal(payload_settle(&setup->reader, (struct payload_rules){ .repairs = false }), OK);
    assert_int_equal(setup->reader.layout, LAYOUT_ITEMS);
    buf_clear(&setup->story);
    tell_pieces(setup);
    assert_string_equal(buf_c_string(&setup->story), " -{\"t\":\"\xe9\",\"a\":1} 2");
    assert_int_equal(setup->reader.repaired, 0);
}

static void texts_repaired_are_those_of_what_was_given(void **state)
{
    static const struct {
        enum payload_form form;
        struct slice text;
        uint64_t repaired;
    } texts[] = {
        { ONE, SLICE("{\"t\":\"\xe9\"}"), 1 },
        { MANY, SLICE("[{\"t\":\"\xe9\"},{\"t\":\"\xe9\",\"u\":\"\xe9\"}]"), 3 },
        { MANY, SLICE("{\"t\":\"\xe9\",\"events\":[{\"t\":\"\xe9\"},{x}]}"), 2 },
        { LINES, SLICE("{\"t\":\"\xe9\"}\n{x}\n{\"t\":\"\xe9\"}"), 2 },
        { MANY, SLICE("{\"t\":\"\xe9\"}{\"t\":\"\xe9\"}"), 2 },
        { MANY, SLICE("{\"t\":\"\xe9\"}{\"t\":\"\xe9\""), 1 },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        read_text(setup, texts[i].form, texts[i].text, (struct payload_rules){ .repairs = true });
        assert_int_equal(setup->reader.repaired, texts[i].repaired);
    }
}

/* Of the bytes that were sent, whatever stands in front of the text. */
static void bytes_count_from_the_payloads_first(void **state)
{
    static const struct slice frames[] = {
        SLICE(""),       SLICE("\xEF\xBB\xBF"), SLICE("\xEF\xBB\xBF \r\n"), SLICE(" \t"), SLICE("\n\n"),
        SLICE("\0\0\0"), SLICE("\x1e"),         SLICE("\xEF\xBB\xBF\x1e "),
    };
    static const struct {
        enum payload_form form;
        struct slice text;
        size_t at;
    } faults[] = {
        { ONE, SLICE("{x}"), 1 },
        { MANY, SLICE("{\"a\":1]"), 6 },
        { LINES, SLICE("{\"a\":1}\n {x}"), 10 },
        { MANY, SLICE("[{\"a\":1},{x}]"), 10 },
        { MANY, SLICE("{\"events\":[{\"a\":1},{x}]}"), 20 },
        { MANY, SLICE("{\"a\":1}{x}"), 8 },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(frames) * ARRAY_LENGTH(faults); i++) {
        size_t frame = i / ARRAY_LENGTH(faults), fault = i % ARRAY_LENGTH(faults);
        struct buf text = { 0 };
        char why[256], byte[32];
        buf_append_slice(&text, frames[frame]);
        buf_append_slice(&text, faults[fault].text);
        enum error error = open_text(setup, faults[fault].form, buf_slice(&text), true);
        error = error == OK ? payload_settle(&setup->reader, (struct payload_rules){ .repairs = true }) : error;
        while (error == OK && payload_next(&setup->reader) != PAYLOAD_BAD) {
        }
        payload_explain(&setup->reader, why, sizeof why);
        snprintf(byte, sizeof byte, "at byte %zu:", frames[frame].len + faults[fault].at);
        if (strstr(why, byte) == NULL) {
            fail_msg("frame %zu, fault %zu: %s, not %s", frame, fault, why, byte);
        }
        buf_release(&text);
    }
}

/* By which it was known that there are lines: it changes unseen. */
static void the_first_line_is_parsed_once(void **state)
{
    struct setup *setup = *state;
    assert_int_equal(open_text(setup, MANY, SLICE("{\"a\":1}\n{\"a\":2}"), true), OK);
    setup->text.data[5] = 'x';
    assert_int_equal(payload_settle(&setup->reader, (struct payload_rules){ .repairs = true }), OK);
    buf_clear(&setup->story);
    tell_pieces(setup);
    assert_string_equal(buf_c_string(&setup->story), " 1 2");
}

static void members_around_events_may_have_other_names(void **state)
{
    static const struct envelope_names others = { { "batch", 5 }, { "source", 6 }, { "sentAt", 6 } };
    struct setup *setup = *state;
    struct payload_reader *reader = &setup->reader;
    struct slice texts[] = { SLICE("{\"source\":\"s\",\"sentAt\":4,\"events\":[7],\"batch\":[{\"a\":1},{\"a\":2}]}"),
                             SLICE("{\"source\":\"s\",\"sentAt\":4,\"events\":[7],\"batch\":[{\"a\":1},{x}]}") };
    for (size_t i = 0; i < 2; i++) {
        (void)open_text(setup, MANY, texts[i], true);
        setup->source.names = &others;
        assert_int_equal(payload_open(reader, &setup->source, true), OK);
        assert_true(slice_equal(reader->named, SLICE("s")));
        assert_int_equal(payload_settle(reader, (struct payload_rules){ .repairs = true }), OK);
        assert_int_equal(json_int64(&reader->document, reader->sent_at), 4);
        buf_clear(&setup->story);
        tell_pieces(setup);
        assert_string_equal(buf_c_string(&setup->story), i == 0 ? " 1 2" : " 1 -{x}");
    }
}

static void who_sends_many_as_one_is_told_what_they_look_like(void **state)
{
    static const struct {
        struct slice text;
        const char *look;
    } looks[] = {
        { SLICE("[1]"), "an array" },
        { SLICE("\x1e{}\x1e{}"), "a sequence" },
        { SLICE("{}\n{}"), "lines of objects" },
        { SLICE("{}{}"), "objects one behind the other" },
        { SLICE("{\"events\":[1]}"), "an envelope" },
        { SLICE("{\"a\":1}"), NULL },
        { SLICE(""), NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(looks); i++) {
        const char *look = payload_look(looks[i].text, names.items);
        assert_true((look == NULL) == (looks[i].look == NULL));
        assert_true(look == NULL || strcmp(look, looks[i].look) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_payload_is_read_as_the_table_says, start, end),
        cmocka_unit_test_setup_teardown(where_the_envelopes_array_is_data_there_are_no_envelopes, start, end),
        cmocka_unit_test_setup_teardown(what_the_named_stream_does_not_have_repaired_costs_itself_alone, start, end),
        cmocka_unit_test_setup_teardown(texts_repaired_are_those_of_what_was_given, start, end),
        cmocka_unit_test_setup_teardown(bytes_count_from_the_payloads_first, start, end),
        cmocka_unit_test_setup_teardown(the_first_line_is_parsed_once, start, end),
        cmocka_unit_test_setup_teardown(members_around_events_may_have_other_names, start, end),
        cmocka_unit_test(who_sends_many_as_one_is_told_what_they_look_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
