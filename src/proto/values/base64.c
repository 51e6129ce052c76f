/* Turns base64 into the bytes that it stands for. */
#include "proto/values/base64.h"

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

bool base64_decode(struct slice text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (int padding = 0; padding < 2 && text.len != 0 && text.data[text.len - 1] == '='; padding++) {
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_append_byte(out, (uint8_t)(bits >> held));
            bits &= (1u << held) - 1;
        }
    }
    return text.len % 4 != 1 && bits == 0;
}
