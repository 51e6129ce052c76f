/* Turns a statement on the command line into the store's answer. */
#include "command/sql_command.h"

#include "base/clock.h"
#include "inspect/configured.h"
#include "inspect/store_link.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_NS (300 * NS_PER_SECOND) /* of a server */

struct sql_arguments {
    const char *config;
    const char *format;
    const char *statement;
    bool write;
};

static bool parse_arguments(int argc, char **argv, struct sql_arguments *arguments)
{
    for (int option; (option = command_next_option(&sql_command, argc, argv)) != -1;) {
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'F': arguments->format = optarg; break;
        case 'W': arguments->write = true; break;
        default: return false;
        }
    }
    arguments->statement = optind == argc - 1 ? argv[optind] : NULL;
    return arguments->statement != NULL;
}

static bool print_piece(void *context, struct slice piece)
{
    (void)context;
    return fwrite(piece.data, 1, piece.len, stdout) == piece.len;
}

static bool ask(struct store_link *link, const struct sql_arguments *arguments, struct buf *problem)
{
    const struct store_question question = {
        .sql = slice_from_string(arguments->statement),
        .format = arguments->format,
        .write = arguments->write,
        .timeout_ns = TIMEOUT_NS,
        .take = print_piece,
    };
    int code;
    bool done = store_link_ask(link, &question, &code, problem);
    if (ferror(stdout) || fflush(stdout) != 0) {
        buf_clear(problem);
        buf_printf(problem, "the result cannot be written, it was cut short: %s", strerror(errno));
        done = false;
    }
    return done;
}

static int open_and_ask(const struct configured *configured, const struct sql_arguments *arguments, struct buf *problem)
{
    struct store_link *link = store_link_open(configured->store, configured->journal, problem);
    int code = 2;
    if (link != NULL) {
        code = ask(link, arguments, problem) ? 0 : 1;
        store_link_close(link);
    }
    return code;
}

static int run_command(int argc, char **argv)
{
    struct sql_arguments arguments = { .format = "PrettyCompact" };
    if (!parse_arguments(argc, argv, &arguments)) {
        return command_explain_use(&sql_command);
    }
    struct configured configured;
    struct buf problem = { 0 };
    int code = 2;
    if (configured_load(&configured, arguments.config, &problem)) {
        code = open_and_ask(&configured, &arguments, &problem);
    }
    if (problem.len != 0) {
        fprintf(stderr, "sluice sql: %s\n", buf_c_string(&problem) != NULL ? problem.data : "out of memory");
    }
    buf_release(&problem);
    configured_release(&configured);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    { .name = "format",
      .value = "FORMAT",
      .help = "ClickHouse's: PrettyCompact (the default), TSV, JSONEachRow …; \"\" for a statement without a result",
      .letter = 'F' },
    { .name = "write",
      .help = "let the statement change the embedded store (a server asks its user's rights)",
      .letter = 'W' },
    { 0 },
};

const struct command sql_command = {
    .name = "sql",
    .usage = "[--config FILE] [--format FORMAT] [--write] STATEMENT",
    .summary = "send one statement to the store and print its result",
    .help = "A gateway that serves from the embedded store runs the statement itself; without one the command opens "
            "the store. Ctrl-C cancels.",
    .options = options,
    .run = run_command,
};
