/* The table of commands, and those that tell of it. */
#include "command/commands.h"

#include "command/command_texts.h"
#include "command/dead_letters_command.h"
#include "command/journal_command.h"
#include "command/key_command.h"
#include "command/schema_command.h"
#include "command/serve_command.h"
#include "command/setup_command.h"
#include "command/sql_command.h"
#include "command/version_command.h"

#include <stdio.h>

static int help(int argc, char **argv);

static const struct command help_command = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "say which commands there are, or what one does",
    .help = "",
    .run = help,
};

static const struct command *const rows[] = {
    &serve_command,        &sql_command, &schema_command,  &setup_command, &journal_command,
    &dead_letters_command, &key_command, &version_command, &help_command,
};

const struct command_table commands = { rows, ARRAY_LENGTH(rows) };

/* True if all of it is out. */
static bool print(struct buf *text)
{
    bool printed = !text->failed && fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
    buf_release(text);
    return printed;
}

static int help(int argc, char **argv)
{
    struct buf out = { 0 };
    const struct command *command = argc == 2 ? command_find(&commands, argv[1]) : NULL;
    if (argc > 2) {
        return command_explain_use(&help_command);
    }
    if (argc == 2 && command == NULL) {
        fprintf(stderr, "sluice: there is no command \"%s\"; `sluice help` lists them\n", argv[1]);
        return 2;
    }
    if (command != NULL) {
        command_texts_help(command, &out);
    } else {
        command_texts_list(&commands, &out);
    }
    return print(&out) ? 0 : 1;
}
