/* Turns a request for an upgrade into the terms of a WebSocket and the reply that opens it. */
#include "proto/http/http_upgrade.h"

#include "base/digest.h"
#include "config/options/http_options.h"
#include "proto/front/origins.h"
#include "proto/front/page.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_streams.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/route/route.h"

#define KEY_TEXT 24 /* 16 bytes in base64: 22 digits and "==" */
#define SUBPROTOCOL "sluice.v1"

static bool is_base64(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
}

static bool is_key(struct slice key)
{
    if (key.len != KEY_TEXT || key.data[KEY_TEXT - 2] != '=' || key.data[KEY_TEXT - 1] != '=') {
        return false;
    }
    for (size_t i = 0; i < KEY_TEXT - 2; i++) {
        if (!is_base64(key.data[i])) {
            return false;
        }
    }
    return true;
}

static enum error judge_upgrade(const struct io_context *context, const struct http_request *request,
                                struct slice *detail)
{
    if (context->draining) {
        return ERROR_DRAINING;
    }
    if (request->minor_version == 0 || request->has_body) {
        *detail = SLICE("a handshake is a GET without a body, and version 1.1 of HTTP");
        return ERROR_BAD_REQUEST;
    }
    if (!request->upgrade_websocket || !slice_equal(request->websocket_version, SLICE("13"))) {
        return ERROR_UPGRADE_REQUIRED;
    }
    if (!is_key(request->websocket_key)) {
        *detail = SLICE("Sec-WebSocket-Key is not 16 bytes in base64");
        return ERROR_BAD_REQUEST;
    }
    return OK;
}

/* Browsers leave out the port that the scheme implies; which scheme a proxy in front speaks cannot be seen here. */
static struct slice without_default_port(struct slice host)
{
    static const struct slice ports[] = { { ":80", 3 }, { ":443", 4 } };
    for (size_t i = 0; i < ARRAY_LENGTH(ports); i++) {
        size_t behind = host.len - ports[i].len;
        if (host.len > ports[i].len && slice_equal(slice_after(host, behind), ports[i])) {
            return slice_make(host.data, behind);
        }
    }
    return host;
}

static bool is_own_origin(struct slice origin, struct slice host)
{
    static const struct slice schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        if (origin.len > schemes[i].len && slice_equal_nocase(slice_make(origin.data, schemes[i].len), schemes[i])) {
            struct slice authority = slice_after(origin, schemes[i].len);
            return slice_equal_nocase(without_default_port(authority), without_default_port(host));
        }
    }
    return false;
}

static enum error judge_origin(const struct io_context *context, const struct http_request *request)
{
    struct slice origin = request->origin;
    bool allowed = origin.len == 0 || is_own_origin(origin, request->host) ||
                   origins_find(&context->options->cors_origins, origin) >= 0;
    return allowed ? OK : ERROR_ORIGIN_NOT_ALLOWED;
}

static enum error read_ack(struct io_context *context, struct slice query, struct ws_terms *terms, struct slice *detail)
{
    bool malformed = false;
    if (!page_argument(query, "ack", &context->text, &malformed)) {
        return OK;
    }
    if (context->text.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    bool silent = slice_equal(buf_slice(&context->text), SLICE("0"));
    if (malformed || (!silent && !slice_equal(buf_slice(&context->text), SLICE("1")))) {
        *detail = SLICE("ack: the values are 0 and 1");
        return ERROR_BAD_ARGUMENT;
    }
    terms->acks = terms->acks && !silent;
    return OK;
}

/* Those of a route of the configuration are its own: the query says nothing to us. */
static enum error read_arguments(struct io_context *context, struct slice query, struct ws_terms *terms,
                                 struct slice *detail)
{
    enum error error = http_streams_choose(context, terms->route, query, &terms->stream, detail);
    return error != OK || terms->route->options != NULL ? error : read_ack(context, query, terms, detail);
}

static bool is_offered(struct slice list, struct slice protocol)
{
    struct slice token;
    while (slice_split(&list, ',', &token)) {
        if (slice_equal(slice_trim(token), protocol)) {
            return true;
        }
    }
    return false;
}

static void append_accept(struct buf *out, struct slice key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char joined[KEY_TEXT + sizeof guid - 1];
    uint8_t digest[DIGEST_SHA1_SIZE];
    char text[DIGEST_BASE64_SIZE(sizeof digest)];
    memcpy(joined, key.data, KEY_TEXT);
    memcpy(joined + KEY_TEXT, guid, sizeof guid - 1);
    digest_sha1(slice_make(joined, sizeof joined), digest);
    digest_base64(slice_make(digest, sizeof digest), text);
    buf_append_string(out, text);
}

static void append_reply(struct buf *out, const struct http_request *request)
{
    buf_append_slice(out, SLICE("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: "));
    append_accept(out, request->websocket_key);
    buf_append_slice(out, is_offered(request->websocket_protocol, SLICE(SUBPROTOCOL))
                              ? SLICE("\r\nSec-WebSocket-Protocol: " SUBPROTOCOL "\r\n\r\n")
                              : SLICE("\r\n\r\n"));
}

static struct slice keep(struct buf *text, struct slice from)
{
    size_t at = text->len;
    buf_append_slice(text, from); /* has room: what was kept before does not move */
    return slice_make(text->data + at, from.len);
}

/* What the messages of the connection fill columns with. False: memory is short. */
static bool keep_request(struct ws_terms *terms, const struct request_fields *from)
{
    if (!buf_reserve(&terms->request_text,
                     from->host.len + from->referer.len + from->accept_language.len + from->key_name.len + 1)) {
        return false;
    }
    terms->request = (struct request_fields){ .host = keep(&terms->request_text, from->host),
                                              .referer = keep(&terms->request_text, from->referer),
                                              .accept_language = keep(&terms->request_text, from->accept_language),
                                              .key_name = keep(&terms->request_text, from->key_name) };
    return true;
}

static enum error settle(struct io_context *context, const struct http_request *request, struct ws_terms *terms,
                         struct buf *out, struct slice *detail)
{
    enum error error = judge_upgrade(context, request, detail);
    if (error == OK) {
        error = judge_origin(context, request);
    }
    if (error == OK) {
        error = read_arguments(context, request->query, terms, detail);
    }
    if (error != OK) {
        return error;
    }
    access_hold_take(&terms->key, context->gatekeeper->access, context->key);
    append_reply(out, request);
    buf_append_slice(&terms->user_agent, request->user_agent);
    bool kept = context->request == NULL || keep_request(terms, context->request);
    if (out->failed || terms->user_agent.failed || !kept) {
        return ERROR_OUT_OF_MEMORY;
    }
    error = gatekeeper_enter(context->gatekeeper, GATEKEEPER_WEBSOCKET, &terms->address);
    if (error == OK) {
        terms->entered = context->gatekeeper;
    }
    return error;
}

enum error http_upgrade(struct io_context *context, const struct http_request *request, const struct route *route,
                        struct client_address client, struct ws_terms *terms, struct buf *out, struct slice *detail)
{
    *terms = (struct ws_terms){
        .route = route->events, .acks = route->acks, .ack_series = route->ack_series, .address = client
    };
    terms->client_ip_length = client_address_format(&client, terms->client_ip);
    enum error error = settle(context, request, terms, out, detail);
    if (error != OK) {
        ws_terms_release(terms);
    }
    return error;
}

void ws_terms_release(struct ws_terms *terms)
{
    if (terms->entered != NULL) {
        gatekeeper_leave(terms->entered, GATEKEEPER_WEBSOCKET, &terms->address);
    }
    buf_release(&terms->user_agent);
    buf_release(&terms->request_text);
    *terms = (struct ws_terms){ 0 };
}
