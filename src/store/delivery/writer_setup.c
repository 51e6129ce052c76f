/* Turns the files of `setup` into servers that have run them, and tells of each file how that went. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "config/options/setup_options.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "store/table/setup.h"

#include <stdio.h>
#include <stdlib.h>

static struct status_part **part_of(const struct writer *writer, size_t server, size_t file)
{
    ASSERT_BELOW(server, writer->server_count);
    ASSERT_BELOW(file, writer->config.setup_count);
    return &writer->setup_parts[server * writer->config.setup_count + file];
}

static void add_part(struct writer *writer, size_t server, size_t file)
{
    char name[64];
    bool several = writer->server_count > 1;
    snprintf(name, sizeof name, "setup:%.32s%s%s", writer->config.setup[file].path, several ? "@" : "",
             several ? writer->config.store->server_names[server] : "");
    *part_of(writer, server, file) = status_add(writer->config.board, name);
    status_set(*part_of(writer, server, file), STATUS_OK, "not run yet");
}

bool setup_init(struct writer *writer)
{
    size_t count = writer->config.setup_count;
    writer->setup_parts = calloc(writer->server_count * count + 1, sizeof(struct status_part *));
    for (size_t i = 0; writer->setup_parts != NULL && i < writer->server_count; i++) {
        writer->servers[i].setup.done = count == 0;
        for (size_t file = 0; file < count; file++) {
            add_part(writer, i, file);
        }
    }
    return writer->setup_parts != NULL;
}

void setup_release(struct writer *writer)
{
    free((void *)writer->setup_parts);
}

/* What the files' statements need of the writer. */
struct setup_job {
    struct setup_server at; /* first: setup_send */
    struct worker *worker;
};

static void make_tables(void *context)
{
    const struct setup_job *job = context;
    const struct writer *writer = job->worker->writer;
    for (size_t i = 0; i < writer->config.stream_count; i++) {
        const struct stream *stream = stream_at(writer->config.streams, i);
        struct table_info info;
        struct buf problem = { 0 };
        if (writer->config.store_options->create_table && stream->options->create_table) {
            /* What is wrong with it is told when it is compared. */
            (void)table_prepare(job->at.store, job->at.session, job->at.server, stream, TABLE_CREATE,
                                writer->config.fsync, job->at.timeout_ns, &info, &problem);
        }
        buf_release(&problem);
    }
}

static enum setup_outcome run_file(struct worker *worker, size_t server, size_t index, struct buf *problem)
{
    struct writer *writer = worker->writer;
    const struct setup_options *file = &writer->config.setup[index];
    const struct store_options *options = writer->config.store_options;
    struct status_part *part = *part_of(writer, server, index);
    struct setup_job job = { { writer->config.store, worker->session, server, options->request_timeout_ns }, worker };
    const struct setup_target target = { setup_send, make_tables, &job, writer->config.store->database,
                                         options->cluster == NULL ? "" : options->cluster };
    const char *name = writer->config.store->server_names[server];
    size_t statements;
    enum setup_outcome outcome = setup_run(file, &target, &statements, problem);
    if (outcome == SETUP_DONE) {
        LOG(LOG_INFO, "setup done", "file=%s server=%s statements=%zu", file->path, name, statements);
        status_set(part, STATUS_OK, "%zu statements", statements);
    } else {
        LOG(LOG_ERROR, "setup failed", "server=%s %s", name, buf_c_string(problem));
        status_set(part, STATUS_DEGRADED, "events wait in the journal: %s", buf_c_string(problem));
    }
    return outcome;
}

/* True: this thread runs them. */
static bool take_turn(struct writer *writer, struct server_setup *setup, int64_t now_ns)
{
    wakeup_lock(&writer->wakeup);
    bool turn = !setup->done && !setup->running && now_ns >= setup->next_ns;
    setup->running = setup->running || turn;
    wakeup_unlock(&writer->wakeup);
    return turn;
}

static void note(struct worker *worker, struct server_setup *setup, enum setup_outcome outcome,
                 const struct buf *problem)
{
    struct writer *writer = worker->writer;
    int64_t now_ns = clock_monotonic_ns();
    wakeup_lock(&writer->wakeup);
    ASSERT(setup->running);
    setup->running = false;
    setup->done = outcome == SETUP_DONE;
    if (!setup->done) {
        setup->failures++;
        bool wait_long = outcome == SETUP_FAILED;
        setup->next_ns = now_ns + (wait_long ? writer->backoff.max_ns
                                             : backoff_ns(&writer->backoff, setup->failures, &worker->random));
    }
    snprintf(setup->reason, sizeof setup->reason, "%.*s", (int)problem->len, problem->len == 0 ? "" : problem->data);
    wakeup_unlock(&writer->wakeup);
}

static void run_files(struct worker *worker, size_t server)
{
    struct writer *writer = worker->writer;
    struct buf problem = { 0 };
    enum setup_outcome outcome = SETUP_DONE;
    for (size_t i = 0; outcome == SETUP_DONE && i < writer->config.setup_count; i++) {
        outcome = run_file(worker, server, i, &problem);
    }
    note(worker, &writer->servers[server].setup, outcome, &problem);
    buf_release(&problem);
}

bool setup_is_done(struct worker *worker, size_t server, struct buf *problem)
{
    struct writer *writer = worker->writer;
    struct server_setup *setup = &writer->servers[server].setup;
    if (take_turn(writer, setup, clock_monotonic_ns())) {
        run_files(worker, server);
    }
    wakeup_lock(&writer->wakeup);
    bool done = setup->done;
    if (!done) {
        buf_printf(problem, "setup: %s\n", setup->running ? "its statements are being run" : setup->reason);
    }
    wakeup_unlock(&writer->wakeup);
    return done;
}
