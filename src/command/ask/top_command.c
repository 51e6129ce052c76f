/* Turns looks at a gateway, one a second, into frames. */
#include "command/ask/top_command.h"

#include "base/assert.h"
#include "base/clock.h"
#include "command/ask/status_command.h"
#include "inspect/asking.h"
#include "inspect/gateway_look.h"
#include "inspect/screen.h"
#include "inspect/status_lines.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#define TIMEOUT_NS (5 * NS_PER_SECOND)
#define INTERVAL_MOST_S 3600
#define REASONS_MOST 5

struct top {
    struct asking asking;
    uint64_t interval_s;
    bool once;
    struct screen screen;
    struct gateway_look look;
    bool is_ended; /* somebody wants it so */
};

static bool read_interval(struct top *top, const char *text)
{
    bool good = slice_to_u64(slice_from_string(text), &top->interval_s) && top->interval_s != 0 &&
                top->interval_s <= INTERVAL_MOST_S;
    if (!good) {
        fprintf(stderr, "sluice top: --interval: expected seconds, 1 to %d\n", INTERVAL_MOST_S);
    }
    return good;
}

static bool parse_arguments(int argc, char **argv, struct top *top)
{
    for (int option; (option = command_next_option(&top_command, argc, argv)) != -1;) {
        bool taken = option == 'n'   ? read_interval(top, optarg)
                     : option == 'o' ? (top->once = true)
                                     : asking_take(&top->asking, option, optarg);
        if (!taken) {
            return false;
        }
    }
    return optind == argc;
}

/* --- a frame --- */

static void append(struct status_lines *lines, const struct status_lines *block)
{
    buf_append_slice(&lines->text, buf_slice(&block->text));
    lines->count += block->count;
}

/* What stands below the streams, as far as there is room for it, the most useful first. */
static void append_below(struct status_lines *lines, const struct gateway_look *look, int columns, size_t room)
{
    struct status_lines blocks[3] = { 0 };
    status_lines_places(&blocks[0], look);
    status_lines_protocols(&blocks[1], look, columns);
    status_lines_reasons(&blocks[2], look, REASONS_MOST);
    for (size_t i = 0; i < ARRAY_LENGTH(blocks); i++) {
        if (blocks[i].count != 0 && blocks[i].count + 1 <= room) {
            status_lines_add(lines, LINE_PLAIN, "%s", "");
            append(lines, &blocks[i]);
            room -= blocks[i].count + 1;
        }
        status_lines_release(&blocks[i]);
    }
}

/* Title, all, and what is left out take a line each. */
#define AROUND_STREAMS 3
#define STREAMS_LEAST 2

static void write_frame(const struct top *top, struct status_lines *lines)
{
    const struct gateway_look *look = &top->look;
    size_t rows = (size_t)top->screen.rows;
    struct status_lines below = { 0 };
    status_lines_head(lines, look, top->asking.remote.url, clock_wall_ns());
    if (look->fate == LOOK_SEEN) {
        status_lines_parts(lines, look, rows / 6 + 1);
        status_lines_add(lines, LINE_FAINT, "%s", "q quits");
        size_t above = lines->count + AROUND_STREAMS + STREAMS_LEAST;
        append_below(&below, look, top->screen.columns, rows > above ? rows - above : 0);
        size_t taken = lines->count + below.count + AROUND_STREAMS;
        status_lines_streams(lines, look, rows > taken + STREAMS_LEAST ? rows - taken : STREAMS_LEAST,
                             top->screen.columns);
        append(lines, &below);
    } else {
        status_lines_add(lines, LINE_FAINT, "it is asked again each second or so; q quits");
    }
    status_lines_release(&below);
}

/* False: the terminal is gone. */
static bool draw(const struct top *top)
{
    struct status_lines lines = { 0 };
    write_frame(top, &lines);
    bool drawn = screen_draw(&top->screen, &lines);
    status_lines_release(&lines);
    return drawn;
}

/* --- waiting --- */

/* True: something is to be drawn, or it ends. */
static bool take_event(struct top *top, int64_t until_ns)
{
    char key = '\0';
    switch (screen_wait(&top->screen, until_ns, &key)) {
    case SCREEN_END: top->is_ended = true; return true;
    case SCREEN_KEY: top->is_ended = key == 'q' || key == 'Q'; return top->is_ended;
    case SCREEN_CHANGED: return true;
    case SCREEN_TIME: break;
    }
    return false;
}

/* While a page is waited for. */
static bool is_given_up(void *context)
{
    struct top *top = context;
    take_event(top, 0);
    return top->is_ended;
}

static void watch(struct top *top)
{
    while (!top->is_ended) {
        int64_t next_ns = clock_monotonic_ns() + (int64_t)top->interval_s * NS_PER_SECOND;
        gateway_look_again(&top->look, &top->asking.remote, TIMEOUT_NS, is_given_up, top);
        do {
            top->is_ended = top->is_ended || !draw(top);
            while (!top->is_ended && clock_monotonic_ns() < next_ns && !take_event(top, next_ns)) {
            }
        } while (!top->is_ended && clock_monotonic_ns() < next_ns);
    }
}

/* As it would have ended without us; Ctrl-C is a way to quit. */
static void end_by_signal(int number)
{
    sigset_t set;
    if (number != 0 && number != SIGINT) {
        sigemptyset(&set);
        sigaddset(&set, number);
        signal(number, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        raise(number);
    }
}

static int fill_screen(struct top *top, struct buf *problem)
{
    if (!gateway_look_init(&top->look)) {
        buf_append_string(problem, "out of memory");
        return 2;
    }
    if (!screen_open(&top->screen, problem)) {
        return 2;
    }
    watch(top);
    screen_close(&top->screen);
    return 0;
}

static int run(int argc, char **argv)
{
    struct top top = { .interval_s = 1 };
    struct buf problem = { 0 };
    int code = 2;
    if (!parse_arguments(argc, argv, &top)) {
        return command_explain_use(&top_command);
    }
    if (asking_begin(&top.asking, &problem)) {
        bool fills = !top.once && screen_is_there();
        code = fills ? fill_screen(&top, &problem) : status_print_once(&top.asking.remote);
    }
    if (problem.len != 0) {
        asking_complain("top", &problem);
    }
    gateway_look_release(&top.look);
    asking_end(&top.asking);
    buf_release(&problem);
    end_by_signal(top.screen.ended_by);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "interval", .value = "SECONDS", .help = "between two frames (1)", .letter = 'n' },
    { .name = "once", .help = "print what is to be seen, and end", .letter = 'o' },
    { 0 },
};

const struct command top_command = {
    .name = "top",
    .usage = "[--config FILE | --url URL] [--interval SECONDS] [--once]",
    .summary = "watch the streams of a gateway, drawn anew each second",
    .help = "Shows what `sluice status` says, the streams that receive most first. q or Ctrl-C quits. Without a "
            "terminal, or "
            "with TERM=dumb, it is printed once, with the exit code of `sluice status`.",
    .options = options,
    .run = run,
};
