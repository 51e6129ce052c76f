/* How reloads ended, for people: in the log, in /readyz and in the metrics. The thread that reloads calls all of it. */
#pragma once

#include "base/bytes.h"

struct metrics;
struct metrics_cells;
struct status_board;
struct status_part;

struct reload_report {
    struct metrics *metrics;
    struct metrics_cells *cells; /* of the thread that reloads */
    struct status_part *status;
};

/* As at the start. False: memory is short. */
MUST_CHECK bool reload_report_init(struct reload_report *report, struct metrics *metrics, struct status_board *board);

/* Nothing was changed, for these problems, a line each. */
void reload_report_refused(const struct reload_report *report, const struct buf *problems);

/* Nothing was changed, as a thread did not stand still within `patience_ns`. */
void reload_report_busy(const struct reload_report *report, int64_t patience_ns);

/* These lines were changed, and those take a restart. */
void reload_report_taken(const struct reload_report *report, const struct buf *changes, const struct buf *restarts);

/* All threads that serve stood still for so long. */
void reload_report_paused(const struct reload_report *report, int64_t pause_ns);
