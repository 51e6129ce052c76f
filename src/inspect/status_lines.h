/* What is known of a gateway, as lines for people: `sluice status` prints them all, `sluice top` as many as there is room for. Pure. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct gateway_look;

enum line_style { LINE_PLAIN, LINE_STRONG, LINE_FAINT, LINE_GOOD, LINE_WARNING, LINE_BAD };

/* Zeroed is empty. Each line begins with a byte, '0' and its style, and ends in '\n'; there is nothing else in it that a terminal would
 * obey. */
struct status_lines {
    struct buf text;
    size_t count;
};

void status_lines_add(struct status_lines *lines, enum line_style style, const char *format, ...) PRINTF_LIKE(3, 4);
void status_lines_release(struct status_lines *lines);

/* The next line, without its style and end; false: there is none. Start with rest = buf_slice(&lines->text). */
bool status_lines_next(struct slice *rest, enum line_style *style, struct slice *line);

/* "sluice 0.2.0 at http://…, up 3 h 12 min: healthy", or what kept it from being seen. */
void status_lines_head(struct status_lines *lines, const struct gateway_look *look, const char *url, int64_t wall_ns);

/* The parts that are not well, a line each, at most `most`. */
void status_lines_parts(struct status_lines *lines, const struct gateway_look *look, size_t most);

/* The streams, those that receive most first, at most `most` of them; and all of them together if there are several. A table is as wide as
 * it likes to be, or has 80 columns if there are fewer than that; `columns` 0: it is no terminal. */
void status_lines_streams(struct status_lines *lines, const struct gateway_look *look, size_t most, int columns);
void status_lines_protocols(struct status_lines *lines, const struct gateway_look *look, int columns);

/* Why events are refused, the most frequent reasons first. */
void status_lines_reasons(struct status_lines *lines, const struct gateway_look *look, size_t most);

/* Journal, dead letters, store, connections. */
void status_lines_places(struct status_lines *lines, const struct gateway_look *look);

/* The same as one JSON object. */
void status_json(struct buf *out, const struct gateway_look *look, const char *url, int64_t wall_ns);
