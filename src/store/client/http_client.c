/* Turns requests into answers, or into a verdict on what became of them. The only place that knows libcurl. */
#include "store/client/http_client.h"

#include "base/assert.h"
#include "base/tls/tls_client.h"
#include "base/tls/tls_fault.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_REUSE_SECONDS 2L /* below every default keep_alive_timeout of ClickHouse */
#define REUSE_SECONDS 60L     /* a busy connection, too, ends once in a while: its name may mean another server now */
#define LONGEST_HEADERS ((size_t)64 << 10) /* of an answer, those of 100s before it and trailers included */
#define LONGEST_ERROR ((size_t)64 << 10)   /* what is read of an error's text */
#define ADDRESS_SECONDS 60L                /* how long an address, or a file of CAs, that works is remembered */

_Static_assert(HTTP_FAILURE_MAX >= CURL_ERROR_SIZE, "libcurl writes its message there");

struct http_client {
    CURL *curl;
    bool address_failed; /* the last request did not get through: its name is resolved anew */
};

/* One request on its way. */
struct exchange {
    const struct http_call *request;
    struct http_result *result;
    size_t piece; /* of the body: what is handed to libcurl next */
    size_t offset;
    bool sent; /* libcurl has some of it */
    bool too_large;
    bool heard; /* of an answer: else what libcurl calls its status is the last request's */
    size_t header_bytes;
    long status; /* by its status line: libcurl says it only at the end */
};

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
    struct http_client *client = calloc(1, sizeof *client);
    if (client != NULL && (client->curl = curl_easy_init()) == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        free(client);
    }
}

/* One that has seen memory run short is not used again: what it keeps may be half made. */
static void discard_handle(struct http_client *client)
{
    curl_easy_cleanup(client->curl);
    client->curl = NULL;
}

static bool has_handle(struct http_client *client)
{
    if (client->curl == NULL) {
        client->curl = curl_easy_init();
    }
    return client->curl != NULL;
}

static size_t give_body(char *to, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct gather *body = &exchange->request->body;
    size_t room = size * count;
    size_t given = 0;
    while (given < room && exchange->piece < body->count) {
        struct slice left = slice_after(body->pieces[exchange->piece], exchange->offset);
        size_t len = left.len < room - given ? left.len : room - given;
        memcpy(to + given, left.data, len);
        given += len;
        exchange->offset += len;
        ASSERT_AT_MOST(exchange->offset, body->pieces[exchange->piece].len);
        if (len == left.len) {
            exchange->piece++;
            exchange->offset = 0;
        }
    }
    exchange->sent = exchange->sent || given != 0;
    return given;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct buf *answer = exchange->request->answer;
    size_t len = size * count;
    bool is_error = exchange->status >= 400;
    uint64_t most = is_error ? LONGEST_ERROR : exchange->request->max_answer;
    uint64_t room = answer->len < most ? most - answer->len : 0;
    if (len > room) { /* of an error's text that will do: the rest is not waited for */
        exchange->too_large = !is_error;
        buf_append(answer, data, is_error ? (size_t)room : 0);
        return 0;
    }
    buf_append(answer, data, len);
    return answer->failed ? 0 : len;
}

static void note_header(struct http_result *result, struct slice name, struct slice value)
{
    uint64_t code;
    result->from_clickhouse = true;
    if (slice_equal_nocase(name, SLICE("X-ClickHouse-Exception-Code"))) {
        if (slice_to_u64(value, &code) && code < 100000) {
            result->exception_code = (int)code;
        }
    } else if (slice_equal_nocase(name, SLICE("X-ClickHouse-Server-Display-Name"))) {
        snprintf(result->server, sizeof result->server, "%.*s", (int)value.len, value.data);
    }
}

static void note_status(struct exchange *exchange, struct slice line)
{
    uint64_t status;
    const char *space = line.len < 12 ? NULL : memchr(line.data, ' ', 9);
    if (space != NULL && slice_starts_with(line, SLICE("HTTP/")) && slice_to_u64(slice_make(space + 1, 3), &status)) {
        exchange->status = (long)status;
    }
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    static const struct slice prefix = { "X-ClickHouse-", 13 };
    struct exchange *exchange = context;
    exchange->heard = true;
    struct slice value = slice_make(data, size * count);
    struct slice name;
    exchange->header_bytes += value.len;
    if (exchange->header_bytes > LONGEST_HEADERS) {
        exchange->too_large = true;
        return 0;
    }
    note_status(exchange, value);
    while (value.len != 0 && (value.data[value.len - 1] == '\n' || value.data[value.len - 1] == '\r')) {
        value.len--;
    }
    if (slice_split(&value, ':', &name) && value.data != NULL && name.len > prefix.len &&
        slice_equal_nocase(slice_make(name.data, prefix.len), prefix)) {
        note_header(exchange->result, name, slice_trim(value));
    }
    return size * count;
}

/* libcurl asks at least once a second while it waits. */
static int is_hurried(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct exchange *exchange = context;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return atomic_load(exchange->request->hurried) ? 1 : 0;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct buf line = { 0 };
    buf_printf(&line, "%s: %s", name, value);
    const char *text = buf_c_string(&line);
    struct curl_slist *longer = text == NULL ? NULL : curl_slist_append(*list, text);
    buf_release(&line);
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

/* NULL if memory is short. */
static struct curl_slist *request_headers(const struct http_call *request)
{
    struct curl_slist *list = NULL;
    bool whole = add_header(&list, "Expect", "") && add_header(&list, "Content-Type", "application/octet-stream");
    if (whole && request->user[0] != '\0') {
        whole = add_header(&list, "X-ClickHouse-User", request->user) &&
                add_header(&list, "X-ClickHouse-Key", request->password);
    }
    if (whole && request->content_encoding != NULL) {
        whole = add_header(&list, "Content-Encoding", request->content_encoding);
    }
    if (!whole) {
        curl_slist_free_all(list);
        return NULL;
    }
    return list;
}

static const char *given(const char *file)
{
    return file != NULL && file[0] != '\0' ? file : NULL;
}

/* An own CA stands instead of the system's, which libcurl would go on trusting by CAPATH. A passphrase would be asked for on a
 * terminal. */
static bool set_tls_options(const struct http_client *client, const struct tls_files *files)
{
    bool set = true;
    CURL *curl = client->curl;
    const char *ca_file = given(files->ca_file);
    const char *key = given(files->key);
#define SET(option, value) set = curl_easy_setopt(curl, option, value) == CURLE_OK && set
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
    SET(CURLOPT_SSL_VERIFYPEER, files->accept_any ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, files->accept_any ? 0L : 2L);
    SET(CURLOPT_CA_CACHE_TIMEOUT, client->address_failed ? 0L : ADDRESS_SECONDS);
    if (ca_file != NULL) {
        SET(CURLOPT_CAINFO, ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_SSLCERT, given(files->certificate));
    SET(CURLOPT_SSLKEY, key != NULL ? key : given(files->certificate));
    SET(CURLOPT_KEYPASSWD, "");
#undef SET
    return set;
}

/* Every option that is ever set is set for each request: libcurl's own reset says nothing when memory is short, and leaves a
 * buffer of no bytes that answers are then read into. False: memory is short. */
static bool set_options(const struct http_client *client, struct exchange *exchange, struct curl_slist *headers)
{
    bool set = true;
    CURL *curl = client->curl;
    const struct http_call *request = exchange->request;
#define SET(option, value) set = curl_easy_setopt(curl, option, value) == CURLE_OK && set
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, ""); /* whatever the environment says: the store is reached directly */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_MAXAGE_CONN, IDLE_REUSE_SECONDS);
    SET(CURLOPT_MAXLIFETIME_CONN, REUSE_SECONDS);
    SET(CURLOPT_FRESH_CONNECT, client->address_failed ? 1L : 0L);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, client->address_failed ? 0L : ADDRESS_SECONDS);
    SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
    SET(CURLOPT_ERRORBUFFER, exchange->result->failure);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.bytes);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    SET(CURLOPT_READFUNCTION, give_body);
    SET(CURLOPT_READDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_XFERINFOFUNCTION, is_hurried);
    SET(CURLOPT_XFERINFODATA, exchange);
    SET(CURLOPT_NOPROGRESS, request->hurried == NULL ? 1L : 0L);
#undef SET
    return set && (request->tls == NULL || set_tls_options(client, request->tls));
}

/* An error status counts as an answer even if the connection broke while its body, or ours, was under way. */
static enum http_fate judge(CURL *curl, CURLcode code, const struct exchange *exchange)
{
    long request_bytes = 0;
    if (exchange->heard) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->result->status);
    }
    if (code == CURLE_OK || exchange->result->status >= 400) {
        return HTTP_ANSWERED;
    }
    if (exchange->too_large) {
        return HTTP_TOO_LARGE;
    }
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes == 0 && !exchange->sent ? HTTP_NOT_SENT : HTTP_LOST;
}

static bool is_of_tls(CURLcode code, const char *detail)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER: return true;
    case CURLE_OPERATION_TIMEDOUT: return strncmp(detail, "SSL ", 4) == 0; /* before it was whole */
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return strstr(detail, " alert ") != NULL; /* TLS 1.3: what it says of our certificate */
    default: return false;
    }
}

static void explain_tls(CURL *curl, struct exchange *exchange, CURLcode code, const char *detail)
{
    long verdict = 0;
    struct buf text = { 0 };
    struct http_result *result = exchange->result;
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verdict);
    }
    tls_fault_explain(verdict, slice_from_string(detail), exchange->request->tls_names, &text);
    snprintf(result->failure, sizeof result->failure, "%s", buf_c_string(&text) == NULL ? detail : text.data);
    buf_release(&text);
}

/* In words that say what happened, where libcurl's speak of its own inside. */
static void explain(CURL *curl, struct exchange *exchange, CURLcode code)
{
    char detail[HTTP_FAILURE_MAX];
    struct http_result *result = exchange->result;
    snprintf(detail, sizeof detail, "%s", result->failure[0] != '\0' ? result->failure : curl_easy_strerror(code));
    if (exchange->request->tls != NULL && is_of_tls(code, detail)) {
        explain_tls(curl, exchange, code, detail);
        return;
    }
    switch (code) {
    case CURLE_SEND_FAIL_REWIND: /* the kept connection was dead, and libcurl may not send the body again */
        snprintf(result->failure, sizeof result->failure, "the connection was lost while the request was sent");
        break;
    case CURLE_GOT_NOTHING:
        snprintf(result->failure, sizeof result->failure, "the connection was lost before an answer came");
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        snprintf(result->failure, sizeof result->failure, "the connection was lost: %.200s", detail);
        break;
    case CURLE_ABORTED_BY_CALLBACK:
        snprintf(result->failure, sizeof result->failure, "given up: nobody waits for the answer any longer");
        break;
    default: memcpy(result->failure, detail, sizeof detail);
    }
}

void http_post(struct http_client *client, const struct http_call *request, struct http_result *result)
{
    struct exchange exchange = { .request = request, .result = result };
    struct curl_slist *headers = request_headers(request);
    *result = (struct http_result){ .fate = HTTP_NOT_SENT };
    if (headers == NULL || !has_handle(client)) {
        snprintf(result->failure, sizeof result->failure, "out of memory");
        curl_slist_free_all(headers);
        return;
    }
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (set_options(client, &exchange, headers)) {
        code = curl_easy_perform(client->curl);
        result->fate = judge(client->curl, code, &exchange);
    }
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER,
                     NULL); /* else written to in curl_easy_cleanup, when it is gone */
    client->address_failed = result->fate == HTTP_NOT_SENT || result->fate == HTTP_LOST;
    explain(client->curl, &exchange, code);
    curl_slist_free_all(headers);
    if (code == CURLE_OUT_OF_MEMORY) {
        discard_handle(client);
    }
}

/* A part of the URL as a string of our own ("" if it is not there); NULL: memory. */
static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    char *copy = strdup(curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : "");
    curl_free(text);
    return copy;
}

/* Not there, or without a control character behind a '%': it would end the header that it goes into. */
static bool is_sound_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, CURLU_URLDECODE);
    curl_free(text);
    return code != CURLUE_URLDECODE;
}

/* scheme://host:port/path? with the user's own arguments kept, and the same for people. */
static void split_url(struct http_address *address, CURLU *url)
{
    static const CURLUPart secrets[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT, CURLUPART_QUERY };
    struct buf text = { 0 };
    char *arguments = url_part(url, CURLUPART_QUERY, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++) {
        curl_url_set(url, secrets[i], NULL, 0);
    }
    address->name = url_part(url, CURLUPART_URL, 0);
    if (arguments != NULL && address->name != NULL) {
        buf_printf(&text, "%s?%s", address->name, arguments);
        address->url = buf_c_string(&text) == NULL ? NULL : strdup(text.data);
        size_t len = strlen(address->name);
        while (len != 0 && address->name[len - 1] == '/') {
            address->name[--len] = '\0';
        }
    }
    buf_release(&text);
    free(arguments);
}

bool http_address_parse(struct http_address *address, struct slice text)
{
    struct buf copy = { 0 };
    CURLU *url = curl_url();
    char *scheme = NULL;
    *address = (struct http_address){ 0 };
    buf_append_slice(&copy, slice_trim(text));
    bool good = url != NULL && buf_c_string(&copy) != NULL &&
                curl_url_set(url, CURLUPART_URL, copy.data, 0) == CURLUE_OK &&
                (scheme = url_part(url, CURLUPART_SCHEME, 0)) != NULL &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (good) {
        good = is_sound_part(url, CURLUPART_USER) && is_sound_part(url, CURLUPART_PASSWORD);
        address->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
        address->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
        split_url(address, url);
        good = good && address->user != NULL && address->password != NULL && address->url != NULL;
    }
    free(scheme);
    curl_url_cleanup(url);
    buf_release(&copy);
    return good;
}

void http_address_release(struct http_address *address)
{
    free(address->url);
    free(address->name);
    free(address->user);
    free(address->password);
    *address = (struct http_address){ 0 };
}
