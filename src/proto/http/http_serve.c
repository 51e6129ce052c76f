/* Turns a request into an answer: of a page, of the pipeline, or a problem. */
#include "proto/http/http_serve.h"

#include "config/options/http_options.h"
#include "proto/front/kept.h"
#include "proto/front/page.h"
#include "proto/front/transport.h"
#include "proto/http/answer_ring.h"
#include "proto/http/http_answer.h"
#include "proto/http/http_client.h"
#include "proto/http/http_configured.h"
#include "proto/http/http_events.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/route/route_table.h"

static struct http_answer *begin_answer(struct http_exchange *exchange, const struct http_request *request)
{
    struct http_answer *answer = answer_ring_push(&exchange->answers);
    http_answer_begin(answer, exchange->context, request);
    answer->reply.hsts = exchange->hsts;
    if (exchange->toll.asked) {
        answer->limit = exchange->toll.told;
    }
    if (exchange->whole_ns != 0) {
        answer->received_ns = exchange->whole_ns;
        exchange->whole_ns = 0;
    }
    return answer;
}

/* Of the answer that was begun last. One that waits is flushed when its fate is known. */
static void flush_if_ready(const struct http_exchange *exchange, const struct route *route)
{
    struct http_answer *answer = answer_ring_at(&exchange->answers, exchange->answers.next - 1);
    answer->series = route != NULL ? route->reply_series : 0;
    if (answer->state == ANSWER_READY) {
        exchange->transport->ops->want_flush(exchange->transport);
    }
}

static bool is_websocket(const struct route *route)
{
    return route != NULL && route->kind == ROUTE_WEBSOCKET;
}

static bool takes_any_host(const struct route *route)
{
    return route != NULL && route->kind == ROUTE_PAGE && route->page->any_host;
}

static bool is_too_large(const struct http_exchange *exchange, const struct http_request *request)
{
    return request->has_length && request->length > exchange->context->options->max_body_bytes;
}

/* Asks what may be done with it, which is answered here; a body beyond all bounds is not read for it. */
static bool is_options(const struct http_exchange *exchange, const struct http_request *request,
                       const struct http_destination *to)
{
    return request->method == HTTP_OPTIONS && !is_too_large(exchange, request) &&
           (to->error == ERROR_METHOD_NOT_ALLOWED || slice_equal(request->target, SLICE("*")));
}

static enum error no_route(const struct route_table *routes, const struct http_destination *to)
{
    if (to->allow != 0) {
        return ERROR_METHOD_NOT_ALLOWED;
    }
    return route_table_serves_elsewhere(routes, to->path) ? ERROR_NOT_SERVED_HERE : ERROR_NOT_FOUND;
}

struct http_destination http_serve_find(struct http_exchange *exchange, struct http_request *request)
{
    struct io_context *context = exchange->context;
    struct http_destination to = { .path = request->path };
    if (!route_table_find_sent(exchange->routes, &to.path, request->host, request->method, &context->captures,
                               &to.allow, &context->path, &to.route)) {
        to.error = ERROR_BAD_REQUEST;
        return to;
    }
    bool takes_events = to.route != NULL && to.route->kind == ROUTE_EVENTS;
    to.visit = takes_events && http_client_is_nobody(request);
    to.is_event = takes_events && !to.visit;
    enum error refused = http_client_may(exchange, request, to.route, &to.detail);
    if (context->options->hosts.count != 0 && !takes_any_host(to.route) && !http_client_calls_us(context, request)) {
        to.error = ERROR_HOST_NOT_ALLOWED;
    } else if (refused != OK) {
        to.error = refused;
    } else if (to.is_event) {
        to.error = kept_is_full(&context->replying) ? ERROR_REPLYING_FULL
                                                    : http_events_check(context, to.route->events, request);
    } else if (is_websocket(to.route) && request->has_body) {
        to.error = ERROR_BAD_REQUEST;
    } else if (is_too_large(exchange, request)) {
        to.error = ERROR_BODY_TOO_LARGE;
    } else if (to.route == NULL) {
        to.error = no_route(exchange->routes, &to);
    }
    if (is_options(exchange, request, &to)) {
        to.options = true;
        to.error = OK;
    }
    return to;
}

/* A preflight is never refused: a page could not tell why. Nor is who asks whether the gateway lives. A body that will not be
 * read costs nothing: else a head that claims one would take all there is from others. */
void http_serve_ask(struct http_exchange *exchange, const struct http_request *request, struct http_destination *to)
{
    bool of_probe = to->route != NULL && to->route->kind == ROUTE_PAGE && to->route->page->unlimited;
    uint64_t bytes = to->error == OK && request->has_length ? request->length : 0;
    enum error error = http_client_asks(exchange, request, bytes, to->options || of_probe);
    if (error != OK && to->error != ERROR_HOST_NOT_ALLOWED) {
        to->error = error;
        to->detail = http_client_over(exchange);
    }
}

/* Of a route that has replies of its own. False: memory is short. */
static bool attach_reply(const struct http_exchange *exchange, const struct http_request *request,
                         const struct event_route *route, struct http_answer *answer)
{
    return route->replies == NULL || http_configured_attach(exchange, request, route, answer);
}

/* Counts it where it belongs. */
static void give_problem(struct io_context *context, struct http_answer *answer, const struct http_destination *to,
                         enum error error, struct slice detail)
{
    answer->reply.allow = to->allow;
    answer->reply.asks_people = to->route != NULL && to->route->kind == ROUTE_PAGE;
    http_client_count_refusal(context, is_websocket(to->route), error);
    if (to->is_event) {
        http_events_refuse(context, answer, error, detail);
        return;
    }
    http_answer_problem(answer, error, detail, SLICE(""));
}

static struct http_answer *refuse(struct http_exchange *exchange, const struct http_request *request,
                                  const struct http_destination *to, enum error error, struct slice detail)
{
    struct http_answer *answer = begin_answer(exchange, request);
    bool known = to->is_event && to->route != NULL; /* else a body stands still whose head is gone */
    bool told = !known || attach_reply(exchange, request, to->route->events, answer);
    give_problem(exchange->context, answer, to, told ? error : ERROR_OUT_OF_MEMORY, detail);
    return answer;
}

void http_serve_refusal(struct http_exchange *exchange, const struct http_request *request,
                        const struct http_destination *to, enum error error, struct slice detail)
{
    refuse(exchange, request, to, error, detail)->reply.close = true;
    flush_if_ready(exchange, to->route);
}

static enum http_outcome outcome(const struct http_request *request)
{
    return request->keep_alive ? HTTP_GOES_ON : HTTP_IS_LAST;
}

/* A reply without an end is the last of its connection. */
static enum http_outcome serve_page(struct http_exchange *exchange, const struct http_request *request,
                                    const struct page *page, struct slice path)
{
    struct page_later later = { exchange->context->thread, http_exchange_next_token(exchange) };
    struct http_answer *answer = begin_answer(exchange, request);
    char text[CLIENT_ADDRESS_TEXT];
    struct page_request asked = {
        .method = request->method,
        .path = path,
        .sent_path = request->path,
        .query = request->query,
        .captures = &exchange->context->captures,
        .host = request->host,
        .client_ip = http_client_ip(exchange, request, text),
        .admin = exchange->context->admin,
        .key = exchange->context->key,
        .fields = request->fields,
    };
    struct page_reply reply = { .status = 200 };
    if (page->any_origin) {
        answer->reply.origin = SLICE("*");
        answer->reply.vary_origin = false;
    }
    if (page->handle(page->context, &asked, &reply, later) == PAGE_LATER) {
        answer->state = ANSWER_PAGE;
        return outcome(request);
    }
    http_answer_page(answer, &reply);
    return answer->stream != NULL ? HTTP_IS_LAST : outcome(request);
}

static enum http_outcome serve_websocket(struct http_exchange *exchange, const struct http_request *request,
                                         const struct http_destination *to)
{
    struct slice detail = SLICE("");
    struct request_fields fields;
    struct http_answer *answer = begin_answer(exchange, request);
    http_client_lends(exchange, request, &fields);
    enum error error = http_upgrade(exchange->context, request, to->route, http_client_of(exchange, request),
                                    &exchange->terms, &answer->body, &detail);
    exchange->context->request = NULL;
    if (error != OK) {
        give_problem(exchange->context, answer, to, error, detail);
        return outcome(request);
    }
    http_answer_upgrade(answer);
    return HTTP_UPGRADES;
}

static void serve_events(struct http_exchange *exchange, const struct http_request *request,
                         const struct event_route *route, struct slice body)
{
    struct request_fields fields;
    struct token token = http_exchange_next_token(exchange);
    struct http_answer *answer = begin_answer(exchange, request);
    if (!attach_reply(exchange, request, route, answer)) {
        http_events_refuse(exchange->context, answer, ERROR_OUT_OF_MEMORY, SLICE(""));
        return;
    }
    http_client_lends(exchange, request, &fields);
    http_client_posts(exchange, route, request, body, token, answer);
    exchange->context->request = NULL;
}

/* As if there were no event in it. */
static void serve_visit(struct http_exchange *exchange, const struct http_request *request,
                        const struct event_route *route)
{
    struct http_answer *answer = begin_answer(exchange, request);
    if (!attach_reply(exchange, request, route, answer)) {
        http_answer_problem(answer, ERROR_OUT_OF_MEMORY, SLICE(""), SLICE(""));
        return;
    }
    http_events_visit(exchange->context, answer);
}

enum http_outcome http_serve(struct http_exchange *exchange, const struct http_request *request,
                             const struct http_destination *to, struct slice body)
{
    enum http_outcome after = outcome(request);
    if (to->options) {
        http_answer_options(begin_answer(exchange, request), request, to->allow);
    } else if (to->error != OK) {
        refuse(exchange, request, to, to->error, to->detail);
    } else if (to->route->kind == ROUTE_PAGE) {
        after = serve_page(exchange, request, to->route->page, to->path);
    } else if (to->route->kind == ROUTE_WEBSOCKET) {
        after = serve_websocket(exchange, request, to);
    } else if (to->route->kind == ROUTE_REPLY) {
        http_configured_reply(exchange, request, to->route->replies, begin_answer(exchange, request));
    } else if (to->visit) {
        serve_visit(exchange, request, to->route->events);
    } else {
        serve_events(exchange, request, to->route->events, body);
    }
    flush_if_ready(exchange, to->route);
    return after;
}
