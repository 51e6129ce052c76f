/* Turns a file into a checked struct config. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/http_listeners.h"
#include "config/include.h"
#include "config/keys_file.h"
#include "config/names.h"
#include "config/option_read.h"
#include "config/secret.h"
#include "config/yaml/document.h"
#include "config/yaml/memory.h"

const char *config_default_path(void)
{
    static const char in_source[] = "config/sluice.yaml";
    return access(in_source, F_OK) == 0 ? in_source : "/etc/sluice/sluice.yaml";
}

const char *config_environment(const char *name)
{
    return getenv(name);
}

enum { LEAST_JOURNAL = 256 * 1024, LEAST_REJECTS = 1024 * 1024 };

/* A table has its stream's name, and the scope of its file. */
static void settle_tables(struct config *config)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct stream_options *stream = &config->streams[i];
        stream->table =
            stream->table == NULL ? stream->name : memory_join(config->memory, stream->scope, stream->table);
    }
}

/* One stream whose table does not take its events must leave room in the journal to the others. */
static void settle_max_journal(struct option_reader *reader, struct config *config)
{
    uint64_t most = config->journal.max_bytes;
    for (size_t i = 0; i < config->stream_count; i++) {
        struct stream_options *stream = &config->streams[i];
        uint64_t given = stream->max_journal_bytes;
        if (given == 0) {
            stream->max_journal_bytes = config->stream_count > 1 ? most / 4 * 3 : most;
        } else if (given < LEAST_JOURNAL || given > most) {
            char path[64];
            snprintf(path, sizeof path, "streams[%zu].max_journal", i);
            option_problem(reader, stream->line, path,
                           "found %llu bytes, expected 0, or 256KiB to journal.max_bytes, which is %llu",
                           (unsigned long long)given, (unsigned long long)most);
        }
    }
}

static void check_writer(struct option_reader *reader, const struct writer_options *writer)
{
    if (writer->backoff_max_ns < writer->backoff_min_ns) {
        option_problem(reader, 0, "writer.backoff_max",
                       "found a duration below writer.backoff_min, expected one that is not");
    }
}

static void check_rejects(struct option_reader *reader, const struct rejects_options *rejects)
{
    if (rejects->keep_bytes != 0 && rejects->keep_bytes < LEAST_REJECTS) {
        option_problem(reader, 0, "rejects.keep", "found %llu bytes, expected 0, or 1MiB and more",
                       (unsigned long long)rejects->keep_bytes);
    }
}

static void settle_own_keys(struct option_reader *reader, struct config *config)
{
    struct key_list list = { config->keys, config->key_count };
    settle_keys(reader, config->keys_file, &list);
    config->keys = list.keys;
    config->key_count = list.count;
}

static void read_root(struct option_reader *reader, const struct node *root, struct config *config)
{
    size_t before = reader->problems->len;
    option_read_group(reader, root, root != NULL ? root->line : 1, "", &option_sections, config);
    if (reader->problems->len == before) {
        settle_tables(config);
        names_check(reader, "streams", config->streams, config->stream_count, sizeof *config->streams,
                    offsetof(struct stream_options, name));
        check_writer(reader, &config->writer);
        check_rejects(reader, &config->rejects);
        settle_max_journal(reader, config);
        settle_listeners(reader, &config->http, &config->admin);
        settle_own_keys(reader, config);
        settle_secrets(reader, &config->store, &config->query, &config->dedup);
    }
    if (memory_failed(reader->memory)) {
        option_problem(reader, 0, "", "needs more memory than a configuration may take");
    }
}

/* `text` grows by what the included files say. */
static void read_document(struct config *config, struct config_memory *nodes, const char *name,
                          struct option_reader *reader, struct buf *text)
{
    const struct node_file file = { .name = name, .scope = "", .prefix = "" };
    const struct node *root = NULL;
    if (document_read(nodes, &file, buf_slice(text), &root, reader->problems) &&
        include_join(reader, nodes, &root, text)) {
        read_root(reader, root, config);
    }
    config->file = memory_copy(config->memory, slice_from_string(name));
    config->text = text->failed ? NULL : memory_copy(config->memory, buf_slice(text));
}

bool config_parse(struct config *config, const char *name, struct slice text, const char *(*lookup)(const char *name),
                  struct buf *problems)
{
    *config = (struct config){ 0 };
    struct config_memory *nodes = memory_new();
    struct buf whole = { 0 };
    config->memory = memory_new();
    size_t before = problems->len;
    buf_append_slice(&whole, text);
    if (nodes == NULL || config->memory == NULL || whole.failed) {
        buf_printf(problems, "%s: out of memory\n", name);
    } else if (text.len > INCLUDE_FILE_LIMIT) {
        buf_printf(problems, "%s: found %zu bytes, expected a file of at most %d\n", name, text.len,
                   INCLUDE_FILE_LIMIT);
    } else {
        struct option_reader reader = {
            .file = name, .lookup = lookup, .memory = config->memory, .problems = problems
        };
        read_document(config, nodes, name, &reader, &whole);
    }
    memory_free(nodes);
    buf_release(&whole);
    if (problems->len != before || problems->failed || config->file == NULL || config->text == NULL) {
        config_free(config);
        return false;
    }
    return true;
}

bool config_load(struct config *config, const char *path, const char *(*lookup)(const char *name), struct buf *problems)
{
    struct buf text = { 0 };
    *config = (struct config){ 0 };
    bool loaded = include_read_file(path, INCLUDE_FILE_LIMIT, &text, problems) &&
                  config_parse(config, path, buf_slice(&text), lookup, problems);
    buf_release(&text);
    return loaded;
}

void config_free(struct config *config)
{
    memory_free(config->memory);
    *config = (struct config){ 0 };
}
