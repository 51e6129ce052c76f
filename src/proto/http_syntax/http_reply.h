/* HTTP replies: status lines, fields and bodies, appended to a buf. Pure; failures are sticky in the buf. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct event_id;

/* What stands before a body. Zero is the default of everything but `status`. */
struct http_reply {
    int status;
    const char *content_type;
    bool head_only; /* HEAD: fields as for GET, no body */
    bool close;
    bool endless;            /* the body goes on behind what is written of it, until the connection ends */
    struct slice keep_alive; /* unless `close`: whole lines, as http_reply_keep_alive writes them, or empty */
    unsigned allow;          /* METHOD_BITs for Allow (and for a preflight), 0: none */
    bool preflight;
    struct slice asked_headers; /* of a preflight, all of them allowed; empty: those that events come with */
    struct slice origin;        /* Access-Control-Allow-Origin: "*" or the origin; empty: none */
    bool vary_origin;           /* another origin may get another reply */
    const char *cache_control;
    struct slice headers;   /* more whole lines, or empty */
    struct slice limits;    /* likewise, of RateLimit and its kin */
    struct slice hsts;      /* likewise, Strict-Transport-Security */
    int64_t retry_after_ns; /* of 429 and 503; 0: a second */
    uint64_t length;        /* of HEAD: that of the body which GET would get; 0: the body's */
    bool asks_people;       /* 401: a browser may ask its user for the key */
    const char *accepts;    /* whole lines: what would have been taken instead; NULL: nothing is said */
};

/* Whether these are whole header lines, each with a name, and without control characters in their values. */
bool http_reply_are_lines(struct slice lines);

/* "Not Found"; "Error" of a status that the gateway does not know. */
struct slice http_reply_title(int status);

/* `date` is a whole "Date: …\r\n" line, or empty. 401 carries WWW-Authenticate, 429 and 503 Retry-After, 426
 * what to upgrade to. */
void http_reply_write(struct buf *out, const struct http_reply *reply, struct slice date, struct slice body);

/* Writes "Date: …\r\n", at most HTTP_DATE_LINE bytes; returns how many. */
#define HTTP_DATE_LINE 40
size_t http_reply_date(char out[HTTP_DATE_LINE], int64_t wall_ns);

/* Writes the lines of a connection that goes on: "Connection: keep-alive" (to HTTP/1.0 it is news) and "Keep-Alive:
 * timeout=…", the whole seconds that a client may let it rest before it sends the next request. They are fewer than
 * idle_timeout_ns, after which the connection is closed: the request that is just sent then must still be in time. Left
 * out of a time-out that is too short for it. Returns how many bytes. */
#define HTTP_KEEP_ALIVE_LINES 64
size_t http_reply_keep_alive(char out[HTTP_KEEP_ALIVE_LINES], int64_t idle_timeout_ns);

/* RFC 9457; `errors` are JSON objects separated by commas, or empty. */
void http_reply_problem(struct buf *out, enum error error, struct slice detail, struct slice errors);

#define HTTP_PROBLEM_TYPE "application/problem+json"
#define HTTP_JSON_TYPE "application/json"

/* {"id":"…","status":"accepted"}; an id of zero, which was not to be had, is left out. Of one that was made up
 * {"id":"…","status":"accepted","stable_id":false}; not said of one that may be its client's. */
void http_reply_one(struct buf *out, const struct event_id *id, const char *status, bool of_client);

struct http_counts {
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
};

/* {"accepted":a,"duplicate":d,"rejected":r` and then `lists` (what http_reply_lists wrote) and `}`. If all were
 * rejected it is a problem document (RFC 9457) with these as extension members. */
void http_reply_many(struct buf *out, struct http_counts counts, struct slice lists);

/* ,"ids":[…],"errors":[…]: `ids` are struct event_id, all zero for null; ids.data NULL leaves the list out.
 * ,"without_stable_id":n follows the ids if n of them were made up. */
void http_reply_lists(struct buf *out, struct slice ids, bool of_clients, struct slice errors);

/* The status of a payload of many events whose fate is known: 202, 200 or 400. */
int http_reply_many_status(struct http_counts counts, bool stored);
