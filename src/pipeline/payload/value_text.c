/* Turns the text of a value into JSON: a number where a number is taken, JSON where JSON is. What does not fit stays a text, of
 * which the field says what is wrong. */
#include "pipeline/payload/value_text.h"

#include "event/column.h"
#include "event/path.h"
#include "event/stream.h"
#include "pipeline/json/json_number.h"

/* What reads a value. */
enum taker {
    TAKES_TEXT,   /* and what no field reads: it is collected as it came */
    TAKES_SCALAR, /* by the kind */
    TAKES_LIST,   /* of the kind */
    TAKES_OBJECT
};

static enum taker taker_of(const struct stream *stream, const struct path_node *place, enum kind *kind)
{
    if (place == NULL) {
        return TAKES_TEXT;
    }
    int column = place->column >= 0 ? place->column : place->array != NULL ? place->array->column : -1;
    if (column < 0 || (size_t)column >= stream->column_count) {
        return TAKES_OBJECT;
    }
    const struct column_spec *spec = &stream->columns[column];
    const struct type *type = &spec->type;
    *kind = spec->as_json ? KIND_JSON : type->kind;
    if (place->column < 0 || type->shape == SHAPE_ARRAY) {
        return TAKES_LIST;
    }
    return type->shape == SHAPE_MAP || spec->as_json ? TAKES_OBJECT : TAKES_SCALAR;
}

bool value_takes_empty(const struct stream *stream, const struct path_node *place)
{
    enum kind kind = KIND_STRING;
    enum taker taker = taker_of(stream, place, &kind);
    bool text = kind == KIND_STRING || kind == KIND_FIXED_STRING;
    return taker == TAKES_TEXT || (taker == TAKES_SCALAR && text);
}

enum error value_parse(struct value_writer *writer, struct slice text, struct json_document *document)
{
    buf_clear(&writer->padded);
    buf_append_slice(&writer->padded, text);
    buf_append_fill(&writer->padded, 0, JSON_PADDING);
    if (writer->padded.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    struct slice padded = slice_make(writer->padded.data, text.len);
    enum error error = json_parse(writer->parser, padded, document);
    return error == ERROR_INVALID_JSON ? json_repair_parse(writer->parser, &writer->repair, padded, document) : error;
}

static bool write_json(struct value_writer *writer, struct slice text, char begins)
{
    struct json_document document;
    struct slice trimmed = json_trim(text);
    if (trimmed.len == 0 || trimmed.data[0] != begins) {
        return false;
    }
    enum error error = value_parse(writer, trimmed, &document);
    if (error == OK) {
        json_tape_copy(writer->out, &document, JSON_ROOT);
    }
    writer->out->words.failed = writer->out->words.failed || error == ERROR_OUT_OF_MEMORY;
    return error == OK;
}

static bool is_number(struct slice text)
{
    const char *reason;
    bool begins = text.len != 0 && (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9'));
    return begins && json_number_length(text, &reason) == text.len;
}

/* 't', 'f', or 0. */
static char truth(struct slice text, bool digits)
{
    if (slice_equal(text, SLICE("true")) || (digits && slice_equal(text, SLICE("1")))) {
        return 't';
    }
    return slice_equal(text, SLICE("false")) || (digits && slice_equal(text, SLICE("0"))) ? 'f' : 0;
}

static void write_scalar(struct value_writer *writer, enum kind kind, struct slice text)
{
    enum kind_family family = kind_family(kind);
    bool whole = kind_is_integer(kind);
    char word = family == FAMILY_BOOL || whole ? truth(text, !whole) : 0;
    bool number = whole || family == FAMILY_FLOAT || family == FAMILY_TIME;
    if (word != 0) {
        json_tape_literal(writer->out, word);
    } else if (number && is_number(text)) {
        json_tape_number(writer->out, text);
    } else {
        json_tape_text(writer->out, '"', text);
    }
}

static void write_one(struct value_writer *writer, enum taker taker, enum kind kind, struct slice text)
{
    bool object = taker == TAKES_OBJECT || (taker == TAKES_LIST && kind == KIND_JSON);
    if (object && (write_json(writer, text, '{') || write_json(writer, text, '['))) {
        return;
    }
    if (taker == TAKES_TEXT || object) {
        json_tape_text(writer->out, '"', text);
    } else {
        write_scalar(writer, kind, text);
    }
}

/* `tags=["a","b"]`, or `tags=a&tags=b`. */
static void write_list(struct value_writer *writer, enum taker taker, enum kind kind, const struct value_text *texts,
                       uint32_t first)
{
    const struct value_text *one = &texts[first - 1];
    if (one->next == 0 && taker == TAKES_LIST && write_json(writer, one->text, '[')) {
        return;
    }
    json_at opened = json_tape_open(writer->out, '[');
    size_t count = 0;
    for (uint32_t at = first; at != 0; at = texts[at - 1].next, count++) {
        write_one(writer, taker, kind, texts[at - 1].text);
    }
    json_tape_close(writer->out, opened, count);
}

void value_write(struct value_writer *writer, const struct stream *stream, const struct path_node *place,
                 const struct value_text *texts, uint32_t first)
{
    enum kind kind = KIND_STRING;
    enum taker taker = taker_of(stream, place, &kind);
    if (taker == TAKES_LIST || (taker == TAKES_TEXT && texts[first - 1].next != 0)) {
        write_list(writer, taker, kind, texts, first);
    } else {
        write_one(writer, taker, kind, texts[first - 1].text);
    }
}
