/* Turns the body of a form with parts into its fields. */
#include "proto/values/multipart.h"

static bool fail(struct multipart *multipart, const char *reason)
{
    multipart->reason = reason;
    return false;
}

/* From the '"' at the front up to the next that no backslash escapes. False: there is none. */
static bool take_quoted(struct slice *rest, struct slice *value)
{
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->data[i] == '\\' && i + 1 < rest->len) {
            i++;
        } else if (rest->data[i] == '"') {
            *value = slice_make(rest->data + 1, i - 1);
            *rest = slice_after(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static void take_token(struct slice *rest, struct slice *value)
{
    size_t end = 0;
    while (end < rest->len && rest->data[end] != ';') {
        end++;
    }
    *value = slice_trim(slice_make(rest->data, end));
    *rest = slice_after(*rest, end);
}

bool header_parameter(struct slice field, struct slice name, struct slice *value)
{
    const char *mark = field.len == 0 ? NULL : memchr(field.data, ';', field.len);
    while (mark != NULL) {
        struct slice rest = slice_after(field, (size_t)(mark - field.data) + 1), found;
        const char *sign = rest.len == 0 ? NULL : memchr(rest.data, '=', rest.len);
        if (sign == NULL) {
            return false;
        }
        struct slice key = slice_trim(slice_make(rest.data, (size_t)(sign - rest.data)));
        rest = slice_trim(slice_after(rest, (size_t)(sign - rest.data) + 1));
        if (rest.len == 0 || rest.data[0] != '"') {
            take_token(&rest, &found);
        } else if (!take_quoted(&rest, &found)) {
            return false;
        }
        if (slice_equal_nocase(key, name)) {
            *value = found;
            return true;
        }
        field = rest;
        mark = rest.len == 0 ? NULL : memchr(rest.data, ';', rest.len);
    }
    return false;
}

/* The body is looked at as if a line ended before it, so that its first delimiter is one as all are. */
bool multipart_open(struct multipart *multipart, struct slice type, struct slice body)
{
    struct slice boundary;
    *multipart = (struct multipart){ .delimiter = { '\r', '\n', '-', '-' } };
    if (!header_parameter(type, SLICE("boundary"), &boundary) || boundary.len == 0 ||
        boundary.len > MULTIPART_BOUNDARY_MAX) {
        return fail(multipart, "its Content-Type has no boundary of 1 to 70 characters");
    }
    memcpy(multipart->delimiter + 4, boundary.data, boundary.len);
    multipart->delimiter_length = 4 + boundary.len;
    struct slice first = slice_make(multipart->delimiter + 2, boundary.len + 2);
    if (slice_starts_with(body, first)) {
        multipart->rest = slice_after(body, first.len);
        return true;
    }
    const char *found =
        body.len == 0 ? NULL : memmem(body.data, body.len, multipart->delimiter, multipart->delimiter_length);
    if (found == NULL) {
        return fail(multipart, "its boundary is not in it");
    }
    multipart->rest = slice_after(body, (size_t)(found - body.data) + multipart->delimiter_length);
    return true;
}

static bool take_line(struct slice *rest, struct slice *line)
{
    const char *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = slice_make(rest->data, (size_t)(end - rest->data));
    *rest = slice_after(*rest, line->len + 2);
    return true;
}

/* Name and file name stand in Content-Disposition; the other fields tell nothing that is used. */
static bool read_head(struct slice *rest, struct multipart_field *field)
{
    static const struct slice disposition = { "content-disposition:", 20 };
    struct slice line, file;
    bool named = false;
    while (take_line(rest, &line)) {
        if (line.len == 0) {
            return named;
        }
        if (line.len > disposition.len && slice_equal_nocase(slice_make(line.data, disposition.len), disposition)) {
            named = header_parameter(line, SLICE("name"), &field->name);
            field->is_file =
                header_parameter(line, SLICE("filename"), &file) || header_parameter(line, SLICE("filename*"), &file);
        }
    }
    return false;
}

enum multipart_found multipart_next(struct multipart *multipart, struct multipart_field *field)
{
    struct slice rest = multipart->rest, blanks;
    *field = (struct multipart_field){ 0 };
    if (slice_starts_with(rest, SLICE("--"))) {
        return MULTIPART_END;
    }
    if (!take_line(&rest, &blanks) || slice_trim(blanks).len != 0) {
        (void)fail(multipart, "it ends before its last boundary");
        return MULTIPART_BAD;
    }
    if (!read_head(&rest, field)) {
        (void)fail(multipart, "a part of it has no Content-Disposition with a name");
        return MULTIPART_BAD;
    }
    const char *end = memmem(rest.data, rest.len, multipart->delimiter, multipart->delimiter_length);
    if (end == NULL) {
        (void)fail(multipart, "it ends before its last boundary");
        return MULTIPART_BAD;
    }
    field->value = slice_make(rest.data, (size_t)(end - rest.data));
    multipart->rest = slice_after(rest, field->value.len + multipart->delimiter_length);
    return MULTIPART_FIELD;
}

void multipart_decode_name(struct slice name, struct buf *out)
{
    static const struct {
        struct slice escape;
        char stands_for;
    } escapes[] = { { { "%22", 3 }, '"' }, { { "%0D", 3 }, '\r' }, { { "%0A", 3 }, '\n' }, { { "\\\"", 2 }, '"' } };
    while (name.len != 0) {
        size_t taken = 1;
        char c = name.data[0];
        for (size_t i = 0; i < ARRAY_LENGTH(escapes) && taken == 1; i++) {
            if (slice_starts_with(name, escapes[i].escape)) {
                taken = escapes[i].escape.len;
                c = escapes[i].stands_for;
            }
        }
        buf_append_byte(out, (uint8_t)c);
        name = slice_after(name, taken);
    }
}
