/* Turns a page of metrics into samples. */
#include "inspect/metrics_text.h"

#include "base/assert.h"

#include <math.h>
#include <stdlib.h>

#define NUMBER_MAX 64

/* Behind the quote that ends it; NULL: none does. */
static const char *end_of_value(const char *from, const char *end)
{
    while (from < end && *from != '"') {
        from += *from == '\\' && from + 1 < end ? 2 : 1;
    }
    return from < end ? from + 1 : NULL;
}

/* Where the braces end, whatever is quoted between them. */
static const char *end_of_labels(const char *from, const char *end)
{
    while (from != NULL && from < end && *from != '}') {
        from = *from == '"' ? end_of_value(from + 1, end) : from + 1;
    }
    return from != NULL && from < end ? from : NULL;
}

static bool read_number(struct slice text, double *value)
{
    char copy[NUMBER_MAX];
    char *behind;
    text = slice_trim(text);
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *value = strtod(copy, &behind);
    bool read = behind != copy && (*behind == '\0' || *behind == ' '); /* a time may follow */
    *value = isfinite(*value) ? *value : 0;
    return read;
}

static bool read_line(struct slice line, struct metrics_sample *sample)
{
    size_t name = 0;
    while (name < line.len && line.data[name] != '{' && line.data[name] != ' ') {
        name++;
    }
    sample->name = slice_make(line.data, name);
    sample->labels = slice_make(line.data + name, 0);
    struct slice rest = slice_after(line, name);
    if (rest.len != 0 && rest.data[0] == '{') {
        const char *end = end_of_labels(rest.data + 1, rest.data + rest.len);
        if (end == NULL) {
            return false;
        }
        sample->labels = slice_make(rest.data + 1, (size_t)(end - rest.data) - 1);
        rest = slice_after(rest, (size_t)(end - rest.data) + 1);
    }
    return name != 0 && read_number(rest, &sample->value);
}

bool metrics_text_next(struct slice *rest, struct metrics_sample *sample)
{
    struct slice line;
    while (slice_split(rest, '\n', &line)) {
        if (line.len != 0 && line.data[0] != '#' && read_line(line, sample)) {
            ASSERT(sample->name.len != 0);
            return true;
        }
    }
    return false;
}

static void unescape(struct slice text, struct buf *value)
{
    buf_clear(value);
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '\\' && i + 1 < text.len) {
            byte = text.data[++i];
            byte = byte == 'n' ? '\n' : byte;
        }
        buf_append_byte(value, (uint8_t)byte);
    }
}

bool metrics_text_label(struct slice labels, struct slice name, struct buf *value)
{
    const char *end = labels.data + labels.len;
    for (const char *at = labels.data; at < end;) {
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (equals == NULL || equals + 1 >= end || equals[1] != '"') {
            return false;
        }
        const char *behind = end_of_value(equals + 2, end);
        if (behind == NULL) {
            return false;
        }
        ASSERT(behind >= equals + 3);
        if (slice_equal(slice_trim(slice_make(at, (size_t)(equals - at))), name)) {
            unescape(slice_make(equals + 2, (size_t)(behind - equals) - 3), value);
            return !value->failed;
        }
        at = behind < end && *behind == ',' ? behind + 1 : behind;
    }
    return false;
}
