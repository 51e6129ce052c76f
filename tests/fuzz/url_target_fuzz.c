/* Reads any bytes as the target of a redirect: what is allowed leads a browser to the host that is named, or to none. The
 * browser is played by this file, as the WHATWG URL standard says it of http, and more liberal where others are. */
#include <stdlib.h>

#include "config/options/string_list.h"
#include "fuzz/cost.h"
#include "proto/reply/url_target.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* Without what browsers remove (tabs and line ends everywhere, controls and spaces around it), and with '/' for '\' and for
 * escapes of both. */
static void as_browsers_read(struct slice url, struct buf *out)
{
    while (url.len != 0 && (unsigned char)url.data[0] <= ' ') {
        url = slice_after(url, 1);
    }
    for (size_t i = 0; i < url.len; i++) {
        char c = url.data[i];
        struct slice escape = slice_make(url.data + i, i + 3 <= url.len ? 3 : 0);
        if (c == '\t' || c == '\n' || c == '\r') {
            continue;
        }
        if (slice_equal_nocase(escape, SLICE("%2f")) || slice_equal_nocase(escape, SLICE("%5c"))) {
            c = '/';
            i += 2;
        }
        buf_append_byte(out, (uint8_t)(c == '\\' ? '/' : c));
    }
}

/* Up to the first of these. */
static struct slice up_to(struct slice text, const char *any)
{
    size_t len = 0;
    while (len < text.len && (text.data[len] == '\0' || strchr(any, text.data[len]) == NULL)) {
        len++;
    }
    return slice_make(text.data, len);
}

static struct slice without_slashes(struct slice text)
{
    while (text.len != 0 && text.data[0] == '/') {
        text = slice_after(text, 1);
    }
    return text;
}

static void check_host(struct slice rest)
{
    struct slice authority = up_to(without_slashes(rest), "/?#");
    const char *at = authority.len == 0 ? NULL : memrchr(authority.data, '@', authority.len);
    must(at == NULL);
    must(slice_equal_nocase(authority, SLICE("good.example")) ||
         slice_equal_nocase(authority, SLICE("good.example:443")) ||
         slice_equal_nocase(authority, SLICE("good.example:80")));
}

static void check_allowed(struct slice url)
{
    struct buf read = { 0 };
    as_browsers_read(url, &read);
    struct slice text = buf_slice(&read), scheme = up_to(text, ":/?#");
    bool has_scheme = scheme.len < text.len && text.data[scheme.len] == ':';
    if (has_scheme) {
        must(slice_equal_nocase(scheme, SLICE("http")) || slice_equal_nocase(scheme, SLICE("https")));
        check_host(slice_after(text, scheme.len + 1));
    } else {
        must(text.len != 0 && text.data[0] == '/' && (text.len == 1 || text.data[1] != '/'));
    }
    buf_release(&read);
}

static void check_written(struct slice url)
{
    struct buf out = { 0 };
    url_append(url, &out);
    url_append_part(url, &out);
    for (size_t i = 0; i < out.len; i++) {
        must((unsigned char)out.data[i] > ' ' && (unsigned char)out.data[i] < 0x7F);
    }
    buf_release(&out);
}

static void take(const uint8_t *data, size_t size)
{
    static const char *entries[] = { "good.example" };
    static const struct string_list hosts = { entries, 1 };
    struct slice url = slice_make(data, size);
    if (url_is_allowed(url, &hosts)) {
        check_allowed(url);
    }
    if (url_settles_host(url, false)) {
        struct buf whole = { 0 };
        buf_append_slice(&whole, url);
        url_append_part(SLICE("@evil.example/\\.evil"), &whole);
        must(url_is_allowed(url, NULL) || url.len == 0);
        buf_release(&whole);
    }
    check_written(url);
}

COST_FUZZER(take, 300)
