/* Turns the addresses of a request's way into that of its client. */
#include "proto/http/http_client.h"

#include "proto/http/http_exchange.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"

static bool is_forwarded(const struct http_exchange *exchange, const struct http_request *request)
{
    return exchange->peer_trusted && request->forwarded_for_count != 0;
}

struct client_address http_client_of(const struct http_exchange *exchange, const struct http_request *request)
{
    return is_forwarded(exchange, request) ? client_address_behind(exchange->context->trusted, exchange->peer,
                                                                   request->forwarded_for, request->forwarded_for_count)
                                           : exchange->peer;
}

struct slice http_client_ip(const struct http_exchange *exchange, const struct http_request *request,
                            char text[CLIENT_ADDRESS_TEXT])
{
    if (!is_forwarded(exchange, request)) {
        return slice_make(exchange->peer_text, exchange->peer_text_length);
    }
    struct client_address client = http_client_of(exchange, request);
    return slice_make(text, client_address_format(&client, text));
}
