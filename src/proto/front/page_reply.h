/* What is answered by a page: at once, or later. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/ticket.h"

struct page_stream;
struct server_thread;

/* The memory of body and headers is the caller's, until page_reply_release. HEAD, 204, 304: the
 * server leaves the body out. */
struct page_reply {
    int status;                /* any of http_reply.c's table */
    const char *content_type;  /* lives as long as the page; NULL: there is no body */
    const char *cache_control; /* likewise; NULL: nothing is said */
    struct buf body;
    struct buf headers;         /* whole lines, as page_header writes them */
    uint64_t length;            /* to HEAD, instead of a body: the bytes that GET would get; 0: those of the body */
    struct page_stream *stream; /* what follows the body (page_stream.h), of a page that is ready; NULL: nothing does */
};

/* Appends a header line. The value ends at its first control character, so that no value makes a line of its own. `name` is
 * a constant, and none that the server writes itself: Content-Type, Content-Length, Date, Connection. */
void page_header(struct page_reply *reply, const char *name, struct slice value);

/* Whether page_header may be asked to write a field of this name: one of a configuration. */
bool page_header_is_free(const char *name);

static inline void page_reply_release(struct page_reply *reply)
{
    buf_release(&reply->body);
    buf_release(&reply->headers);
}

/* A reply body for an error: RFC 9457 {"type":"about:blank","title":…,"status":…,"code":…,"detail":…}, with
 * `"errors":[…]` if errors is not empty. Sets status and content type. */
void page_problem(struct page_reply *reply, enum error error, struct slice detail, struct slice errors);

/* Names a request whose answer comes later. */
struct page_later {
    struct server_thread *thread;
    struct token token;
};

/* Any thread. Takes the reply's body and headers. If the client has gone, the reply is dropped. */
void page_post(struct page_later later, struct page_reply *reply);
