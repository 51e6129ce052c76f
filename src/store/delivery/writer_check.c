/* Turns the check of a stream's table into what the writer knows of it. */
#include "base/clock.h"
#include "base/log.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "store/delivery/writer_private.h"
#include "store/table/table_columns.h"

/* Once a table has fit, whoever drops a column means it. True: columns were added. */
static bool add_columns(struct worker *worker, const struct job *job, struct buf *problem)
{
    const struct writer_config *config = &worker->writer->config;
    const struct stream *stream = job->lane->stream;
    struct buf added = { 0 };
    bool may =
        config->store_options->create_table && config->store_options->add_columns && stream->options->create_table;
    bool altered = may && !job->lane->tables[job->server].was_ready &&
                   table_add_columns(config->store, worker->session, job->server, stream,
                                     config->store_options->request_timeout_ns, &added, problem);
    const char *names = altered ? buf_c_string(&added) : NULL;
    if (altered) {
        LOG(LOG_INFO, "columns were added to a table", "stream=%s table=%s columns=\"%s\"", stream->name, stream->table,
            names == NULL ? "" : names);
    }
    buf_release(&added);
    return altered;
}

static enum table_verdict prepare(struct worker *worker, const struct job *job, enum table_missing missing,
                                  struct table_info *info, struct buf *problem)
{
    const struct writer_config *config = &worker->writer->config;
    return table_prepare(config->store, worker->session, job->server, job->lane->stream, missing, config->fsync,
                         config->store_options->request_timeout_ns, info, problem);
}

void attempt_check(struct worker *worker, const struct job *job, enum table_missing missing, struct buf *problem,
                   enum table_verdict *verdict)
{
    struct writer *writer = worker->writer;
    struct table_info info = { 0 };
    bool set_up = setup_is_done(worker, job->server, problem);
    *verdict = set_up ? prepare(worker, job, missing, &info, problem) : TABLE_UNREACHABLE;
    if (*verdict == TABLE_UNFIT && add_columns(worker, job, problem)) {
        buf_clear(problem);
        *verdict = prepare(worker, job, missing, &info, problem);
    }
    if (*verdict == TABLE_UNREACHABLE && !attempt_is_stopping(writer)) {
        struct store_reply reply;
        struct store_features features;
        attempt_probe(worker, job->server, &features, &reply);
    }
    wakeup_lock(&writer->wakeup);
    outcome_note_check(writer, worker, job, *verdict, &info, buf_slice(problem), clock_monotonic_ns());
    wakeup_unlock(&writer->wakeup);
}
