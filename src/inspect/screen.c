/* Turns a terminal into a page that is drawn anew, and back. */
#include "inspect/screen.h"

#include "base/assert.h"
#include "base/clock.h"
#include "inspect/status_lines.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ECMA-48 and xterm's private modes: the alternate screen, no cursor, lines that do not wrap; and all of that undone. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

static const int waited_for[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };
static const int faults[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

static struct termios restored; /* for who handles a fault */
static volatile sig_atomic_t is_filled;

bool screen_is_there(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

int screen_columns(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void measure(struct screen *screen)
{
    struct winsize size = { 0 };
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0;
    screen->columns = known ? size.ws_col : 80;
    screen->rows = known ? size.ws_row : 24;
}

static bool write_all(struct slice bytes)
{
    while (bytes.len != 0) {
        ssize_t written = write(STDOUT_FILENO, bytes.data, bytes.len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes = slice_after(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* Calls nothing but what a handler of signals may. */
static void restore_terminal(void)
{
    if (is_filled) {
        is_filled = 0;
        ssize_t ignored = write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1);
        (void)ignored;
        tcsetattr(STDIN_FILENO, TCSANOW, &restored);
    }
}

static void end_of_fault(int number)
{
    restore_terminal();
    signal(number, SIG_DFL);
    raise(number);
}

static bool fill_terminal(struct screen *screen)
{
    struct termios raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) {
        return false;
    }
    is_filled = 1;
    measure(screen);
    return write_all(SLICE(ENTER));
}

bool screen_open(struct screen *screen, struct buf *problem)
{
    sigset_t set;
    *screen = (struct screen){ .signals = -1, .coloured = getenv("NO_COLOR") == NULL };
    ASSERT(!is_filled);
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(waited_for); i++) {
        sigaddset(&set, waited_for[i]);
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    screen->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (screen->signals < 0 || tcgetattr(STDIN_FILENO, &screen->before) != 0) {
        buf_printf(problem, "the terminal cannot be used: %s", strerror(errno));
        return false;
    }
    restored = screen->before;
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        signal(faults[i], end_of_fault);
    }
    if (!fill_terminal(screen)) {
        buf_printf(problem, "the terminal cannot be used: %s", strerror(errno));
        screen_close(screen);
        return false;
    }
    return true;
}

void screen_close(struct screen *screen)
{
    restore_terminal();
    if (screen->signals >= 0) {
        close(screen->signals);
        screen->signals = -1;
    }
}

/* SIGTSTP: as it would have gone without us; it returns once somebody goes on with us. */
static enum screen_event stop_for_a_while(struct screen *screen)
{
    restore_terminal();
    raise(SIGSTOP);
    return fill_terminal(screen) ? SCREEN_CHANGED : SCREEN_END;
}

/* False: there is none. */
static bool take_signal(struct screen *screen, enum screen_event *event)
{
    struct signalfd_siginfo info;
    if (read(screen->signals, &info, sizeof info) != (ssize_t)sizeof info) {
        return false;
    }
    switch ((int)info.ssi_signo) {
    case SIGTSTP: *event = stop_for_a_while(screen); break;
    case SIGCONT:
    case SIGWINCH:
        measure(screen);
        *event = SCREEN_CHANGED;
        break;
    default: screen->ended_by = (int)info.ssi_signo; *event = SCREEN_END;
    }
    return true;
}

static int milliseconds_until(int64_t until_ns)
{
    int64_t left_ns = until_ns == 0 ? 0 : until_ns - clock_monotonic_ns();
    return left_ns <= 0 ? 0 : left_ns > NS_PER_SECOND ? 1000 : (int)(left_ns / NS_PER_MS) + 1;
}

enum screen_event screen_wait(struct screen *screen, int64_t until_ns, char *key)
{
    ASSERT(is_filled);
    for (;;) {
        enum screen_event event;
        struct pollfd waited[] = { { screen->signals, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
        int ready = poll(waited, ARRAY_LENGTH(waited), milliseconds_until(until_ns));
        if (ready < 0 && errno != EINTR) {
            return SCREEN_END;
        }
        if (take_signal(screen, &event)) {
            return event;
        }
        if (ready > 0 && waited[1].revents != 0) {
            return read(STDIN_FILENO, key, 1) == 1 ? SCREEN_KEY : SCREEN_END;
        }
        if (milliseconds_until(until_ns) == 0) {
            return SCREEN_TIME;
        }
    }
}

/* --- frames --- */

static const char *style_code(enum line_style style, bool coloured)
{
    static const char *const codes[] = {
        [LINE_PLAIN] = "",        [LINE_STRONG] = "\033[1m",   [LINE_FAINT] = "\033[2m",
        [LINE_GOOD] = "\033[32m", [LINE_WARNING] = "\033[33m", [LINE_BAD] = "\033[1;31m",
    };
    ASSERT_BELOW(style, ARRAY_LENGTH(codes));
    bool is_colour = style >= LINE_GOOD;
    return is_colour && !coloured ? (style == LINE_GOOD ? "" : "\033[1m") : codes[style];
}

/* The first characters of a text of UTF-8. */
static struct slice first_characters(struct slice line, size_t most)
{
    size_t at = 0;
    while (at < line.len && most != 0) {
        at++;
        while (at < line.len && ((uint8_t)line.data[at] & 0xC0) == 0x80) {
            at++;
        }
        most--;
    }
    return slice_make(line.data, at);
}

bool screen_draw(const struct screen *screen, const struct status_lines *lines)
{
    struct buf frame = { 0 };
    struct slice rest = buf_slice(&lines->text);
    struct slice line;
    enum line_style style;
    int row = 0;
    buf_append_string(&frame, "\033[H");
    for (; row < screen->rows && status_lines_next(&rest, &style, &line); row++) {
        buf_append_string(&frame,
                          row == 0 ? "\033[K" : "\r\n\033[K"); /* before the text: behind it the last column would go */
        buf_append_string(&frame, style_code(style, screen->coloured));
        buf_append_slice(&frame, first_characters(line, (size_t)screen->columns));
        buf_append_string(&frame, "\033[0m");
    }
    buf_append_string(&frame, row < screen->rows ? "\r\n\033[J" : "");
    bool drawn = !frame.failed && write_all(buf_slice(&frame));
    buf_release(&frame);
    return drawn;
}
