/* Turns ids and turns into what was seen of late. */
#include "pipeline/dedup/id_window.h"

#include "base/assert.h"
#include "base/system/huge_pages.h"
#include <stdlib.h>

#define CELLS_WORTH_A_SUPPLY 16
#define LOOKAHEAD 16u /* ids whose tags are on their way from memory at once */

/* A cell not yet split has up to twice what the average has: 7/8 of what it may. */
#define SPLIT_AT(window) ((window)->cell_ids / 16 * 7)

static bool init_generation(struct id_window *window, struct id_generation *generation)
{
    *generation = (struct id_generation){ .cell_count = 1 };
    generation->cells = calloc(window->most_cells, sizeof *generation->cells);
    for (size_t i = 0; generation->cells != NULL && i < window->most_cells; i++) {
        id_set_init(&generation->cells[i], window->cell_ids);
    }
    return generation->cells != NULL;
}

bool id_window_init(struct id_window *window, size_t max_ids)
{
    *window = (struct id_window){ .cell_ids = max_ids < ID_SET_HUGE_PAGE_IDS ? max_ids : ID_SET_HUGE_PAGE_IDS };
    window->most_cells = max_ids / window->cell_ids;
    ASSERT(window->most_cells != 0);
    window->supply = window->most_cells < CELLS_WORTH_A_SUPPLY ? NULL : huge_page_supply_new();
    id_set_draw_factors(window->factors);
    id_set_init(&window->spare, window->cell_ids);
    bool has_current = init_generation(window, &window->current);
    return init_generation(window, &window->previous) && has_current;
}

static void release_generation(struct id_window *window, struct id_generation *generation)
{
    for (size_t i = 0; generation->cells != NULL && i < window->most_cells; i++) {
        id_set_release(&generation->cells[i]);
    }
    free(generation->cells);
}

void id_window_release(struct id_window *window)
{
    release_generation(window, &window->current);
    release_generation(window, &window->previous);
    id_set_release(&window->spare);
    huge_page_supply_free(window->supply);
    *window = (struct id_window){ 0 };
}

static uint32_t bits_of(const struct id_window *window, const struct event_id *id)
{
    return (uint32_t)__builtin_bswap64(id_set_mix(id, window->factors)); /* the upper bits, which all others go into */
}

/* Of 2^n ≤ cell_count < 2^(n+1) cells n bits choose one, and one more those that were split. */
static struct id_set *cell_of(const struct id_generation *generation, uint32_t bits)
{
    uint32_t mask = UINT32_MAX >> __builtin_clz((uint32_t)generation->cell_count);
    size_t cell = bits & mask;
    return &generation->cells[cell < generation->cell_count ? cell : cell & (mask >> 1)];
}

/* The memory of what is forgotten serves the new generation, which begins with as many cells as that had: to clear
 * its tags takes a millisecond or two, to ask the kernel for 128 MiB at once could take hundreds. */
void id_window_turn(struct id_window *window)
{
    struct id_generation forgotten = window->previous;
    window->previous = window->current;
    window->current = forgotten;
    window->current.ids = 0;
    window->current.split_again_at = 0;
    ASSERT_AT_MOST(forgotten.cell_count, window->most_cells);
    for (size_t i = 0; i < forgotten.cell_count; i++) {
        id_set_clear(&forgotten.cells[i]);
    }
}

/* An empty cell of full size. False: memory is short. */
static bool make_cell(struct id_window *window, struct id_set *cell)
{
    void *page = cell->allocated != 0 || window->supply == NULL ? NULL : huge_page_supply_take(window->supply);
    if (page != NULL) {
        id_set_adopt(cell, page); /* the supply is of windows whose cells are as large as that */
        return true;
    }
    return id_set_prepare(cell, window->cell_ids);
}

/* The next cell in line gives the ids that one more bit tells apart to a new one. Without memory it waits. */
static void split(struct id_window *window, struct id_generation *generation)
{
    uint32_t half = UINT32_MAX >> __builtin_clz((uint32_t)generation->cell_count) >> 1;
    ASSERT_BELOW(generation->cell_count, window->most_cells);
    struct id_set *from = &generation->cells[generation->cell_count & half];
    struct id_set *to = &generation->cells[generation->cell_count];
    if (!make_cell(window, to) || !make_cell(window, &window->spare)) {
        generation->split_again_at = generation->ids + window->cell_ids / 16;
        return;
    }
    struct id_set_cursor cursor = { 0 };
    for (const struct event_id *id = id_set_next(from, &cursor); id != NULL; id = id_set_next(from, &cursor)) {
        bool moves = (bits_of(window, id) & (half + 1)) != 0;
        id_set_put(moves ? to : &window->spare, id);
    }
    ASSERT_EQUAL(to->count + window->spare.count, from->count);
    struct id_set left = *from;
    *from = window->spare;
    window->spare = left;
    generation->cell_count++;
    ASSERT_AT_MOST(generation->cell_count, window->most_cells);
}

static enum id_set_result add(struct id_window *window, struct id_generation *generation, const struct event_id *id)
{
    enum id_set_result result = id_set_add(cell_of(generation, bits_of(window, id)), id);
    generation->ids += result == ID_SET_ADDED;
    bool grows = generation->cell_count < window->most_cells && generation->ids >= generation->split_again_at;
    if (grows && generation->ids > generation->cell_count * SPLIT_AT(window)) {
        split(window, generation);
    }
    return result;
}

static void prefetch(const struct id_window *window, const struct event_id *id)
{
    uint32_t bits = bits_of(window, id);
    id_set_prefetch(cell_of(&window->current, bits), id);
    id_set_prefetch(cell_of(&window->previous, bits), id);
}

static bool has(const struct id_window *window, const struct event_id *id)
{
    uint32_t bits = bits_of(window, id);
    return id_set_contains(cell_of(&window->current, bits), id) ||
           id_set_contains(cell_of(&window->previous, bits), id);
}

void id_window_look_up(const struct id_window *window, const struct event_id *ids, size_t count, uint8_t *seen)
{
    for (size_t i = 0; i < count && i < LOOKAHEAD; i++) {
        prefetch(window, &ids[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + LOOKAHEAD < count) {
            prefetch(window, &ids[i + LOOKAHEAD]);
        }
        seen[i] |= (uint8_t)has(window, &ids[i]);
    }
}

bool id_window_add(struct id_window *window, const struct event_id *ids, size_t count)
{
    bool turned = false;
    for (size_t i = 0; i < count; i++) {
        if (i + LOOKAHEAD < count) {
            const struct event_id *ahead = &ids[i + LOOKAHEAD];
            id_set_prefetch(cell_of(&window->current, bits_of(window, ahead)), ahead);
        }
        if (add(window, &window->current, &ids[i]) == ID_SET_FULL) {
            id_window_turn(window);
            (void)add(window, &window->current, &ids[i]);
            turned = true;
        }
    }
    return turned;
}

void id_window_add_previous(struct id_window *window, const struct event_id *id)
{
    (void)add(window, &window->previous, id);
}

static uint64_t generation_bytes(const struct id_window *window, const struct id_generation *generation)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < window->most_cells && generation->cells[i].allocated != 0; i++) {
        bytes += id_set_bytes(&generation->cells[i]);
    }
    return bytes;
}

uint64_t id_window_bytes(const struct id_window *window)
{
    return generation_bytes(window, &window->current) + generation_bytes(window, &window->previous) +
           id_set_bytes(&window->spare);
}
