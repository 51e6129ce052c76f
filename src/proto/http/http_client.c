/* Turns the addresses of a request's way into that of its client, its key into what it may do, and what it sends
 * into what it pays. */
#include "proto/http/http_client.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "proto/credential/key_judge.h"
#include "proto/front/hosts.h"
#include "proto/gate/gatekeeper.h"
#include "proto/gate/toll.h"
#include "proto/http/http_answer.h"
#include "proto/http/http_events.h"
#include "proto/http/http_exchange.h"
#include "proto/http/http_streams.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/http_syntax/http_request_fields.h"
#include "proto/http_syntax/http_visits.h"

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

void http_client_lends(struct http_exchange *exchange, const struct http_request *request,
                       struct request_fields *fields)
{
    if (exchange->context->reads_request) {
        const struct access_key *key = exchange->context->key;
        *fields = http_request_fields(request, exchange->peer_trusted);
        fields->key_name = key != NULL ? access_key_name(key) : SLICE("");
        exchange->context->request = fields;
    }
}

static struct visitor visitor_of(struct http_exchange *exchange, const struct http_request *request)
{
    return (struct visitor){ .address = http_client_of(exchange, request),
                             .key = exchange->context->key,
                             .wall_ns = exchange->context->wall_ns,
                             .place = &exchange->place };
}

enum error http_client_asks(struct http_exchange *exchange, const struct http_request *request, uint64_t bytes,
                            bool free)
{
    const struct io_context *context = exchange->context;
    ASSERT(context->gatekeeper->rates != NULL);
    const struct visitor visitor = visitor_of(exchange, request);
    return toll_ask(&exchange->toll, context->gatekeeper, &visitor, bytes, free, context->now_ns,
                    context->intake.cells);
}

struct slice http_client_over(const struct http_exchange *exchange)
{
    ASSERT(exchange->toll.asked && exchange->toll.error == ERROR_RATE_LIMITED);
    return toll_refusal(&exchange->toll);
}

/* Of a body in chunks nobody knew how long it would be. What goes to another thread is charged there. */
static void RARE post_and_pay(struct http_exchange *exchange, const struct event_route *route,
                              const struct http_request *request, struct slice body, struct slice client_ip,
                              struct token token, struct http_answer *answer)
{
    struct io_context *context = exchange->context;
    const struct visitor visitor = visitor_of(exchange, request);
    struct service service = service_begin(context->gatekeeper, context->turn.clock);
    struct spending spending = { .bytes = request->chunked ? body.len : 0 };
    context->visitor = &visitor;
    context->intake.submission.events = 0;
    http_events_post(context, route, request, body, client_ip, token, answer);
    context->visitor = NULL;
    if (answer->state != ANSWER_SUBMIT) {
        uint32_t events = context->intake.submission.events;
        spending.events = events != 0 ? events : 1;
    }
    service_end(service, &visitor, spending, context->now_ns, context->turn.clock);
}

void http_client_posts(struct http_exchange *exchange, const struct event_route *route,
                       const struct http_request *request, struct slice body, struct token token,
                       struct http_answer *answer)
{
    char text[CLIENT_ADDRESS_TEXT];
    struct slice client_ip = http_client_ip(exchange, request, text);
    const struct limits *rates = exchange->context->gatekeeper->rates;
    if (rates != NULL && limits_charge_afterwards(rates)) {
        post_and_pay(exchange, route, request, body, client_ip, token, answer);
    } else {
        http_events_post(exchange->context, route, request, body, client_ip, token, answer);
    }
}

bool http_client_is_nobody(const struct http_request *request)
{
    return http_visits_are_nobodys(request);
}

bool http_client_calls_us(const struct io_context *context, const struct http_request *request)
{
    return hosts_take(&context->options->hosts, request->host);
}

static enum error RARE ask_key(struct http_exchange *exchange, struct http_request *request, const struct route *route,
                               struct slice *detail)
{
    struct io_context *context = exchange->context;
    const struct key_question question = {
        .access = context->gatekeeper->access,
        .memo = &exchange->known,
        .subject = exchange->certificate_subject,
        .wall_ns = context->wall_ns,
        .texts = &context->shown,
        .query = &context->query,
    };
    const struct event_route *takes_events;
    enum error error = key_judge(&question, request, route, &context->key, &context->admin, &takes_events, detail);
    if (error == OK && takes_events != NULL && context->key != NULL) {
        error = http_streams_may(context, takes_events, request->query, detail);
    }
    if (error == OK && context->key != NULL && (takes_events == NULL || !http_streams_are_in_path(takes_events))) {
        key_judge_keep(&question, request, route, context->admin);
    }
    return error;
}

enum error http_client_may(struct http_exchange *exchange, struct http_request *request, const struct route *route,
                           struct slice *detail)
{
    struct io_context *context = exchange->context;
    const struct access *access = context->gatekeeper->access;
    context->key = NULL;
    context->admin = OK;
    if (access == NULL || route == NULL) {
        return OK;
    }
    bool again =
        key_judge_again(access, &exchange->known, request, route, context->wall_ns, &context->key, &context->admin);
    return again ? OK : ask_key(exchange, request, route, detail);
}

void http_client_count_refusal(const struct io_context *context, bool websocket, enum error error)
{
    if (websocket) {
        metric_add_index(context->intake.cells, METRIC_WEBSOCKETS_REFUSED, (size_t)error, 1);
    }
    if (access_refuses(error)) {
        metric_add_index(context->intake.cells, METRIC_KEY_REFUSALS, (size_t)error, 1);
    }
}
