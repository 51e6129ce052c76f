/* A chunk: validated rows of one stream in columns, the unit that flows from an I/O thread to the commit thread and
 * back.
 *
 * One I/O thread fills it and pushes it to the commit queue. The commit thread drops duplicates and notes the fates of
 * the rest. Then the chunk goes back to its I/O thread, which reads the tickets, clears it and fills it again. It has one
 * owner at a time, and needs no allocation once its buffers have grown.
 *
 * Columns are sparse at their ends: a column whose rows < chunk.rows is owed default values, which column_pad writes
 * in bulk. So an absent field costs nothing per event.
 *
 * A column that is filled for a whole payload is owed that payload's values. validate_finish
 * (pipeline/validate/validate.h) writes them into its rows. Until then the chunk takes no event of another payload and is
 * not sealed. It may be truncated to the rows before. */
#pragma once

#include "base/bytes.h"

struct column;
struct event_id;
struct pipeline_inbox;
struct stream;
struct ticket;

struct chunk {
    const struct stream *stream;
    struct column *columns; /* stream->column_count */
    struct event_id *ids;   /* one per row */
    uint32_t rows;
    uint32_t row_capacity;
    struct ticket *tickets;
    uint32_t ticket_count;
    uint32_t ticket_capacity;
    int64_t received_ns;               /* wall, when its first payload came */
    uint64_t payload_bytes;            /* of the payloads that its rows came from: how far it has grown, roughly */
    uint64_t queued_bytes;             /* what the commit queue counts for it */
    int64_t min_time_ns, max_time_ns;  /* wall, of the stream's time column; min > max: no row yet */
    struct pipeline_inbox *returns_to; /* of the I/O thread it goes back to */
    struct chunk *next;                /* in whichever list it is */
};

struct chunk *chunk_new(const struct stream *stream);
void chunk_free(struct chunk *chunk);

/* Empties it and keeps the memory, unless it has grown far over what chunks usually need. */
void chunk_clear(struct chunk *chunk);

/* Gives the memory of its values back where that has grown far over what chunks usually need. The tickets stay; then it
 * is only to be cleared. */
void chunk_shed(struct chunk *chunk);

/* Room for one more row or ticket; false if memory is short. */
MUST_CHECK bool chunk_reserve_row(struct chunk *chunk);
struct ticket *chunk_add_ticket(struct chunk *chunk);

/* Bytes held by the columns' values. */
size_t chunk_bytes(const struct chunk *chunk);

/* Cuts the chunk back to its first `rows` rows (a payload that failed as a whole); what failed since is forgiven. */
void chunk_truncate(struct chunk *chunk, uint32_t rows);

/* Does every column hold as many values as there are rows (of texts at least their lengths)? Of a sealed chunk. No event
 * can make it false, only a fault of the gateway: such rows would be acknowledged, and nobody could read them. */
bool chunk_is_whole(const struct chunk *chunk);

/* Pads every column; false if any buffer failed. After this the chunk is ready for native_encode. */
MUST_CHECK bool chunk_seal(struct chunk *chunk);
