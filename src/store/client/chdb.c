/* Turns the name of a shared library into the functions of libchdb. */
#include "store/client/chdb.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIBRARY "libchdb.so"

/* Fills every pointer; the name of what is missing, or NULL. */
static const char *find_functions(struct chdb *chdb, void *handle)
{
#define X(type, name, parameters)                                                                                      \
    *(void **)(void *)&chdb->name = dlsym(handle, "chdb_" #name);                                                      \
    if (chdb->name == NULL) {                                                                                          \
        return "chdb_" #name;                                                                                          \
    }
    CHDB_FUNCTIONS(X)
#undef X
    return NULL;
}

/* The folder of the executable, into PATH_MAX bytes; "." if it cannot be told. */
static const char *executable_folder(char space[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", space, PATH_MAX - 1);
    if (len <= 0) {
        return ".";
    }
    space[len] = '\0';
    return dirname(space);
}

static void *open_library(const char *path)
{
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* Tries each place in turn; *tried lists them. */
static void *search_library(struct buf *tried)
{
    char space[PATH_MAX];
    const char *folder = executable_folder(space);
    const struct {
        const char *folder, *below;
    } places[] = { { folder, "" },
                   { folder, "/../lib/sluice" },
                   { folder, "/../vendor" },
                   { "./vendor", "" },
                   { "/usr/local/lib", "" } };
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s%s/" LIBRARY, places[i].folder, places[i].below);
        buf_printf(tried, "%s%s", tried->len == 0 ? "" : ", ", path);
        if (access(path, F_OK) == 0) {
            return open_library(path);
        }
    }
    buf_append_string(tried, ", the loader's path");
    return open_library(LIBRARY);
}

bool chdb_load(struct chdb *chdb, const char *library, struct buf *problem)
{
    struct buf tried = { 0 };
    const char *path = library != NULL && library[0] != '\0' ? library : getenv("SLUICE_LIBCHDB");
    void *handle;
    if (path != NULL && path[0] != '\0') {
        buf_append_string(&tried, path);
        handle = open_library(path);
    } else {
        handle = search_library(&tried);
    }
    const char *missing = handle == NULL ? NULL : find_functions(chdb, handle);
    if (handle == NULL) {
        const char *reason = dlerror();
        buf_printf(problem,
                   "the embedded store needs " LIBRARY
                   ", looked for at %s (%s): `sluice engine install` fetches it; or name "
                   "it "
                   "in store.library or SLUICE_LIBCHDB; or use `store.kind: clickhouse` with a server",
                   buf_c_string(&tried), reason != NULL ? reason : "not found");
    } else if (missing != NULL) {
        buf_printf(problem, "%s lacks %s: version 26.7 or newer is needed, `sluice engine install` fetches it",
                   buf_c_string(&tried), missing);
    } else {
        chdb->set_signal_handlers_enabled(0);
    }
    buf_release(&tried);
    return handle != NULL && missing == NULL;
}

chdb_connection *chdb_open(const struct chdb *chdb, const char *const *arguments, size_t count)
{
    char **argv = calloc(count + 2, sizeof *argv);
    sigset_t all;
    sigset_t before;
    if (argv == NULL) {
        return NULL;
    }
    argv[0] = strdup("clickhouse");
    bool whole = argv[0] != NULL;
    for (size_t i = 0; i < count; i++) {
        argv[i + 1] = strdup(arguments[i]);
        whole = whole && argv[i + 1] != NULL;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    chdb_connection *connection = whole ? chdb->connect((int)count + 1, argv) : NULL;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i <= count; i++) {
        free(argv[i]);
    }
    free(argv);
    return connection != NULL && *connection != NULL ? connection : NULL;
}
