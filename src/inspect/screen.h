/* The whole terminal, while a command fills it: frames are drawn, keys and signals are waited for. However the command ends, the terminal
 * is as it was: by a key, by a signal that can be caught, by a fault of ours. Ctrl-Z leaves it for as long as it lasts. One at a time in
 * a process; one thread, which blocks the signals that it waits for. */
#pragma once

#include "base/bytes.h"

#include <termios.h>

enum screen_event {
    SCREEN_TIME,    /* it is time */
    SCREEN_KEY,     /* `key` */
    SCREEN_CHANGED, /* its size, or somebody else drew on it: draw again */
    SCREEN_END      /* a signal ends the command, or the terminal is gone */
};

struct screen {
    struct termios before;
    int signals; /* signalfd */
    int columns; /* at least 1 */
    int rows;
    bool coloured;
    int ended_by; /* the signal; 0: none */
};

/* Whether there is a terminal that can be filled: stdin and stdout are one, and TERM says that it knows how. */
bool screen_is_there(void);

/* Of stdout; 0: it is no terminal. */
int screen_columns(void);

/* False with *problem. */
MUST_CHECK bool screen_open(struct screen *screen, struct buf *problem);
void screen_close(struct screen *screen);

/* Waits until `until_ns` (monotonic); 0: looks, and does not wait. */
enum screen_event screen_wait(struct screen *screen, int64_t until_ns, char *key);

/* Draws lines of status_lines.h, as many and as much of each as there is room for. False: the terminal is gone. */
struct status_lines;
MUST_CHECK bool screen_draw(const struct screen *screen, const struct status_lines *lines);
