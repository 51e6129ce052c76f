/* Turns a request to a route with replies of its own into an answer that knows the request. */
#include "proto/http/http_configured.h"

#include "proto/answer/request_texts.h"
#include "proto/answer/route_reply.h"
#include "proto/http/http_client.h"
#include "proto/http/http_exchange.h"
#include "proto/http/io_context.h"
#include "proto/route/event_route.h"

static bool attach(const struct http_exchange *exchange, const struct http_request *request,
                   const struct reply_set *set, const struct event_route *route, struct http_answer *answer)
{
    char text[CLIENT_ADDRESS_TEXT];
    const struct request_texts from = {
        .request = request,
        .captures = &exchange->context->captures,
        .client_ip = http_client_ip(exchange, request, text),
        .peer_trusted = exchange->peer_trusted,
    };
    answer->route_reply = route_reply_new(set, route, &from, &exchange->context->text);
    return answer->route_reply != NULL;
}

bool http_configured_attach(const struct http_exchange *exchange, const struct http_request *request,
                            const struct event_route *route, struct http_answer *answer)
{
    return attach(exchange, request, route->replies, route, answer);
}

void http_configured_reply(const struct http_exchange *exchange, const struct http_request *request,
                           const struct reply_set *set, struct http_answer *answer)
{
    answer->reply.status = 200;
    if (!attach(exchange, request, set, NULL, answer)) {
        http_answer_problem(answer, ERROR_OUT_OF_MEMORY, SLICE(""), SLICE(""));
    } else if (reply_set_find(set, REPLY_OK) == NULL) {
        http_answer_problem(answer, ERROR_NOT_FOUND, SLICE(""), SLICE(""));
    }
}
