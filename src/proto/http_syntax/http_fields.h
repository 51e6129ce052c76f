/* What the header fields of a request mean: the inner half of http_parse, not for others. */
#pragma once

#include "proto/http_syntax/http_parse.h"

/* Which bytes may stand where. Of a field's value everything may but control characters (see http_is_text). */
enum http_char_class {
    CHAR_TOKEN = 1,  /* methods, field names (RFC 9110, 5.6.2) */
    CHAR_HOST = 2,   /* host and port; a comma is not among them, so that no list of hosts passes */
    CHAR_TARGET = 4, /* printable ASCII but '#', which never is sent */
};

extern const uint8_t http_char_classes[256];

static inline bool http_all_in_class(struct slice s, enum http_char_class class)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((http_char_classes[(uint8_t)s.data[i]] & class) == 0) {
            return false;
        }
    }
    return true;
}

/* No control characters but tabs. */
bool http_is_text(struct slice s);

/* A head being read. */
struct http_head {
    struct http_request *request;
    enum error error;
    const char *reason;
    unsigned seen;        /* fields that came, by bit */
    bool absolute_target; /* its authority is the host, the Host field is only checked */
    bool token_close;     /* in Connection */
    bool token_keep_alive;
    bool token_upgrade;
    bool upgrade_websocket;
};

/* One field, its value trimmed. False: head->error and head->reason say why. */
bool http_field(struct http_head *head, struct slice name, struct slice value);

/* What can only be judged with all fields seen: framing, Host, keep-alive. */
bool http_fields_end(struct http_head *head);

/* Sets the error; always false. */
bool http_head_fail(struct http_head *head, enum error error, const char *reason);
