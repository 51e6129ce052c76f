/* Turns bytes into characters of UTF-8, or into what has to be replaced. */
#include "base/utf8.h"

#include "base/assert.h"

/* The characters whose first byte lies in a range: how long they are, and where their second byte lies. */
static const struct {
    unsigned char first, last, length, low, high;
} forms[] = {
    { 0x00, 0x7F, 1, 0, 0 },       { 0xC2, 0xDF, 2, 0x80, 0xBF }, { 0xE0, 0xE0, 3, 0xA0, 0xBF },
    { 0xE1, 0xEC, 3, 0x80, 0xBF }, { 0xED, 0xED, 3, 0x80, 0x9F }, { 0xEE, 0xEF, 3, 0x80, 0xBF },
    { 0xF0, 0xF0, 4, 0x90, 0xBF }, { 0xF1, 0xF3, 4, 0x80, 0xBF }, { 0xF4, 0xF4, 4, 0x80, 0x8F },
};

/* How many bytes of a character of this form stand at the front. */
static size_t matching(struct slice text, size_t form)
{
    size_t len = 1;
    unsigned char low = forms[form].low, high = forms[form].high;
    while (len < forms[form].length && len < text.len && (unsigned char)text.data[len] >= low &&
           (unsigned char)text.data[len] <= high) {
        low = 0x80;
        high = 0xBF;
        len++;
    }
    return len;
}

size_t utf8_take(struct slice text, bool *whole)
{
    ASSERT(text.len != 0);
    unsigned char lead = (unsigned char)text.data[0];
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        if (lead >= forms[i].first && lead <= forms[i].last) {
            size_t len = matching(text, i);
            *whole = len == forms[i].length;
            return len;
        }
    }
    *whole = false;
    return 1;
}

size_t utf8_unfinished(struct slice text)
{
    for (size_t back = 1; back <= 3 && back <= text.len; back++) {
        struct slice tail = slice_after(text, text.len - back);
        unsigned char lead = (unsigned char)tail.data[0];
        if ((lead & 0xC0) == 0x80) {
            continue;
        }
        bool whole;
        size_t len = utf8_take(tail, &whole);
        return lead >= 0xC2 && lead <= 0xF4 && !whole && len == back ? back : 0;
    }
    return 0;
}

void utf8_append_repaired(struct buf *out, struct slice text)
{
    while (text.len != 0) {
        bool whole;
        size_t len = utf8_take(text, &whole);
        if (whole) {
            buf_append(out, text.data, len);
        } else {
            buf_append_string(out, UTF8_REPLACEMENT);
        }
        text = slice_after(text, len);
    }
}
