/* Who asks: the client of a request, behind trusted proxies; by which name it calls, what it may do by its key,
 * and what it pays for it (proto/gate/toll.h). */
#pragma once

#include "base/error.h"
#include "proto/front/client_address.h"

struct event_route;
struct http_answer;
struct http_exchange;
struct http_request;
struct io_context;
struct request_fields;
struct route;
struct slice;
struct token;

struct client_address http_client_of(const struct http_exchange *exchange, const struct http_request *request);

/* Its address as text, in `text` or in the exchange. */
struct slice http_client_ip(const struct http_exchange *exchange, const struct http_request *request,
                            char text[CLIENT_ADDRESS_TEXT]);

/* What its request says of it, in context->request for as long as that is served, if a stream reads it. */
void http_client_lends(struct http_exchange *exchange, const struct http_request *request,
                       struct request_fields *fields);

/* Once its head is known: OK, or ERROR_RATE_LIMITED. Asked again of the same request it answers the same. `bytes`: of the body
 * that will be read, as far as they are known. `free`: it is never refused. */
MUST_CHECK enum error http_client_asks(struct http_exchange *exchange, const struct http_request *request,
                                       uint64_t bytes, bool free);

/* Why the request that is read was refused so, in words for the client. */
struct slice http_client_over(const struct http_exchange *exchange);

/* A POST of events, as http_events_post has it; what it turns out to cost is charged, if anything is limited. */
void http_client_posts(struct http_exchange *exchange, const struct event_route *route,
                       const struct http_request *request, struct slice body, struct token token,
                       struct http_answer *answer);

/* Does the request come from nobody (http_visits.h)? */
bool http_client_is_nobody(const struct http_request *request);

/* May it come in by the name that it calls the gateway? */
bool http_client_calls_us(const struct io_context *context, const struct http_request *request);

/* May it have what is at `route` (NULL: nothing is)? OK, with context->key and context->admin, which are good as long as the request
 * is looked at. Else why not, with *detail, if there is more to say: what access.h and key_judge.h say. */
enum error http_client_may(struct http_exchange *exchange, struct http_request *request, const struct route *route,
                           struct slice *detail);

/* Counts that a request was refused which is no event. */
void http_client_count_refusal(const struct io_context *context, bool websocket, enum error error);
