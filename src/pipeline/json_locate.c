/* Turns a text that is no JSON into where and why: a small strict reader of RFC 8259 that takes what json_parse
 * takes. */
#include "pipeline/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct reader {
    struct slice text;
    size_t at;
    const char *reason;           /* NULL: no fault so far */
    char closers[JSON_MAX_DEPTH]; /* what ends each open container */
    int depth;
};

static const char too_deep[] = "more than 63 levels of nesting";

static bool fault(struct reader *reader, size_t at, const char *reason)
{
    reader->at = at;
    reader->reason = reason;
    return false;
}

/* The byte at the cursor; -1 at the end. */
static int peek(const struct reader *reader)
{
    return reader->at < reader->text.len ? (unsigned char)reader->text.data[reader->at] : -1;
}

static void skip_space(struct reader *reader)
{
    while (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\n' || peek(reader) == '\r') {
        reader->at++;
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the UTF-8 character at the front; 0 if it is malformed, overlong, a surrogate or cut off. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 1, 0 }, { 0xE0, 0xC0, 2, 0x80 }, { 0xF0, 0xE0, 3, 0x800 }, { 0xF8, 0xF0, 4, 0x10000 } };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        if ((s[0] & forms[i].mask) != forms[i].lead) {
            continue;
        }
        uint32_t code = s[0] & (unsigned char)~forms[i].mask;
        for (size_t j = 1; j < forms[i].length; j++) {
            if (j >= len || (s[j] & 0xC0) != 0x80) {
                return 0;
            }
            code = code << 6 | (s[j] & 0x3F);
        }
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        return code < forms[i].least || code > 0x10FFFF || surrogate ? 0 : forms[i].length;
    }
    return 0;
}

/* Four hex digits behind "\u"; -1 if they are not there. */
static int32_t read_hex(const struct reader *reader, size_t at)
{
    int32_t code = 0;
    if (reader->text.len - at < 4 || at > reader->text.len) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        char c = reader->text.data[i];
        int digit = is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

static bool read_escape(struct reader *reader)
{
    size_t from = reader->at++;
    int c = peek(reader);
    if (c > 0 && strchr("\"\\/bfnrt", c) != NULL) {
        reader->at++;
        return true;
    }
    int32_t high = c == 'u' ? read_hex(reader, reader->at + 1) : -1;
    if (high < 0) {
        return fault(reader, from, "an escape that JSON does not know");
    }
    reader->at += 5;
    if (high < 0xD800 || high > 0xDFFF) {
        return true;
    }
    bool pair =
        high < 0xDC00 && reader->text.len - reader->at >= 6 && memcmp(reader->text.data + reader->at, "\\u", 2) == 0;
    int32_t low = pair ? read_hex(reader, reader->at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
        return fault(reader, from, "a surrogate without its other half");
    }
    reader->at += 6;
    return true;
}

static bool read_string(struct reader *reader)
{
    size_t from = reader->at++;
    for (;;) {
        int c = peek(reader);
        if (c < 0) {
            return fault(reader, from, "a string that does not end");
        }
        if (c == '"') {
            reader->at++;
            return true;
        }
        if (c < 0x20) {
            return fault(reader, reader->at, "a control character in a string");
        }
        if (c == '\\') {
            if (!read_escape(reader)) {
                return false;
            }
            continue;
        }
        size_t length =
            utf8_length((const unsigned char *)reader->text.data + reader->at, reader->text.len - reader->at);
        if (length == 0) {
            return fault(reader, reader->at, "bytes that are not UTF-8");
        }
        reader->at += length;
    }
}

static size_t skip_digits(struct reader *reader)
{
    size_t from = reader->at;
    while (is_digit(peek(reader))) {
        reader->at++;
    }
    return reader->at - from;
}

/* Does a whole number fit int64 or uint64? */
static bool integer_fits(struct slice number)
{
    uint64_t natural;
    int64_t integer;
    return slice_to_u64(number, &natural) || slice_to_i64(number, &integer);
}

/* Is a number with fraction or exponent finite? Its first 40 significant digits decide. */
static bool double_fits(struct slice number)
{
    char text[80] = "0.";
    size_t len = 2, i = number.data[0] == '-';
    long point = 0, exponent = 0;
    bool fraction = false, started = false;
    for (; i < number.len && (number.data[i] | 0x20) != 'e'; i++) {
        if (number.data[i] == '.') {
            fraction = true;
            continue;
        }
        started = started || number.data[i] != '0';
        point += started && !fraction ? 1 : !started && fraction ? -1 : 0;
        if (started && len < 42) {
            text[len++] = number.data[i];
        }
    }
    bool negative = i + 1 < number.len && number.data[i + 1] == '-';
    for (i += 1; i < number.len; i++) {
        exponent = is_digit(number.data[i]) && exponent < 100000000 ? exponent * 10 + (number.data[i] - '0') : exponent;
    }
    snprintf(text + len, sizeof text - len, "e%ld", point + (negative ? -exponent : exponent));
    return !started || isfinite(strtod(text, NULL));
}

static bool read_number(struct reader *reader)
{
    size_t from = reader->at;
    bool whole = true;
    reader->at += peek(reader) == '-';
    size_t first = reader->at;
    size_t digits = skip_digits(reader);
    if (digits == 0 || (digits > 1 && reader->text.data[first] == '0')) {
        return fault(reader, from, digits == 0 ? "a value that is not JSON" : "a number with leading zeros");
    }
    if (peek(reader) == '.') {
        whole = false;
        reader->at++;
        if (skip_digits(reader) == 0) {
            return fault(reader, from, "a number without digits behind its point");
        }
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        whole = false;
        reader->at++;
        reader->at += peek(reader) == '+' || peek(reader) == '-';
        if (skip_digits(reader) == 0) {
            return fault(reader, from, "a number without digits in its exponent");
        }
    }
    struct slice number = slice_make(reader->text.data + from, reader->at - from);
    if (whole ? !integer_fits(number) : !double_fits(number)) {
        return fault(reader, from, whole ? "a whole number that does not fit 64 bits" : "a number that is too large");
    }
    return true;
}

static bool read_word(struct reader *reader, struct slice word)
{
    if (!slice_starts_with(slice_after(reader->text, reader->at), word)) {
        return fault(reader, reader->at, "a value that is not JSON");
    }
    reader->at += word.len;
    return true;
}

/* A scalar whole, or the opening of a container. */
static bool read_value(struct reader *reader)
{
    switch (peek(reader)) {
    case -1: return fault(reader, reader->at, "the text ends where a value should stand");
    case '"': return read_string(reader);
    case 't': return read_word(reader, SLICE("true"));
    case 'f': return read_word(reader, SLICE("false"));
    case 'n': return read_word(reader, SLICE("null"));
    case '{':
    case '[':
        if (reader->depth == JSON_MAX_DEPTH) {
            return fault(reader, reader->at, too_deep);
        }
        reader->closers[reader->depth++] = reader->text.data[reader->at++] == '{' ? '}' : ']';
        return true;
    default: return read_number(reader);
    }
}

static bool read_key(struct reader *reader)
{
    skip_space(reader);
    if (peek(reader) != '"') {
        return fault(reader, reader->at, "no key in double quotes where one should stand");
    }
    if (!read_string(reader)) {
        return false;
    }
    skip_space(reader);
    if (peek(reader) != ':') {
        return fault(reader, reader->at, "no colon behind a key");
    }
    reader->at++;
    return true;
}

/* Behind a value: closes containers, and moves over a comma to the next value. False at the end or a fault. */
static bool next_value(struct reader *reader)
{
    while (reader->depth != 0) {
        char closer = reader->closers[reader->depth - 1];
        skip_space(reader);
        if (peek(reader) == ',') {
            reader->at++;
            return closer != '}' || read_key(reader);
        }
        if (peek(reader) != closer) {
            return fault(reader, reader->at,
                         peek(reader) < 0 ? "the text ends inside an object or array"
                         : closer == '}'  ? "neither a comma nor the end of the object"
                                          : "neither a comma nor the end of the array");
        }
        reader->at++;
        reader->depth--;
    }
    return false;
}

/* Just inside a container: is it empty? Then it is closed. Else the cursor moves to its first value. */
static bool enter(struct reader *reader, bool *empty)
{
    char closer = reader->closers[reader->depth - 1];
    skip_space(reader);
    *empty = peek(reader) == closer;
    if (*empty) {
        reader->at++;
        reader->depth--;
        return true;
    }
    if (reader->depth == JSON_MAX_DEPTH) { /* simdjson lets an empty container be one level deeper */
        return fault(reader, reader->at, too_deep);
    }
    return closer != '}' || read_key(reader);
}

size_t json_locate(struct slice text, const char **reason)
{
    struct reader reader = { .text = text };
    bool more = true;
    *reason = "no fault";
    while (more) {
        int depth = reader.depth;
        bool empty = false;
        skip_space(&reader);
        more = read_value(&reader) && (reader.depth == depth || enter(&reader, &empty));
        if (more && (reader.depth == depth || empty)) {
            more = next_value(&reader);
        }
    }
    if (reader.reason == NULL) {
        skip_space(&reader);
        if (reader.at < text.len) {
            (void)fault(&reader, reader.at, "something behind the end of the value");
        }
    }
    *reason = reader.reason != NULL ? reader.reason : *reason;
    return reader.reason != NULL ? reader.at : text.len;
}
