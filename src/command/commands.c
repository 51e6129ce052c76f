/* The table of commands, and those that tell of it. */
#include "command/commands.h"

#include "command/ask/find_command.h"
#include "command/ask/healthcheck_command.h"
#include "command/ask/report_command.h"
#include "command/ask/status_command.h"
#include "command/ask/tail_command.h"
#include "command/ask/top_command.h"
#include "command/command_texts.h"
#include "command/completion.h"
#include "command/dead_letters_command.h"
#include "command/engine_command.h"
#include "command/journal_command.h"
#include "command/key_command.h"
#include "command/man_page.h"
#include "command/rejects_command.h"
#include "command/schema_command.h"
#include "command/serve_command.h"
#include "command/setup_command.h"
#include "command/sql_command.h"
#include "command/version_command.h"

#include "base/version.h"
#include "config/describe/describe.h"

#include <stdio.h>

static int help(int argc, char **argv);
static int manual(int argc, char **argv);
static int completion(int argc, char **argv);

static const struct command help_command = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "say which commands there are, or what one does",
    .help = "",
    .run = help,
};

static const struct command_verb manual_verbs[] = {
    { "sluice", "the page sluice(1), of the commands" },
    { "sluice.yaml", "the page sluice.yaml(5), of the configuration" },
    { 0 },
};

static const struct command manual_command = {
    .name = "manual",
    .usage = "[sluice | sluice.yaml]",
    .summary = "print a manual page, for `man -l -`",
    .help = "",
    .verbs = manual_verbs,
    .run = manual,
};

static const struct command_verb completion_verbs[] = {
    { "bash", "for a folder such as /etc/bash_completion.d" },
    { "zsh", "as the file _sluice in a folder of $fpath" },
    { 0 },
};

static const struct command completion_command = {
    .name = "completion",
    .usage = "bash | zsh",
    .summary = "print what lets a shell complete this program",
    .help = "",
    .verbs = completion_verbs,
    .run = completion,
};

static const struct command *const rows[] = {
    &serve_command,   &status_command,       &top_command,     &tail_command,   &find_command,
    &report_command,  &healthcheck_command,  &sql_command,     &schema_command, &setup_command,
    &journal_command, &dead_letters_command, &rejects_command, &key_command,    &engine_command,
    &version_command, &completion_command,   &manual_command,  &help_command,
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

void commands_manual(const char *name, struct buf *out)
{
    struct buf text = { 0 };
    bool is_configuration = strcmp(name, "sluice.yaml") == 0;
    struct man_page page = { .name = name, .section = is_configuration ? "5" : "1", .version = SLUICE_VERSION };
    if (is_configuration) {
        page.summary = "configuration of Sluice";
        config_describe(&text);
    } else {
        page.summary = "event gateway for ClickHouse";
        command_texts_page(&commands, &text);
    }
    man_page_write(&page, buf_slice(&text), out);
    buf_release(&text);
}

static int manual(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "sluice";
    bool known = argc <= 2 && (strcmp(name, "sluice") == 0 || strcmp(name, "sluice.yaml") == 0);
    if (!known) {
        return command_explain_use(&manual_command);
    }
    struct buf out = { 0 };
    commands_manual(name, &out);
    return print(&out) ? 0 : 1;
}

static int completion(int argc, char **argv)
{
    struct buf out = { 0 };
    if (argc == 2 && strcmp(argv[1], "bash") == 0) {
        completion_bash(&commands, &out);
    } else if (argc == 2 && strcmp(argv[1], "zsh") == 0) {
        completion_zsh(&commands, &out);
    } else {
        return command_explain_use(&completion_command);
    }
    return print(&out) ? 0 : 1;
}
