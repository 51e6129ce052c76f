/* Turns the bytes that each connection keeps into sums, and their waiting into an order. */
#include "proto/front/kept.h"

#include "base/assert.h"

void kept_line_init(struct kept_line *line, struct kept_bound *bound, struct metrics_cells *cells, enum metric gauge)
{
    *line = (struct kept_line){ .bound = bound, .cells = cells, .gauge = gauge };
}

void kept_count(struct kept_line *line, struct kept_share *share, size_t bytes)
{
    int64_t change = (int64_t)bytes - (int64_t)share->bytes;
    share->bytes = bytes;
    if (line->bound != NULL) {
        atomic_fetch_add_explicit(&line->bound->used, (uint64_t)change, memory_order_relaxed);
        metric_add(line->cells, line->gauge, change);
    }
}

void kept_list(struct kept_line *line, struct kept_share *share, void *connection)
{
    ASSERT(!share->waits);
    share->waits = true;
    share->connection = connection;
    share->newer = NULL;
    share->older = line->newest;
    if (line->newest != NULL) {
        line->newest->newer = share;
    } else {
        line->oldest = share;
    }
    line->newest = share;
}

void kept_unlist(struct kept_line *line, struct kept_share *share)
{
    ASSERT(share->waits);
    kept_stop(line, share, false);
    if (share->older != NULL) {
        share->older->newer = share->newer;
    } else {
        line->oldest = share->newer;
    }
    if (share->newer != NULL) {
        share->newer->older = share->older;
    } else {
        line->newest = share->older;
    }
    share->waits = false;
}

void kept_stop(struct kept_line *line, struct kept_share *share, bool stopped)
{
    if (share->stopped != stopped) {
        ASSERT(stopped || line->stopped != 0);
        share->stopped = stopped;
        line->stopped += stopped ? 1 : (size_t)-1;
    }
}
