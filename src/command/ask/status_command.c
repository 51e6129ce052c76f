/* Turns two looks at a gateway into what people want to know of it. */
#include "command/ask/status_command.h"

#include "base/clock.h"
#include "inspect/asking.h"
#include "inspect/gateway_look.h"
#include "inspect/screen.h"
#include "inspect/status_lines.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define TIMEOUT_NS (10 * NS_PER_SECOND)
#define BETWEEN_NS NS_PER_SECOND /* for the rates */
#define REASONS_MOST 8

struct status {
    struct asking asking;
    bool json;
};

static bool parse_arguments(int argc, char **argv, struct status *status)
{
    for (int option; (option = command_next_option(&status_command, argc, argv)) != -1;) {
        if (option == 'j') {
            status->json = true;
        } else if (!asking_take(&status->asking, option, optarg)) {
            return false;
        }
    }
    return optind == argc;
}

static void print_lines(const struct status_lines *lines)
{
    struct slice rest = buf_slice(&lines->text);
    struct slice line;
    enum line_style style;
    while (status_lines_next(&rest, &style, &line)) {
        printf("%.*s\n", (int)line.len, line.data);
    }
}

static void print_text(const struct gateway_look *look, const char *url)
{
    struct status_lines lines = { 0 };
    status_lines_head(&lines, look, url, clock_wall_ns());
    if (look->fate == LOOK_SEEN) {
        status_lines_parts(&lines, look, SIZE_MAX);
        status_lines_add(&lines, LINE_PLAIN, "%s", "");
        status_lines_streams(&lines, look, SIZE_MAX, screen_columns());
        status_lines_add(&lines, LINE_PLAIN, "%s", "");
        status_lines_protocols(&lines, look, screen_columns());
        status_lines_reasons(&lines, look, REASONS_MOST);
        status_lines_add(&lines, LINE_PLAIN, "%s", "");
        status_lines_places(&lines, look);
    }
    print_lines(&lines);
    status_lines_release(&lines);
}

static void print_json(const struct gateway_look *look, const char *url)
{
    struct buf out = { 0 };
    status_json(&out, look, url, clock_wall_ns());
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

static int verdict(const struct gateway_look *look)
{
    switch (look->fate) {
    case LOOK_SEEN: return look->health.worst == PART_OK ? 0 : 1;
    case LOOK_NOT_UP: return 1;
    case LOOK_REFUSED: break;
    }
    return 3;
}

static int ask(const struct remote *remote, bool json)
{
    const struct timespec between = { .tv_sec = BETWEEN_NS / NS_PER_SECOND };
    struct gateway_look look;
    if (!gateway_look_init(&look)) {
        fprintf(stderr, "sluice status: out of memory\n");
        return 3;
    }
    if (gateway_look_again(&look, remote, TIMEOUT_NS, NULL, NULL) == LOOK_SEEN) {
        nanosleep(&between, NULL);
        gateway_look_again(&look, remote, TIMEOUT_NS, NULL, NULL);
    }
    (json ? print_json : print_text)(&look, remote->url);
    int code = fflush(stdout) == 0 ? verdict(&look) : 3;
    gateway_look_release(&look);
    return code;
}

int status_print_once(const struct remote *remote)
{
    return ask(remote, false);
}

static int run(int argc, char **argv)
{
    struct status status = { 0 };
    struct buf problem = { 0 };
    int code;
    if (!parse_arguments(argc, argv, &status)) {
        code = command_explain_use(&status_command);
    } else if (asking_begin(&status.asking, &problem)) {
        code = ask(&status.asking.remote, status.json);
    } else {
        code = asking_complain("status", &problem);
    }
    asking_end(&status.asking);
    buf_release(&problem);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "json", .help = "the same as one JSON object", .letter = 'j' },
    { 0 },
};

const struct command status_command = {
    .name = "status",
    .usage = "[--config FILE | --url URL] [--json]",
    .summary = "say whether a gateway is up and well, and what it does now",
    .help = "Prints which parts are not well and why; of each stream and protocol what comes a second, over one "
            "second; the lag (the age of "
            "the oldest event that is not stored yet), the journal, dead letters, and the store.\n\n"
            "Exit code: 0 if all is well; 1 if a part is not, or no gateway answers; 3 if what answers does not show "
            "this, for want of "
            "a key, say.",
    .options = options,
    .run = run,
};
