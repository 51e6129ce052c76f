/* Turns a command line into a command of the table. */
#include "command/commands.h"

#include "base/system/private_process.h"

#include <errno.h>
#include <stdio.h>

/* Before anything secret is read; whether a core is wanted after all is in the configuration. */
static void keep_private(void)
{
    private_files();
    if (!private_memory()) {
        fprintf(stderr, "sluice: a core may be written, and would hold events and passwords: %s\n", strerror(errno));
    }
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `sluice COMMAND … --help`: wherever it stands, but for what follows a "--". */
static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (asks_for_help(argv[i])) {
            return true;
        }
    }
    return false;
}

static int help(const char *name)
{
    char *words[] = { "help", (char *)name, NULL };
    return command_find(&commands, "help")->run(name != NULL ? 2 : 1, words);
}

int main(int argc, char **argv)
{
    keep_private();
    const struct command *command = argc > 1 ? command_find(&commands, argv[1]) : NULL;
    bool is_named = command != NULL;
    if (wants_help(argc, argv)) {
        return help(is_named ? command->name : NULL);
    }
    if (argc > 1 && !is_named && argv[1][0] != '-') {
        return help(argv[1]);
    }
    return is_named ? command->run(argc - 1, argv + 1) : command_find(&commands, "serve")->run(argc, argv);
}
