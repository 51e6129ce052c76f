/* One command of `sluice`: what it is called, what may follow, what is said of it, and the function that runs it. Each command's
 * file ends with its own, and commands.c lists them. Dispatch, `--help`, the manual page and the completions of the shells
 * follow from it (command_texts.h). */
#pragma once

#include "base/bytes.h"

struct command_option {
    const char *name;  /* "config", typed as --config */
    const char *value; /* "FILE" or "DIRECTORY", which a shell completes, or another word; NULL: it takes none */
    const char *help;
    int letter; /* what command_next_option says for it; a small letter may be typed as well: -c */
};

struct command_verb {
    const char *name;
    const char *help;
};

struct command {
    const char *name;
    const char *usage;                    /* what follows the name; several forms, if any, on a line each */
    const char *summary;                  /* one line, no full stop */
    const char *help;                     /* paragraphs, an empty line between them; any length of line; "" */
    const struct command_verb *verbs;     /* the words that may follow the name, till one without a name; NULL: none */
    const struct command_option *options; /* till one without a name; NULL: none */
    int (*run)(int argc, char **argv);    /* argv[0] is the name; returns the exit code: 0 good, 1 not done, 2 usage */
};

/* The option that every command with a configuration has. */
#define COMMAND_CONFIG_OPTION                                                                                          \
    {                                                                                                                  \
        .name = "config", .value = "FILE",                                                                             \
        .help = "the configuration; else config/sluice.yaml, or /etc/sluice/sluice.yaml", .letter = 'c'                \
    }

/* The next of the command's options, as getopt_long has it (optarg, optind): its letter; -1 at the end; '?' if there is no such
 * one, which was said on stderr. */
int command_next_option(const struct command *command, int argc, char **argv);

/* Says on stderr how the command is used. Returns 2, the exit code. */
int command_explain_use(const struct command *command);

struct command_table {
    const struct command *const *rows;
    size_t count;
};

/* NULL: there is none of this name. */
const struct command *command_find(const struct command_table *table, const char *name);

/* "usage: sluice NAME …", a line a form. */
void command_append_usage(const struct command *command, struct buf *out);
