/* Writes decimal digits of a fixed width, eight at a time: it is what the generator does most. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first digit is the lowest byte");

/* The eight digits of a value below 10^8 as text in memory order. It is halved three times, all pieces at once: into
 * fours, twos and ones. x / 100 = x * 5243 >> 19 for x < 10^4, and x / 10 = x * 103 >> 10 for x < 100. */
static inline uint64_t digits_of_eight(uint64_t value)
{
    uint64_t fours = value / 10000 | (value % 10000) << 32;
    uint64_t hundreds = fours * 5243 >> 19 & 0x0000007F0000007F;
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = twos * 103 >> 10 & 0x000F000F000F000F;
    return (tens | (twos - tens * 10) << 8) + 0x3030303030303030;
}

/* The lowest `width` digits, with zeros in front. */
static inline void digits_put(char *at, size_t width, uint64_t value)
{
    for (; width >= 8; value /= 100000000) {
        uint64_t text = digits_of_eight(value % 100000000);
        width -= sizeof text;
        memcpy(at + width, &text, sizeof text);
    }
    if (width != 0) {
        uint64_t text = digits_of_eight(value % 100000000);
        memcpy(at, (const char *)&text + sizeof text - width, width);
    }
}
