/* Bytes: a borrowed slice for all that is read, an owned buf for all that is written.
 *
 * A slice is passed by value, is never NUL-terminated by promise, and must not outlive what it borrows from.
 * A buf owns its memory and has one owner at a time; nothing here locks. Its errors are sticky: after an
 * allocation failed, or the limit was passed, every append does nothing and `failed` stays set until
 * buf_clear, so that an encoder appends column after column and checks once at the end. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define RARE __attribute__((cold, noinline)) /* keeps what rarely runs out of the way of what runs for each event */
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice slice_make(const void *data, size_t len)
{
    return (struct slice){ (const char *)data, len };
}

static inline struct slice slice_from_string(const char *text)
{
    return (struct slice){ text, text ? strlen(text) : 0 };
}

/* The rest of `whole` after its first `skip` bytes; skip is at most whole.len. */
static inline struct slice slice_after(struct slice whole, size_t skip)
{
    return (struct slice){ whole.data + skip, whole.len - skip };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_starts_with(struct slice whole, struct slice prefix)
{
    return whole.len >= prefix.len && (prefix.len == 0 || memcmp(whole.data, prefix.data, prefix.len) == 0);
}

/* ASCII letters compare without case; other bytes as they are. */
bool slice_equal_nocase(struct slice a, struct slice b);

/* Without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);

/* The piece before the first `separator`, cutting it (and the separator) off *rest. False when *rest is spent:
 * rest->data == NULL marks the end, so that "a," yields "a" and "". */
bool slice_split(struct slice *rest, char separator, struct slice *piece);

/* Decimal digits only (no sign, no space), the whole slice, without overflow. */
MUST_CHECK bool slice_to_u64(struct slice s, uint64_t *value);

/* An optional '-', then digits, the whole slice, without overflow. */
MUST_CHECK bool slice_to_i64(struct slice s, int64_t *value);

/* The value of a hexadecimal digit in either case; -1: it is none. */
static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The byte that two hexadecimal digits are; -1: one of them is none. */
static inline int hex_pair(const char *digits)
{
    int high = hex_digit(digits[0]), low = high < 0 ? -1 : hex_digit(digits[1]);
    return low < 0 ? -1 : high * 16 + low;
}

/* Invariant: len <= cap; data is NULL only if cap is 0; bytes [0, len) are initialised.
 * A zeroed buf is empty and valid. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
};

void buf_release(struct buf *b);

/* Empties it, keeps the memory, forgives an earlier failure. */
void buf_clear(struct buf *b);

/* Gives the memory back if it is more than `kept`; what is in it goes. */
void buf_shed(struct buf *b, size_t kept);

/* Makes room for `extra` more bytes behind len; false (and `failed`) if memory is short. */
bool buf_grow(struct buf *b, size_t extra);

static inline bool buf_reserve(struct buf *b, size_t extra)
{
    return extra <= b->cap - b->len ? !b->failed : buf_grow(b, extra);
}

static inline void buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !buf_reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static inline void buf_append_slice(struct buf *b, struct slice s)
{
    buf_append(b, s.data, s.len);
}

static inline void buf_append_string(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

static inline void buf_append_byte(struct buf *b, uint8_t byte)
{
    if (buf_reserve(b, 1)) {
        b->data[b->len++] = (char)byte;
    }
}

/* `count` bytes of the same value. */
static inline void buf_append_fill(struct buf *b, uint8_t byte, size_t count)
{
    if (count != 0 && buf_reserve(b, count)) {
        memset(b->data + b->len, byte, count);
        b->len += count;
    }
}

/* Unsigned LEB128, as ClickHouse writes lengths (its "VarUInt"): 1 to 10 bytes. */
void buf_append_varint(struct buf *b, uint64_t value);

void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* JSON string with its quotes (RFC 8259): escapes '"', '\\' and control characters; `s` must be valid UTF-8. */
void buf_append_json_string(struct buf *b, struct slice s);

/* The same without the quotes, to go on with a string that was begun. */
void buf_append_json_escaped(struct buf *b, struct slice s);

/* A terminating NUL behind len, not counted in it, so that data can go to a C API; NULL if memory is short. */
const char *buf_c_string(struct buf *b);

/* Drops the first `count` bytes, moving the rest down. */
void buf_consume(struct buf *b, size_t count);

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){ b->data, b->len };
}

/* Bytes in pieces that follow each other; borrowed, as a slice is. */
struct gather {
    const struct slice *pieces;
    size_t count;
    uint64_t bytes; /* in all */
};

/* Just this one, which must live as long. */
static inline struct gather gather_one(const struct slice *piece)
{
    return (struct gather){ piece, 1, piece->len };
}

void buf_append_gather(struct buf *b, struct gather gather);

/* Reads an unsigned LEB128 at *at within s, advancing *at; false if it is cut off or longer than 64 bits. */
MUST_CHECK bool slice_read_varint(struct slice s, size_t *at, uint64_t *value);

/* Little-endian stores and loads of unaligned integers; every host we build for is little-endian (asserted in
 * bytes.c). */
static inline void buf_append_u64(struct buf *b, uint64_t value)
{
    buf_append(b, &value, sizeof value);
}

static inline uint64_t load_u64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint32_t load_u32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Eight bytes at once: not 0 if one of them is below `limit` (at most 0x80), or equals `byte`. (Henry S. Warren, Hacker's
 * Delight, 6-1: a byte is below n if to subtract n borrows from its own high bit.) */
static inline uint64_t word_has_below(uint64_t word, uint8_t limit)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (word - ones * limit) & ~word & ones << 7;
}

static inline uint64_t word_has(uint64_t word, uint8_t byte)
{
    return word_has_below(word ^ UINT64_C(0x0101010101010101) * byte, 1);
}
