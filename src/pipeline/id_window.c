/* Turns ids and turns into what was seen of late. */
#include "pipeline/id_window.h"

#define LOOKAHEAD 16u /* ids whose slots are on their way from memory at once */

void id_window_init(struct id_window *window, size_t max_ids)
{
    id_set_init(&window->current, max_ids);
    id_set_init(&window->previous, max_ids);
}

void id_window_release(struct id_window *window)
{
    id_set_release(&window->current);
    id_set_release(&window->previous);
}

/* The memory of what is forgotten serves the new generation, which is made as large as the one before: growing anew
 * would hold up a group for the time of a copy, again and again. */
void id_window_turn(struct id_window *window)
{
    struct id_set forgotten = window->previous;
    window->previous = window->current;
    window->current = forgotten;
    if (!id_set_prepare(&window->current, window->previous.count)) {
        id_set_release(&window->current);
    }
}

void id_window_look_up(const struct id_window *window, const struct event_id *ids, size_t count, uint8_t *seen)
{
    id_set_contains_many(&window->current, ids, count, seen);
    id_set_contains_many(&window->previous, ids, count, seen);
}

bool id_window_add(struct id_window *window, const struct event_id *ids, size_t count)
{
    bool turned = false;
    for (size_t i = 0; i < count && i < LOOKAHEAD; i++) {
        id_set_prefetch(&window->current, &ids[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + LOOKAHEAD < count) {
            id_set_prefetch(&window->current, &ids[i + LOOKAHEAD]);
        }
        if (id_set_add(&window->current, &ids[i]) == ID_SET_FULL) {
            id_window_turn(window);
            (void)id_set_add(&window->current, &ids[i]);
            turned = true;
        }
    }
    return turned;
}
