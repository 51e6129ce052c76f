/* Turns the head of a request into the text of a key. */
#include "proto/credential/credential.h"

#include "base/assert.h"
#include "proto/http_syntax/http_arguments.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/values/base64.h"

#define ARGUMENT "key="
#define SUBPROTOCOL "key."

/* What was found so far. */
struct shown {
    struct buf *texts;
    struct buf *query;
    struct slice key;
    const char *fault; /* NULL: none */
};

static void show(struct shown *shown, struct slice key)
{
    if (key.len == 0) {
        return;
    }
    if (shown->key.len != 0 && !slice_equal(shown->key, key)) {
        shown->fault = "the request shows two different keys; send one";
    }
    shown->key = key;
}

/* Has room: what was decoded before does not move. */
static struct slice decoded(struct shown *shown, size_t before)
{
    return slice_after(buf_slice(shown->texts), before);
}

static void show_basic(struct shown *shown, struct slice text)
{
    size_t before = shown->texts->len;
    if (!base64_decode(text, shown->texts)) {
        shown->fault = "Authorization: Basic is followed by the base64 of the key and a colon";
        return;
    }
    struct slice pair = decoded(shown, before);
    const char *colon = pair.len == 0 ? NULL : memchr(pair.data, ':', pair.len);
    show(shown, colon == NULL ? pair : slice_make(pair.data, (size_t)(colon - pair.data)));
}

/* "Bearer KEY": false if it is another scheme. */
static bool has_scheme(struct slice value, struct slice scheme, struct slice *rest)
{
    bool is = value.len > scheme.len && value.data[scheme.len] == ' ' &&
              slice_equal_nocase(slice_make(value.data, scheme.len), scheme);
    *rest = is ? slice_trim(slice_after(value, scheme.len)) : value;
    return is;
}

static void show_authorization(struct shown *shown, struct slice value)
{
    struct slice rest;
    if (has_scheme(value, SLICE("Bearer"), &rest)) {
        show(shown, rest);
    } else if (has_scheme(value, SLICE("Basic"), &rest)) {
        show_basic(shown, rest);
    }
}

static void show_argument(struct shown *shown, struct slice value)
{
    size_t before = shown->texts->len;
    if (!http_unescape(value, true, shown->texts)) {
        shown->fault = "?key= has an escape that is none";
    } else {
        show(shown, decoded(shown, before));
    }
}

static bool is_argument(struct slice piece)
{
    return slice_starts_with(piece, SLICE(ARGUMENT));
}

static bool has_argument(struct slice query)
{
    struct slice piece;
    while (query.len != 0 && slice_split(&query, '&', &piece)) {
        if (is_argument(piece)) {
            return true;
        }
    }
    return false;
}

/* The query goes on without it: nothing that reads it may store or repeat a key. */
static void cut_argument(struct shown *shown, struct slice *query)
{
    struct slice rest = *query, piece;
    struct buf *kept = shown->query;
    ASSERT(kept->cap >= query->len);
    while (slice_split(&rest, '&', &piece)) {
        if (is_argument(piece)) {
            show_argument(shown, slice_after(piece, sizeof ARGUMENT - 1));
        } else {
            buf_append_slice(kept, kept->len == 0 ? SLICE("") : SLICE("&"));
            buf_append_slice(kept, piece);
        }
    }
    *query = buf_slice(kept);
}

static void show_subprotocol(struct shown *shown, struct slice list)
{
    struct slice token;
    while (list.len != 0 && slice_split(&list, ',', &token)) {
        token = slice_trim(token);
        if (slice_starts_with(token, SLICE(SUBPROTOCOL))) {
            show(shown, slice_after(token, sizeof SUBPROTOCOL - 1));
        }
    }
}

static bool make_room(struct buf *texts, struct buf *query, const struct http_request *request)
{
    buf_clear(texts);
    buf_clear(query);
    return buf_reserve(texts, request->authorization.len + request->query.len + 1) &&
           buf_reserve(query, request->query.len + 1);
}

bool credential_is_bearer(const struct http_request *request, struct slice *key)
{
    static const char scheme[] = "Bearer ";
    struct slice value = request->authorization;
    bool alone = request->api_key.len == 0 && request->query.len == 0 && request->websocket_protocol.len == 0 &&
                 !request->two_credentials;
    if (!alone || value.len < sizeof scheme || memcmp(value.data, scheme, sizeof scheme - 1) != 0 ||
        value.data[sizeof scheme - 1] == ' ') {
        return false;
    }
    *key = slice_after(value, sizeof scheme - 1); /* the value is trimmed */
    return true;
}

enum error credential_of(struct http_request *request, bool takes, struct buf *texts, struct buf *query,
                         struct slice *key, struct slice *detail)
{
    struct shown shown = { .texts = texts, .query = query };
    if (credential_is_bearer(request, key)) {
        return OK;
    }
    *key = (struct slice){ NULL, 0 };
    if (!make_room(texts, query, request)) {
        request->query = (struct slice){ NULL, 0 };
        return ERROR_OUT_OF_MEMORY;
    }
    show_authorization(&shown, request->authorization);
    show(&shown, request->api_key);
    if (takes && has_argument(request->query)) {
        cut_argument(&shown, &request->query);
    }
    if (takes) {
        show_subprotocol(&shown, request->websocket_protocol);
    }
    if (request->two_credentials) {
        shown.fault = "Authorization or X-API-Key is given twice, and differs; send one key";
    }
    if (shown.fault != NULL) {
        *detail = slice_from_string(shown.fault);
        return ERROR_BAD_REQUEST;
    }
    *key = shown.key;
    return OK;
}
