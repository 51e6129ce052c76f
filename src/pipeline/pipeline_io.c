/* Turns the chunks of one I/O thread into pushes to the commit thread, and what comes back into completions. */
#include "pipeline/pipeline_io.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "event/stream.h"
#include "pipeline/commit/pipeline_inbox.h"
#include "pipeline/json/json.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/pipeline_private.h"
#include "pipeline/validate/validate.h"

#include <stdlib.h>

/* Cleared chunks that are kept for each stream; more are given back after a burst. */
#define MOST_SPARE 16

static void free_chunks(struct chunk *chunks)
{
    while (chunks != NULL) {
        struct chunk *chunk = chunks;
        chunks = chunk->next;
        chunk_free(chunk);
    }
}

static void free_io(struct pipeline_io *io)
{
    for (size_t i = 0; i < io->stream_count; i++) {
        if (io->open != NULL) {
            chunk_free(io->open[i]);
        }
        if (io->spare != NULL) {
            free_chunks(io->spare[i]);
        }
    }
    free(io->open);
    free(io->spare);
    json_parser_free(io->parser);
    json_repair_release(&io->repair);
    payload_merge_free(io->merge);
    validator_free(io->validator);
    pipeline_inbox_free(io->inbox);
    free(io);
}

void pipeline_io_free_all(struct pipeline *pipeline)
{
    while (pipeline->ios != NULL) {
        struct pipeline_io *io = pipeline->ios;
        pipeline->ios = io->next;
        free_io(io);
    }
}

struct pipeline_io *pipeline_io_new(struct pipeline *pipeline, const struct pipeline_io_callbacks *callbacks)
{
    struct pipeline_io *io = calloc(1, sizeof *io);
    if (io == NULL) {
        return NULL;
    }
    io->pipeline = pipeline;
    io->callbacks = *callbacks;
    io->refusals = &pipeline->refusals;
    io->max_events = pipeline->config.max_events;
    io->stream_count = pipeline->config.stream_count;
    io->parser = json_parser_new();
    io->validator = validator_new(pipeline->plans);
    io->metrics = pipeline->config.metrics;
    io->cells = metrics_thread(pipeline->config.metrics);
    io->open = calloc(io->stream_count, sizeof(struct chunk *));
    io->spare = calloc(io->stream_count, sizeof(struct chunk *));
    io->inbox = pipeline_inbox_new((struct pipeline_wake){ callbacks->wake, callbacks->context });
    io->returns_to = io->inbox;
    if (io->parser == NULL || io->validator == NULL || io->cells == NULL || io->open == NULL || io->spare == NULL ||
        io->inbox == NULL) {
        free_io(io);
        return NULL;
    }
    io->next = pipeline->ios;
    pipeline->ios = io;
    return io;
}

struct pipeline_io *pipeline_io_new_beside(struct pipeline_io *partner)
{
    struct pipeline_io *io = pipeline_io_new(partner->pipeline, &partner->callbacks);
    if (io != NULL) {
        io->returns_to = partner->inbox;
    }
    return io;
}

static struct chunk *spare_or_new(struct pipeline_io *io, const struct stream *stream)
{
    struct chunk *chunk = io->spare[stream->index];
    if (chunk == NULL) {
        return chunk_new(stream);
    }
    io->spare[stream->index] = chunk->next;
    return chunk;
}

struct chunk *pipeline_io_take_chunk(struct pipeline_io *io, const struct stream *stream)
{
    struct chunk *chunk = io->open[stream->index];
    if (chunk == NULL) {
        chunk = spare_or_new(io, stream);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = NULL;
        chunk->returns_to = io->returns_to;
        io->open[stream->index] = chunk;
    }
    return chunk;
}

/* The completion comes the way it always does, so that a front end never meets one inside its own call. */
static void fail_chunk(struct pipeline_io *io, struct chunk *chunk, enum error error)
{
    if (error == ERROR_INTERNAL) {
        LOG(LOG_ERROR, "events dropped", "stream=%s events=%u reason=\"a column has not one value for each of them\"",
            chunk->stream->name, chunk->rows);
    }
    for (uint32_t i = 0; i < chunk->ticket_count; i++) {
        struct ticket *ticket = &chunk->tickets[i];
        ticket->error = error;
        ticket->accepted = ticket->duplicate = 0;
        const struct metric_events counts = { .refused = ticket->rows,
                                              .in_flight = -(int64_t)ticket->rows,
                                              .reason = error };
        metric_count_events(io->cells, ticket->protocol, chunk->stream->index, &counts);
    }
    if (pipeline_inbox_put_chunk(io->returns_to, chunk)) {
        pipeline_inbox_wake(io->returns_to);
    }
}

void pipeline_io_push(struct pipeline_io *io, size_t stream_index)
{
    struct chunk *chunk = io->open[stream_index];
    if (chunk == NULL || chunk->ticket_count == 0) {
        return;
    }
    io->open[stream_index] = NULL;
    ASSERT_EQUAL(chunk->stream->index, stream_index);
    enum error error = pipeline_io_seal(chunk);
    if (error == OK) {
        commit_queue_push(&io->pipeline->queue, chunk);
    } else {
        fail_chunk(io, chunk, error);
    }
}

void pipeline_io_flush(struct pipeline_io *io)
{
    for (size_t i = 0; i < io->stream_count; i++) {
        pipeline_io_push(io, i);
    }
}

bool pipeline_io_shed(struct pipeline_io *io)
{
    if (io->merge != NULL) {
        payload_merge_shed(io->merge);
    }
    return json_parser_shed(io->parser);
}

void pipeline_io_forget(struct pipeline_io *io, size_t stream_index)
{
    ASSERT_BELOW(stream_index, io->stream_count);
    ASSERT(io->open[stream_index] == NULL || io->open[stream_index]->ticket_count == 0);
    chunk_free(io->open[stream_index]);
    free_chunks(io->spare[stream_index]);
    io->open[stream_index] = io->spare[stream_index] = NULL;
}

static void keep_or_free(struct pipeline_io *io, struct chunk *chunk)
{
    struct chunk **list = &io->spare[chunk->stream->index];
    size_t count = 0;
    for (const struct chunk *spare = *list; spare != NULL; spare = spare->next) {
        count++;
    }
    if (count >= MOST_SPARE || chunk->stream != pipeline_present(io->pipeline, chunk->stream)) {
        chunk_free(chunk);
        return;
    }
    chunk_clear(chunk);
    chunk->next = *list;
    *list = chunk;
}

void pipeline_io_drain(struct pipeline_io *io)
{
    struct buf tokens = { 0 };
    struct chunk *chunks = pipeline_inbox_take(io->inbox, &tokens);
    while (chunks != NULL) {
        struct chunk *chunk = chunks;
        chunks = chunk->next;
        for (uint32_t i = 0; i < chunk->ticket_count; i++) {
            io->callbacks.complete(io->callbacks.context, &chunk->tickets[i]);
        }
        commit_queue_cleared(&io->pipeline->queue, chunk);
        keep_or_free(io, chunk);
    }
    const struct token *stored = (const struct token *)(const void *)tokens.data;
    for (size_t i = 0; i < tokens.len / sizeof *stored; i++) {
        io->callbacks.stored(io->callbacks.context, stored[i]);
    }
    buf_release(&tokens);
}
