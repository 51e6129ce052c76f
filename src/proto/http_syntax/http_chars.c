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

/* 0: there is none, nor a tab. */
static inline uint64_t controls_of(uint64_t word)
{
    return word_has_below(word, 0x20) | word_has(word, 0x7f);
}

bool http_is_text(struct slice s)
{
    uint64_t doubtful = 0;
    if (s.len < sizeof doubtful) {
        return is_text_bytewise(s.data, s.len);
    }
    for (size_t at = 0; at + sizeof doubtful < s.len; at += sizeof doubtful) {
        doubtful |= controls_of(load_u64(s.data + at));
    }
    doubtful |= controls_of(load_u64(s.data + s.len - sizeof doubtful)); /* some of them twice */
    return doubtful == 0 || is_text_bytewise(s.data, s.len);
}
