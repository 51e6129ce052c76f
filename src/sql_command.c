/* Turns a statement on the command line into the store's answer. */
#include "sql_command.h"

#include "gateway.h"

#include "base/data_folder.h"
#include "store/store.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define TIMEOUT_NS (300 * NS_PER_SECOND)

static const char usage[] = "usage: sluice sql [--config FILE] [--format FORMAT] STATEMENT\n"
                            "  FORMAT is ClickHouse's, e.g. PrettyCompact (the default), TSV, JSONEachRow;\n"
                            "  \"\" for a statement without a result\n";

struct sql_arguments {
    const char *config;
    const char *format;
    const char *statement;
};

static bool parse_arguments(int argc, char **argv, struct sql_arguments *arguments)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "format", required_argument, NULL, 'f' },
        { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "c:f:", options, NULL)) != -1;) {
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'f': arguments->format = optarg; break;
        default: return false;
        }
    }
    arguments->statement = optind == argc - 1 ? argv[optind] : NULL;
    return arguments->statement != NULL;
}

/* An embedded engine must not be opened twice, nor in a folder that no gateway has made. */
static bool take_folder(const struct config *config, struct data_folder *folder, struct buf *problem)
{
    *folder = (struct data_folder){ .lock_fd = -1 };
    return config->store.kind != STORE_EMBEDDED || data_folder_take(folder, config->journal.data, false, problem);
}

static int run(struct store *store, const struct sql_arguments *arguments)
{
    struct store_session *session = store->ops->session_new(store);
    if (session == NULL) {
        fputs("sluice sql: out of memory\n", stderr);
        return 1;
    }
    struct store_query query = {
        .sql = slice_from_string(arguments->statement),
        .format = arguments->format[0] != '\0' ? arguments->format : NULL,
        .timeout_ns = TIMEOUT_NS,
        .max_result_bytes = UINT64_C(1) << 32,
    };
    struct buf out = { 0 };
    struct store_reply reply = { 0 };
    store->ops->query(session, 0, &query, &out, &reply);
    bool printed = false;
    if (reply.outcome != STORE_DONE) {
        fprintf(stderr, "sluice sql: %s\n", reply.message);
    } else {
        printed = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        if (!printed) {
            fprintf(stderr, "sluice sql: cannot write the result: %s\n", strerror(errno));
        }
    }
    buf_release(&out);
    store->ops->session_free(session);
    return printed ? 0 : 1;
}

int sql_command(int argc, char **argv)
{
    struct sql_arguments arguments = { .config = DEFAULT_CONFIG, .format = "PrettyCompact" };
    if (!parse_arguments(argc, argv, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    struct config config;
    struct data_folder folder = { .lock_fd = -1 };
    struct buf problem = { 0 };
    int code = 2;
    if (config_load(&config, arguments.config, config_environment, &problem) &&
        take_folder(&config, &folder, &problem)) {
        struct store *store = store_new(&config.store, config.journal.data, false, &problem);
        code = 1;
        if (store != NULL) {
            code = store_open(store, &problem) ? run(store, &arguments) : code;
            store->ops->free(store);
        }
    }
    if (problem.len != 0) {
        fprintf(stderr, "sluice sql: %s\n", buf_c_string(&problem));
    }
    data_folder_release(&folder);
    buf_release(&problem);
    config_free(&config);
    return code;
}
