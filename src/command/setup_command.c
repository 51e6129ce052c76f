/* Turns the files of `setup` into statements that every server has run, or into the one that failed. */
#include "command/setup_command.h"

#include "base/system/data_folder.h"
#include "config/config.h"
#include "event/stream.h"
#include "gateway.h"
#include "query/sql_wire.h"
#include "store/store.h"
#include "store/table/setup.h"
#include "store/table/table.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static bool parse_arguments(int argc, char **argv, const char **config)
{
    for (int option; (option = command_next_option(&setup_command, argc, argv)) != -1;) {
        if (option != 'c') {
            return false;
        }
        *config = optarg;
    }
    return optind == argc;
}

/* All files, in order; false at the first that fails. */
static bool run_files(const struct config *config, struct setup_target *target, const char *server, struct buf *problem)
{
    target->database = config->store.database;
    target->cluster = config->store.cluster;
    for (size_t i = 0; i < config->setup_count; i++) {
        size_t statements;
        if (setup_run(&config->setup[i], target, &statements, problem) != SETUP_DONE) {
            buf_printf(problem, " (%s)\n", server);
            return false;
        }
        printf("%s: %zu statements on %s\n", config->setup[i].path, statements, server);
    }
    return true;
}

struct job {
    struct setup_server at; /* first: setup_send */
    const struct config *config;
};

static void make_tables(void *context)
{
    const struct job *job = context;
    const struct config *config = job->config;
    for (size_t i = 0; config->store.create_table && i < config->stream_count; i++) {
        struct buf problem = { 0 };
        struct table_info info;
        struct stream *stream = stream_compile(&config->streams[i], i, &problem);
        if (stream != NULL && config->streams[i].create_table) {
            (void)table_prepare(job->at.store, job->at.session, job->at.server, stream, TABLE_CREATE,
                                config->journal.durability == DURABILITY_FSYNC, job->at.timeout_ns, &info, &problem);
        }
        stream_free(stream);
        buf_release(&problem);
    }
}

static bool run_on_servers(const struct config *config, struct store *store, struct buf *problem)
{
    struct store_session *session = store->ops->session_new(store);
    bool done = session != NULL;
    for (size_t i = 0; done && i < store->server_count; i++) {
        struct job job = { { store, session, i, config->store.request_timeout_ns }, config };
        struct setup_target target = { .send = setup_send, .make_tables = make_tables, .context = &job };
        done = run_files(config, &target, store->server_names[i], problem);
    }
    if (session != NULL) {
        store->ops->session_free(session);
    }
    return done;
}

static bool open_and_run(const struct config *config, struct buf *problem)
{
    struct store *store = store_new(&config->store, config->journal.data, false, problem);
    bool done = false;
    if (store != NULL) {
        done = store_open(store, problem) && run_on_servers(config, store, problem);
        store->ops->free(store);
    }
    return done;
}

/* What the gateway said of one statement. */
static void read_verdict(int fd, struct store_reply *reply)
{
    struct buf bytes = { 0 };
    enum sql_frame kind = SQL_PIECE;
    bool heard = true;
    while (heard && kind == SQL_PIECE) {
        heard = sql_wire_receive(fd, &kind, &bytes);
    }
    if (!heard) {
        store_reply_set(reply, STORE_UNKNOWN, 0, 0, SLICE("the gateway ended before the statement did"));
    } else if (kind == SQL_FAILED) {
        store_reply_set(reply, STORE_ANSWERED, store_parse_error_code(buf_slice(&bytes)), 0, buf_slice(&bytes));
    } else {
        store_reply_set(reply, STORE_DONE, 0, 0, SLICE(""));
    }
    buf_release(&bytes);
}

/* `context` is the data folder: the engine is in the gateway that runs there. */
static void ask_gateway(void *context, struct slice statement, struct store_reply *reply)
{
    struct sql_request request = { .statement = statement, .format = SLICE(""), .write = true };
    int fd = sql_wire_connect(context);
    if (fd < 0 || !sql_wire_ask(fd, &request)) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("the gateway that runs the engine does not answer"));
    } else {
        read_verdict(fd, reply);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static bool run_embedded(const struct config *config, struct buf *problem)
{
    struct data_folder folder = { .lock_fd = -1 };
    struct buf refusal = { 0 };
    char path[4096];
    bool done = false;
    snprintf(path, sizeof path, "%s", config->journal.data);
    if (data_folder_take(&folder, config->journal.data, true, &refusal)) {
        done = open_and_run(config, problem);
    } else {
        struct setup_target target = { .send = ask_gateway, .context = path };
        done = run_files(config, &target, "the gateway's engine", problem);
    }
    buf_release(&refusal);
    data_folder_release(&folder);
    return done;
}

static int run_command(int argc, char **argv)
{
    const char *path = DEFAULT_CONFIG;
    if (!parse_arguments(argc, argv, &path)) {
        return command_explain_use(&setup_command);
    }
    struct config config;
    struct buf problem = { 0 };
    int code = 2;
    if (config_load(&config, path, config_environment, &problem) && gateway_check(&config, &problem)) {
        bool embedded = config.store.kind == STORE_EMBEDDED;
        code = (embedded ? run_embedded : open_and_run)(&config, &problem) ? 0 : 1;
    }
    if (problem.len != 0) {
        fprintf(stderr, "sluice setup: %s", buf_c_string(&problem));
    }
    buf_release(&problem);
    config_free(&config);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    { 0 },
};

const struct command setup_command = {
    .name = "setup",
    .usage = "[--config FILE]",
    .summary = "run the SQL files of `setup` on each server, and nothing else",
    .help = "Exit code: 0 if all statements went through, 1 if one did not, 2 for the configuration.",
    .options = options,
    .run = run_command,
};
