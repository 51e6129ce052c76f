/* POSTs to the event routes: arguments, decompression, submission. */
#pragma once

#include "base/bytes.h"

struct event_route;
struct http_answer;
struct http_request;
struct io_context;
struct large_payload;
struct slice;
struct token;

/* Events of one request whose ids are listed in its reply without being asked for (`ids=1`). */
#define HTTP_IDS_MAX 1000

/* What can be said of a POST before its body: ERROR_BODY_TOO_LARGE by its Content-Length, ERROR_UNSUPPORTED_ENCODING,
 * ERROR_UNSUPPORTED_TYPE. */
MUST_CHECK enum error http_events_check(const struct io_context *context, const struct event_route *route,
                                        const struct http_request *request);

/* A whole request; of its path context->captures. `body` is followed by JSON_PADDING readable bytes. Fills `answer` (begun):
 * ready, or waiting for the completion that goes to `token`. */
void http_events_post(struct io_context *context, const struct event_route *route, const struct http_request *request,
                      struct slice body, struct slice client_ip, struct token token, struct http_answer *answer);

/* Answers what makes no event (http_visits.h) as a payload without events, and counts it. */
void http_events_visit(struct io_context *context, struct http_answer *answer);

/* What became of a POST whose payload was large: as above. */
void http_events_submitted(struct http_answer *answer, const struct large_payload *large);

/* Answers a POST that is refused unparsed, and counts it. */
void http_events_refuse(struct io_context *context, struct http_answer *answer, enum error error, struct slice detail);
