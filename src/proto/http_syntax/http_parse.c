/* Turns the bytes at the front of a connection into the head of one HTTP/1.1 request. */
#include "proto/http_syntax/http_parse.h"

#include "proto/http_syntax/http_parse_private.h"

#define TLS_HANDSHAKE 0x16 /* the first byte of a record (RFC 8446, 5.1) */

static enum http_method method_of(struct slice name)
{
    static const struct {
        struct slice name;
        enum http_method method;
    } methods[] = {
        { { "POST", 4 }, HTTP_POST },       { { "GET", 3 }, HTTP_GET }, { { "HEAD", 4 }, HTTP_HEAD },
        { { "OPTIONS", 7 }, HTTP_OPTIONS }, { { "PUT", 3 }, HTTP_PUT }, { { "DELETE", 6 }, HTTP_DELETE },
        { { "PATCH", 5 }, HTTP_PATCH },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        if (slice_equal(name, methods[i].name)) {
            return methods[i].method;
        }
    }
    return HTTP_OTHER;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Each '%' of a path begins an escape of two hexadecimal digits, and none is a NUL. */
static bool escapes_are_valid(struct slice path)
{
    const char *end = path.data + path.len;
    for (const char *at = path.data; (at = memchr(at, '%', (size_t)(end - at))) != NULL; at += 3) {
        if (end - at < 3 || !is_hex(at[1]) || !is_hex(at[2]) || (at[1] == '0' && at[2] == '0')) {
            return false;
        }
    }
    return true;
}

/* "http://host:80/path?query" → "/path?query", the authority taken as the host (RFC 9112, 3.2.2). */
static bool reduce_absolute_form(struct http_head *head, struct slice *target)
{
    static const struct slice schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        struct slice scheme = schemes[i];
        if (target->len <= scheme.len || !slice_equal_nocase(slice_make(target->data, scheme.len), scheme)) {
            continue;
        }
        struct slice rest = slice_after(*target, scheme.len);
        size_t end = 0;
        while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?') {
            end++;
        }
        head->request->host = slice_make(rest.data, end);
        head->absolute_target = true;
        *target = slice_after(rest, end);
        return end != 0 && http_all_in_class(head->request->host, CHAR_HOST);
    }
    return false;
}

static bool read_target(struct http_head *head, struct slice target)
{
    struct http_request *request = head->request;
    if (target.len == 0 || !http_all_in_class(target, CHAR_TARGET)) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the target is empty or has a character to be percent-encoded");
    }
    bool everything = request->method == HTTP_OPTIONS && slice_equal(target, SLICE("*"));
    if (target.data[0] != '/' && !everything && !reduce_absolute_form(head, &target)) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the target is neither a path nor an http:// address");
    }
    const char *mark = target.len == 0 ? NULL : memchr(target.data, '?', target.len);
    size_t path_len = mark == NULL ? target.len : (size_t)(mark - target.data);
    request->target = target.len == 0 ? SLICE("/") : target;
    request->path = path_len == 0 ? SLICE("/") : slice_make(target.data, path_len);
    request->query = mark == NULL ? slice_after(target, path_len) : slice_after(target, path_len + 1);
    if (!escapes_are_valid(request->path)) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the path has an escape that is not valid");
    }
    return true;
}

static bool read_version(struct http_head *head, struct slice version)
{
    bool well_formed = version.len == 8 && slice_starts_with(version, SLICE("HTTP/")) && version.data[6] == '.' &&
                       version.data[5] >= '0' && version.data[5] <= '9' && version.data[7] >= '0' &&
                       version.data[7] <= '9';
    if (!well_formed) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the request line does not end in an HTTP version");
    }
    if (version.data[5] != '1' || version.data[7] > '1') {
        return http_head_fail(head, ERROR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    head->request->minor_version = version.data[7] - '0';
    return true;
}

/* method SP target SP version; one space each, so that nobody else can find other borders. */
static bool read_request_line(struct http_head *head, struct slice line)
{
    struct slice method, target;
    struct slice rest = line;
    if (!slice_split(&rest, ' ', &method) || method.len == 0 || !http_all_in_class(method, CHAR_TOKEN)) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the request line does not begin with a method");
    }
    head->request->method = method_of(method);
    head->request->method_name = method;
    if (!slice_split(&rest, ' ', &target) || rest.data == NULL) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "the request line is not method, target and version");
    }
    return read_target(head, target) && read_version(head, rest);
}

static bool read_field_line(struct http_head *head, struct slice line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return http_head_fail(head, ERROR_BAD_REQUEST, "a header field is folded or begins with a space");
    }
    if (colon == NULL) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "a header field has no colon");
    }
    struct slice name = slice_make(line.data, (size_t)(colon - line.data));
    return http_field(head, name, slice_after(line, name.len + 1));
}

/* Takes the line that begins at *at, without its CR LF. PARTIAL: its end has not come, or lies beyond the limit. */
static enum http_verdict next_line(struct http_head *head, struct slice in, size_t *at, struct slice *line)
{
    const char *start = in.data + *at;
    const char *feed = *at == in.len ? NULL : memchr(start, '\n', in.len - *at);
    if (feed == NULL) {
        return HTTP_PARTIAL;
    }
    if (feed == start || feed[-1] != '\r') {
        http_head_fail(head, ERROR_BAD_REQUEST, "a line ends in LF without CR");
        return HTTP_BAD;
    }
    *line = slice_make(start, (size_t)(feed - start) - 1);
    *at += line->len + 2;
    return HTTP_DONE;
}

static enum http_verdict read_head(struct http_head *head, struct slice in)
{
    size_t at = 0;
    struct slice line;
    if (in.len >= 2 && in.data[0] == '\r' && in.data[1] == '\n') {
        at = 2; /* what some clients send behind a body (RFC 9112, 2.2) */
    }
    enum http_verdict verdict = next_line(head, in, &at, &line);
    if (verdict != HTTP_DONE) {
        return verdict;
    }
    if (!read_request_line(head, line)) {
        return HTTP_BAD;
    }
    const char *fields = in.data + at;
    while ((verdict = next_line(head, in, &at, &line)) == HTTP_DONE) {
        if (line.len == 0) {
            head->request->head_length = at;
            head->request->fields = slice_make(fields, (size_t)(line.data - fields));
            return http_fields_end(head) ? HTTP_DONE : HTTP_BAD;
        }
        if (!read_field_line(head, line)) {
            return HTTP_BAD;
        }
    }
    return verdict;
}

enum http_verdict http_parse_head(struct slice in, size_t max_head, struct http_request *request, enum error *error,
                                  const char **reason)
{
    *request = (struct http_request){ 0 };
    struct http_head head = { .request = request };
    if (in.len == 0) {
        return HTTP_PARTIAL;
    }
    if (in.data[0] != '\r' && (http_char_classes[(uint8_t)in.data[0]] & CHAR_TOKEN) == 0) {
        bool is_tls = in.data[0] == TLS_HANDSHAKE;
        http_head_fail(&head, is_tls ? ERROR_TLS_NOT_SPOKEN : ERROR_BAD_REQUEST, /* no line end may ever come */
                       is_tls ? "" : "this is not HTTP");
        *error = head.error;
        *reason = head.reason;
        return HTTP_BAD;
    }
    enum http_verdict verdict = read_head(&head, slice_make(in.data, in.len < max_head ? in.len : max_head));
    if (verdict == HTTP_PARTIAL && in.len >= max_head) {
        bool in_request_line = request->method_name.len == 0;
        http_head_fail(&head, in_request_line ? ERROR_URI_TOO_LONG : ERROR_HEADERS_TOO_LARGE,
                       in_request_line ? "the request line is longer than http.max_header"
                                       : "the header fields are larger than http.max_header");
        verdict = HTTP_BAD;
    }
    *error = head.error;
    *reason = head.reason;
    return verdict;
}
