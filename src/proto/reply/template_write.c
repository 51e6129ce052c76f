/* Turns a template and the values of its names into text. */
#include "base/assert.h"
#include "base/utf8.h"
#include "pipeline/json/json.h"
#include "proto/reply/template_private.h"

/* Of a string of JSON, without its quotes. False: it is none. */
static bool is_json_string(const struct template_text *text, struct slice *inside)
{
    struct slice s = text->bytes;
    if (!text->is_json || s.len < 2 || s.data[0] != '"') {
        return false;
    }
    *inside = slice_make(s.data + 1, s.len - 2);
    return true;
}

/* Quotes around it too, if `quotes`. */
static void append_text(struct slice text, bool quotes, struct buf *out)
{
    struct buf repaired = { 0 };
    if (!json_is_utf8(text)) {
        utf8_append_repaired(&repaired, text);
        out->failed |= repaired.failed;
        text = buf_slice(&repaired);
    }
    if (quotes) {
        buf_append_json_string(out, text);
    } else {
        buf_append_json_escaped(out, text);
    }
    buf_release(&repaired);
}

static void append_json(const struct template_text *text, bool quoted, struct buf *out)
{
    struct slice inside;
    if (quoted && is_json_string(text, &inside)) {
        buf_append_slice(out, inside);
    } else if (text->is_json && !quoted) {
        buf_append_slice(out, text->bytes);
    } else {
        append_text(text->bytes, !quoted, out);
    }
}

static uint32_t read_unit(struct slice escape)
{
    uint32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        unit = unit << 4 | (uint32_t)(hex_digit(escape.data[i]) & 15);
    }
    return unit;
}

static void append_character(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_append_byte(out, (uint8_t)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = { 0, 0xC0, 0xE0, 0xF0 };
    buf_append_byte(out, (uint8_t)(leads[more] | c >> 6 * more));
    while (more-- > 0) {
        buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 * more & 0x3F)));
    }
}

/* "\uXXXX", or the two of a pair; a half alone becomes U+FFFD. The bytes that it takes. */
static size_t append_unicode(struct slice escape, struct buf *out)
{
    uint32_t unit = read_unit(escape);
    if (unit < 0xD800 || unit > 0xDFFF) {
        append_character(out, unit);
        return 6;
    }
    uint32_t low = unit <= 0xDBFF && escape.len >= 12 && escape.data[6] == '\\' && escape.data[7] == 'u'
                       ? read_unit(slice_after(escape, 6))
                       : 0;
    if (low < 0xDC00 || low > 0xDFFF) {
        buf_append_string(out, UTF8_REPLACEMENT);
        return 6;
    }
    append_character(out, 0x10000 + ((unit & 0x3FF) << 10 | (low & 0x3FF)));
    return 12;
}

/* The text that a string of JSON stands for. */
static void append_unescaped(struct slice inside, struct buf *out)
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    size_t at = 0;
    while (at < inside.len) {
        struct slice rest = slice_after(inside, at);
        if (rest.data[0] != '\\' || rest.len < 2) {
            const char *next = memchr(rest.data + 1, '\\', rest.len - 1);
            size_t plain = next != NULL ? (size_t)(next - rest.data) : rest.len;
            buf_append(out, rest.data, plain);
            at += plain;
        } else if (rest.data[1] == 'u' && rest.len >= 6) {
            at += append_unicode(rest, out);
        } else {
            const char *letter = rest.data[1] != '\0' ? strchr(letters, rest.data[1]) : NULL;
            buf_append_byte(out, (uint8_t)(letter != NULL ? values[letter - letters] : rest.data[1]));
            at += 2;
        }
    }
}

/* Of a field: what was appended behind `from` ends at its first control character. */
static void cut_at_control(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if (c < 0x20 || c == 0x7F) {
            out->len = i;
            return;
        }
    }
}

static void append_plain(const struct template_text *text, enum template_kind kind, struct buf *out)
{
    size_t from = out->len;
    struct slice inside;
    if (is_json_string(text, &inside)) {
        append_unescaped(inside, out);
    } else {
        buf_append_slice(out, text->bytes);
    }
    if (kind == TEMPLATE_FIELD) {
        cut_at_control(out, from);
    }
}

static void append_value(const struct template *template, const struct piece *piece, const struct template_text *text,
                         struct buf *out)
{
    if (template->kind == TEMPLATE_JSON) {
        append_json(text, piece->kind == PIECE_QUOTED, out);
    } else {
        append_plain(text, template->kind, out);
    }
}

bool template_write(const struct template *template, template_value *value, void *context, struct buf *out)
{
    bool json = template->kind == TEMPLATE_JSON;
    size_t count = template_count(template);
    for (size_t i = 0; i < count;) {
        const struct piece *piece = template_piece(template, i);
        struct slice own = template_text_of(template, piece);
        struct template_text text = { 0 };
        bool has = piece->kind != PIECE_LITERAL && value(context, own, &text);
        if (piece->kind == PIECE_LITERAL) {
            buf_append_slice(out, own);
        } else if (piece->kind == PIECE_OPTIONAL) {
            ASSERT(piece->end > i && piece->end <= count);
            i = has ? i : piece->end - 1;
        } else if (has) {
            append_value(template, piece, &text, out);
        } else if (json && piece->kind == PIECE_VALUE) {
            buf_append_slice(out, SLICE("null"));
        }
        i++;
    }
    return !out->failed;
}
