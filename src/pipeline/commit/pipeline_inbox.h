/* The way back to an I/O thread: completed chunks, and tokens of tickets whose segment is stored. Any thread puts, the
 * I/O thread takes. */
#pragma once

#include "event/chunk.h"

#include <pthread.h>

struct token;

/* Has the I/O thread take what is in its inbox soon. Any thread. Must not block. */
struct pipeline_wake {
    void (*wake)(void *context);
    void *context;
};

/* Invariant: `woken` is set from the first put that nobody has taken yet, so that a thread is woken once for all. */
struct pipeline_inbox {
    struct pipeline_wake wake;
    pthread_mutex_t mutex;
    struct chunk *chunks; /* a list by `next`, oldest first */
    struct chunk **end;
    struct buf tokens; /* struct token */
    bool woken;
};

struct pipeline_inbox *pipeline_inbox_new(struct pipeline_wake wake);

/* Frees the chunks in it, too. */
void pipeline_inbox_free(struct pipeline_inbox *inbox);

/* Both return true if the I/O thread must be woken for this: pipeline_inbox_wake follows. */
MUST_CHECK bool pipeline_inbox_put_chunk(struct pipeline_inbox *inbox, struct chunk *chunk);
MUST_CHECK bool pipeline_inbox_put_token(struct pipeline_inbox *inbox, struct token token);

static inline void pipeline_inbox_wake(const struct pipeline_inbox *inbox)
{
    inbox->wake.wake(inbox->wake.context);
}

/* Everything in it: the chunks as a list, the tokens swapped into *tokens (which comes in empty). */
struct chunk *pipeline_inbox_take(struct pipeline_inbox *inbox, struct buf *tokens);
