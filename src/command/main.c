/* Turns a command line into a command of the table. */
#include "command/commands.h"

#include "base/system/private_process.h"
#include "base/version.h"
#include "source_version.h" /* made by the build */

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

/* A command of the table with one argument, or with none. */
static int run(const char *name, const char *argument)
{
    char *words[] = { (char *)name, (char *)argument, NULL };
    return command_find(&commands, name)->run(argument != NULL ? 2 : 1, words);
}

int main(int argc, char **argv)
{
    keep_private();
    version_set_source(SLUICE_COMMIT, SLUICE_SOURCE_DATE);
    const struct command *command = argc > 1 ? command_find(&commands, argv[1]) : NULL;
    bool is_named = command != NULL;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        return run("version", NULL);
    }
    if (wants_help(argc, argv)) {
        return run("help", is_named ? command->name : NULL);
    }
    if (argc > 1 && !is_named && argv[1][0] != '-') {
        return run("help", argv[1]);
    }
    return is_named ? command->run(argc - 1, argv + 1) : command_find(&commands, "serve")->run(argc, argv);
}
