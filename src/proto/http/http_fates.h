/* The fates of requests, as the pipeline and pages tell them: the inner part of http_session, not for others. */
#pragma once

#include "event/ticket.h"

struct http_answer;
struct http_session;
struct large_payload;
struct page_reply;

/* While the gateway drains nothing is stored any more. */
void http_fates_stop_waiting(const struct http_session *session, struct http_answer *answer);

/* As in struct session_ops: completions of this generation. Those of an answer that was given already are dropped. */
void http_fates_complete(void *opaque, const struct ticket *ticket);
void http_fates_stored(void *opaque, struct token token);
void http_fates_submitted(void *opaque, struct token token, struct large_payload *large);
void http_fates_page(void *opaque, struct token token, struct page_reply *reply);
