/* What is kept for clients: how many bytes in all, and whose wait has been the longest. There is one bound for what is
 * half received, and one for replies that are not taken yet; each I/O thread has a line for each of them.
 *
 *   share ── one connection's part: how many bytes are kept for it
 *   line ─── the shares of one thread that wait for their client, the longest waiting first
 *   bound ── the sum over all threads, and what it may be
 *
 * A line without a bound (zeroed) counts, and is never tight. */
#pragma once

#include "base/metrics/metrics.h"

#include <stdatomic.h>

struct kept_bound {
    uint64_t max;
    _Atomic uint64_t used; /* any thread; may exceed max by what one turn of the loop brings */
};

/* Zeroed to begin with. Invariant: while bytes are counted or it waits, it stays where it is. */
struct kept_share {
    size_t bytes;
    bool waits;   /* is in the line */
    bool stopped; /* its connection is not read until there is room */
    void *connection;
    struct kept_share *older, *newer;
};

struct kept_line {
    struct kept_bound *bound;
    struct metrics_cells *cells;
    enum metric gauge;
    struct kept_share *oldest, *newest;
    size_t stopped; /* how many of them are */
};

/* A share beyond so many bytes is big: a bound is three quarters for the big, and the last quarter for the small alone, so
 * that whoever sends little is served while others send much. */
#define KEPT_BIG ((size_t)128 << 10)

void kept_line_init(struct kept_line *line, struct kept_bound *bound, struct metrics_cells *cells, enum metric gauge);

void kept_count(struct kept_line *line, struct kept_share *share, size_t bytes);

/* So many bytes are kept for it now. */
static inline void kept_set(struct kept_line *line, struct kept_share *share, size_t bytes)
{
    if (share->bytes != bytes) {
        kept_count(line, share, bytes);
    }
}

/* It begins to wait, last in the line; does nothing if it waits already. */
void kept_list(struct kept_line *line, struct kept_share *share, void *connection);
static inline void kept_wait(struct kept_line *line, struct kept_share *share, void *connection)
{
    if (!share->waits) {
        kept_list(line, share, connection);
    }
}

/* It waits no more; does nothing if it does not. */
void kept_unlist(struct kept_line *line, struct kept_share *share);
static inline void kept_leave(struct kept_line *line, struct kept_share *share)
{
    if (share->waits) {
        kept_unlist(line, share);
    }
}

/* Whether its connection is to be read no further for now. It waits. */
void kept_stop(struct kept_line *line, struct kept_share *share, bool stopped);

static inline uint64_t kept_used(const struct kept_line *line)
{
    return line->bound == NULL ? 0 : atomic_load_explicit(&line->bound->used, memory_order_relaxed);
}

/* Beyond so many bytes there is no room for more of the big. */
static inline uint64_t kept_tight(const struct kept_line *line)
{
    return line->bound->max / 4 * 3;
}

static inline bool kept_is_tight(const struct kept_line *line)
{
    return line->bound != NULL && kept_used(line) >= kept_tight(line);
}

/* There is no room for anybody. */
static inline bool kept_is_full(const struct kept_line *line)
{
    return line->bound != NULL && kept_used(line) >= line->bound->max;
}
