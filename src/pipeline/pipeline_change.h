/* Streams that are compiled anew while the pipeline runs: other rules, other batches, new fields. Names, tables, ids and their
 * number stay. Whatever has come before the change is stored by the stream that it came under, which lives on. */
#pragma once

#include "base/bytes.h"

struct pipeline;
struct pipeline_change;
struct stream;
struct writer_options;

/* Any thread: has the store a table that fits this stream? False with *problem. Blocks for a few queries. */
MUST_CHECK bool pipeline_takes_stream(struct pipeline *pipeline, const struct stream *stream, struct buf *problem);

/* `streams`: all, some of them others than before, by their index. All that memory is needed for. NULL: it is short. */
struct pipeline_change *pipeline_change_new(struct pipeline *pipeline, struct stream *const *streams);

/* While nobody submits: waits until all that was pushed is in sealed segments, and then makes the change. The caller's list of
 * streams, which the pipeline borrows, is filled with `streams`. False: not by the deadline (monotonic), or the journal is
 * stuck, and nothing has changed. */
MUST_CHECK bool pipeline_change_make(struct pipeline_change *change, struct stream **served, int64_t deadline_ns);

/* Any thread: how long writers wait, from now on. */
void pipeline_change_waits(struct pipeline *pipeline, const struct writer_options *options);

/* What is not needed any more. NULL is fine. */
void pipeline_change_free(struct pipeline_change *change);
