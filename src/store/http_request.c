/* Turns a request to ClickHouse's HTTP interface into a reply. */
#include "store/http_request.h"

#include "store/codes.h"

#include <stdio.h>

void request_release(struct request_draft *draft)
{
    buf_release(&draft->url);
}

void request_add_argument(struct request_draft *draft, const char *prefix, struct slice name, struct slice value)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf *url = &draft->url;
    if (url->len != 0 && url->data[url->len - 1] != '?') {
        buf_append_byte(url, '&');
    }
    buf_append_string(url, prefix);
    buf_append_slice(url, name);
    buf_append_byte(url, '=');
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
            c == '.' || c == '~') {
            buf_append_byte(url, c);
            continue;
        }
        buf_append_byte(url, '%');
        buf_append_byte(url, (uint8_t)digits[c >> 4]);
        buf_append_byte(url, (uint8_t)digits[c & 15]);
    }
}

void request_add_setting(struct request_draft *draft, const char *name, const char *value)
{
    request_add_argument(draft, "", slice_from_string(name), slice_from_string(value));
}

void request_fail(struct store_reply *reply, enum store_outcome outcome, int code, const struct http_address *address,
                  const char *text)
{
    struct buf message = { 0 };
    buf_printf(&message, "%s: %s", address->name, text);
    store_reply_set(reply, outcome, code, 0, buf_slice(&message));
    buf_release(&message);
}

/* What an answer without a word usually means, by its status. */
static const char *usual_reason(long status)
{
    static const struct {
        long status;
        const char *reason;
    } rows[] = {
        { 301, "the server moved, or wants https: mend store.url" },
        { 302, "the server moved, or wants https: mend store.url" },
        { 307, "the server moved, or wants https: mend store.url" },
        { 308, "the server moved, or wants https: mend store.url" },
        { 400, "the server or a proxy could not read the request: its URL or a header is too long, or the port speaks "
               "another protocol" },
        { 401, "a proxy wants credentials" },
        { 403, "a proxy does not let this through" },
        { 404, "there is no ClickHouse at this path of store.url" },
        { 405, "a proxy does not let POST through" },
        { 407, "a proxy wants credentials" },
        { 408, "the body came too slowly for the server or a proxy" },
        { 411, "a proxy wants another form of body" },
        { 413, "the batch is larger than a proxy lets through (nginx: client_max_body_size)" },
        { 414, "the URL is longer than a proxy lets through" },
        { 429, "a proxy limits the rate" },
        { 431, "a header is longer than a proxy lets through" },
        { 500, "the server or a proxy failed" },
        { 502, "a proxy does not reach the server, or lost it" },
        { 503, "a proxy has no server that is up, or it is maintained" },
        { 504, "the server did not answer a proxy in time, and may still be at work" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].status == status) {
            return rows[i].reason;
        }
    }
    return "a proxy answered, or another program than ClickHouse";
}

/* What nginx's pages about TLS mean here; NULL: the text is none. */
static const char *page_about_tls(struct slice text)
{
    static const struct {
        struct slice title;
        const char *meaning;
    } rows[] = {
        { { "400 No required SSL certificate was sent", 40 },
          "the server wants a certificate of ours: set store.client_certificate" },
        { { "400 The SSL certificate error", 29 },
          "the server does not take our certificate: renew, or compare with the CA that it trusts, "
          "store.client_certificate" },
        { { "400 The plain HTTP request was sent to HTTPS port", 49 },
          "the port speaks TLS: give a URL of https:// in store.url" },
    };
    for (size_t i = 0; text.len != 0 && i < ARRAY_LENGTH(rows); i++) {
        if (memmem(text.data, text.len, rows[i].title.data, rows[i].title.len) != NULL) {
            return rows[i].meaning;
        }
    }
    return NULL;
}

static bool is_success(const struct http_result *result, struct slice text, enum request_expects expects)
{
    return result->status == 200 && result->exception_code == 0 && result->from_clickhouse &&
           (expects == EXPECTS_ROWS || text.len == 0);
}

static bool is_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] > ' ') {
            return false;
        }
    }
    return true;
}

static void describe(struct buf *message, const struct http_address *address, const struct http_result *result,
                     struct slice text)
{
    buf_printf(message, "%s: HTTP %ld: ", address->name, result->status);
    if (result->status == 200 && !result->from_clickhouse) {
        buf_append_string(message,
                          "no ClickHouse answered, for there is no X-ClickHouse-* header (a maintenance page? another "
                          "program? a proxy that removes headers?)");
    } else if (is_blank(text)) {
        buf_printf(message, "an answer without a reason; usually: %s", usual_reason(result->status));
    } else if (result->status == 400 && page_about_tls(text) != NULL) {
        buf_append_string(message, page_about_tls(text));
    } else {
        buf_append_slice(message, text);
    }
}

/* The server answered. What is not ClickHouse's own answer (a proxy's 502) leaves the fate unknown. */
static void judge_answer(const struct http_address *address, const struct http_result *result, struct slice text,
                         enum request_expects expects, struct store_reply *reply)
{
    if (is_success(result, text, expects)) {
        store_reply_set(reply, STORE_DONE, 0, 200, SLICE(""));
        return;
    }
    int code = result->exception_code;
    if (code == 0 && result->from_clickhouse) {
        code = store_parse_error_code(text);
    }
    bool answered = code != 0 || (result->status >= 400 && result->status < 500);
    struct buf message = { 0 };
    describe(&message, address, result, text);
    store_reply_set(reply, answered ? STORE_ANSWERED : STORE_UNKNOWN, code, (int)result->status, buf_slice(&message));
    buf_release(&message);
}

void request_perform(struct http_client *client, const struct http_address *address, struct request_draft *draft,
                     enum request_expects expects, struct store_reply *reply)
{
    struct http_result result;
    *reply = (struct store_reply){ 0 };
    draft->request.url = buf_c_string(&draft->url);
    draft->request.user = address->user;
    draft->request.password = address->password;
    if (client == NULL || draft->request.url == NULL) {
        request_fail(reply, STORE_UNREACHABLE, 0, address, "out of memory");
        return;
    }
    http_post(client, &draft->request, &result);
    switch (result.fate) {
    case HTTP_ANSWERED: judge_answer(address, &result, buf_slice(draft->request.answer), expects, reply); break;
    case HTTP_NOT_SENT: request_fail(reply, STORE_UNREACHABLE, 0, address, result.failure); break;
    case HTTP_LOST: request_fail(reply, STORE_UNKNOWN, 0, address, result.failure); break;
    case HTTP_TOO_LARGE:
        request_fail(reply, expects == EXPECTS_NOTHING ? STORE_UNKNOWN : STORE_ANSWERED, CODE_TOO_MANY_ROWS_OR_BYTES,
                     address, "the answer is larger than the limit");
        break;
    }
    snprintf(reply->server, sizeof reply->server, "%s", result.server);
}
