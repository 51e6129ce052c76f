/* Turns completions of other threads into lists for the I/O thread. */
#include "pipeline/commit/pipeline_inbox.h"

#include "event/ticket.h"

#include <stdlib.h>

struct pipeline_inbox *pipeline_inbox_new(struct pipeline_wake wake)
{
    struct pipeline_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox != NULL) {
        pthread_mutex_init(&inbox->mutex, NULL);
        inbox->wake = wake;
        inbox->end = &inbox->chunks;
    }
    return inbox;
}

void pipeline_inbox_free(struct pipeline_inbox *inbox)
{
    if (inbox == NULL) {
        return;
    }
    while (inbox->chunks != NULL) {
        struct chunk *chunk = inbox->chunks;
        inbox->chunks = chunk->next;
        chunk_free(chunk);
    }
    buf_release(&inbox->tokens);
    pthread_mutex_destroy(&inbox->mutex);
    free(inbox);
}

static bool wants_waking(struct pipeline_inbox *inbox)
{
    bool wants = !inbox->woken;
    inbox->woken = true;
    return wants;
}

bool pipeline_inbox_put_chunk(struct pipeline_inbox *inbox, struct chunk *chunk)
{
    chunk->next = NULL;
    pthread_mutex_lock(&inbox->mutex);
    *inbox->end = chunk;
    inbox->end = &chunk->next;
    bool wake = wants_waking(inbox);
    pthread_mutex_unlock(&inbox->mutex);
    return wake;
}

bool pipeline_inbox_put_token(struct pipeline_inbox *inbox, struct token token)
{
    pthread_mutex_lock(&inbox->mutex);
    buf_append(&inbox->tokens, &token, sizeof token);
    inbox->tokens.failed = false; /* without memory the ticket is answered by its time-out */
    bool wake = wants_waking(inbox);
    pthread_mutex_unlock(&inbox->mutex);
    return wake;
}

struct chunk *pipeline_inbox_take(struct pipeline_inbox *inbox, struct buf *tokens)
{
    pthread_mutex_lock(&inbox->mutex);
    struct chunk *chunks = inbox->chunks;
    inbox->chunks = NULL;
    inbox->end = &inbox->chunks;
    struct buf taken = inbox->tokens;
    inbox->tokens = *tokens;
    *tokens = taken;
    inbox->woken = false;
    pthread_mutex_unlock(&inbox->mutex);
    return chunks;
}
