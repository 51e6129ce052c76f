/* What people are told of dead letters: a log line for the first of a stream and a sum a minute after it, a line on the
 * status board, and the gauge of rows that lie in dead/ by stream. Its owner (dead_letters.c) guards it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct letter_report;
struct metrics;
struct segment;
struct status_board;
struct stream;

/* NULL if memory is short: then nobody is told. The streams are borrowed. */
struct letter_report *letter_report_new(struct metrics *metrics, struct status_board *board,
                                        const struct stream *const *streams, size_t stream_count);

/* Logs what has not been logged. NULL is fine, here and below. */
void letter_report_free(struct letter_report *report);

/* Counting anew what lies there: begin, each file's name, end. A letter is one row, for nothing bigger is buried. */
void letter_report_begin(struct letter_report *report);
void letter_report_see(struct letter_report *report, const char *file_name);
void letter_report_end(struct letter_report *report);

/* One more has been buried for this code of ClickHouse's (0: none), at `now_ns` (monotonic). */
void letter_report_add(struct letter_report *report, const struct segment *segment, int code, int64_t now_ns);

/* Once a second or so. */
void letter_report_tick(struct letter_report *report, int64_t now_ns);
