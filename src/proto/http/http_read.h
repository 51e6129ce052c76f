/* Turns the bytes that a connection has received into requests, one at a time, and says what each means for it. */
#pragma once

#include "base/error.h"

struct http_exchange;
struct http_input;

enum http_read {
    HTTP_READ_NOTHING,     /* more bytes are needed */
    HTTP_READ_LACKS_TURN,  /* a whole request waits for its turn, which was asked for */
    HTTP_READ_HEAD,        /* a body is on its way */
    HTTP_READ_EXPECTATION, /* the same, and it comes after 100 Continue */
    HTTP_READ_REQUEST,     /* it is served, or refused with its body read */
    HTTP_READ_LAST,        /* the same, and its answer ends the connection */
    HTTP_READ_UPGRADE,     /* its answer is the 101 */
};

/* Takes what is next: at least one byte is here, and there is room in the ring. */
enum http_read http_read_request(struct http_input *input, struct http_exchange *exchange);

/* The last answer, to a request whose own words are lost: one that was cut off, or is not HTTP. */
void http_read_refuse(struct http_input *input, struct http_exchange *exchange, bool is_event, enum error error);
