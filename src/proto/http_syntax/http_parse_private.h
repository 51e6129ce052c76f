/* What the header fields of a request mean: the inner half of http_parse, not for others. */
#pragma once

#include "proto/http_syntax/http_chars.h"
#include "proto/http_syntax/http_parse.h"

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

/* One field, as it stands on both sides of the colon. False: head->error and head->reason say why. */
bool http_field(struct http_head *head, struct slice name, struct slice value);

/* What can only be judged with all fields seen: framing, Host, keep-alive. */
bool http_fields_end(struct http_head *head);

/* Sets the error; always false. */
bool http_head_fail(struct http_head *head, enum error error, const char *reason);
