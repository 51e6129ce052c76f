/* Turns paths into the pages of a gateway. */
#include "remote/remote.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/plain_text.h"
#include "base/version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 5000L
#define LONGEST_ERROR ((size_t)1 << 20) /* /health of many parts, of which one is down, is one */

/* One request on its way. */
struct exchange {
    const struct remote_request *request;
    struct remote_reply *reply;
    CURL *curl;
    bool given_up;
    bool too_large;
    char detail[CURL_ERROR_SIZE];
};

void remote_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t keep(struct exchange *exchange, struct slice piece, size_t most)
{
    struct buf *body = &exchange->reply->body;
    ASSERT_AT_MOST(body->len, most);
    if (piece.len > most - body->len) {
        exchange->too_large = true;
        buf_append(body, piece.data, most - body->len);
        return 0;
    }
    buf_append_slice(body, piece);
    return body->failed ? 0 : piece.len;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct slice piece = slice_make(data, size * count);
    long status = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        return keep(exchange, piece, LONGEST_ERROR);
    }
    if (exchange->request->take == NULL) {
        return keep(exchange, piece, REMOTE_PAGE_MAX);
    }
    exchange->given_up = !exchange->request->take(exchange->request->context, piece);
    return exchange->given_up ? 0 : piece.len;
}

static int is_given_up(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct exchange *exchange = context;
    (void)down_total, (void)down, (void)up_total, (void)up;
    exchange->given_up = exchange->request->is_given_up(exchange->request->context);
    return exchange->given_up ? 1 : 0;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct buf line = { 0 };
    buf_printf(&line, "%s: %s", name, value);
    const char *text = buf_c_string(&line);
    struct curl_slist *longer = text == NULL ? NULL : curl_slist_append(*list, text);
    buf_release(&line);
    *list = longer != NULL ? longer : *list;
    return longer != NULL;
}

/* False: memory is short; what there is of the list is to be freed either way. */
static bool write_headers(const struct remote *remote, const struct remote_request *request, struct curl_slist **list)
{
    struct buf key = { 0 };
    buf_printf(&key, "Bearer %s", remote->key);
    bool whole = buf_c_string(&key) != NULL && add_header(list, "User-Agent", "sluice/" SLUICE_VERSION);
    if (whole && remote->key[0] != '\0') {
        whole = add_header(list, "Authorization", key.data);
    }
    if (whole && request->accept != NULL && request->accept[0] != '\0') {
        whole = add_header(list, "Accept", request->accept);
    }
    buf_release(&key);
    return whole;
}

static const char *given(const char *file)
{
    return file != NULL && file[0] != '\0' ? file : NULL;
}

static bool set_tls_options(CURL *curl, const struct remote *remote)
{
    bool set = true;
#define SET(option, value) set = curl_easy_setopt(curl, option, value) == CURLE_OK && set
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
    SET(CURLOPT_SSL_VERIFYPEER, remote->accept_any ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, remote->accept_any ? 0L : 2L);
    if (given(remote->ca_file) != NULL) {
        SET(CURLOPT_CAINFO, remote->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* else the system's would go on being trusted */
    }
    SET(CURLOPT_SSLCERT, given(remote->certificate));
    SET(CURLOPT_SSLKEY, given(remote->private_key) != NULL ? remote->private_key : given(remote->certificate));
    SET(CURLOPT_KEYPASSWD, ""); /* one would be asked for on the terminal */
#undef SET
    return set;
}

/* A second at least, where there is a bound. */
static long whole_seconds(int64_t ns)
{
    return ns == 0 ? 0 : (long)((ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
}

static bool set_options(const struct remote *remote, struct exchange *exchange, const char *url,
                        struct curl_slist *headers)
{
    bool set = true;
    CURL *curl = exchange->curl;
    const struct remote_request *request = exchange->request;
#define SET(option, value) set = curl_easy_setopt(curl, option, value) == CURLE_OK && set
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (remote->direct) {
        SET(CURLOPT_PROXY, "");
    }
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    SET(CURLOPT_TCP_KEEPALIVE, 1L); /* a page without an end may be silent for long */
    SET(CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / NS_PER_MS));
    SET(CURLOPT_LOW_SPEED_TIME, whole_seconds(request->silence_ns));
    SET(CURLOPT_LOW_SPEED_LIMIT, request->silence_ns == 0 ? 0L : 1L);
    SET(CURLOPT_ERRORBUFFER, exchange->detail);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_XFERINFOFUNCTION, is_given_up);
    SET(CURLOPT_XFERINFODATA, exchange);
    SET(CURLOPT_NOPROGRESS, request->is_given_up == NULL ? 1L : 0L);
#undef SET
    return set && set_tls_options(curl, remote);
}

static enum remote_fate judge(const struct exchange *exchange, CURLcode code)
{
    long connects = 0;
    curl_off_t ready = 0;
    if (exchange->given_up) {
        return REMOTE_GIVEN_UP;
    }
    if (code == CURLE_OK || exchange->reply->status >= 400) {
        return REMOTE_ANSWERED;
    }
    curl_easy_getinfo(exchange->curl, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(exchange->curl, CURLINFO_PRETRANSFER_TIME_T, &ready); /* TLS included; 0: it did not get there */
    return connects == 0 || ready == 0 ? REMOTE_NOT_REACHED : REMOTE_BROKEN;
}

static void explain(const struct exchange *exchange, CURLcode code)
{
    const char *detail = exchange->too_large            ? "the answer is longer than any page of a gateway"
                         : exchange->reply->body.failed ? "out of memory"
                         : exchange->detail[0] != '\0'  ? exchange->detail
                                                        : curl_easy_strerror(code);
    plain_text_copy(slice_from_string(detail), exchange->reply->failure, sizeof exchange->reply->failure);
}

static void perform(const struct remote *remote, struct exchange *exchange, const char *url, struct curl_slist *headers)
{
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (set_options(remote, exchange, url, headers)) {
        code = curl_easy_perform(exchange->curl);
        curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &exchange->reply->status);
        exchange->reply->fate = judge(exchange, code);
    }
    if (exchange->reply->fate == REMOTE_NOT_REACHED || exchange->reply->fate == REMOTE_BROKEN) {
        explain(exchange, code);
    }
}

void remote_get(const struct remote *remote, const struct remote_request *request, struct remote_reply *reply)
{
    struct exchange exchange = { .request = request, .reply = reply, .curl = curl_easy_init() };
    struct curl_slist *headers = NULL;
    struct buf url = { 0 };
    ASSERT(request->path[0] == '/');
    buf_clear(&reply->body);
    reply->fate = REMOTE_NOT_REACHED;
    reply->status = 0;
    reply->failure[0] = '\0';
    buf_printf(&url, "%s%s", remote->url, request->path);
    if (exchange.curl != NULL && buf_c_string(&url) != NULL && write_headers(remote, request, &headers)) {
        perform(remote, &exchange, url.data, headers);
    } else {
        explain(&exchange, CURLE_OUT_OF_MEMORY);
    }
    curl_easy_cleanup(exchange.curl);
    curl_slist_free_all(headers);
    buf_release(&url);
    ASSERT((reply->failure[0] != '\0') == (reply->fate == REMOTE_NOT_REACHED || reply->fate == REMOTE_BROKEN));
}

void remote_reply_release(struct remote_reply *reply)
{
    buf_release(&reply->body);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static bool is_of_web(CURLU *url)
{
    char *scheme = NULL;
    bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is;
}

bool remote_check_url(const char *text, struct buf *problem)
{
    CURLU *url = curl_url();
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && is_of_web(url) &&
                !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT) &&
                !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD);
    if (!good) {
        char shown[128];
        plain_text_copy(slice_from_string(text), shown, sizeof shown);
        buf_printf(problem, "found the URL \"%s\", expected http://HOST[:PORT] or https://HOST[:PORT]", shown);
    }
    curl_url_cleanup(url);
    return good;
}
