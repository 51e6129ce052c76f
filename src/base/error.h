/* The one table of errors: what every door answers and counts.
 *
 * Functions that can fail return `enum error`; OK is zero. `code` is the stable name that clients see in
 * errors[].code and Prometheus in reason="…". `fate` says how an event with this error is counted:
 * REJECTED is the client's to mend, DROPPED is ours (full, failing, draining) and worth a retry. */
#pragma once

#include <stdbool.h>

enum fate { FATE_NONE, FATE_REJECTED, FATE_DROPPED };

/*  X(name, code, fate, HTTP status, WebSocket close code, text) */
#define ERROR_LIST(X)                                                                                                  \
    X(OK, "ok", NONE, 200, 1000, "no error")                                                                           \
    /* the request as a whole */                                                                                       \
    X(ERROR_BAD_REQUEST, "bad_request", REJECTED, 400, 1002, "the request is malformed")                               \
    X(ERROR_NOT_FOUND, "not_found", REJECTED, 404, 1008, "there is no such page")                                      \
    X(ERROR_NOT_SERVED_HERE, "not_served_here", REJECTED, 404, 1008,                                                   \
      "this path is not served at this address: http.listeners says at which it is")                                   \
    X(ERROR_METHOD_NOT_ALLOWED, "method_not_allowed", REJECTED, 405, 1008,                                             \
      "the path does not take this method; Allow names those that it takes")                                           \
    X(ERROR_TIMEOUT, "timeout", REJECTED, 408, 1008, "the request took too long to arrive")                            \
    X(ERROR_BODY_TOO_LARGE, "body_too_large", REJECTED, 413, 1009, "the body is larger than http.max_body")            \
    X(ERROR_URI_TOO_LONG, "uri_too_long", REJECTED, 414, 1009, "the request line is longer than http.max_header")      \
    X(ERROR_UNSUPPORTED_ENCODING, "unsupported_encoding", REJECTED, 415, 1003,                                         \
      "the content encoding is not one of identity, gzip, deflate, lz4, zstd")                                         \
    X(ERROR_UNSUPPORTED_TYPE, "unsupported_type", REJECTED, 415, 1003,                                                 \
      "events are JSON: send application/json, or application/x-ndjson")                                               \
    X(ERROR_EXPECTATION_FAILED, "expectation_failed", REJECTED, 417, 1008, "the only expectation met is 100-continue") \
    X(ERROR_TOO_MANY_REQUESTS, "too_many_requests", REJECTED, 429, 1013, "too many requests")                          \
    X(ERROR_HEADERS_TOO_LARGE, "headers_too_large", REJECTED, 431, 1009,                                               \
      "the header fields are larger than http.max_header")                                                             \
    X(ERROR_NOT_IMPLEMENTED, "not_implemented", REJECTED, 501, 1003, "the transfer coding is not supported")           \
    X(ERROR_HTTP_VERSION, "http_version", REJECTED, 505, 1002, "only HTTP/1.0 and HTTP/1.1 are spoken here")           \
    X(ERROR_ORIGIN_NOT_ALLOWED, "origin_not_allowed", REJECTED, 403, 1008,                                             \
      "web pages of this origin are not in http.cors_origins")                                                         \
    X(ERROR_KEY_MISSING, "key_missing", REJECTED, 401, 1008,                                                           \
      "a key is needed: send it as Authorization: Bearer KEY, X-API-Key, or ?key=")                                    \
    X(ERROR_KEY_MALFORMED, "key_malformed", REJECTED, 401, 1008,                                                       \
      "this is no key: its checksum is wrong, so a character was lost or changed")                                     \
    X(ERROR_KEY_UNKNOWN, "key_unknown", REJECTED, 401, 1008, "there is no such key")                                   \
    X(ERROR_KEY_EXPIRED, "key_expired", REJECTED, 401, 1008, "the key has expired")                                    \
    X(ERROR_KEY_DISABLED, "key_disabled", REJECTED, 401, 1008, "the key is disabled")                                  \
    X(ERROR_KEY_ORIGIN, "key_origin", REJECTED, 403, 1008, "web pages of this origin may not use the key")             \
    X(ERROR_SCOPE_MISSING, "scope_missing", REJECTED, 403, 1008, "the key is not for this: it lacks the scope")        \
    X(ERROR_STREAM_FORBIDDEN, "stream_forbidden", REJECTED, 403, 1008, "the key is not for this stream")               \
    X(ERROR_ADDRESS_NOT_ALLOWED, "address_not_allowed", REJECTED, 403, 1008,                                           \
      "the listener takes nothing from this address")                                                                  \
    X(ERROR_BAD_SIGNATURE, "bad_signature", REJECTED, 401, 1008,                                                       \
      "the datagram's trailer is missing, or its HMAC is not that of the listener's key")                              \
    X(ERROR_SIGNATURE_TIME, "signature_time", REJECTED, 401, 1008,                                                     \
      "the datagram was signed too long ago, or its sender's clock is wrong")                                          \
    X(ERROR_SIGNATURE_UNEXPECTED, "signature_unexpected", REJECTED, 400, 1008,                                         \
      "the datagram is signed, and the listener has no `hmac` to check it with")                                       \
    X(ERROR_REPLAYED, "replayed", REJECTED, 401, 1008, "a datagram with this signature came before")                   \
    X(ERROR_RATE_LIMITED, "rate_limited", REJECTED, 429, 1013,                                                         \
      "more comes from here than the configuration allows; wait as long as Retry-After says")                          \
    X(ERROR_TLS_REQUIRED, "tls_required", REJECTED, 400, 1002,                                                         \
      "a plain HTTP request was sent to a port that speaks HTTPS; use https://")                                       \
    X(ERROR_TLS_NOT_SPOKEN, "tls_not_spoken", REJECTED, 400, 1002,                                                     \
      "a TLS handshake was sent to a port that speaks plain HTTP; use http://, or give the listener tls")              \
    X(ERROR_HOST_NOT_ALLOWED, "host_not_allowed", REJECTED, 421, 1008,                                                 \
      "the gateway is not called by this name: http.hosts does not list it")                                           \
    X(ERROR_UPGRADE_REQUIRED, "upgrade_required", REJECTED, 426, 1002,                                                 \
      "this path speaks WebSocket, version 13 (RFC 6455)")                                                             \
    X(ERROR_TOO_MANY_WEBSOCKETS, "too_many_websockets", REJECTED, 503, 1013,                                           \
      "websocket.max_connections are open; try again")                                                                 \
    X(ERROR_TOO_MANY_VIEWERS, "too_many_viewers", REJECTED, 503, 1013,                                                 \
      "live.viewers are watching; close a page that watches, or try again")                                            \
    X(ERROR_TOO_MANY_OF_ADDRESS, "too_many_of_address", REJECTED, 429, 1013,                                           \
      "as many are open from this address as max_per_address allows; close one, or try again")                         \
    X(ERROR_BAD_FRAME, "bad_frame", REJECTED, 400, 1002, "the frame breaks RFC 6455")                                  \
    X(ERROR_INVALID_UTF8, "invalid_utf8", REJECTED, 400, 1007, "the text is not valid UTF-8")                          \
    X(ERROR_UNSUPPORTED_DATA, "unsupported_data", REJECTED, 415, 1003,                                                 \
      "a binary message holds LZ4: a frame, or a block behind its 4-byte size; send JSON as text")                     \
    X(ERROR_MESSAGE_TOO_LARGE, "message_too_large", REJECTED, 413, 1009,                                               \
      "the message is larger than websocket.max_message")                                                              \
    X(ERROR_TRUNCATED, "truncated", REJECTED, 413, 1009, "the datagram is larger than what is read of one")            \
    X(ERROR_BAD_COMPRESSION, "bad_compression", REJECTED, 400, 1007, "the compressed bytes are damaged or cut off")    \
    X(ERROR_DECOMPRESSED_TOO_LARGE, "decompressed_too_large", REJECTED, 413, 1009,                                     \
      "the payload is larger than max_decompressed once decompressed")                                                 \
    X(ERROR_RATIO_TOO_HIGH, "ratio_too_high", REJECTED, 413, 1009,                                                     \
      "the payload is larger than 1 MiB and than http.max_ratio times what was sent, once decompressed")               \
    X(ERROR_UNKNOWN_STREAM, "unknown_stream", REJECTED, 404, 1008, "there is no stream of this name")                  \
    X(ERROR_BAD_ARGUMENT, "bad_argument", REJECTED, 400, 1008, "an argument of the request is not valid")              \
    X(ERROR_EMPTY_PAYLOAD, "empty_payload", REJECTED, 400, 1007, "the payload holds no event")                         \
    X(ERROR_INVALID_JSON, "invalid_json", REJECTED, 400, 1007, "the payload is not valid JSON")                        \
    X(ERROR_TOO_MANY_EVENTS, "too_many_events", REJECTED, 413, 1009, "the payload holds more events than the limit")   \
    X(ERROR_PAYLOAD_TOO_LARGE, "payload_too_large", REJECTED, 413, 1009,                                               \
      "the payload's events take more room than a block of the journal may; send fewer or smaller ones at once")       \
    X(ERROR_BATCH_REFUSED, "batch_refused", REJECTED, 400, 1007,                                                       \
      "another event of the payload was refused, and the route takes all of them or none")                             \
    X(ERROR_CONNECTION_CLOSED, "connection_closed", REJECTED, 400, 1001,                                               \
      "the connection ended before the payload was whole")                                                             \
    /* one event: a rule takes the code whose text is true of it, and says the rest in its message */                  \
    X(ERROR_NOT_AN_OBJECT, "not_an_object", REJECTED, 400, 1007, "an event must be a JSON object")                     \
    X(ERROR_MISSING_FIELD, "missing_field", REJECTED, 400, 1007, "a required field is missing")                        \
    X(ERROR_UNKNOWN_FIELD, "unknown_field", REJECTED, 400, 1007, "the stream has no such field")                       \
    X(ERROR_WRONG_TYPE, "wrong_type", REJECTED, 400, 1007, "the value has the wrong type")                             \
    X(ERROR_OUT_OF_RANGE, "out_of_range", REJECTED, 400, 1007, "the value is out of range")                            \
    X(ERROR_TOO_LONG, "too_long", REJECTED, 400, 1007, "the value is too long")                                        \
    X(ERROR_TOO_SHORT, "too_short", REJECTED, 400, 1007, "the value is too short")                                     \
    X(ERROR_NOT_ALLOWED, "not_allowed", REJECTED, 400, 1007, "the value is not one of those allowed")                  \
    X(ERROR_INVALID_VALUE, "invalid_value", REJECTED, 400, 1007, "the value cannot be read as the field's type")       \
    X(ERROR_TIME_TOO_OLD, "time_too_old", REJECTED, 400, 1007, "the time lies further back than max_past")             \
    X(ERROR_TIME_TOO_NEW, "time_too_new", REJECTED, 400, 1007, "the time lies further ahead than max_future")          \
    X(ERROR_CONFLICTING_KEYS, "conflicting_keys", REJECTED, 400, 1007,                                                 \
      "two keys of the JSON value name the same path")                                                                 \
    X(ERROR_EVENT_TOO_LARGE, "event_too_large", REJECTED, 400, 1007,                                                   \
      "the event is larger than max_event of its stream")                                                              \
    X(ERROR_TOO_MANY_KEYS, "too_many_keys", REJECTED, 400, 1007, "the JSON value has more keys than max_keys")         \
    X(ERROR_TOO_MANY_PATHS, "too_many_paths", REJECTED, 400, 1007, "the JSON value has more paths than max_paths")     \
    X(ERROR_TOO_DEEP, "too_deep", REJECTED, 400, 1007, "the JSON value is nested too deeply")                          \
    /* the gateway */                                                                                                  \
    X(ERROR_QUEUE_FULL, "queue_full", DROPPED, 503, 1013, "the gateway has no room for more events; try again")        \
    X(ERROR_RECEIVING_FULL, "receiving_full", DROPPED, 503, 1013,                                                      \
      "requests and messages that are not whole fill http.max_receiving; try again")                                   \
    X(ERROR_REPLYING_FULL, "replying_full", DROPPED, 503, 1013,                                                        \
      "replies that clients do not take fill http.max_replying; try again")                                            \
    X(ERROR_JOURNAL_FULL, "journal_full", DROPPED, 503, 1013, "the journal has reached its limit; try again")          \
    X(ERROR_DISK_FULL, "disk_full", DROPPED, 503, 1013, "the disk has no room for more events; try again")             \
    X(ERROR_JOURNAL_FAILED, "journal_failed", DROPPED, 503, 1013,                                                      \
      "the journal could not be written, the event's fate is unknown; try again")                                      \
    X(ERROR_DEDUP_FAILED, "dedup_failed", DROPPED, 503, 1013, "the duplicate filter does not answer; try again")       \
    X(ERROR_STARTING, "starting", DROPPED, 503, 1013, "the gateway is starting and reads its journal; try again")      \
    X(ERROR_DRAINING, "draining", DROPPED, 503, 1012, "the gateway is shutting down; try another")                     \
    X(ERROR_OUT_OF_MEMORY, "out_of_memory", DROPPED, 503, 1013, "the gateway is out of memory; try again")             \
    X(ERROR_SIGNATURES_FULL, "signatures_full", DROPPED, 503, 1013,                                                    \
      "more is signed than udp.hmac_remembered can keep, by clocks ahead of the gateway's")                            \
    X(ERROR_STORE_UNAVAILABLE, "store_unavailable", NONE, 503, 1013, "the store does not answer")                      \
    X(ERROR_STORE_FAILED, "store_failed", NONE, 502, 1011, "the store answered with an error")                         \
    X(ERROR_INTERNAL, "internal", DROPPED, 500, 1011, "internal error")

enum error {
#define X(name, code, fate, http, close, text) name,
    ERROR_LIST(X)
#undef X
        ERROR_COUNT
};

struct error_info {
    const char *code;
    enum fate fate;
    int http_status;
    int close_code;
    const char *text;
};

/* Never NULL. */
const struct error_info *error_info(enum error error);
