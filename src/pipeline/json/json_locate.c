/* Turns a text that is no JSON into where and why: a small strict reader of RFC 8259 that takes what json_parse
 * and json_repair_parse take. */
#include "pipeline/json/json.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "pipeline/json/json_number.h"

struct reader {
    struct slice text;
    bool repairs; /* bad characters are no fault */
    size_t at;
    const char *reason;           /* NULL: no fault so far */
    char closers[JSON_MAX_DEPTH]; /* what ends each open container */
    int depth;
};

static const char too_deep[] = "more than 63 levels of nesting";

static bool fault(struct reader *reader, size_t at, const char *reason)
{
    ASSERT(reader->reason == NULL && at <= reader->text.len);
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

/* Four hex digits behind "\u"; -1 if they are not there. */
static int32_t read_hex(const struct reader *reader, size_t at)
{
    int32_t code = 0;
    if (reader->text.len - at < 4 || at > reader->text.len) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit(reader->text.data[i]);
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
    bool whole = low >= 0xDC00 && low <= 0xDFFF;
    reader->at += whole ? 6 : 0;
    return whole || reader->repairs || fault(reader, from, "a surrogate without its other half");
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
        bool whole;
        size_t length = utf8_take(slice_after(reader->text, reader->at), &whole);
        if (!whole && !reader->repairs) {
            return fault(reader, reader->at, "bytes that are not UTF-8");
        }
        reader->at += length;
    }
}

static bool read_number(struct reader *reader)
{
    const char *reason = "a value that is not JSON";
    bool begins = peek(reader) == '-' || is_digit(peek(reader));
    size_t len = begins ? json_number_length(slice_after(reader->text, reader->at), &reason) : 0;
    reader->at += len;
    return len != 0 || fault(reader, reader->at, reason);
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
    ASSERT_AT_MOST(reader->at, reader->text.len);
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
    ASSERT(reader->depth > 0 && reader->depth <= JSON_MAX_DEPTH);
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

size_t json_locate(struct slice text, bool repairs, const char **reason)
{
    struct reader reader = { .text = text, .repairs = repairs };
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
