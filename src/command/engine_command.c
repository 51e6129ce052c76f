/* Turns a wish for the engine into a run of the script that fetches it, or into the place where it is. */
#include "command/engine_command.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct engine_arguments {
    const char *verb;
    const char *folder; /* NULL: that of the program */
    const char *file;   /* the package, fetched already; NULL: it is fetched */
};

/* Where the program looks for the engine (store/client/chdb.c), and the script beside it: as installed, and in the source. */
static const struct {
    const char *script, *folder;
} places[] = {
    { "/../lib/sluice/fetch-libchdb", "/../lib/sluice" },
    { "/../scripts/fetch-libchdb", "/../vendor" },
};

static bool parse_arguments(int argc, char **argv, struct engine_arguments *arguments)
{
    for (int option; (option = command_next_option(&engine_command, argc, argv)) != -1;) {
        switch (option) {
        case 'D': arguments->folder = optarg; break;
        case 'F': arguments->file = optarg; break;
        default: return false;
        }
    }
    arguments->verb = optind + 1 == argc ? argv[optind] : "";
    return strcmp(arguments->verb, "install") == 0 || strcmp(arguments->verb, "status") == 0;
}

/* The folder of the program, into PATH_MAX bytes. */
static const char *program_folder(char space[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", space, PATH_MAX - 1);
    space[length > 0 ? length : 0] = '\0';
    return length > 0 ? dirname(space) : ".";
}

/* Ends as the script ends; returns if that cannot be run. */
static void run_script(const char *script, const char *folder, const struct engine_arguments *arguments)
{
    bool status = strcmp(arguments->verb, "status") == 0;
    const char *words[] = { script,
                            "--folder",
                            folder,
                            status                    ? "--status"
                            : arguments->file != NULL ? "--from"
                                                      : NULL,
                            status ? NULL : arguments->file,
                            NULL };
    execv(script, (char *const *)words);
}

static int run_command(int argc, char **argv)
{
    struct engine_arguments arguments = { 0 };
    if (!parse_arguments(argc, argv, &arguments)) {
        return command_explain_use(&engine_command);
    }
    char space[PATH_MAX];
    const char *program = program_folder(space);
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        char script[PATH_MAX + 64], folder[PATH_MAX + 64];
        snprintf(script, sizeof script, "%s%s", program, places[i].script);
        snprintf(folder, sizeof folder, "%s%s", program, places[i].folder);
        if (access(script, X_OK) == 0) {
            run_script(script, arguments.folder != NULL ? arguments.folder : folder, &arguments);
            fprintf(stderr, "sluice engine: %s: %s\n", script, strerror(errno));
            return 1;
        }
    }
    fprintf(stderr, "sluice engine: fetch-libchdb is neither in %s/../lib/sluice nor in %s/../scripts\n", program,
            program);
    return 1;
}

static const struct command_verb command_verbs[] = {
    { "install", "fetch the engine, unless it is there; its checksum is known, and what does not have it is not kept" },
    { "status", "say where it is, and of which version: exit code 0 if it is there, 1 if not" },
    { 0 },
};

static const struct command_option options[] = {
    { .name = "folder", .value = "FOLDER", .help = "where it goes; else where the program finds it", .letter = 'D' },
    { .name = "from", .value = "FILE", .help = "the npm package, fetched on another machine", .letter = 'F' },
    { 0 },
};

const struct command engine_command = {
    .name = "engine",
    .usage = "install [--folder FOLDER] [--from FILE]\n"
             "status [--folder FOLDER]",
    .summary = "fetch ClickHouse as a library, for the embedded store",
    .help = "The engine is ClickHouse 26.7 as a library for x86_64, 178 MB to fetch and 566 MB on the disk. It comes "
            "from the npm "
            "registry that npm's own settings name (`registry`, of the environment or .npmrc). curl and openssl fetch "
            "and check "
            "it; npm is not needed.\n\n"
            "A gateway that stores in a ClickHouse server needs no engine.",
    .verbs = command_verbs,
    .options = options,
    .run = run_command,
};
