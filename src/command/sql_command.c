/* Turns a statement on the command line into the store's answer. */
#include "command/sql_command.h"

#include "base/clock.h"
#include "base/system/data_folder.h"
#include "config/config.h"
#include "query/sql_wire.h"
#include "store/store.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_NS (300 * NS_PER_SECOND) /* of a server */
#define BETWEEN_NS (10 * NS_PER_SECOND)

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

static bool folder_is_missing(const struct config *config)
{
    return access(config->journal.data, F_OK) != 0;
}

static bool say_failure(const char *message)
{
    fprintf(stderr, "sluice sql: %s\n", message);
    return false;
}

static bool print_piece(void *context, struct slice piece)
{
    (void)context;
    return fwrite(piece.data, 1, piece.len, stdout) == piece.len ||
           say_failure("the result cannot be written, it was cut short");
}

static bool flush_result(void)
{
    return fflush(stdout) == 0 || say_failure(strerror(errno));
}

static void run_here(struct store *store, struct store_session *session, const struct sql_arguments *arguments,
                     struct store_reply *reply)
{
    struct store_statement statement = {
        .sql = slice_from_string(arguments->statement),
        .format = arguments->format,
        .tag = "sluice-sql",
        .write = arguments->write,
        .take = print_piece,
    };
    store->ops->run_statement(session, &statement, reply);
}

/* A server's answer is held whole. */
static void ask_server(struct store *store, struct store_session *session, const struct sql_arguments *arguments,
                       struct store_reply *reply)
{
    struct store_query query = {
        .sql = slice_from_string(arguments->statement),
        .format = arguments->format[0] != '\0' ? arguments->format : NULL,
        .timeout_ns = TIMEOUT_NS,
        .max_result_bytes = UINT64_C(1) << 32,
    };
    struct buf out = { 0 };
    store->ops->query(session, 0, &query, &out, reply);
    if (reply->outcome == STORE_DONE && !print_piece(NULL, buf_slice(&out))) {
        store_reply_set(reply, STORE_ANSWERED, 0, 0, SLICE("nothing more was written"));
    }
    buf_release(&out);
}

static int run(struct store *store, const struct sql_arguments *arguments)
{
    struct store_session *session = store->ops->session_new(store);
    struct store_reply reply = { 0 };
    if (session == NULL) {
        say_failure("out of memory");
        return 1;
    }
    (store->ops->run_statement != NULL ? run_here : ask_server)(store, session, arguments, &reply);
    bool good = reply.outcome == STORE_DONE ? flush_result() : say_failure(reply.message);
    store->ops->session_free(session);
    return good ? 0 : 1;
}

static int open_and_run(const struct config *config, const struct sql_arguments *arguments, struct buf *problem)
{
    struct store *store = store_new(&config->store, config->journal.data, false, problem);
    int code = 1;
    if (store != NULL) {
        code = store_open(store, problem) ? run(store, arguments) : code;
        store->ops->free(store);
    }
    return code;
}

/* What a gateway said, until its end. */
static int print_reply(int fd)
{
    struct buf bytes = { 0 };
    enum sql_frame kind = SQL_PIECE;
    bool heard = true;
    bool good = true;
    while (good && kind == SQL_PIECE) {
        heard = sql_wire_receive(fd, &kind, &bytes);
        good = heard && (kind != SQL_PIECE || print_piece(NULL, buf_slice(&bytes)));
    }
    if (!heard) {
        say_failure("the gateway ended before the statement did");
    } else if (kind == SQL_FAILED) {
        const char *message = buf_c_string(&bytes);
        good = say_failure(message != NULL ? message : "out of memory");
    }
    buf_release(&bytes);
    return good && flush_result() ? 0 : 1;
}

static int ask_gateway(int fd, const struct sql_arguments *arguments)
{
    struct sql_request request = {
        .statement = slice_from_string(arguments->statement),
        .format = slice_from_string(arguments->format),
        .write = arguments->write,
    };
    bool asked = sql_wire_ask(fd, &request);
    (void)asked; /* who did not listen to the end may have said why */
    int code = print_reply(fd);
    close(fd);
    return code;
}

/* Between its lock and its socket a gateway starts or ends: that is waited for. */
static int run_embedded(const struct config *config, const struct sql_arguments *arguments, struct buf *problem)
{
    const struct timespec pause = { .tv_nsec = 100 * NS_PER_MS };
    int64_t deadline_ns = clock_monotonic_ns() + BETWEEN_NS;
    struct data_folder folder = { .lock_fd = -1 };
    int fd;
    while ((fd = sql_wire_connect(config->journal.data)) < 0) {
        buf_clear(problem);
        if (errno == EACCES) {
            buf_printf(problem, "the gateway's socket in %s: %s; ask as the gateway's user", config->journal.data,
                       strerror(EACCES));
            return 2;
        }
        if (data_folder_take(&folder, config->journal.data, false, problem)) {
            int code = open_and_run(config, arguments, problem);
            data_folder_release(&folder);
            return code;
        }
        data_folder_release(&folder);
        if (folder_is_missing(config) || clock_monotonic_ns() >= deadline_ns) {
            return 2;
        }
        nanosleep(&pause, NULL);
    }
    return ask_gateway(fd, arguments);
}

static int run_command(int argc, char **argv)
{
    struct sql_arguments arguments = { .config = DEFAULT_CONFIG, .format = "PrettyCompact" };
    if (!parse_arguments(argc, argv, &arguments)) {
        return command_explain_use(&sql_command);
    }
    struct config config;
    struct buf problem = { 0 };
    int code = 2;
    if (config_load(&config, arguments.config, config_environment, &problem)) {
        code = config.store.kind == STORE_EMBEDDED ? run_embedded(&config, &arguments, &problem)
                                                   : open_and_run(&config, &arguments, &problem);
    }
    if (problem.len != 0) {
        say_failure(buf_c_string(&problem));
    }
    buf_release(&problem);
    config_free(&config);
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
