/* Turns the tokens of a text with holes into the places of the JSON grammar at which it can stand. */
#include "proto/reply/json_shape.h"

#include "base/assert.h"
#include "base/utf8.h"

#define AT_ANY_VALUE ((unsigned)JSON_AT_VALUE | (unsigned)JSON_AT_ELEMENT)
#define AT_ANY_NAME ((unsigned)JSON_AT_MEMBER | (unsigned)JSON_AT_NAME)

/* What a token does at each place; 0: it may not stand there. */
struct transition {
    unsigned at;
    unsigned leads_to;
};

/* Each place that is possible must take it. */
static bool move(struct json_shape *shape, const struct transition *transitions, size_t count)
{
    unsigned taken = 0, places = 0;
    for (size_t i = 0; i < count; i++) {
        if ((shape->places & transitions[i].at) != 0) {
            taken |= transitions[i].at;
            places |= transitions[i].leads_to;
        }
    }
    bool all = (shape->places & ~taken) == 0;
    shape->places = all ? places : shape->places;
    return all;
}

static bool in_object(const struct json_shape *shape)
{
    return shape->depth != 0 && (shape->objects >> (shape->depth - 1) & 1) != 0;
}

static const char *take_value(struct json_shape *shape)
{
    static const struct transition value[] = { { AT_ANY_VALUE, JSON_BEHIND_VALUE } };
    return move(shape, value, 1) ? NULL : "a value may not stand here";
}

static const char *open_container(struct json_shape *shape, bool object)
{
    const struct transition opening[] = { { AT_ANY_VALUE, object ? JSON_AT_MEMBER : JSON_AT_ELEMENT } };
    if (shape->depth == JSON_SHAPE_DEPTH) {
        return "it is nested more than 64 deep";
    }
    if (!move(shape, opening, 1)) {
        return object ? "an object may not begin here" : "an array may not begin here";
    }
    shape->objects |= (uint64_t)object << shape->depth++;
    return NULL;
}

static const char *close_container(struct json_shape *shape, bool object)
{
    const struct transition closing[] = { { JSON_BEHIND_VALUE, JSON_BEHIND_VALUE },
                                          { object ? JSON_AT_MEMBER : JSON_AT_ELEMENT, JSON_BEHIND_VALUE } };
    if (shape->depth == 0 || in_object(shape) != object || !move(shape, closing, ARRAY_LENGTH(closing))) {
        return object ? "'}' closes nothing here" : "']' closes nothing here";
    }
    shape->depth--;
    shape->objects &= ~(UINT64_C(1) << shape->depth);
    return NULL;
}

static const char *take_comma(struct json_shape *shape)
{
    const struct transition comma[] = { { JSON_BEHIND_VALUE, in_object(shape) ? JSON_AT_NAME : JSON_AT_VALUE } };
    return shape->depth != 0 && move(shape, comma, 1) ? NULL : "',' may not stand here";
}

static const char *take_colon(struct json_shape *shape)
{
    static const struct transition colon[] = { { JSON_AT_COLON, JSON_AT_VALUE } };
    return move(shape, colon, 1) ? NULL : "':' may not stand here";
}

static const char *take_quote(struct json_shape *shape)
{
    static const struct transition string[] = { { AT_ANY_VALUE, JSON_BEHIND_VALUE }, { AT_ANY_NAME, JSON_AT_COLON } };
    if (shape->in_string || move(shape, string, ARRAY_LENGTH(string))) {
        shape->in_string = !shape->in_string;
        return NULL;
    }
    return "a string may not stand here";
}

static size_t digits(struct slice text, size_t at)
{
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at;
}

static bool is_at(struct slice text, size_t at, char a, char b)
{
    return at < text.len && (text.data[at] == a || text.data[at] == b);
}

/* Bytes of the number at the front; 0: it is none. */
static size_t number_length(struct slice text)
{
    size_t begin = is_at(text, 0, '-', '-') ? 1 : 0;
    size_t end = is_at(text, begin, '0', '0') ? begin + 1 : digits(text, begin);
    if (end == begin) {
        return 0;
    }
    if (is_at(text, end, '.', '.')) {
        size_t fraction = end + 1;
        end = digits(text, fraction);
        if (end == fraction) {
            return 0;
        }
    }
    if (is_at(text, end, 'e', 'E')) {
        size_t power = end + 1 + is_at(text, end + 1, '+', '-');
        end = digits(text, power);
        return end == power ? 0 : end;
    }
    return end;
}

static size_t word_length(struct slice text)
{
    static const struct slice words[] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (slice_starts_with(text, words[i])) {
            return words[i].len;
        }
    }
    return 0;
}

static const char *take_scalar(struct json_shape *shape, struct slice text, size_t *taken)
{
    *taken = number_length(text);
    *taken = *taken == 0 ? word_length(text) : *taken;
    return *taken == 0 ? "this is no JSON: a text needs quotes" : take_value(shape);
}

/* The UTF-16 unit of a "\uXXXX" at `at`; -1: there is none. */
static int unit_at(struct slice text, size_t at)
{
    int unit = 0;
    if (at + 6 > text.len || text.data[at] != '\\' || text.data[at + 1] != 'u') {
        return -1;
    }
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

/* 0: it is no escape. A half of a pair needs the other. */
static size_t escape_length(struct slice text)
{
    if (text.len < 2) {
        return 0;
    }
    if (text.data[1] != 'u') {
        return text.data[1] != '\0' && strchr("\"\\/bfnrt", text.data[1]) != NULL ? 2 : 0;
    }
    int unit = unit_at(text, 0), next = unit_at(text, 6);
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        return next >= 0xDC00 && next <= 0xDFFF ? 12 : 0;
    }
    return unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF) ? 0 : 6;
}

static const char *take_of_string(struct slice text, size_t *taken)
{
    unsigned char c = (unsigned char)text.data[0];
    if (c == '\\') {
        *taken = escape_length(text);
        return *taken == 0 ? "'\\' begins no escape of JSON here" : NULL;
    }
    bool whole = false;
    *taken = utf8_take(text, &whole);
    return c < 0x20 ? "a string holds a control character: write it as an escape" : whole ? NULL : "this is no UTF-8";
}

const char *json_shape_take(struct json_shape *shape, struct slice text, size_t *taken)
{
    ASSERT(text.len != 0 && shape->places != 0);
    ASSERT_AT_MOST(shape->depth, JSON_SHAPE_DEPTH);
    *taken = 1;
    if (text.data[0] == '"') {
        return take_quote(shape);
    }
    if (shape->in_string) {
        return take_of_string(text, taken);
    }
    switch (text.data[0]) {
    case ' ':
    case '\t':
    case '\n':
    case '\r': return NULL;
    case '{': return open_container(shape, true);
    case '[': return open_container(shape, false);
    case '}': return close_container(shape, true);
    case ']': return close_container(shape, false);
    case ',': return take_comma(shape);
    case ':': return take_colon(shape);
    default: return take_scalar(shape, text, taken);
    }
}

const char *json_shape_take_hole(struct json_shape *shape)
{
    if (shape->in_string || take_value(shape) == NULL) {
        return NULL;
    }
    return "no value may stand here: put it into quotes, or a comma before it";
}

const char *json_shape_join(struct json_shape *shape, const struct json_shape *before)
{
    if (shape->in_string != before->in_string || shape->depth != before->depth || shape->objects != before->objects) {
        return "an optional part must close what it opens, and no more";
    }
    shape->places |= before->places;
    return NULL;
}

const char *json_shape_end(const struct json_shape *shape)
{
    if (shape->in_string) {
        return "a quote is open at the end";
    }
    if (shape->depth != 0) {
        return in_object(shape) ? "a '{' is open at the end" : "a '[' is open at the end";
    }
    return shape->places == JSON_BEHIND_VALUE ? NULL : "it may come out empty: JSON needs a value";
}
