/* Turns a text with bad characters or large numbers into JSON. */
#include "pipeline/json/json_repair.h"

#include "base/error.h"
#include "base/utf8.h"
#include "pipeline/json/json.h"
#include "pipeline/json/json_number.h"

#define KEPT_BYTES ((size_t)64 << 10) /* of the buffers, between two texts */
#define MAY_GROW ((size_t)3 << 20)

/* Invariant: what is before `from` has been written to `repair`, what is in [from, at) will be as it is. */
struct rewriter {
    struct json_repair *repair;
    struct slice text;
    size_t from, at;
    size_t most;      /* bytes that may be written */
    uint32_t strings; /* that were written */
};

void json_repair_release(struct json_repair *repair)
{
    buf_release(&repair->text);
    buf_release(&repair->numbers);
}

/* Writes what was passed, then `text` for the next `len` bytes. */
static void replace(struct rewriter *rewriter, size_t len, struct slice text)
{
    struct buf *out = &rewriter->repair->text;
    buf_append(out, rewriter->text.data + rewriter->from, rewriter->at - rewriter->from);
    buf_append_slice(out, text);
    rewriter->at += len;
    rewriter->from = rewriter->at;
}

/* The four digits of \uXXXX at `at`, which begins with the backslash; -1 if it is no such escape. */
static int32_t read_unicode(struct slice text, size_t at)
{
    int32_t code = 0;
    if (text.len < 6 || at > text.len - 6 || text.data[at] != '\\' || text.data[at + 1] != 'u') {
        return -1;
    }
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

/* At a backslash. True: half of a surrogate pair was replaced. */
static bool pass_escape(struct rewriter *rewriter)
{
    int32_t code = read_unicode(rewriter->text, rewriter->at);
    if (code < 0xD800 || code > 0xDFFF) {
        size_t left = rewriter->text.len - rewriter->at;
        rewriter->at += left < 2 ? left : 2;
        return false;
    }
    int32_t low = code < 0xDC00 ? read_unicode(rewriter->text, rewriter->at + 6) : -1;
    if (low >= 0xDC00 && low <= 0xDFFF) {
        rewriter->at += 12;
        return false;
    }
    replace(rewriter, 6, SLICE("\\ufffd"));
    return true;
}

/* At a byte beyond ASCII. True: it was replaced. */
static bool pass_character(struct rewriter *rewriter)
{
    bool whole;
    size_t len = utf8_take(slice_after(rewriter->text, rewriter->at), &whole);
    if (whole) {
        rewriter->at += len;
    } else {
        replace(rewriter, len, SLICE(UTF8_REPLACEMENT));
    }
    return !whole;
}

static bool is_too_long(const struct rewriter *rewriter)
{
    return rewriter->repair->text.len > rewriter->most;
}

static void pass_string(struct rewriter *rewriter)
{
    struct slice text = rewriter->text;
    bool repaired = false;
    rewriter->at++;
    while (rewriter->at < text.len && text.data[rewriter->at] != '"' && !is_too_long(rewriter)) {
        char c = text.data[rewriter->at];
        if (c == '\\') {
            repaired = pass_escape(rewriter) || repaired;
        } else if ((unsigned char)c >= 0x80) {
            repaired = pass_character(rewriter) || repaired;
        } else {
            rewriter->at++;
        }
    }
    rewriter->at += rewriter->at < text.len;
    rewriter->repair->repaired += repaired;
    rewriter->strings++;
}

/* A key is no number, in quotes or not. */
static bool is_key(struct slice text, size_t behind)
{
    while (behind < text.len && memchr(" \t\r\n", text.data[behind], 4) != NULL) {
        behind++;
    }
    return behind < text.len && text.data[behind] == ':';
}

/* What begins like a number and is none, whole: to look into it again at each of its digits would take their square. */
static size_t length_of_fault(struct slice text)
{
    size_t len = 1;
    while (len < text.len && ((text.data[len] >= '0' && text.data[len] <= '9') || text.data[len] == '.')) {
        len++;
    }
    return len;
}

static void pass_number(struct rewriter *rewriter)
{
    const char *fault;
    struct slice rest = slice_after(rewriter->text, rewriter->at);
    size_t len = json_number_length(rest, &fault);
    struct slice number = slice_make(rest.data, len);
    if (len == 0 || json_number_fits(number) || is_key(rest, len)) {
        rewriter->at += len != 0 ? len : length_of_fault(rest);
        return;
    }
    replace(rewriter, 0, SLICE("\""));
    rewriter->at += len;
    replace(rewriter, 0, SLICE("\""));
    buf_append(&rewriter->repair->numbers, &rewriter->strings, sizeof rewriter->strings);
    rewriter->strings++;
}

static bool rewrite(struct json_repair *repair, struct slice text)
{
    struct rewriter rewriter = { .repair = repair, .text = text, .most = text.len + text.len / 4 + MAY_GROW };
    while (rewriter.at < text.len) {
        char c = text.data[rewriter.at];
        if (c == '"') {
            pass_string(&rewriter);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            pass_number(&rewriter);
        } else {
            rewriter.at++;
        }
        if (is_too_long(&rewriter)) {
            return false;
        }
    }
    if (rewriter.from == 0) {
        return false;
    }
    replace(&rewriter, 0, SLICE(""));
    return true;
}

static enum error rewrite_and_parse(struct json_parser *parser, struct json_repair *repair, struct slice text,
                                    struct json_document *document)
{
    if (!rewrite(repair, text)) {
        return repair->text.failed ? ERROR_OUT_OF_MEMORY : ERROR_INVALID_JSON;
    }
    size_t len = repair->text.len;
    buf_append_fill(&repair->text, 0, JSON_PADDING);
    if (repair->text.failed || repair->numbers.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    enum error error = json_parse(parser, slice_make(repair->text.data, len), document);
    if (error == OK && repair->numbers.len != 0) {
        json_mark_numbers(parser, (const uint32_t *)(const void *)repair->numbers.data,
                          repair->numbers.len / sizeof(uint32_t));
    }
    return error;
}

enum error json_repair_parse(struct json_parser *parser, struct json_repair *repair, struct slice text,
                             struct json_document *document)
{
    buf_clear(&repair->text);
    buf_clear(&repair->numbers);
    repair->repaired = 0;
    enum error error = rewrite_and_parse(parser, repair, text, document);
    buf_shed(&repair->text, KEPT_BYTES);
    buf_shed(&repair->numbers, KEPT_BYTES);
    return error;
}
