/* Turns any bytes into the head of a request, and that into a key: the one key that there is, or none. What is shown in one of
 * its places is found again, and no query keeps any. */
#include <stdlib.h>

#include "base/digest.h"
#include "config/options/access_options.h"
#include "fuzz/cost.h"
#include "proto/access/access.h"
#include "proto/access/key_text.h"
#include "proto/credential/credential.h"
#include "proto/http_syntax/http_parse.h"

#define KEY "slw_000g40r40m30e209185gr38e1w8124gkg2tswr"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static const struct access *compiled(void)
{
    static struct access *access;
    static char hex[2 * DIGEST_SHA256_SIZE + 1];
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct buf problems = { 0 };
    if (access == NULL) {
        must(digest_sha256(SLICE(KEY), digest));
        for (size_t i = 0; i < sizeof digest; i++) {
            snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        }
        static struct key_options key = {
            .line = 1, .file = "f", .name = "a", .sha256 = hex, .scopes = ACCESS_WRITE, .subject = "", .expires = ""
        };
        access = access_new(&key, 1, NULL, 0, &problems);
        must(access != NULL);
    }
    return access;
}

static void identify(struct slice text)
{
    static struct access_memo memo;
    const struct access *access = compiled();
    const struct credential credential = { .key = text };
    const struct access_key *key, *again;
    enum error error = access_identify(access, &credential, 1, &key);
    must((key != NULL) == slice_equal(text, SLICE(KEY)));
    must(key == NULL || error == OK);
    must(access_identify_again(access, &memo, &credential, 1, &again) == error && again == key);
    if (text.len != 0 && key == NULL) {
        must(error == (key_text_is_fit(text) && !key_text_is_damaged(text) ? ERROR_KEY_UNKNOWN : ERROR_KEY_MALFORMED));
    }
    must(!key_text_is_whole(text) || !key_text_is_damaged(text));
}

static bool shows_argument(struct slice query)
{
    struct slice piece;
    while (query.len != 0 && slice_split(&query, '&', &piece)) {
        if (slice_starts_with(piece, SLICE("key="))) {
            return true;
        }
    }
    return false;
}

static void take_head(struct slice head)
{
    static struct buf texts, query;
    struct http_request request;
    enum error error;
    const char *reason;
    if (http_parse_head(head, 1 << 16, &request, &error, &reason) != HTTP_DONE) {
        return;
    }
    struct slice key, detail = SLICE("");
    error = credential_of(&request, true, &texts, &query, &key, &detail);
    must(error == OK || (error == ERROR_BAD_REQUEST && detail.len != 0));
    must(!shows_argument(request.query));
    if (error == OK) {
        identify(key);
    }
}

static void take(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct buf head = { 0 };
    identify(bytes);
    take_head(bytes);
    buf_append_slice(&head, SLICE("GET /ws?"));
    buf_append_slice(&head, bytes);
    buf_append_slice(&head, SLICE(" HTTP/1.1\r\nHost: a\r\n\r\n"));
    take_head(buf_slice(&head));
    buf_clear(&head);
    buf_append_slice(&head, SLICE("GET /ws?key=" KEY " HTTP/1.1\r\nHost: a\r\nAuthorization: "));
    buf_append_slice(&head, bytes);
    buf_append_slice(&head, SLICE("\r\n\r\n"));
    take_head(buf_slice(&head));
    buf_clear(&head);
    buf_append_slice(&head, SLICE("GET /ws HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: "));
    buf_append_slice(&head, bytes);
    buf_append_slice(&head, SLICE("\r\n\r\n"));
    take_head(buf_slice(&head));
    buf_release(&head);
}

COST_FUZZER(take, 200)
