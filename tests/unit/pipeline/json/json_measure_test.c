#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/json/json_measure.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/validate/json_write.h"

/* A value without escapes; few are empty, numbers of all kinds. */
static void append_random(struct buf *out, int depth)
{
    int kind = rand() % (depth < 4 ? 9 : 7), count = rand() % 4;
    switch (kind) {
    case 0: buf_append_string(out, rand() % 2 == 0 ? "true" : "false"); break;
    case 1: buf_append_string(out, "null"); break;
    case 2: buf_printf(out, "%d", rand() % 2000 - 1000); break;
    case 3: buf_printf(out, "%llu", 18446744073709551615ULL - (unsigned)rand()); break;
    case 4: buf_append_string(out, "-1.2345678901234567e-300"); break;
    case 5: buf_append_string(out, "100000000000000000000000"); break;
    case 6: buf_printf(out, "\"%.*s\"", count * 5, "abcdefghijklmnopqrstuvwxyz"); break;
    default:
        buf_append_byte(out, kind == 7 ? '[' : '{');
        for (int i = 0; i < count; i++) {
            buf_append_string(out, i == 0 ? "" : ",");
            if (kind == 8) {
                buf_printf(out, "\"k%d\":", i);
            }
            append_random(out, depth + 1);
        }
        buf_append_byte(out, kind == 7 ? ']' : '}');
    }
}

static void a_value_is_as_large_as_its_compact_text_wherever_it_stands(void **state)
{
    struct json_parser *parser = json_parser_new();
    struct json_repair repair = { 0 };
    (void)state;
    for (unsigned seed = 0; seed < 20000; seed++) {
        struct buf text = { 0 };
        struct json_document document;
        size_t lengths[2];
        srand(seed);
        buf_append_byte(&text, '[');
        for (int i = 0; i < 2; i++) {
            size_t before = text.len;
            append_random(&text, 0);
            lengths[i] = text.len - before;
            buf_append_byte(&text, i == 0 ? ',' : ']');
        }
        size_t len = text.len;
        buf_append_fill(&text, 0, JSON_PADDING);
        struct slice whole = slice_make(text.data, len);
        if (json_parse(parser, whole, &document) != OK) {
            assert_int_equal(json_repair_parse(parser, &repair, whole, &document), OK);
        }
        json_at at = json_first(JSON_ROOT);
        for (int i = 0; i < 2; i++, at = json_skip(&document, at)) {
            assert_false(json_is_larger(&document, at, lengths[i]));
            assert_true(json_is_larger(&document, at, lengths[i] - 1));
        }
        assert_false(json_is_larger(&document, JSON_ROOT, len));
        assert_true(json_is_larger(&document, JSON_ROOT, len - 1));
        buf_release(&text);
    }
    json_repair_release(&repair);
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_as_large_as_its_compact_text_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
