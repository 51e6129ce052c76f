/* The event loop of the protocols that have connections. */
#pragma once

#include "load.h"

#include <netinet/in.h>

/* The connections that are free to send, each at most once, first come first served. */
struct loop_line {
    void **items;
    size_t head, count, capacity;
};

struct loop {
    int poller;
    int64_t heard_ns; /* when something last came */
    struct loop_line line;

    /* A socket of that connection is ready. */
    void (*serve)(struct load *load, void *connection, uint32_t events);
    /* Sends what is due on connections that are free. When it wants to be called again at the latest. */
    int64_t (*feed)(struct load *load, int64_t now_ns);
};

/* With room for so many connections. */
void loop_init(struct loop *loop, size_t connections);

/* Edge-triggered, for reading and writing, once and for all: no system call per request. */
void loop_watch(struct loop *loop, int fd, void *connection);

/* Until load->open is 0. */
void loop_run(struct loop *loop, struct load *load);

void loop_line_put(struct loop_line *line, void *connection);

/* NULL: nobody waits. */
void *loop_line_take(struct loop_line *line);

/* A connected socket, blocking; -1 with errno. `from` may be INADDR_ANY. */
int loop_connect(const struct options *options, struct in_addr from);
