/* The ids of the last while, in two generations: ids go into the current one; at a turn it becomes the previous one, and
 * the previous one is forgotten. Who owns it says when it turns; it also turns by itself when a generation is full. One
 * thread. */
#pragma once

#include "pipeline/id_set.h"

struct id_window {
    struct id_set current, previous;
};

/* At most `max_ids` in a generation. */
void id_window_init(struct id_window *window, size_t max_ids);
void id_window_release(struct id_window *window);

void id_window_turn(struct id_window *window);

/* ORs 1 into seen[i] for each id that is there. */
void id_window_look_up(const struct id_window *window, const struct event_id *ids, size_t count, uint8_t *seen);

/* True if it turned meanwhile, being full. */
bool id_window_add(struct id_window *window, const struct event_id *ids, size_t count);

static inline size_t id_window_count(const struct id_window *window)
{
    return window->current.count + window->previous.count;
}

static inline uint64_t id_window_bytes(const struct id_window *window)
{
    return id_set_bytes(&window->current) + id_set_bytes(&window->previous);
}
