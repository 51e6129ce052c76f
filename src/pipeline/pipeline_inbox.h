/* The way back to an I/O thread: completed chunks, and tokens of tickets whose segment is stored. Any thread puts, the
 * I/O thread takes. */
#pragma once

#include "event/chunk.h"

#include <pthread.h>

struct token;

/* Invariant: `woken` is set from the first put that nobody has taken yet, so that a thread is woken once for all. */
struct pipeline_inbox {
    pthread_mutex_t mutex;
    struct chunk *chunks; /* a list by `next`, oldest first */
    struct chunk **end;
    struct buf tokens; /* struct token */
    bool woken;
};

struct pipeline_inbox *pipeline_inbox_new(void);

/* Frees the chunks in it, too. */
void pipeline_inbox_free(struct pipeline_inbox *inbox);

/* Both return true if the I/O thread must be woken for this. */
MUST_CHECK bool pipeline_inbox_put_chunk(struct pipeline_inbox *inbox, struct chunk *chunk);
MUST_CHECK bool pipeline_inbox_put_token(struct pipeline_inbox *inbox, struct token token);

/* Everything in it: the chunks as a list, the tokens swapped into *tokens (which comes in empty). */
struct chunk *pipeline_inbox_take(struct pipeline_inbox *inbox, struct buf *tokens);
