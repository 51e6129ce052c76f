/* Turns texts as clients send them into texts as fields keep them. */
#include "event/text_change.h"

#include "base/assert.h"
#include "config/options/stream_options.h"

unsigned text_changes_of(const struct field_options *options)
{
    const struct {
        bool asked;
        enum text_change change;
    } rows[] = {
        { options->trim, TEXT_TRIM },
        { (options->url & URL_ABSOLUTE) != 0, TEXT_ABSOLUTE },
        { (options->url & URL_STRIP_QUERY) != 0, TEXT_STRIP_QUERY },
        { (options->url & URL_HOST_PATH) != 0, TEXT_HOST_PATH },
        { (options->url & URL_STRIP_SCHEME) != 0, TEXT_STRIP_SCHEME },
        { options->lower, TEXT_LOWER },
        { options->upper, TEXT_UPPER },
    };
    unsigned changes = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        changes |= rows[i].asked ? rows[i].change : 0u;
    }
    return changes;
}

/* Beside those of ASCII: U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000. */
static bool is_wide_space(const char *at, size_t len)
{
    const unsigned char *c = (const unsigned char *)at;
    if (len == 2) {
        return c[0] == 0xC2 && (c[1] == 0x85 || c[1] == 0xA0);
    }
    switch (c[0] << 8 | c[1]) {
    case 0xE19A: return c[2] == 0x80;
    case 0xE280: return c[2] <= 0x8A || c[2] == 0xA8 || c[2] == 0xA9 || c[2] == 0xAF;
    case 0xE281: return c[2] == 0x9F;
    case 0xE380: return c[2] == 0x80;
    default: return false;
    }
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The bytes of the white space that the text begins or ends with; 0: there is none. */
static size_t space_at(struct slice text, bool end)
{
    if (text.len != 0 && is_space(text.data[end ? text.len - 1 : 0])) {
        return 1;
    }
    for (size_t len = 2; len <= 3 && len <= text.len; len++) {
        if (is_wide_space(text.data + (end ? text.len - len : 0), len)) {
            return len;
        }
    }
    return 0;
}

struct slice text_trim(struct slice text)
{
    size_t space;
    while ((space = space_at(text, false)) != 0) {
        text = slice_after(text, space);
    }
    while ((space = space_at(text, true)) != 0) {
        text.len -= space;
    }
    return text;
}

bool text_is_blank(struct slice text)
{
    return text_trim(text).len == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* Up to the first of the characters. */
static size_t length_before(struct slice text, const char *characters)
{
    size_t len = 0;
    while (len < text.len && (text.data[len] == '\0' || strchr(characters, text.data[len]) == NULL)) {
        len++;
    }
    return len;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* "https://", "//" (RFC 3986, sections 3.1 and 4.2); 0: the text does not begin so. */
static size_t scheme_length(struct slice text)
{
    size_t len = 0;
    while (len < text.len &&
           (is_letter(text.data[len]) ||
            (len != 0 && strchr("+-.0123456789", text.data[len]) != NULL && text.data[len] != '\0'))) {
        len++;
    }
    if (len != 0 && (len == text.len || text.data[len] != ':')) {
        return 0;
    }
    len += len != 0;
    return slice_starts_with(slice_after(text, len), SLICE("//")) ? len + 2 : 0;
}

/* The host in user:password@host:port. */
static struct slice host_of(struct slice authority)
{
    const char *at = authority.len == 0 ? NULL : memrchr(authority.data, '@', authority.len);
    struct slice host = at == NULL ? authority : slice_after(authority, (size_t)(at + 1 - authority.data));
    size_t skip = host.len != 0 && host.data[0] == '[' ? length_before(host, "]") : 0;
    host.len = skip + length_before(slice_after(host, skip), ":");
    return host;
}

bool text_is_absolute_url(struct slice text)
{
    size_t scheme = scheme_length(text);
    if (!slice_equal_nocase(slice_make(text.data, scheme), SLICE("http://")) &&
        !slice_equal_nocase(slice_make(text.data, scheme), SLICE("https://"))) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 0x7F || c == '\\') {
            return false;
        }
    }
    struct slice rest = slice_after(text, scheme);
    return host_of(slice_make(rest.data, length_before(rest, "/?#"))).len != 0;
}

static struct slice cut_scheme(struct slice text)
{
    return slice_after(text, scheme_length(text));
}

/* Writes the host, cuts it off *rest with all that stands around it, and leaves the path there. */
static size_t take_host(struct slice *rest, char *out)
{
    *rest = cut_scheme(*rest);
    rest->len = length_before(*rest, "?#");
    size_t authority = length_before(*rest, "/");
    struct slice host = host_of(slice_make(rest->data, authority));
    for (size_t i = 0; i < host.len; i++) {
        out[i] = lower(host.data[i]);
    }
    *rest = slice_after(*rest, authority);
    return host.len;
}

struct slice text_change_before_url(unsigned changes, struct slice text)
{
    return (changes & TEXT_TRIM) != 0 ? text_trim(text) : text;
}

size_t text_change(unsigned changes, struct slice text, char *out)
{
    struct slice rest = text_change_before_url(changes, text);
    size_t len = 0;
    if ((changes & TEXT_STRIP_QUERY) != 0) {
        rest.len = length_before(rest, "?#");
    }
    if ((changes & TEXT_HOST_PATH) != 0) {
        len = take_host(&rest, out);
    } else if ((changes & TEXT_STRIP_SCHEME) != 0) {
        rest = cut_scheme(rest);
    }
    if (rest.len != 0) {
        memcpy(out + len, rest.data, rest.len);
    }
    len += rest.len;
    ASSERT_AT_MOST(len, text.len);
    for (size_t i = 0; (changes & (TEXT_LOWER | TEXT_UPPER)) != 0 && i < len; i++) {
        out[i] = (changes & TEXT_LOWER) != 0 ? lower(out[i]) : upper(out[i]);
    }
    return len;
}
