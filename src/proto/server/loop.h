/* The event loop of an I/O thread: says when events have come, when a client waits at a listening socket, when a second
 * has passed, and when the thread is about to block. The only place that knows libev. */
#pragma once

#include "proto/front/client_address.h"

struct loop;
struct listener;

#define LOOP_LISTENERS 16 /* listening sockets of one loop */

/* All are called on the thread that runs it. */
struct loop_callbacks {
    void *context;
    void (*awake)(void *context); /* events have come, and are served next: time to read the clock */
    /* Owns fd, which came from the socket of this listener. */
    void (*accepted)(void *context, const struct listener *listener, int fd, struct client_address peer);
    void (*tick)(void *context);         /* once a second */
    bool (*before_block)(void *context); /* false: the loop ends */
};

/* NULL: memory or file descriptors are short. */
struct loop *loop_new(const struct loop_callbacks *callbacks);

/* Closes the listening sockets too. NULL is fine. */
void loop_free(struct loop *loop);

/* libev's own loop, for libwebsockets. */
void *loop_handle(struct loop *loop);

/* Accepts from `fd`, which it owns, for a listener that outlives it; called LOOP_LISTENERS times at most. */
void loop_listen(struct loop *loop, int fd, const struct listener *listener);
/* Accepts who waits at the listening sockets by now (some thousands at most): closing one resets whoever is left. */
void loop_accept_waiting(struct loop *loop);
void loop_close_listeners(struct loop *loop);

/* Blocks for so long at most, this time. */
void loop_set_alarm(struct loop *loop, int64_t delay_ns);

/* While it is on, the loop looks at its sockets, but does not block. */
void loop_set_busy(struct loop *loop, bool on);

/* Blocks for 20 ms at most from now on. */
void loop_hurry(struct loop *loop);

/* Until before_block says so. */
void loop_run(struct loop *loop);
