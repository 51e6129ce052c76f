/* Turns a byte into the classes that it belongs to. */
#include "proto/http_syntax/http_chars.h"

#define T CHAR_TOKEN
#define H CHAR_HOST
#define G CHAR_TARGET
const uint8_t http_char_classes[256] = {
    ['!'] = T | H | G,
    ['"'] = G,
    ['#'] = T,
    ['$'] = T | H | G,
    ['%'] = T | H | G,
    ['&'] = T | H | G,
    ['\''] = T | H | G,
    ['('] = H | G,
    [')'] = H | G,
    ['*'] = T | H | G,
    ['+'] = T | H | G,
    [','] = G,
    ['-'] = T | H | G,
    ['.'] = T | H | G,
    ['/'] = G,
    ['0' ... '9'] = T | H | G,
    [':'] = H | G,
    [';'] = H | G,
    ['<'] = G,
    ['='] = H | G,
    ['>'] = G,
    ['?'] = G,
    ['@'] = G,
    ['A' ... 'Z'] = T | H | G,
    ['['] = H | G,
    ['\\'] = G,
    [']'] = H | G,
    ['^'] = T | G,
    ['_'] = T | H | G,
    ['`'] = T | G,
    ['a' ... 'z'] = T | H | G,
    ['{'] = G,
    ['|'] = T | G,
    ['}'] = G,
    ['~'] = T | H | G,
};
#undef T
#undef H
#undef G

static bool is_text_bytewise(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Of eight bytes; 0: there is none, nor a tab. */
static inline uint64_t controls_of(uint64_t word)
{
    return word_has_below(word, 0x20) | word_has(word, 0x7f);
}

/* Sixteen bytes, of which each is compared by itself: a register of SSE or NEON. */
typedef uint8_t block __attribute__((vector_size(16)));

static inline block block_of(uint8_t c)
{
    return (block){ c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c };
}

/* All bits of those that are none of a text. */
static inline block not_text(const char *at)
{
    block bytes;
    memcpy(&bytes, at, sizeof bytes);
    return (block)(((bytes < block_of(0x20)) & (bytes != block_of('\t'))) | (bytes == block_of(0x7f)));
}

static bool is_text_in_blocks(struct slice s)
{
    uint64_t halves[2];
    const char *last = s.data + s.len - sizeof(block);
    block faults = not_text(last); /* some of them twice */
    for (const char *at = s.data; at < last; at += sizeof(block)) {
        faults |= not_text(at);
    }
    memcpy(halves, &faults, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

bool http_is_text(struct slice s)
{
    if (s.len >= sizeof(block)) {
        return is_text_in_blocks(s);
    }
    if (s.len < sizeof(uint64_t)) {
        return is_text_bytewise(s.data, s.len);
    }
    uint64_t doubtful = controls_of(load_u64(s.data)) | controls_of(load_u64(s.data + s.len - sizeof(uint64_t)));
    return doubtful == 0 || is_text_bytewise(s.data, s.len);
}
