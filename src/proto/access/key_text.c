/* Turns random bytes into the text of a key, and such a text into whether it is whole. */
#include "proto/access/key_text.h"

#include "base/assert.h"
#include "base/digest.h"
#include "config/options/access_options.h"

#include <sys/random.h>

#define PREFIX 4
#define CHECKED (KEY_TEXT_LENGTH - 6) /* what the last digits are the checksum of */

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

_Static_assert(PREFIX + KEY_TEXT_RANDOM * 8 / 5 == CHECKED, "the random bytes fill their digits");

static char letter_of(unsigned scopes)
{
    return (scopes & ACCESS_ADMIN) != 0 ? 'a' : (scopes & ACCESS_READ) != 0 ? 'r' : 'w';
}

/* The first bits, 5 to a digit. */
static void append_digits(const uint8_t *bytes, size_t count, char *text)
{
    for (size_t i = 0; i < count; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        pair |= bit % 8 > 3 ? bytes[bit / 8 + 1] : 0;
        text[i] = digits[pair >> (11 - bit % 8) & 31];
    }
}

/* Appends it to the text that it is of. */
static bool append_checksum(char *text)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    if (!digest_sha256(slice_make(text, CHECKED), digest)) {
        return false;
    }
    append_digits(digest, KEY_TEXT_LENGTH - CHECKED, text + CHECKED);
    text[KEY_TEXT_LENGTH] = '\0';
    return true;
}

bool key_text_of(unsigned scopes, const uint8_t random[KEY_TEXT_RANDOM], char text[KEY_TEXT_LENGTH + 1])
{
    const char prefix[PREFIX] = { 's', 'l', letter_of(scopes), '_' };
    memcpy(text, prefix, PREFIX);
    append_digits(random, CHECKED - PREFIX, text + PREFIX);
    return append_checksum(text);
}

bool key_text_make(unsigned scopes, char text[KEY_TEXT_LENGTH + 1])
{
    uint8_t random[KEY_TEXT_RANDOM];
    bool made = getrandom(random, sizeof random, 0) == (ssize_t)sizeof random && key_text_of(scopes, random, text);
    ASSERT(!made || key_text_is_whole(slice_make(text, KEY_TEXT_LENGTH)));
    explicit_bzero(random, sizeof random);
    return made;
}

bool key_text_is_fit(struct slice text)
{
    for (size_t i = 0; i < text.len && text.len <= KEY_TEXT_MAX; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte >= 0x7F) {
            return false;
        }
    }
    return text.len != 0 && text.len <= KEY_TEXT_MAX;
}

static bool has_prefix(struct slice text)
{
    return text.len >= PREFIX && text.data[0] == 's' && text.data[1] == 'l' && text.data[2] != '\0' &&
           strchr("wra", text.data[2]) != NULL && text.data[3] == '_';
}

bool key_text_is_whole(struct slice text)
{
    char right[KEY_TEXT_LENGTH + 1];
    if (!has_prefix(text) || text.len != KEY_TEXT_LENGTH) {
        return false;
    }
    memcpy(right, text.data, CHECKED);
    return append_checksum(right) && memcmp(right, text.data, KEY_TEXT_LENGTH) == 0;
}

bool key_text_is_damaged(struct slice text)
{
    return has_prefix(text) && !key_text_is_whole(text);
}
