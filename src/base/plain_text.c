/* Turns any bytes into one line of harmless UTF-8. */
#include "base/plain_text.h"

#include "base/assert.h"
#include "base/utf8.h"

/* Code points that are not shown as they are. */
static const struct {
    uint32_t first, last;
    const char *instead;
} replaced[] = {
    { 0x00, 0x1F, " " },                    /* C0 */
    { 0x7F, 0x9F, " " },                    /* DEL, C1: U+009B begins an escape sequence as ESC [ does */
    { 0x061C, 0x061C, UTF8_REPLACEMENT },   /* marks of direction */
    { 0x200E, 0x200F, UTF8_REPLACEMENT },   /* likewise */
    { 0x2028, 0x2029, " " },                /* ends of lines and paragraphs */
    { 0x202A, 0x202E, UTF8_REPLACEMENT },   /* embeddings and overrides of direction */
    { 0x2066, 0x2069, UTF8_REPLACEMENT },   /* isolates */
    { 0xFEFF, 0xFEFF, UTF8_REPLACEMENT },   /* byte order mark */
    { 0xE0000, 0xE007F, UTF8_REPLACEMENT }, /* tags, which nobody sees */
    { 0xFFFE, 0xFFFF, UTF8_REPLACEMENT },   /* no characters */
};

static uint32_t code_point(const char *text, size_t len)
{
    static const uint8_t lead_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t point = (uint8_t)text[0] & lead_bits[len];
    for (size_t i = 1; i < len; i++) {
        point = point << 6 | ((uint8_t)text[i] & 0x3F);
    }
    return point;
}

/* What stands for the character. */
static struct slice shown(struct slice character, bool whole)
{
    if (!whole) {
        return SLICE(UTF8_REPLACEMENT);
    }
    uint32_t point = code_point(character.data, character.len);
    for (size_t i = 0; i < ARRAY_LENGTH(replaced); i++) {
        if (point >= replaced[i].first && point <= replaced[i].last) {
            return slice_from_string(replaced[i].instead);
        }
    }
    return character;
}

size_t plain_text_copy(struct slice text, char *out, size_t size)
{
    ASSERT(size != 0);
    size_t length = 0;
    while (text.len != 0) {
        bool whole;
        size_t taken = utf8_take(text, &whole);
        struct slice put = shown(slice_make(text.data, taken), whole);
        if (put.len >= size - length) {
            break;
        }
        memcpy(out + length, put.data, put.len);
        length += put.len;
        ASSERT_BELOW(length, size);
        text = slice_after(text, taken);
    }
    out[length] = '\0';
    return length;
}

void plain_text_clean(char *text, size_t size)
{
    bool harmless = true;
    for (const char *at = text; *at != '\0' && harmless; at++) {
        harmless = *at >= ' ' && *at < 0x7F;
    }
    if (harmless) {
        return;
    }
    char copy[PLAIN_TEXT_MAX];
    size_t length = plain_text_copy(slice_from_string(text), copy, size < sizeof copy ? size : sizeof copy);
    memcpy(text, copy, length + 1);
}
