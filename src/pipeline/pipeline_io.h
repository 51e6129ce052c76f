/* What an I/O thread holds of the pipeline: private to pipeline/, shared by pipeline_io.c (which makes, flushes and
 * drains it) and submit.c (which fills its open chunks).
 *
 * Everything here belongs to one I/O thread but for what stands behind `inbox`, which the commit and writer threads
 * fill. */
#pragma once

#include "event/chunk.h"
#include "event/segment/segment.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/pipeline.h"

/* Rows, and bytes of payloads, at which an open chunk is pushed instead of being filled further: only what is pushed
 * counts as queued. A payload never spans two chunks, so a chunk may hold one payload more than this. */
#define CHUNK_ROWS 4096
#define CHUNK_BYTES ((uint64_t)4 << 20)

struct payload_merge;
struct pipeline_inbox;

struct pipeline_io {
    struct pipeline *pipeline;
    struct pipeline_io_callbacks callbacks;
    struct json_parser *parser;
    struct json_repair repair;
    struct payload_merge *merge; /* NULL: no payload needed it yet */
    struct validator *validator;
    struct metrics_cells *cells; /* of this I/O thread */
    const struct metrics *metrics;
    struct refusals *refusals; /* of all */
    uint64_t max_events;       /* in one payload (http.max_events) */
    struct chunk **open;       /* by stream index; NULL: none is open */
    struct chunk **spare;      /* by stream index: lists (by `next`) of cleared chunks */
    size_t stream_count;
    struct pipeline_inbox *inbox; /* completed chunks and stored tokens on their way back */
    struct pipeline_inbox
        *returns_to;          /* where its own chunks come back: `inbox`, or that of the thread that it is beside */
    struct pipeline_io *next; /* in the pipeline's list */
};

/* The open chunk of the stream, or else a spare or new one made open (returns_to set). NULL if memory is short. */
struct chunk *pipeline_io_take_chunk(struct pipeline_io *io, const struct stream *stream);

/* Seals a chunk. Not OK: ERROR_OUT_OF_MEMORY, ERROR_PAYLOAD_TOO_LARGE for the journal to take it as one block, or
 * ERROR_INTERNAL as its columns do not fit together. */
MUST_CHECK static inline enum error pipeline_io_seal(struct chunk *chunk)
{
    if (!chunk_seal(chunk)) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (!chunk_is_whole(chunk)) {
        return ERROR_INTERNAL;
    }
    return chunk_bytes(chunk) > SEGMENT_MAX_CHUNK ? ERROR_PAYLOAD_TOO_LARGE : OK;
}

/* Seals the stream's open chunk and pushes it to the commit queue: it is no longer open. If sealing fails,
 * its tickets complete with that error. Does nothing if none is open or it holds no ticket. */
void pipeline_io_push(struct pipeline_io *io, size_t stream_index);

/* While its thread stands still, and nothing of the stream is open: frees the chunks that are kept for it. */
void pipeline_io_forget(struct pipeline_io *io, size_t stream_index);

/* submit.c adds to EVENTS_RECEIVED, EVENTS_REJECTED, EVENTS_DROPPED (refusals of its own) and, for each row put into a
 * chunk, to EVENTS_IN_FLIGHT; the commit side subtracts the rows of a ticket from EVENTS_IN_FLIGHT and counts them as
 * accepted, duplicate or dropped. */
