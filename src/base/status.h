/* The status board: what each part of the gateway says of itself, for /health and /readyz.
 *
 * A part is registered once at start and then set by its owner whenever its state changes; pages read copies. Any
 * thread may call anything here; nothing blocks for longer than a copy. */
#pragma once

#include "base/bytes.h"

enum status_level {
    STATUS_OK,
    STATUS_DEGRADED, /* events are still accepted, and safe, but something needs an operator's eye */
    STATUS_DOWN      /* events are refused */
};

struct status_board;
struct status_part;

struct status_board *status_board_new(void);
void status_board_free(struct status_board *board);

/* NULL if memory is short; a NULL part may be set (nothing happens). `name` is copied; e.g. "store",
 * "stream:events". */
struct status_part *status_add(struct status_board *board, const char *name);

/* A change of level is also logged, once. The reason becomes plain text (plain_text.h). */
void status_set(struct status_part *part, enum status_level level, const char *reason, ...) PRINTF_LIKE(3, 4);

struct status_view {
    char name[64];
    enum status_level level;
    char reason[512];
    int64_t since_wall_ns;
};

/* Copies at most `max` parts in order of registration; returns how many there are. */
size_t status_read(struct status_board *board, struct status_view *views, size_t max);
