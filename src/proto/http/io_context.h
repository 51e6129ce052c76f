/* What the connections of one I/O thread share: its pipeline_io, its routes, its scratch memory, its idea of the time.
 * Plain data: owned by server_thread.c in the program, by the test in a test. */
#pragma once

#include "base/clock.h"
#include "proto/front/captures.h"
#include "proto/front/intake.h"
#include "proto/front/kept.h"
#include "proto/front/turn.h"
#include "proto/http_syntax/http_reply.h"

struct access_key;
struct large_payload;
struct value_set;
struct visitor;

struct io_context {
    const struct http_options *options;
    const struct address_ranges *trusted;
    const struct websocket_options *websocket;
    const struct gatekeeper *gatekeeper; /* of all threads */
    bool vary_origin;                    /* replies differ by origin */
    struct intake intake;
    struct turn turn;
    struct kept_line receiving;   /* bytes of requests and messages that are not whole */
    struct kept_line replying;    /* bytes of replies that are not taken */
    struct server_thread *thread; /* for pages that answer later */
    /* Has a large payload unpacked and submitted elsewhere; session_ops.submitted follows. False: too many wait, it stays
     * the caller's. NULL: all are submitted here. */
    bool (*take_large)(struct server_thread *thread, struct large_payload *large);
    int64_t now_ns;
    int64_t wall_ns;
    char date[HTTP_DATE_LINE];
    size_t date_length;
    char keep_alive[HTTP_KEEP_ALIVE_LINES]; /* of replies that do not end their connection */
    size_t keep_alive_length;
    bool draining;
    /* Connections wait for the pipeline to have room, and come first: else the busy take all that there ever is. May be
     * true a moment longer than it is so. */
    bool room_is_awaited;
    struct buf text;                      /* scratch, valid within one call */
    struct buf path;                      /* of the request that is looked at, percent-decoded, if it had escapes */
    struct captures captures;             /* of its path */
    struct value_set *values;             /* of it; NULL: no request had any yet */
    bool reads_request;                   /* a stream has columns that requests fill */
    const struct visitor *visitor;        /* who pays for what is submitted; NULL: nothing is charged */
    const struct access_key *key;         /* that was shown with it, which it may use; NULL: none */
    enum error admin;                     /* with it: OK, or why it may not see what operators see */
    struct buf shown;                     /* what was decoded of it */
    struct buf query;                     /* of the request, without it */
    const struct request_fields *request; /* of the POST or upgrade that is looked at; NULL: not read */
};

/* `websocket`, `gatekeeper`, `reads_request`, `intake.io`, `turn` and `thread` are left to the caller. False: memory
 * is short. */
MUST_CHECK bool io_context_init(struct io_context *context, const struct http_options *options,
                                const struct address_ranges *trusted, const struct pipeline *pipeline,
                                struct metrics *metrics);
/* What it has taken over of the options is taken anew: they are others now. */
void io_context_refresh(struct io_context *context);
void io_context_release(struct io_context *context);

/* Once a second: a new date line; scratch that one huge request needed is given back. */
void io_context_begin_second(struct io_context *context, int64_t wall_ns);

/* io_context_unpack, of any payload. */
MUST_CHECK enum error io_context_unpack_any(struct io_context *context, enum encoding encoding, uint64_t max,
                                            struct slice *bytes, bool *large);

/* As intake_unpack, but what is large, or would become so, is left as it is. */
MUST_CHECK static inline enum error io_context_unpack(struct io_context *context, enum encoding encoding, uint64_t max,
                                                      struct slice *bytes, bool *large)
{
    *large = false;
    bool plain = encoding == ENCODING_IDENTITY && bytes->len <= LARGE_PAYLOAD;
    return plain ? OK : io_context_unpack_any(context, encoding, max, bytes, large);
}

/* Hands a large payload on. ERROR_QUEUE_FULL, ERROR_OUT_OF_MEMORY: it was not. */
MUST_CHECK enum error io_context_hand_on(const struct io_context *context, const struct large_payload *as);

static inline void io_context_set_time(struct io_context *context, int64_t now_ns, int64_t wall_ns)
{
    if (wall_ns / NS_PER_SECOND != context->wall_ns / NS_PER_SECOND || context->date_length == 0) {
        io_context_begin_second(context, wall_ns);
    }
    context->now_ns = now_ns;
    context->wall_ns = wall_ns;
}
