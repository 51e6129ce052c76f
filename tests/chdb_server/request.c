/* Turns a socket's bytes into requests, and answers into bytes. Enough of HTTP/1.1 for libcurl and tests, no more. */
#include "request.h"

#include "base/lz4.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_HEAD_BYTES (1u << 20)
#define MAX_BODY_BYTES (UINT64_C(1) << 30)

static bool read_more(int fd, struct buf *input)
{
    if (!buf_reserve(input, 1 << 16)) {
        return false;
    }
    ssize_t len = recv(fd, input->data + input->len, 1 << 16, 0);
    if (len <= 0) {
        return false;
    }
    input->len += (size_t)len;
    return true;
}

/* The length of the head with its empty line, reading until it is there; 0: gone. */
static size_t read_head(int fd, struct buf *input)
{
    for (;;) {
        const char *end = input->len == 0 ? NULL : memmem(input->data, input->len, "\r\n\r\n", 4);
        if (end != NULL) {
            return (size_t)(end - input->data) + 4;
        }
        if (input->len > MAX_HEAD_BYTES || !read_more(fd, input)) {
            return 0;
        }
    }
}

static bool read_until(int fd, struct buf *input, size_t len)
{
    while (input->len < len) {
        if (!read_more(fd, input)) {
            return false;
        }
    }
    return true;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c | 0x20);
    return at == NULL ? -1 : (int)(at - digits);
}

static char *url_decode(struct slice text, size_t *len)
{
    char *out = malloc(text.len + 1);
    size_t at = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%' && i + 2 < text.len + 0 && hex(text.data[i + 1]) >= 0 && hex(text.data[i + 2]) >= 0) {
            c = (char)(hex(text.data[i + 1]) * 16 + hex(text.data[i + 2]));
            i += 2;
        }
        out[at++] = c;
    }
    if (out != NULL) {
        out[at] = '\0';
    }
    *len = at;
    return out;
}

static void parse_arguments(struct request *request, struct slice query)
{
    struct slice piece;
    while (slice_split(&query, '&', &piece) && request->argument_count < MAX_ARGUMENTS) {
        struct slice value = piece;
        struct slice name;
        struct argument *argument = &request->arguments[request->argument_count];
        size_t unused;
        if (piece.len == 0 || !slice_split(&value, '=', &name)) {
            continue;
        }
        argument->name = url_decode(name, &unused);
        argument->value = url_decode(value, &argument->value_len);
        request->argument_count++;
    }
}

static bool parse_request_line(struct request *request, struct slice line)
{
    struct slice method;
    struct slice target;
    struct slice path;
    if (!slice_split(&line, ' ', &method) || !slice_split(&line, ' ', &target) || line.data == NULL) {
        return false;
    }
    request->keep_alive = slice_starts_with(line, SLICE("HTTP/1.1"));
    snprintf(request->method, sizeof request->method, "%.*s", (int)method.len, method.data);
    slice_split(&target, '?', &path);
    snprintf(request->path, sizeof request->path, "%.*s", (int)path.len, path.data);
    parse_arguments(request, target);
    return true;
}

static void copy_value(char *to, size_t size, struct slice value)
{
    snprintf(to, size, "%.*s", (int)value.len, value.data);
}

static bool parse_headers(struct request *request, struct slice head, uint64_t *length, bool *chunked)
{
    struct slice line;
    while (slice_split(&head, '\n', &line)) {
        struct slice name;
        struct slice value = line;
        if (!slice_split(&value, ':', &name) || value.data == NULL) {
            continue;
        }
        while (value.len != 0 && value.data[value.len - 1] == '\r') {
            value.len--;
        }
        value = slice_trim(value);
        if (slice_equal_nocase(name, SLICE("Content-Length")) && !slice_to_u64(value, length)) {
            return false;
        }
        if (slice_equal_nocase(name, SLICE("Transfer-Encoding"))) {
            *chunked = true;
        } else if (slice_equal_nocase(name, SLICE("Content-Encoding"))) {
            request->lz4 = slice_equal_nocase(value, SLICE("lz4"));
        } else if (slice_equal_nocase(name, SLICE("Connection"))) {
            request->keep_alive = !slice_equal_nocase(value, SLICE("close"));
        } else if (slice_equal_nocase(name, SLICE("X-ClickHouse-User"))) {
            copy_value(request->user, sizeof request->user, value);
        } else if (slice_equal_nocase(name, SLICE("X-ClickHouse-Key"))) {
            copy_value(request->password, sizeof request->password, value);
        }
    }
    return *length <= MAX_BODY_BYTES;
}

/* Takes a chunked body from the front of `input`. */
static bool read_chunked(int fd, struct buf *input, struct buf *body)
{
    for (;;) {
        const char *end;
        while ((end = input->len == 0 ? NULL : memmem(input->data, input->len, "\r\n", 2)) == NULL) {
            if (!read_more(fd, input)) {
                return false;
            }
        }
        size_t size = 0;
        for (const char *at = input->data; at < end && hex(*at) >= 0 && size < MAX_BODY_BYTES; at++) {
            size = size * 16 + (size_t)hex(*at);
        }
        size_t start = (size_t)(end - input->data) + 2;
        if (size > MAX_BODY_BYTES || !read_until(fd, input, start + size + 2)) {
            return false;
        }
        buf_append(body, input->data + start, size);
        buf_consume(input, start + size + 2);
        if (size == 0) {
            return true;
        }
    }
}

static bool unpack(struct request *request, struct slice packed)
{
    if (!request->lz4) {
        buf_append_slice(&request->body, packed);
        return !request->body.failed;
    }
    struct lz4_decoder *decoder = lz4_decoder_new();
    bool good = decoder != NULL && lz4_frames_decode(decoder, packed, &request->body, MAX_BODY_BYTES) == OK;
    lz4_decoder_free(decoder);
    return good;
}

bool request_read(int fd, struct buf *input, struct request *request)
{
    uint64_t length = 0;
    bool chunked = false;
    struct buf packed = { 0 };
    *request = (struct request){ 0 };
    size_t head_len = read_head(fd, input);
    if (head_len == 0) {
        return false;
    }
    struct slice head = slice_make(input->data, head_len);
    struct slice line;
    bool good = slice_split(&head, '\r', &line) && parse_request_line(request, line) && head.len != 0 &&
                parse_headers(request, slice_after(head, 1), &length, &chunked);
    buf_consume(input, good ? head_len : 0);
    if (good && chunked) {
        good = read_chunked(fd, input, &packed) && unpack(request, buf_slice(&packed));
    } else if (good) {
        good = read_until(fd, input, (size_t)length) && unpack(request, slice_make(input->data, (size_t)length));
        buf_consume(input, good ? (size_t)length : 0);
    }
    buf_release(&packed);
    if (!good) {
        request_release(request);
    }
    return good;
}

void request_release(struct request *request)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        free(request->arguments[i].name);
        free(request->arguments[i].value);
    }
    request->argument_count = 0;
    buf_release(&request->body);
}

const struct argument *request_argument(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        if (strcmp(request->arguments[i].name, name) == 0) {
            return &request->arguments[i];
        }
    }
    return NULL;
}

bool answer_write(int fd, const struct request *request, const struct answer *answer)
{
    struct buf out = { 0 };
    buf_printf(&out, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %zu\r\n",
               answer->status, answer->status == 200 ? "OK" : "Error", answer->body.len);
    const char *name = getenv("CHDB_SERVER_NAME");
    buf_printf(&out, "X-ClickHouse-Server-Display-Name: %s\r\n", name == NULL ? "chdb" : name);
    if (answer->code != 0) {
        buf_printf(&out, "X-ClickHouse-Exception-Code: %d\r\n", answer->code);
    }
    buf_printf(&out, "Connection: %s\r\n\r\n", request->keep_alive ? "keep-alive" : "close");
    buf_append_slice(&out, buf_slice(&answer->body));
    size_t sent = 0;
    while (sent < out.len) {
        ssize_t len = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);
        if (len <= 0) {
            break;
        }
        sent += (size_t)len;
    }
    bool whole = !out.failed && sent == out.len;
    buf_release(&out);
    return whole;
}
