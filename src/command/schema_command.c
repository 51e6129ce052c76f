/* Turns the streams of a configuration into the CREATE TABLE of each. */
#include "command/schema_command.h"

#include "gateway.h"
#include "inspect/configured.h"

#include "config/options/journal_options.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "store/store.h"
#include "store/table/table_ddl.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define SHIPPED_VERSION "26.7" /* of the embedded engine */

struct schema_arguments {
    const char *config;
    const char *version;
    struct table_form form;
    char **streams;
    int stream_count;
};

static bool parse_arguments(int argc, char **argv, struct schema_arguments *arguments)
{
    for (int option; (option = command_next_option(&schema_command, argc, argv)) != -1;) {
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'R': arguments->form.replicated = true; break;
        case 'O': arguments->form.cluster = optarg; break;
        case 'S': arguments->version = optarg; break;
        default: return false;
        }
    }
    if (optind == argc || strcmp(argv[optind], "print") != 0) {
        return false;
    }
    if (arguments->form.cluster != NULL && arguments->form.cluster[0] == '\0') {
        fprintf(stderr, "sluice schema: --on-cluster needs the name of a cluster\n");
        return false;
    }
    arguments->streams = argv + optind + 1;
    arguments->stream_count = argc - optind - 1;
    return true;
}

/* Of the first server that answers; false if none does. */
static bool probe_servers(const struct configured *config, struct store_features *features, struct buf *problem)
{
    struct store *store = store_new(config->store, config->journal->data, false, problem);
    struct store_session *session = store == NULL ? NULL : store->ops->session_new(store);
    for (size_t i = 0; session != NULL && !features->known && i < store->server_count; i++) {
        struct store_reply reply;
        store->ops->probe(session, i, features, &reply);
        features->known = reply.outcome == STORE_DONE;
    }
    if (session != NULL) {
        store->ops->session_free(session);
    }
    if (store != NULL) {
        store->ops->free(store);
    }
    return features->known;
}

static void find_features(const struct configured *config, const char *version, struct store_features *features)
{
    struct buf problem = { 0 };
    bool asks = version == NULL && config->store->kind == STORE_CLICKHOUSE;
    if (!asks || !probe_servers(config, features, &problem)) {
        store_features_by_version(features, slice_from_string(version == NULL ? SHIPPED_VERSION : version));
        if (asks) {
            fputs("sluice schema: no server of store.url answers; written for ClickHouse " SHIPPED_VERSION
                  ", another with --server VERSION\n",
                  stderr);
        }
    }
    buf_release(&problem);
}

static bool is_wanted(const struct schema_arguments *arguments, const char *stream)
{
    bool wanted = arguments->stream_count == 0;
    for (int i = 0; i < arguments->stream_count; i++) {
        wanted = wanted || strcmp(arguments->streams[i], stream) == 0;
    }
    return wanted;
}

static bool names_are_streams(const struct configured *config, const struct schema_arguments *arguments)
{
    bool all = true;
    for (int i = 0; i < arguments->stream_count; i++) {
        bool found = false;
        for (size_t j = 0; j < config->stream_count; j++) {
            found = found || strcmp(config->streams[j].name, arguments->streams[i]) == 0;
        }
        if (!found) {
            fprintf(stderr, "sluice schema: %s has no stream %s\n", config->path, arguments->streams[i]);
        }
        all = all && found;
    }
    return all;
}

static bool append_stream(const struct configured *config, size_t index, const struct store_features *features,
                          const struct table_form *form, struct buf *out, struct buf *problem)
{
    struct stream *stream = stream_compile(&config->streams[index], index, problem);
    bool possible = stream != NULL && table_ddl_is_possible(stream, features, problem);
    if (possible) {
        table_ddl(stream, config->store->database, features, form, out);
        buf_append_string(out, ";\n");
    }
    stream_free(stream);
    return possible;
}

static int print(const struct configured *config, const struct schema_arguments *arguments, struct buf *problem)
{
    struct store_features features = { 0 };
    struct table_form form = arguments->form;
    struct buf out = { 0 };
    bool possible = true;
    form.lines = true;
    form.fsync = config->journal->durability == DURABILITY_FSYNC;
    find_features(config, arguments->version, &features);
    for (size_t i = 0; i < config->stream_count; i++) {
        if (is_wanted(arguments, config->streams[i].name)) {
            possible = append_stream(config, i, &features, &form, &out, problem) && possible;
        }
    }
    bool printed = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    if (!printed) {
        buf_printf(problem, "cannot write the result: %s\n", strerror(errno));
    }
    buf_release(&out);
    return possible && printed ? 0 : 1;
}

static int run_command(int argc, char **argv)
{
    struct schema_arguments arguments = { 0 };
    if (!parse_arguments(argc, argv, &arguments)) {
        return command_explain_use(&schema_command);
    }
    struct configured config;
    struct buf problem = { 0 };
    int code = 2;
    if (configured_load(&config, arguments.config, &problem) && gateway_check(config.all, &problem) &&
        names_are_streams(&config, &arguments)) {
        code = print(&config, &arguments, &problem);
    }
    if (problem.len != 0) {
        fprintf(stderr, "sluice schema: %s", buf_c_string(&problem));
    }
    buf_release(&problem);
    configured_release(&config);
    return code;
}

static const struct command_verb command_verbs[] = {
    { "print", "the CREATE TABLE of each stream, or of those that are named" },
    { 0 },
};

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    { .name = "replicated",
      .help = "ReplicatedReplacingMergeTree, with the server's macros {shard} and {replica}",
      .letter = 'R' },
    { .name = "on-cluster", .value = "NAME", .help = "ON CLUSTER NAME", .letter = 'O' },
    { .name = "server",
      .value = "VERSION",
      .help = "for ClickHouse of this version (18.16, 26.7 …); else the configured server is asked",
      .letter = 'S' },
    { 0 },
};

const struct command schema_command = {
    .name = "schema",
    .usage = "print [--config FILE] [--replicated] [--on-cluster NAME] [--server VERSION] [STREAM…]",
    .summary = "print the CREATE TABLE of each stream",
    .help = "The table keeps each event once. Without a STREAM all are printed. A store that is a server is asked for "
            "its version; an embedded one is not opened.",
    .verbs = command_verbs,
    .options = options,
    .run = run_command,
};
