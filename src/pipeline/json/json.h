/* JSON, by simdjson's DOM parser: the whole payload is checked (RFC 8259, UTF-8, numbers that fit) and becomes a tape,
 * which C walks inline. json.cpp and json_double.cpp are the program's C++.
 *
 * Tape format (simdjson's doc/tape.md): 64-bit words, type in the top 8 bits, payload below. Containers: '{' '[' hold
 * in their low 32 bits the index just behind their end and in the next 24 the count of members (saturated). Strings
 * '"': offset into `strings`, where a 32-bit length, the bytes and a NUL stand. Numbers 'l' (int64) 'u' (uint64) 'd'
 * (double) are followed by a word with the value. 't' 'f' 'n'. Keys and values alternate within an object.
 *
 * Of our own making is JSON_LARGE_NUMBER: a number that neither 64 bits nor a double hold, with its text as a string has
 * it. json_parse refuses such numbers; json_repair_parse (json_repair.h) takes them. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

/* Readable bytes that must follow a payload's end; their content does not matter. */
#define JSON_PADDING 64
#define JSON_MAX_DEPTH 64
#define JSON_LARGE_NUMBER 'e'

struct json_parser;

/* One per thread. */
struct json_parser *json_parser_new(void);
void json_parser_free(struct json_parser *parser);

/* Gives back the memory of a large text if none since the last call needed it; documents end. True: there is some to
 * give back by and by. */
bool json_parser_shed(struct json_parser *parser);

/* Valid until the next parse with the same parser. */
struct json_document {
    const uint64_t *tape;
    const char *strings;
};

/* `text` must be followed by JSON_PADDING readable bytes. On failure ERROR_INVALID_JSON (or ERROR_OUT_OF_MEMORY,
 * ERROR_TOO_DEEP); json_locate then says where and why. */
MUST_CHECK enum error json_parse(struct json_parser *parser, struct slice text, struct json_document *document);

/* The shortest decimal text of a double that reads back as the same; at most 32 bytes, returns how many. */
size_t json_format_double(double value, char out[32]);

/* Makes those strings of the parser's document that have these numbers, counted from 0 and ascending, JSON_LARGE_NUMBER. */
void json_mark_numbers(struct json_parser *parser, const uint32_t *strings, size_t count);

/* The offset of the first byte at which `text` stops being one JSON value, and a short reason (static); text.len if it is
 * fine. Numbers of any size are; bad characters in strings are if `repairs`. Slow; for error messages only. */
size_t json_locate(struct slice text, bool repairs, const char **reason);

/* Whole and valid UTF-8 (no surrogates, nothing overlong)? Needs no padding; empty text is valid. */
bool json_is_utf8(struct slice text);

/* Space, tab, CR, LF (RFC 8259, section 2), and the NULs that programs in C send with their strings and buffers. */
static inline bool json_is_blank(char c)
{
    return (uint8_t)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0');
}

/* Without the blanks around it. */
static inline struct slice json_trim(struct slice text)
{
    while (text.len != 0 && json_is_blank(text.data[0])) {
        text = slice_after(text, 1);
    }
    while (text.len != 0 && json_is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* A cursor is an index into the tape; the root value is at 1. */
typedef uint32_t json_at;
#define JSON_ROOT 1

static inline char json_type(const struct json_document *d, json_at at)
{
    return (char)(d->tape[at] >> 56);
}

/* The index just behind the value at `at`. */
static inline json_at json_skip(const struct json_document *d, json_at at)
{
    switch (json_type(d, at)) {
    case '{':
    case '[': return (json_at)(uint32_t)d->tape[at];
    case 'l':
    case 'u':
    case 'd': return at + 2;
    default: return at + 1;
    }
}

static inline struct slice json_string(const struct json_document *d, json_at at)
{
    const char *from = d->strings + (d->tape[at] & 0x00FFFFFFFFFFFFFFu);
    return slice_make(from + sizeof(uint32_t), load_u32(from));
}

static inline int64_t json_int64(const struct json_document *d, json_at at)
{
    return (int64_t)d->tape[at + 1];
}

static inline uint64_t json_uint64(const struct json_document *d, json_at at)
{
    return d->tape[at + 1];
}

static inline double json_double(const struct json_document *d, json_at at)
{
    double value;
    memcpy(&value, &d->tape[at + 1], sizeof value);
    return value;
}

/* for (json_at m = json_first(at); !json_at_end(d, m); m = json_skip(d, m)): elements of an array, or keys of an object
 * (the value of a key stands at m + 1; skip it too). */
static inline json_at json_first(json_at container)
{
    return container + 1;
}

static inline bool json_at_end(const struct json_document *d, json_at at)
{
    char type = json_type(d, at);
    return type == '}' || type == ']';
}

/* Elements of an array, or members of an object. */
static inline size_t json_count(const struct json_document *d, json_at container)
{
    const size_t saturated = 0xFFFFFF;
    size_t count = d->tape[container] >> 32 & saturated;
    if (count == saturated) {
        bool object = json_type(d, container) == '{';
        count = 0;
        for (json_at m = json_first(container); !json_at_end(d, m); m = json_skip(d, object ? m + 1 : m)) {
            count++;
        }
    }
    return count;
}
