/* The ids of the last while, in two generations: ids go into the current one; at a turn it becomes the previous one, and
 * the previous one is forgotten. Who owns it says when it turns; it also turns by itself when a generation is full. One
 * thread.
 *
 * A generation grows by linear hashing (Litwin 1980): ids are spread over cells, and one cell at a time is split into
 * two, so that nobody waits while millions of ids move. */
#pragma once

#include "pipeline/dedup/id_set.h"

struct id_generation {
    struct id_set *cells; /* most_cells of them, cell_count in use */
    size_t cell_count;
    size_t ids;
    size_t split_again_at; /* ids, after a split that found no memory */
};

struct id_window {
    struct id_generation current, previous;
    struct id_set spare;             /* what a split leaves behind, for the next one */
    struct huge_page_supply *supply; /* for new cells; NULL: they ask the kernel themselves */
    size_t most_cells;
    size_t cell_ids; /* the most in a cell */
    uint64_t factors[2];
};

/* At most `max_ids` in a generation: 27 bytes each when it is full, 61 while it grows, and of a large window 10 MiB beside, which
 * wait to be used. False: memory is short. */
MUST_CHECK bool id_window_init(struct id_window *window, size_t max_ids);
void id_window_release(struct id_window *window);

void id_window_turn(struct id_window *window);

/* ORs 1 into seen[i] for each id that is there. */
void id_window_look_up(const struct id_window *window, const struct event_id *ids, size_t count, uint8_t *seen);

/* True if it turned meanwhile, being full. */
bool id_window_add(struct id_window *window, const struct event_id *ids, size_t count);

/* To the generation before, unless that is full. */
void id_window_add_previous(struct id_window *window, const struct event_id *id);

static inline size_t id_window_count(const struct id_window *window)
{
    return window->current.ids + window->previous.ids;
}

uint64_t id_window_bytes(const struct id_window *window);
