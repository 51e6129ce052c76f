#include "store/embedded_engine.h"

#include "base/thread.h"
#include "config/options/store_options.h"
#include "store/embedded_query.h"
#include "store/sql.h"
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MARK_CACHE_BYTES (64 << 20)

/* Makes a folder with its parents; errno says why not. */
static bool make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
            *at = '/';
            if (!made) {
                return false;
            }
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* --path=<real path of the engine's folder>, made if it is missing; NULL with *problem. */
static char *make_path_argument(const char *path, const char *data_folder, struct buf *problem)
{
    struct buf folder = { 0 };
    struct buf argument = { 0 };
    char real[PATH_MAX];
    char *made = NULL;
    if (path != NULL && path[0] != '\0') {
        buf_append_string(&folder, path);
    } else {
        buf_printf(&folder, "%s/clickhouse", data_folder);
    }
    if (buf_c_string(&folder) == NULL || !make_folders(folder.data) || realpath(folder.data, real) == NULL) {
        buf_printf(problem, "the embedded engine's folder %s (store.path, else journal.data) cannot be made: %s",
                   folder.data == NULL ? "" : folder.data, strerror(errno));
    } else {
        buf_printf(&argument, "--path=%s", real);
        made = buf_c_string(&argument) == NULL ? NULL : strdup(argument.data);
    }
    buf_release(&folder);
    buf_release(&argument);
    return made;
}

/* NULL if memory is short. */
static char *make_backups_argument(const char *data_folder)
{
    char real[PATH_MAX];
    char *argument;
    const char *folder = realpath(data_folder, real) != NULL ? real : data_folder;
    return asprintf(&argument, "--backups.allowed_path=%s/backups", folder) < 0 ? NULL : argument;
}

/* NULL if memory is short. */
static char *make_config_argument(const char *path)
{
    char real[PATH_MAX];
    char *argument;
    const char *file = realpath(path, real) != NULL ? real : path;
    return asprintf(&argument, "--config-file=%s", file) < 0 ? NULL : argument;
}

bool embedded_engine_init(struct embedded_engine *engine, const struct store_options *options, const char *data_folder,
                          struct buf *problem)
{
    *engine =
        (struct embedded_engine){ .database = options->database != NULL ? options->database : "", .options = options };
    engine->path_argument = make_path_argument(options->path, data_folder, problem);
    engine->backups_argument = make_backups_argument(data_folder);
    bool configured = options->engine_config != NULL && options->engine_config[0] != '\0';
    engine->config_argument = configured ? make_config_argument(options->engine_config) : NULL;
    return engine->path_argument != NULL && engine->backups_argument != NULL &&
           (engine->config_argument != NULL || !configured);
}

void embedded_engine_release(struct embedded_engine *engine)
{
    if (engine->connection != NULL) {
        engine->chdb.close_conn(engine->connection);
    }
    free(engine->path_argument);
    free(engine->backups_argument);
    free(engine->config_argument);
}

static bool start_engine(struct embedded_engine *engine, struct buf *problem)
{
    struct store_reply reply = { 0 };
    struct buf sql = { 0 };
    char memory[64];
    char marks[64];
    snprintf(memory, sizeof memory, "--max_server_memory_usage=%llu", (unsigned long long)engine->options->max_memory);
    snprintf(marks, sizeof marks, "--mark_cache_size=%d", MARK_CACHE_BYTES);
    const char *arguments[] = { engine->path_argument,
                                memory,
                                marks,
                                "--background_pool_size=2",
                                "--memory_worker_use_cgroup=0",
                                engine->backups_argument,
                                engine->config_argument };
    size_t count = ARRAY_LENGTH(arguments) - (engine->config_argument == NULL);
    engine->connection = chdb_open(&engine->chdb, arguments, count);
    if (engine->connection == NULL) {
        buf_printf(problem,
                   "the embedded engine does not start on %s: its messages are above; is the folder writable, and "
                   "does no other process use it?%s%s",
                   engine->path_argument + strlen("--path="),
                   engine->config_argument == NULL ? "" : " Is its own configuration right, ",
                   engine->config_argument == NULL ? "" : engine->config_argument + strlen("--config-file="));
        return false;
    }
    if (engine->database[0] != '\0') {
        buf_append_string(&sql, "CREATE DATABASE IF NOT EXISTS ");
        sql_quote_identifier(slice_from_string(engine->database), &sql);
        embedded_run(&engine->chdb, *engine->connection, buf_slice(&sql), NULL, &reply);
    }
    buf_release(&sql);
    if (reply.outcome != STORE_DONE) {
        buf_printf(problem, "store.database: %s", reply.message);
        return false;
    }
    return true;
}

struct start {
    struct embedded_engine *engine;
    struct buf *problem;
    bool started;
};

static void open_engine(void *argument)
{
    struct start *start = argument;
    start->started = start_engine(start->engine, start->problem);
}

/* The engine's threads have the priority of the thread that starts it. */
static bool start_in_background(struct embedded_engine *engine, struct buf *problem)
{
    struct start start = { engine, problem, false };
    if (thread_run_background("engine", open_engine, &start) != OK) {
        buf_append_string(problem, "the embedded engine: the system refuses more threads");
    }
    return start.started;
}

bool embedded_engine_start(struct embedded_engine *engine, struct buf *problem)
{
    return chdb_load(&engine->chdb, engine->options->library, problem) && start_in_background(engine, problem);
}

chdb_connection *embedded_engine_connect(const struct embedded_engine *engine)
{
    const char *arguments[] = { engine->path_argument, "--max_query_size=268435456" };
    struct store_reply reply = { .outcome = STORE_DONE };
    struct buf use = { 0 };
    chdb_connection *connection = chdb_open(&engine->chdb, arguments, ARRAY_LENGTH(arguments));
    if (connection != NULL && engine->database[0] != '\0') {
        buf_append_string(&use, "USE ");
        sql_quote_identifier(slice_from_string(engine->database), &use);
        embedded_run(&engine->chdb, *connection, buf_slice(&use), NULL, &reply);
    }
    buf_release(&use);
    if (reply.outcome != STORE_DONE) {
        engine->chdb.close_conn(connection);
        return NULL;
    }
    return connection;
}
