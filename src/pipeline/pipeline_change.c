/* Turns streams that are compiled anew into those that are served. */
#include "pipeline/pipeline_change.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "event/column.h"
#include "event/stream.h"
#include "pipeline/commit/commit.h"
#include "pipeline/journal/journal.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/pipeline_private.h"
#include "pipeline/validate/validate.h"
#include "pipeline/validate/validate_plan.h"

#include <stdlib.h>

/* Before the change what is new, after it what was there. */
struct pipeline_change {
    struct pipeline *pipeline;
    struct stream *const *streams;
    struct validate_plans *plans;
    struct validator **validators; /* of each pipeline_io, in the order of the list */
    size_t validator_count;
    struct metrics_fields **fields; /* of each stream; NULL: it stays */
};

bool pipeline_takes_stream(struct pipeline *pipeline, const struct stream *stream, struct buf *problem)
{
    return writer_takes_stream(pipeline->writer, stream, problem);
}

static bool is_changed(const struct pipeline_change *change, size_t index)
{
    return change->streams[index] != change->pipeline->config.streams[index];
}

static struct metrics_fields *fields_of(const struct stream *stream)
{
    const char **names = calloc(stream->column_count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < stream->column_count; i++) {
        names[i] = stream->columns[i].name;
    }
    struct metrics_fields *fields =
        names == NULL ? NULL : metrics_fields_new(&(struct metrics_names){ names, stream->column_count });
    free(names);
    return fields;
}

static bool make_fields(struct pipeline_change *change)
{
    size_t count = change->pipeline->config.stream_count;
    change->fields = calloc(count + 1, sizeof *change->fields);
    for (size_t i = 0; change->fields != NULL && i < count; i++) {
        if (is_changed(change, i)) {
            change->fields[i] = fields_of(change->streams[i]);
            if (change->fields[i] == NULL) {
                return false;
            }
        }
    }
    return change->fields != NULL;
}

static bool make_validators(struct pipeline_change *change)
{
    size_t count = 0;
    for (const struct pipeline_io *io = change->pipeline->ios; io != NULL; io = io->next) {
        count++;
    }
    change->validators = calloc(count + 1, sizeof(struct validator *));
    for (size_t i = 0; change->validators != NULL && i < count; i++) {
        change->validators[i] = validator_new(change->plans);
        if (change->validators[i] == NULL) {
            return false;
        }
        change->validator_count++;
    }
    return change->validators != NULL;
}

struct pipeline_change *pipeline_change_new(struct pipeline *pipeline, struct stream *const *streams)
{
    struct pipeline_change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        return NULL;
    }
    *change = (struct pipeline_change){ .pipeline = pipeline, .streams = streams };
    change->plans = validate_plans_new(streams, pipeline->config.stream_count);
    if (change->plans == NULL || !make_validators(change) || !make_fields(change)) {
        pipeline_change_free(change);
        return NULL;
    }
    return change;
}

void pipeline_change_free(struct pipeline_change *change)
{
    if (change == NULL) {
        return;
    }
    for (size_t i = 0; i < change->validator_count; i++) {
        validator_free(change->validators[i]);
    }
    for (size_t i = 0; change->fields != NULL && i < change->pipeline->config.stream_count; i++) {
        metrics_fields_free(change->fields[i]);
    }
    free(change->validators);
    free(change->fields);
    validate_plans_free(change->plans);
    free(change);
}

/* The next chunk of each stream begins a segment. */
static bool all_is_sealed(const struct pipeline *pipeline)
{
    bool sealed = true;
    for (size_t i = 0; i < pipeline->config.stream_count; i++) {
        sealed = sealed && journal_state(pipeline->journal, i).rows == 0;
    }
    return sealed;
}

static void change_ios(struct pipeline_change *change)
{
    size_t index = 0;
    for (struct pipeline_io *io = change->pipeline->ios; io != NULL; io = io->next) {
        ASSERT_BELOW(index, change->validator_count);
        struct validator *old = io->validator;
        io->validator = change->validators[index];
        change->validators[index++] = old;
    }
    ASSERT_EQUAL(index, change->validator_count);
}

static void change_stream(struct pipeline_change *change, struct stream **served, size_t index)
{
    struct pipeline *pipeline = change->pipeline;
    ASSERT_EQUAL(change->streams[index]->index, index);
    for (struct pipeline_io *io = pipeline->ios; io != NULL; io = io->next) {
        pipeline_io_forget(io, index);
    }
    stream_put(served, index, change->streams[index]);
    metrics_fields_swap(pipeline->config.metrics, index, change->fields[index]);
    commit_change_stream(pipeline->commit, served[index]);
    writer_change_stream(pipeline->writer, served[index]);
}

static void change_all(struct pipeline_change *change, struct stream **served)
{
    struct validate_plans *old = change->pipeline->plans;
    change_ios(change);
    change->pipeline->plans = change->plans;
    change->plans = old;
    for (size_t i = 0; i < change->pipeline->config.stream_count; i++) {
        if (is_changed(change, i)) {
            change_stream(change, served, i);
        }
    }
}

bool pipeline_change_make(struct pipeline_change *change, struct stream **served, int64_t deadline_ns)
{
    struct pipeline *pipeline = change->pipeline;
    ASSERT(served == pipeline->config.streams);
    if (!commit_thread_pause(&pipeline->commit_thread, deadline_ns)) {
        return false;
    }
    bool sealed = all_is_sealed(pipeline);
    if (sealed) {
        change_all(change, served);
    }
    commit_thread_resume(&pipeline->commit_thread);
    return sealed;
}

void pipeline_change_waits(struct pipeline *pipeline, const struct writer_options *options)
{
    writer_change_waits(pipeline->writer, options);
}
