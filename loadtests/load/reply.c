/* Turns the bytes of a reply into its status, and its body into counts. */
#include "reply.h"

/* Behind the first `what`; data is NULL if there is none. By hand, for memmem prepares itself for longer texts. */
static struct slice behind(struct slice text, struct slice what)
{
    while (text.len >= what.len) {
        const char *at = memchr(text.data, what.data[0], text.len - what.len + 1);
        if (at == NULL) {
            break;
        }
        text = slice_after(text, (size_t)(at - text.data) + 1);
        if (memcmp(at, what.data, what.len) == 0) {
            return slice_after(text, what.len - 1);
        }
    }
    return (struct slice){ 0 };
}

/* The digits at the front. */
static uint64_t leading_number(struct slice text)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return value;
}

static void take_field(struct reply *reply, struct slice line)
{
    struct slice value = line, name;
    if (!slice_split(&value, ':', &name) || value.data == NULL) {
        return;
    }
    value = slice_trim(value);
    if (slice_equal_nocase(name, SLICE("Content-Length"))) {
        reply->body_length = leading_number(value);
    } else if (slice_equal_nocase(name, SLICE("Transfer-Encoding"))) {
        reply->chunked = slice_equal_nocase(value, SLICE("chunked"));
    } else if (slice_equal_nocase(name, SLICE("Connection"))) {
        reply->close = slice_equal_nocase(value, SLICE("close"));
    } else if (slice_equal_nocase(name, SLICE("Retry-After"))) {
        reply->retry_after_s = leading_number(value);
    }
}

/* `head` is all but the last line break. */
static void take_head(struct reply *reply, struct slice head)
{
    struct slice line;
    reply->status = (int)leading_number(slice_after(head, strlen("HTTP/1.1 ")));
    slice_split(&head, '\n', &line);
    while (slice_split(&head, '\n', &line)) {
        line.len -= line.len != 0 && line.data[line.len - 1] == '\r';
        take_field(reply, line);
    }
}

/* A body in chunks ends with an empty one; it may have no trailer. */
static bool chunks_are_whole(struct slice body)
{
    static const struct slice last = { "0\r\n\r\n", 5 };
    if (body.len < last.len || !slice_equal(slice_after(body, body.len - last.len), last)) {
        return false;
    }
    return body.len == last.len || body.data[body.len - last.len - 1] == '\n';
}

enum reply_answer reply_parse(struct reply *reply, struct slice bytes)
{
    if (reply->head_length == 0) {
        struct slice body = behind(bytes, SLICE("\r\n\r\n"));
        if (body.data == NULL) {
            return REPLY_PARTIAL;
        }
        size_t head_length = bytes.len - body.len;
        if (head_length < strlen("HTTP/1.1 200\r\n\r\n") || memcmp(bytes.data, "HTTP/1.", 7) != 0) {
            return REPLY_BAD;
        }
        reply->head_length = head_length;
        take_head(reply, slice_make(bytes.data, head_length - 2));
        if (reply->status < 100 || reply->status > 599) {
            return REPLY_BAD;
        }
    }
    struct slice body = slice_after(bytes, reply->head_length);
    bool whole = reply->chunked ? chunks_are_whole(body) : body.len >= reply->body_length;
    return whole ? REPLY_WHOLE : REPLY_PARTIAL;
}

uint64_t reply_number(struct slice body, struct slice name)
{
    return leading_number(behind(body, name));
}

/* {"id":"…","status":"accepted|duplicate|stored"} */
static bool count_one(struct slice body, struct reply_counts *counts)
{
    struct slice status = behind(body, SLICE("\"status\":\""));
    counts->accepted = slice_starts_with(status, SLICE("accepted\"")) || slice_starts_with(status, SLICE("stored\""));
    counts->duplicate = slice_starts_with(status, SLICE("duplicate\""));
    return counts->accepted + counts->duplicate != 0;
}

bool reply_count(struct slice body, uint64_t events, struct reply_counts *counts)
{
    *counts = (struct reply_counts){ 0 };
    if (events == 1 && count_one(body, counts)) {
        return true;
    }
    counts->accepted = reply_number(body, SLICE("\"accepted\":"));
    counts->duplicate = reply_number(body, SLICE("\"duplicate\":"));
    counts->rejected = reply_number(body, SLICE("\"rejected\":"));
    return counts->accepted + counts->duplicate + counts->rejected != 0;
}

uint64_t reply_ids(struct slice body, uint64_t events)
{
    if (events == 1 && behind(body, SLICE("\"id\":\"")).data != NULL) {
        return 1;
    }
    struct slice ids = behind(body, SLICE("\"ids\":["));
    const char *end = ids.len == 0 ? NULL : memchr(ids.data, ']', ids.len);
    if (end == NULL || end == ids.data) {
        return 0;
    }
    uint64_t commas = 0;
    for (const char *at = ids.data; at < end; at++) {
        commas += *at == ',';
    }
    return commas + 1;
}
