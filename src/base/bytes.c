/* Turns growing needs for bytes into memory, and text into numbers. */
#include "base/bytes.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ClickHouse's Native format and our loads are little-endian");

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (slice_equal(a, b)) {
        return true; /* nearly always, where it is true */
    }
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

struct slice slice_trim(struct slice s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = slice_after(s, 1);
    }
    while (s.len != 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

bool slice_split(struct slice *rest, char separator, struct slice *piece)
{
    if (rest->data == NULL) {
        return false;
    }
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    if (end == NULL) {
        *piece = *rest;
        *rest = (struct slice){ NULL, 0 };
        return true;
    }
    size_t len = (size_t)(end - rest->data);
    *piece = slice_make(rest->data, len);
    *rest = slice_after(*rest, len + 1);
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *value)
{
    uint64_t sum = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(s.data[i] - '0'), &sum)) {
            return false;
        }
    }
    *value = sum;
    return true;
}

bool slice_to_i64(struct slice s, int64_t *value)
{
    bool negative = s.len != 0 && s.data[0] == '-';
    uint64_t magnitude;
    if (!slice_to_u64(negative ? slice_after(s, 1) : s, &magnitude)) {
        return false;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_shed(struct buf *b, size_t kept)
{
    if (b->cap > kept) {
        buf_release(b);
    }
}

bool buf_grow(struct buf *b, size_t extra)
{
    size_t needed;
    if (b->failed || __builtin_add_overflow(b->len, extra, &needed) || needed > SIZE_MAX / 2) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < needed) {
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    ASSERT_AT_MOST(needed, b->cap);
    return true;
}

void buf_append_varint(struct buf *b, uint64_t value)
{
    if (!buf_reserve(b, 10)) {
        return;
    }
    while (value >= 0x80) {
        b->data[b->len++] = (char)(uint8_t)(value | 0x80);
        value >>= 7;
    }
    b->data[b->len++] = (char)(uint8_t)value;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0 || !buf_reserve(b, (size_t)len + 1)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(b->data + b->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    b->len += (size_t)len;
}

static bool has_special(uint64_t word)
{
    return (word_has_below(word, 0x20) | word_has(word, '"') | word_has(word, '\\')) != 0;
}

/* A short text as eight bytes that are all of it; what is over is blank. */
static uint64_t short_word(struct slice s)
{
    const uint64_t blanks = UINT64_C(0x2020202020202020);
    if (s.len >= 4) {
        return load_u32(s.data) | (uint64_t)load_u32(s.data + s.len - 4) << 32;
    }
    uint64_t word = blanks;
    for (size_t i = 0; i < s.len; i++) {
        word = word << 8 | (uint8_t)s.data[i];
    }
    return word;
}

/* Nothing in it is escaped. */
static bool is_plain(struct slice s)
{
    if (s.len < 8) {
        return !has_special(short_word(s));
    }
    for (size_t at = 0; at + 8 < s.len; at += 8) {
        if (has_special(load_u64(s.data + at))) {
            return false;
        }
    }
    return !has_special(load_u64(s.data + s.len - 8));
}

static const char *json_escape(unsigned char c, char space[8])
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: snprintf(space, 8, "\\u%04x", c); return space;
    }
}

void buf_append_json_escaped(struct buf *b, struct slice s)
{
    size_t plain = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        char space[8];
        buf_append(b, s.data + plain, i - plain);
        buf_append_string(b, json_escape(c, space));
        plain = i + 1;
    }
    buf_append(b, s.data + plain, s.len - plain);
}

void buf_append_json_string(struct buf *b, struct slice s)
{
    if (!buf_reserve(b, s.len + 2)) {
        return;
    }
    b->data[b->len++] = '"';
    if (is_plain(s)) {
        buf_append_slice(b, s);
    } else {
        buf_append_json_escaped(b, s);
    }
    buf_append_byte(b, '"');
}

const char *buf_c_string(struct buf *b)
{
    if (!buf_reserve(b, 1)) {
        return NULL;
    }
    b->data[b->len] = '\0';
    return b->data;
}

void buf_append_gather(struct buf *b, struct gather gather)
{
    if (buf_reserve(b, gather.bytes)) {
        for (size_t i = 0; i < gather.count; i++) {
            buf_append_slice(b, gather.pieces[i]);
        }
    }
}

void buf_consume(struct buf *b, size_t count)
{
    ASSERT_AT_MOST(count, b->len);
    if (count == 0) {
        return;
    }
    memmove(b->data, b->data + count, b->len - count);
    b->len -= count;
}

bool slice_read_varint(struct slice s, size_t *at, uint64_t *value)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 70 && *at < s.len; shift += 7) {
        uint8_t byte = (uint8_t)s.data[(*at)++];
        if (shift == 63 && byte > 1) {
            return false;
        }
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = sum;
            return true;
        }
    }
    return false;
}
