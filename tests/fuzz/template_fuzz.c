/* Compiles any text as a template, and writes it with any values: JSON is JSON, whatever they are, and no field is split. The
 * first byte says of which kind it is; the template ends at the first NUL, and so does each value. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "pipeline/json/json.h"
#include "proto/reply/template.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static bool is_json(struct slice text)
{
    const char *reason;
    return text.len != 0 && json_locate(text, false, &reason) == text.len;
}

struct values {
    struct slice all; /* NULL data: spent */
    struct slice rest;
    bool missing; /* of every other one */
    size_t taken;
};

/* They are used again and again, as names go on. */
static bool next_value(void *context, struct slice name, struct template_text *text)
{
    struct values *values = context;
    struct slice piece;
    must(name.len != 0);
    if (!slice_split(&values->rest, '\0', &piece)) {
        values->rest = values->all;
        if (!slice_split(&values->rest, '\0', &piece)) {
            return false;
        }
    }
    cost_weighs(piece.len);
    *text = (struct template_text){ piece, is_json(piece) };
    return !values->missing || ++values->taken % 2 == 0;
}

static bool knows(const void *context, struct slice name)
{
    (void)context;
    must(name.len != 0);
    return name.data[0] != 'z';
}

static void check_json(struct slice text)
{
    must(is_json(text));
}

static void check_field(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        must((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7F);
    }
}

static void write_with(const struct template *template, enum template_kind kind, struct slice rest, bool missing)
{
    struct buf out = { 0 };
    struct values values = { rest, rest, missing, 0 };
    must(template_write(template, next_value, &values, &out));
    if (kind == TEMPLATE_JSON) {
        check_json(buf_slice(&out));
    } else if (kind == TEMPLATE_FIELD) {
        check_field(buf_slice(&out));
    }
    cost_weighs(out.len);
    buf_release(&out);
}

static void take(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return;
    }
    enum template_kind kind = (enum template_kind)(data[0] % 3);
    struct slice rest = slice_make(data + 1, size - 1), text;
    struct buf problem = { 0 };
    if (!slice_split(&rest, '\0', &text)) {
        return;
    }
    struct template *template = template_compile(text, kind, knows, NULL, &problem);
    must((template == NULL) == (problem.len != 0));
    if (template != NULL) {
        write_with(template, kind, rest, false);
        write_with(template, kind, rest, true);
    }
    template_free(template);
    buf_release(&problem);
}

COST_FUZZER(take, 200)
