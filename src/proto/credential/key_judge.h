/* May who sends a request have what is at its route? Where there are keys. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct access;
struct access_key;
struct access_memo;
struct event_route;
struct http_request;
struct route;

struct key_question {
    const struct access *access;
    struct access_memo *memo; /* of the connection */
    struct slice subject;     /* of the client's certificate; empty: none */
    int64_t wall_ns;
    struct buf *texts, *query; /* as credential_of has them */
};

/* Is it the key that was let in at this route before, as `memo` has it, and does the request show nothing else by which it could be
 * otherwise now? Then *key and *admin are as key_judge would have them, which need not be asked. */
bool key_judge_again(const struct access *access, const struct access_memo *memo, const struct http_request *request,
                     const struct route *route, int64_t wall_ns, const struct access_key **key, enum error *admin);

/* A request was let in, and all others for this route will be that show the same key and have no query. */
void key_judge_keep(const struct key_question *question, const struct http_request *request, const struct route *route,
                    enum error admin);

/* OK: *key is whose it is, NULL if nobody needs one there; *admin is OK if it may see what operators see, else why not; and
 * *takes_events is what is there if that is for events, whose stream is still to be asked for. Else why not, with *detail, which
 * may be empty: what credential_of, access_identify and access_allows say. */
MUST_CHECK enum error key_judge(const struct key_question *question, struct http_request *request,
                                const struct route *route, const struct access_key **key, enum error *admin,
                                const struct event_route **takes_events, struct slice *detail);
