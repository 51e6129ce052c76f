/* Who asks: the client of a request, behind trusted proxies. */
#pragma once

#include "proto/front/client_address.h"

struct http_exchange;
struct http_request;
struct slice;

struct client_address http_client_of(const struct http_exchange *exchange, const struct http_request *request);

/* Its address as text, in `text` or in the exchange. */
struct slice http_client_ip(const struct http_exchange *exchange, const struct http_request *request,
                            char text[CLIENT_ADDRESS_TEXT]);
