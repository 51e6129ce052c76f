/* A reply that has no end of its own: its bytes leave as a part of the gateway has them, until it has no more, the client
 * goes away, or the gateway ends. It is the last reply of its connection.
 *
 * The part keeps what waits for its client, and so bounds it: nothing is taken while the client takes nothing. By page_post
 * with the token of the request and an empty reply it says that there is something to take. */
#pragma once

#include "base/bytes.h"

struct page_stream;

struct page_stream_ops {
    /* I/O thread: appends what waits to `out`. False: that was the last. */
    bool (*take)(struct page_stream *stream, struct buf *out);
    /* I/O thread, once, with or without a byte taken: the stream is the part's own again. */
    void (*ended)(struct page_stream *stream);
};

/* The first member of what is streamed. */
struct page_stream {
    const struct page_stream_ops *ops;
};
