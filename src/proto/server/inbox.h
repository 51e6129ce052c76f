/* What other threads leave for an I/O thread: a wake, page replies, the order to close and to stop. */
#pragma once

#include "proto/front/page_reply.h"

#include <pthread.h>

struct posted_page {
    struct posted_page *next;
    struct token token;
    struct page_reply reply;
};

struct inbox {
    pthread_mutex_t mutex;
    void (*ring)(void *context); /* makes the thread look; called under the mutex */
    void *context;
    bool open; /* there is a thread to wake */
    bool rung; /* and it was, since it last looked */
    bool want_close;
    bool want_stop;
    int64_t stop_deadline_ns;
    struct posted_page *pages; /* newest first */
};

void inbox_init(struct inbox *inbox, void (*ring)(void *context), void *context);
void inbox_release(struct inbox *inbox);

/* Any thread. After inbox_shut they do nothing but free what they were given. */
void inbox_wake(struct inbox *inbox);
void inbox_post(struct inbox *inbox, struct token token, struct page_reply *reply);
void inbox_want_close(struct inbox *inbox);
void inbox_want_stop(struct inbox *inbox, int64_t deadline_ns);

/* What had come since the last look. The caller frees the pages with inbox_free_pages. */
struct inbox_orders {
    bool close;
    bool stop;
    int64_t stop_deadline_ns;
    struct posted_page *pages;
};

struct inbox_orders inbox_take(struct inbox *inbox);
void inbox_free_pages(struct posted_page *pages);

/* After it returns nobody rings any more. */
void inbox_shut(struct inbox *inbox);
