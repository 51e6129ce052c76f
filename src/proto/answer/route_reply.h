/* What an answer keeps for the reply that its route has in the configuration: the values of placeholders, as the bytes of
 * the request are gone when the fate of its events is known. The usual answer is made beside it, for outcomes that have no reply of
 * their own. One allocation of a fixed size. */
#pragma once

#include "base/error.h"
#include "config/options/reply_options.h"
#include "proto/http_syntax/http_reply.h"
#include "proto/reply/reply_set.h"

#include <stdint.h>

struct event_id;
struct event_route;
struct pipeline_io;
struct request_texts;
struct request_values;
struct stream;
struct submission;

/* Bytes of texts of a request that are kept; a value for which there is no room counts as missing: half an address would
 * lead elsewhere. What is told of refused events has room of its own behind them. */
#define ROUTE_REPLY_KEPT 2048
#define ROUTE_REPLY_TOLD 512

struct route_reply_text {
    uint16_t at;
    uint16_t len;
    bool given;
};

/* Of an answer's body, which is the usual one. */
struct route_reply_place {
    size_t at;
    size_t len;
};

struct route_reply {
    const struct reply_set *set;
    const struct event_route *route; /* NULL: it takes no events */
    const struct stream *stream;     /* NULL: it is not known */
    enum reply_outcome outcome;      /* REPLY_ANY: as the counts say */
    enum error error;                /* the refusal's */
    bool is_get;
    bool secure;      /* came over HTTPS */
    bool names_event; /* `index`, `field` and `detail` are those of a refused event */
    uint32_t total;
    uint32_t rejected;
    uint32_t index;
    struct route_reply_place ids;    /* with their brackets */
    struct route_reply_place errors; /* without */
    struct route_reply_text host;
    struct route_reply_text client_ip;
    struct route_reply_text field;
    struct route_reply_text detail;
    struct route_reply_text captured[REPLY_NAMES_MAX]; /* of those names of the set that the request has */
    size_t kept;                                       /* invariant: at most ROUTE_REPLY_KEPT */
    size_t told;                                       /* at most ROUTE_REPLY_TOLD */
    char text[ROUTE_REPLY_KEPT + ROUTE_REPLY_TOLD];
};

/* A reply that knows its request. `route`: NULL of one that takes no events. NULL: memory is short. */
struct route_reply *route_reply_new(const struct reply_set *set, const struct event_route *route,
                                    const struct request_texts *from, struct buf *scratch);

/* The members that the route's sources gave are known. */
void route_reply_take_members(struct route_reply *reply, const struct request_values *values);

/* Does it list the ids of all events? */
bool route_reply_lists_ids(const struct route_reply *reply);

/* The events were submitted; `usual`: the body of the usual answer to that. */
void route_reply_submit(struct route_reply *reply, const struct submission *submission, struct slice usual);

/* The request is refused, or its events dropped. */
void route_reply_refuse(struct route_reply *reply, enum error error, struct slice detail);

/* What became of the request, and the answer that is written. */
struct route_reply_fate {
    struct http_counts counts;
    bool stored;
    const struct event_id *id; /* of one event; NULL: of many */
    struct slice usual;        /* the body of the usual answer */
    struct http_reply *reply;  /* usual when it comes in */
    struct buf *headers;       /* reply->headers */
    struct buf *body;          /* appended to; failed: memory is short */
};

/* Puts the configured reply in place of the usual one. False: there is none. I/O thread: a refusal that the reply hides is
 * counted. */
bool route_reply_write(const struct route_reply *reply, const struct route_reply_fate *fate, int64_t wall_ns,
                       struct pipeline_io *io);
