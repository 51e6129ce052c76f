/* Turns a file into a checked struct config. */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/document.h"
#include "config/http_listeners.h"
#include "config/memory.h"
#include "config/option_read.h"
#include "config/secret.h"

const char *config_environment(const char *name)
{
    return getenv(name);
}

enum { FILE_LIMIT = 1024 * 1024, LEAST_JOURNAL = 256 * 1024 };

/* What no value can say alone, and only this module knows. */
static void check_streams(struct option_reader *reader, struct config *config)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct stream_options *stream = &config->streams[i];
        if (stream->name == NULL) {
            continue; /* already reported */
        }
        if (stream->table == NULL) {
            stream->table = stream->name;
        }
        for (size_t k = 0; k < i; k++) {
            if (config->streams[k].name != NULL && strcmp(config->streams[k].name, stream->name) == 0) {
                char path[64];
                snprintf(path, sizeof path, "streams[%zu].name", i);
                option_problem(reader, stream->line, path,
                               "found \"%s\" again (first in line %d), expected a name of its own", stream->name,
                               config->streams[k].line);
                break;
            }
        }
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

static void read_root(struct option_reader *reader, const struct node *root, struct config *config)
{
    size_t before = reader->problems->len;
    option_read_group(reader, root, root != NULL ? root->line : 1, "", &option_sections, config);
    if (reader->problems->len == before) {
        check_streams(reader, config);
        check_writer(reader, &config->writer);
        settle_max_journal(reader, config);
        settle_listeners(reader, config);
        settle_secrets(reader, config);
    }
    if (memory_failed(reader->memory)) {
        option_problem(reader, 0, "", "needs more memory than a configuration may take");
    }
}

bool config_parse(struct config *config, const char *name, struct slice text, const char *(*lookup)(const char *name),
                  struct buf *problems)
{
    *config = (struct config){ 0 };
    struct config_memory *nodes = memory_new();
    config->memory = memory_new();
    size_t before = problems->len;
    const struct node *root = NULL;
    if (nodes == NULL || config->memory == NULL) {
        buf_printf(problems, "%s: out of memory\n", name);
    } else if (text.len > FILE_LIMIT) {
        buf_printf(problems, "%s: found %zu bytes, expected a file of at most %d\n", name, text.len, FILE_LIMIT);
    } else if (document_read(nodes, name, text, &root, problems)) {
        struct option_reader reader = {
            .file = name, .lookup = lookup, .memory = config->memory, .problems = problems
        };
        read_root(&reader, root, config);
        config->file = memory_copy(config->memory, slice_from_string(name));
        config->text = memory_copy(config->memory, text);
    }
    memory_free(nodes);
    if (problems->len != before || problems->failed || config->file == NULL || config->text == NULL) {
        config_free(config);
        return false;
    }
    return true;
}

/* One byte more than may be, so that a larger file is seen to be one. */
static bool read_file(FILE *file, struct buf *text)
{
    if (!buf_reserve(text, FILE_LIMIT + 1)) {
        return false;
    }
    text->len = fread(text->data, 1, FILE_LIMIT + 1, file);
    return ferror(file) == 0;
}

bool config_load(struct config *config, const char *path, const char *(*lookup)(const char *name), struct buf *problems)
{
    *config = (struct config){ 0 };
    FILE *file = fopen(path, "rbe");
    struct buf text = { 0 };
    bool loaded = false;
    if (file == NULL || !read_file(file, &text)) {
        buf_printf(problems, "%s: cannot be read: %s\n", path, strerror(errno));
    } else {
        loaded = config_parse(config, path, buf_slice(&text), lookup, problems);
    }
    if (file != NULL) {
        fclose(file);
    }
    buf_release(&text);
    return loaded;
}

void config_free(struct config *config)
{
    memory_free(config->memory);
    *config = (struct config){ 0 };
}
