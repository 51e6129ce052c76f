/* Turns the calls of other threads into orders that an I/O thread takes when it is woken. */
#include "proto/server/inbox.h"

#include "base/log.h"

#include <stdlib.h>

void inbox_init(struct inbox *inbox, void (*ring)(void *context), void *context)
{
    *inbox = (struct inbox){ .ring = ring, .context = context, .open = true };
    pthread_mutex_init(&inbox->mutex, NULL);
}

void inbox_release(struct inbox *inbox)
{
    inbox_free_pages(inbox->pages);
    pthread_mutex_destroy(&inbox->mutex);
}

static void ring_locked(struct inbox *inbox)
{
    if (inbox->open && !inbox->rung) {
        inbox->rung = true;
        inbox->ring(inbox->context);
    }
}

void inbox_wake(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    ring_locked(inbox);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_post(struct inbox *inbox, struct token token, struct page_reply *reply)
{
    struct posted_page *page = malloc(sizeof *page);
    if (page == NULL) {
        LOG(LOG_ERROR, "page reply lost", "reason=\"out of memory\"");
        page_reply_release(reply);
        return;
    }
    *page = (struct posted_page){ .token = token, .reply = *reply };
    reply->body = reply->headers = (struct buf){ 0 };
    pthread_mutex_lock(&inbox->mutex);
    page->next = inbox->pages;
    inbox->pages = page;
    ring_locked(inbox);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_want_close(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->want_close = true;
    ring_locked(inbox);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_want_stop(struct inbox *inbox, int64_t deadline_ns)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->want_close = true;
    inbox->want_stop = true;
    inbox->stop_deadline_ns = deadline_ns;
    ring_locked(inbox);
    pthread_mutex_unlock(&inbox->mutex);
}

struct inbox_orders inbox_take(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    struct inbox_orders orders = { inbox->want_close, inbox->want_stop, inbox->stop_deadline_ns, inbox->pages };
    inbox->pages = NULL;
    inbox->rung = false;
    pthread_mutex_unlock(&inbox->mutex);
    return orders;
}

void inbox_free_pages(struct posted_page *pages)
{
    while (pages != NULL) {
        struct posted_page *next = pages->next;
        page_reply_release(&pages->reply);
        free(pages);
        pages = next;
    }
}

void inbox_shut(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->open = false;
    pthread_mutex_unlock(&inbox->mutex);
}
