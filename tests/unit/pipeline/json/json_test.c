#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/path.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/validate/json_write.h"

static struct json_extent extent;

struct setup {
    struct json_parser *parser;
    struct buf text;
    struct json_document document;
};

static enum error parse(struct setup *setup, struct slice text)
{
    buf_clear(&setup->text);
    buf_append_slice(&setup->text, text);
    buf_append_fill(&setup->text, 'x', JSON_PADDING);
    return json_parse(setup->parser, slice_make(setup->text.data, text.len), &setup->document);
}

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
    buf_release(&setup->text);
    return 0;
}

static const struct {
    struct slice text;
    int fault; /* -1: fine */
} texts[] = {
    { SLICE("{}"), -1 },
    { SLICE(" [1, -2.5e3, \"a\\u00e9\\ud83d\\ude00\", true, false, null] \r\n"), -1 },
    { SLICE("18446744073709551615"), -1 },
    { SLICE("-9223372036854775808"), -1 },
    { SLICE("1e308"), -1 },
    { SLICE("1e-400"), -1 },
    { SLICE("1e-99999999999999999999"), -1 },
    { SLICE("0e99999999999999999999"), -1 },
    { SLICE("123456789012345678901234567890.0"), -1 },
    { SLICE("0.000000000000000000000000000000000000001e340"), -1 },
    { SLICE("\"\\u0000\""), -1 },
    { SLICE("\"\xf0\x9f\x98\x80\""), -1 },
    { SLICE(""), 0 },
    { SLICE("  "), 2 },
    { SLICE("{\"a\":1"), 6 },
    { SLICE("{\"a\" 1}"), 5 },
    { SLICE("{\"a\":1,}"), 7 },
    { SLICE("{1:2}"), 1 },
    { SLICE("[1 2]"), 3 },
    { SLICE("[1,]"), 3 },
    { SLICE("[1}"), 2 },
    { SLICE("{}{}"), 2 },
    { SLICE("[1]]"), 3 },
    { SLICE("01"), 0 },
    { SLICE("-"), 0 },
    { SLICE("+1"), 0 },
    { SLICE(".5"), 0 },
    { SLICE("1."), 0 },
    { SLICE("1e"), 0 },
    { SLICE("tru"), 0 },
    { SLICE("NaN"), 0 },
    { SLICE("\"abc"), 0 },
    { SLICE("\"a\nb\""), 2 },
    { SLICE("\"\\x\""), 1 },
    { SLICE("\"\\u12g4\""), 1 },
    { SLICE("\"\\ud800\""), 1 },
    { SLICE("\"\\udc00\""), 1 },
    { SLICE("\"\\ud800\\u0041\""), 1 },
    { SLICE("\"a\xff\""), 2 },
    { SLICE("\"\xc0\x80\""), 1 },
    { SLICE("\"\xed\xa0\x80\""), 1 },
    { SLICE("\"\xf4\x90\x80\x80\""), 1 },
    { SLICE("\xef\xbb\xbf{}"), 0 },
};

static void takes_strict_json_and_locates_what_is_not(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const char *reason;
        size_t at = json_locate(texts[i].text, false, &reason);
        enum error error = parse(*state, texts[i].text);
        bool fine = texts[i].fault < 0;
        if ((error == OK) != fine || at != (fine ? texts[i].text.len : (size_t)texts[i].fault)) {
            fail_msg("%.*s: error %d, located at %zu: %s", (int)texts[i].text.len, texts[i].text.data, (int)error, at,
                     reason);
        }
        assert_int_equal(fine, strcmp(reason, "no fault") == 0);
    }
}

/* Each byte of a good text replaced, removed, and the text cut there. */
static void agrees_with_the_locator_on_damaged_texts(void **state)
{
    static const char good[] = "{\"a\":[1,-2.5e+3,true],\"b\\u00e9\":{\"c\":null,\"d\":\"\xc3\xa9\\n\"}}";
    static const char replacements[] = "\"{}[]:,\\0eE-.x \x80\xc3\n";
    char text[sizeof good];
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (size_t r = 0; r < sizeof replacements - 1; r++) {
            const char *reason;
            memcpy(text, good, sizeof good);
            text[at] = replacements[r];
            struct slice damaged = slice_make(text, sizeof good - 1);
            bool fine = parse(*state, damaged) == OK;
            (void)json_locate(damaged, false, &reason);
            if (fine != (strcmp(reason, "no fault") == 0)) {
                fail_msg("%s: %s", text, reason);
            }
        }
        const char *reason;
        struct slice cut = slice_make(good, at);
        assert_int_not_equal(parse(*state, cut), OK);
        assert_int_equal(json_locate(cut, false, &reason) <= at, true);
        assert_string_not_equal(reason, "no fault");
    }
}

static void bounds_the_depth(void **state)
{
    static char text[30000];
    const char *reason;
    for (size_t depth = JSON_MAX_DEPTH - 2; depth < JSON_MAX_DEPTH + 3; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        struct slice whole = slice_make(text, 2 * depth + 1);
        bool fine = depth < JSON_MAX_DEPTH;
        assert_int_equal(parse(*state, whole), fine ? OK : ERROR_TOO_DEEP);
        (void)json_locate(whole, false, &reason);
        assert_int_equal(strcmp(reason, "no fault") == 0, fine);
    }
    memset(text, '[', 10000);
    assert_int_not_equal(parse(*state, slice_make(text, 10000)), OK);
}

static void the_tape_is_walked_in_c(void **state)
{
    struct setup *setup = *state;
    assert_int_equal(parse(setup, SLICE("{\"a\":[1,18446744073709551615,-0.5],\"b\":\"x\\u0000y\"}")), OK);
    const struct json_document *d = &setup->document;
    json_at key = json_first(JSON_ROOT);
    assert_true(slice_equal(json_string(d, key), SLICE("a")));
    json_at item = json_first(key + 1);
    assert_int_equal(json_int64(d, item), 1);
    item = json_skip(d, item);
    assert_int_equal(json_type(d, item), 'u');
    assert_true(json_uint64(d, item) == UINT64_MAX);
    item = json_skip(d, item);
    assert_true(json_double(d, item) == -0.5);
    assert_true(json_at_end(d, json_skip(d, item)));
    key = json_skip(d, key + 1);
    assert_true(slice_equal(json_string(d, key + 1), slice_make("x\0y", 3)));
    assert_true(json_at_end(d, json_skip(d, key + 1)));
}

static const struct {
    const char *in, *as_is, *column; /* column: NULL if two keys conflict */
} written[] = {
    { "{ }", "{}", "{}" },
    { "[1,-2,18446744073709551615,0.1,1e21,true,null,\"\\u0001\\\"\"]", NULL,
      "[1,-2,18446744073709551615,0.1,1e+21,true,null,\"\\u0001\\\"\"]" },
    /* a JSON column reads digits alone as an integer: of 64 bits, and without -0 */
    { "[1.8446744073709552e19,-9223372036854775808.0,-0.0,1e20]",
      "[18446744073709551616,-9223372036854775808,-0,1e+20]",
      "[18446744073709551616.0,-9223372036854775808.0,-0.0,1e+20]" },
    { "[[1,2.5],[3,{\"a\":[4,5],\"b\":6}],7.0,-8]", "[[1,2.5],[3,{\"a\":[4,5],\"b\":6}],7,-8]",
      "[[1.0,2.5],[3.0,{\"a\":[4,5],\"b\":6}],7.0,-8.0]" },
    { "[{\"a\":0.5},1,[9007199254740993,0.5,2]]", "[{\"a\":0.5},1,[9007199254740993,0.5,2]]",
      "[{\"a\":0.5},1,[9007199254740993,0.5,2]]" },
    { "[100.0,9007199254740991.0,0.0]", "[100,9007199254740991,0]", "[100,9007199254740991,0]" },
    { "[100.0,9007199254740992.0,1e17,1e22]", "[100,9007199254740992,1e+17,1e+22]",
      "[100.0,9007199254740992.0,1e+17,1e+22]" },
    { "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}" },
    { "{\"a\":{\"x\":1,\"x\":{}},\"a\":[{\"y\":1,\"y\":2}]}", "{\"a\":{\"x\":1,\"x\":{}},\"a\":[{\"y\":1,\"y\":2}]}",
      "{\"a\":[{\"y\":2}]}" },
    { "{\"a.b\":1,\"a\":{\"b\":2}}", "{\"a.b\":1,\"a\":{\"b\":2}}", NULL },
    { "{\"a.b\":1,\"a\":{\"b\":2},\"a\":0}", NULL, "{\"a.b\":1,\"a\":0}" },
    { "{\"a.b\":1,\"a\":{\"c\":2}}", NULL, "{\"a.b\":1,\"a\":{\"c\":2}}" },
    { "{\"x\":[{\"a.b\":1,\"a\":{\"b\":2}}]}", NULL, NULL },
    { "{\"x\":[{\"a.b\":1}],\"a\":{\"b\":2},\"q\":{\"a.b\":3}}", NULL,
      "{\"x\":[{\"a.b\":1}],\"a\":{\"b\":2},\"q\":{\"a.b\":3}}" },
    { "{\"a.\":1,\"a\":2,\".a\":3,\"\":4,\".\":5,\"ab\":6}", NULL,
      "{\"a.\":1,\"a\":2,\".a\":3,\"\":4,\".\":5,\"ab\":6}" },
    { "{\"x.y\":{},\"x\":{\"y\":{}},\"a\":{\"b\":1,\"c.d\":2},\"a.b\":{\"c\":3}}", NULL,
      "{\"x.y\":{},\"x\":{\"y\":{}},\"a\":{\"b\":1,\"c.d\":2},\"a.b\":{\"c\":3}}" },
};

static void members_are_counted_even_where_the_tape_stops_counting(void **state)
{
    static const struct {
        struct slice text;
        size_t count;
    } containers[] = { { SLICE("[]"), 0 },
                       { SLICE("{}"), 0 },
                       { SLICE("[[1,2,3]]"), 1 },
                       { SLICE("[1,[],{},\"a\",2.5]"), 5 },
                       { SLICE("{\"a\":[1,2]}"), 1 },
                       { SLICE("{\"a\":{\"b\":1,\"c\":2},\"d\":-1,\"a\":null}"), 3 } };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(containers); i++) {
        assert_int_equal(parse(setup, containers[i].text), OK);
        assert_int_equal(json_count(&setup->document, JSON_ROOT), containers[i].count);
    }
    const size_t many = 0x1000003;
    struct buf text = { 0 };
    buf_append_byte(&text, '[');
    for (size_t i = 0; i < many; i++) {
        buf_append(&text, i + 1 < many ? "0," : "0]", 2);
    }
    assert_int_equal(parse(setup, buf_slice(&text)), OK);
    assert_int_equal(json_count(&setup->document, JSON_ROOT), many);
    buf_release(&text);
}

static void writes_values_fit_for_a_json_column(void **state)
{
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(written); i++) {
        struct buf out = { 0 }, path = { 0 };
        assert_int_equal(parse(setup, slice_from_string(written[i].in)), OK);
        enum error error = json_write(&setup->document, JSON_ROOT, true, &out, &path, &extent);
        assert_int_equal(error, written[i].column == NULL ? ERROR_CONFLICTING_KEYS : OK);
        if (error == OK) {
            assert_string_equal(buf_c_string(&out), written[i].column);
        } else {
            assert_string_equal(buf_c_string(&path), "a.b");
        }
        buf_clear(&out);
        assert_int_equal(json_write(&setup->document, JSON_ROOT, false, &out, &path, &extent), OK);
        if (written[i].as_is != NULL) {
            assert_string_equal(buf_c_string(&out), written[i].as_is);
        }
        buf_release(&out);
        buf_release(&path);
    }
}

/* One key of a length, and below it so many leaves, the last of which may be there a second time. */
static void append_deep(struct buf *text, size_t key, int leaves, bool twice)
{
    buf_append_string(text, "{\".");
    buf_append_fill(text, 'k', key);
    buf_append_string(text, "\":{");
    for (int i = 0; i < leaves; i++) {
        buf_printf(text, "%s\"%d\":1", i == 0 ? "" : ",", i);
    }
    buf_append_string(text, "}");
    if (twice) {
        buf_append_string(text, ",\"\":{\"");
        buf_append_fill(text, 'k', key);
        buf_printf(text, ".%d\":2}", leaves - 1);
    }
    buf_append_string(text, "}");
}

static void a_long_key_counts_once_and_not_for_each_leaf_below_it(void **state)
{
    enum { KEY = 1 << 20, LEAVES = 20000 }; /* 20 GB of paths, if they were written out */
    struct setup *setup = *state;
    for (int twice = 0; twice < 2; twice++) {
        struct buf in = { 0 }, out = { 0 }, path = { 0 };
        append_deep(&in, KEY, LEAVES, twice);
        assert_int_equal(parse(setup, buf_slice(&in)), OK);
        enum error error = json_write(&setup->document, JSON_ROOT, true, &out, &path, &extent);
        assert_int_equal(error, twice ? ERROR_CONFLICTING_KEYS : OK);
        assert_int_equal(path.len, twice ? KEY + sizeof ".." - 1 + sizeof "19999" - 1 : 0);
        buf_release(&in);
        buf_release(&out);
        buf_release(&path);
    }
}

static void tells_what_a_json_column_pays_for_besides_the_text(void **state)
{
    static const struct {
        struct slice text;
        struct json_extent extent;
        uint64_t path_bytes;
    } cases[] = {
        { SLICE("{}"), { 0, 0 }, 0 },
        { SLICE("{\"abc\":1}"), { 1, 1 }, 0 },
        { SLICE("{\"a\":{\"b\":1,\"cd\":[1,2]},\"e\":{}}"), { 4, 2 }, 2 + 2 },
        { SLICE("{\"ab\":[{\"c\":{\"d\":1}},[{\"e\":1}]],\"f\":2}"), { 5, 2 }, 2 },
        { SLICE("{\"a\":1,\"a\":{\"b\":2},\"c\":[{\"d\":1,\"d\":2}]}"), { 4, 2 }, 2 },
    };
    struct setup *setup = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 }, path = { 0 };
        assert_int_equal(parse(setup, cases[i].text), OK);
        assert_int_equal(json_write(&setup->document, JSON_ROOT, true, &out, &path, &extent), OK);
        assert_int_equal(extent.keys, cases[i].extent.keys);
        assert_int_equal(extent.paths, cases[i].extent.paths);
        assert_int_equal(json_path_bytes(&setup->document, JSON_ROOT), cases[i].path_bytes);
        buf_release(&out);
        buf_release(&path);
    }
}

static void the_last_of_equal_keys_wins_in_large_objects_too(void **state)
{
    struct setup *setup = *state;
    struct buf in = { 0 }, expected = { 0 }, out = { 0 }, path = { 0 };
    buf_append_string(&in, "{");
    buf_append_string(&expected, "{");
    for (int round = 0; round < 2; round++) {
        for (int key = 0; key < 300; key++) {
            buf_printf(&in, "%s\"k%d\":%d", in.len > 1 ? "," : "", key, round);
            if (round == 1) {
                buf_printf(&expected, "%s\"k%d\":1", expected.len > 1 ? "," : "", key);
            }
        }
    }
    buf_append_string(&in, "}");
    buf_append_string(&expected, "}");
    assert_int_equal(parse(setup, buf_slice(&in)), OK);
    assert_int_equal(json_write(&setup->document, JSON_ROOT, true, &out, &path, &extent), OK);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
    buf_release(&in);
    buf_release(&expected);
    buf_release(&out);
    buf_release(&path);
}

static void writes_what_no_path_leads_to_with_the_objects_around_it(void **state)
{
    static const struct {
        const char *in, *as_is, *column; /* column: NULL if two keys conflict */
    } rows[] = {
        { "{\"d\":{\"g\":{\"c\":1},\"m\":2}}", "{\"d\":{\"m\":2}}", "{\"d\":{\"m\":2}}" },
        { "{\"x\":1,\"d\":{\"g\":{\"c\":1}},\"y\":2}", "{\"x\":1,\"y\":2}", "{\"x\":1,\"y\":2}" },
        { "{\"d\":{\"g\":{\"c\":1,\"t\":{}}},\"a\":0}", "{\"d\":{\"g\":{\"t\":{}}}}", "{\"d\":{\"g\":{\"t\":{}}}}" },
        { "{\"d\":{},\"d\":null,\"g\":{\"c\":1}}", "{\"g\":{\"c\":1}}", "{\"g\":{\"c\":1}}" },
        { "{\"d\":{\"m\":1},\"d\":{\"g\":{}}}", "{\"d\":{\"m\":1}}", "{}" },
        { "{\"a\":{\"x\":1},\"l\":[{\"i\":1,\"j\":2}],\"s\":{\"t\":1}}", "{\"l\":[{\"j\":2}]}", "{\"l\":[{\"j\":2}]}" },
        { "{\"l\":[{\"i\":1},{\"j.k\":2,\"j\":{}},3]}", "{\"l\":[{},{\"j.k\":2,\"j\":{}},{}]}",
          "{\"l\":[{},{\"j.k\":2,\"j\":{}},{}]}" },
        { "{\"l\":[{\"i\":1},4]}", "{}", "{}" },
        { "{\"l\":{\"k\":{},\"z\":[1]}}", "{\"l\":{\"z\":[1]}}", "{\"l\":{\"z\":[1]}}" },
        { "{\"d.m\":1,\"d\":{\"m\":2}}", "{\"d.m\":1,\"d\":{\"m\":2}}", NULL },
        { "{\"d.g.c\":1,\"d\":{\"g\":{\"c\":1}}}", "{\"d.g.c\":1}", "{\"d.g.c\":1}" },
    };
    static const char *const paths[] = { "d.g.c", "a", "a.y", "l[].i", "l.k" };
    struct setup *setup = *state;
    struct path_node *known = path_new();
    struct buf out = { 0 }, path = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        assert_true(path_add(known, slice_from_string(paths[i]), (int)i, 0, &path));
    }
    assert_true(path_ignore(known, SLICE("s")));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(parse(setup, slice_from_string(rows[i].in)), OK);
        buf_clear(&out);
        assert_int_equal(json_write_unknown(&setup->document, JSON_ROOT, known, false, &out, &path, &extent), OK);
        assert_string_equal(buf_c_string(&out), rows[i].as_is);
        buf_clear(&out);
        enum error error = json_write_unknown(&setup->document, JSON_ROOT, known, true, &out, &path, &extent);
        assert_int_equal(error, rows[i].column == NULL ? ERROR_CONFLICTING_KEYS : OK);
        assert_string_equal(error == OK ? buf_c_string(&out) : buf_c_string(&path),
                            error == OK ? rows[i].column : "d.m");
        buf_clear(&path);
    }
    buf_release(&out);
    buf_release(&path);
    path_free(known);
}

static void doubles_are_written_shortest_and_read_back_the_same(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 99.99, "99.99" },
        { -0.5, "-0.5" },
        { 5, "5" },
        { 0.1, "0.1" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 1e21, "1e+21" },
        { 0.0, "0" },
        { -0.0, "-0" },
        { 1234.5678, "1234.5678" },
        { 1234.56789, "1234.56789" },
        { 0.30000000000000004, "0.30000000000000004" },
        { 123456789012.34, "123456789012.34" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[33];
        text[json_format_double(rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        char text[33];
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double value = (double)(int64_t)(bits >> 20) / (double)(1 + i % 100000) / 1000;
        text[json_format_double(value, text)] = '\0';
        assert_true(strtod(text, NULL) == value);
    }
}

/* A second without a large text gives back what the last one needed. */
static void a_large_parser_is_given_back(void **state)
{
    struct setup *setup = *state;
    struct buf large = { 0 };
    buf_append_fill(&large, ' ', 3 << 20);
    buf_append_string(&large, "[7]");
    assert_int_equal(parse(setup, SLICE("[1]")), OK);
    assert_false(json_parser_shed(setup->parser));
    assert_int_equal(parse(setup, buf_slice(&large)), OK);
    assert_true(json_parser_shed(setup->parser));
    assert_int_equal(json_int64(&setup->document, json_first(JSON_ROOT)), 7); /* still there */
    assert_int_equal(parse(setup, SLICE("[1]")), OK);
    assert_false(json_parser_shed(setup->parser));
    assert_int_equal(parse(setup, SLICE("[2]")), OK);
    assert_int_equal(json_int64(&setup->document, json_first(JSON_ROOT)), 2);
    assert_int_equal(parse(setup, buf_slice(&large)), OK);
    assert_int_equal(json_int64(&setup->document, json_first(JSON_ROOT)), 7);
    buf_release(&large);
}

static void tells_utf8_from_what_is_not_at_any_alignment(void **state)
{
    static const struct {
        struct slice text;
        bool valid;
    } rows[] = {
        { SLICE(""), true },
        { SLICE("plain"), true },
        { SLICE("\0"), true },
        { SLICE("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), true },
        { SLICE("\xf4\x8f\xbf\xbf"), true },
        { SLICE("\x80"), false },             /* a tail alone */
        { SLICE("\xe2\x82"), false },         /* cut short */
        { SLICE("\xc0\xaf"), false },         /* overlong */
        { SLICE("\xed\xa0\x80"), false },     /* a surrogate */
        { SLICE("\xf4\x90\x80\x80"), false }, /* beyond U+10FFFF */
        { SLICE("\xff"), false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t before = 0; before < 70; before++) {
            struct slice text = rows[i].text;
            char *exact = malloc(before + text.len + 1); /* not a byte more, so that reading over the end is seen */
            char *from = exact + 1;
            memset(from, 'x', before);
            memcpy(from + before, text.data, text.len);
            assert_int_equal(json_is_utf8(slice_make(from, before + text.len)), rows[i].valid);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_utf8_from_what_is_not_at_any_alignment),
        cmocka_unit_test(doubles_are_written_shortest_and_read_back_the_same),
        cmocka_unit_test_setup_teardown(takes_strict_json_and_locates_what_is_not, start, end),
        cmocka_unit_test_setup_teardown(agrees_with_the_locator_on_damaged_texts, start, end),
        cmocka_unit_test_setup_teardown(bounds_the_depth, start, end),
        cmocka_unit_test_setup_teardown(a_large_parser_is_given_back, start, end),
        cmocka_unit_test_setup_teardown(the_tape_is_walked_in_c, start, end),
        cmocka_unit_test_setup_teardown(members_are_counted_even_where_the_tape_stops_counting, start, end),
        cmocka_unit_test_setup_teardown(writes_values_fit_for_a_json_column, start, end),
        cmocka_unit_test_setup_teardown(writes_what_no_path_leads_to_with_the_objects_around_it, start, end),
        cmocka_unit_test_setup_teardown(a_long_key_counts_once_and_not_for_each_leaf_below_it, start, end),
        cmocka_unit_test_setup_teardown(tells_what_a_json_column_pays_for_besides_the_text, start, end),
        cmocka_unit_test_setup_teardown(the_last_of_equal_keys_wins_in_large_objects_too, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
