/* ClickHouse's Native format (FORMAT Native, no BlockInfo: what HTTP and files use): a chunk becomes a block, and
 * blocks are read back for recovery, verification, splitting, merging and people.
 *
 * A block is: varint columns, varint rows, then per column: name, type (varint-prefixed strings), its values.
 * String: varint length and bytes each. Array(T): rows × UInt64 cumulative offsets, then the items. Nullable(T): rows ×
 * UInt8 (1 is NULL), then a value for each. Map(String, String): as Array(Tuple): offsets, all keys, all values.
 * Pure: no I/O; encoding allocates nothing, reading keeps its columns from block to block. */
#pragma once

#include "base/error.h"
#include "event/type.h"

struct chunk;
struct stream;

/* Receives a block's bytes piece by piece (LZ4, a buf). */
struct native_sink {
    void (*write)(void *context, const void *data, size_t len);
    void *context;
};

/* Writes the rows of a sealed chunk whose bit in `keep` is set (bit r of keep[r / 64]); keep NULL: all of them.
 * `kept` is the number of bits set (or chunk->rows). */
void native_encode(const struct chunk *chunk, const uint64_t *keep, uint32_t kept, struct native_sink sink);

/* How far a run of strings has been walked: value `index` begins at byte `at`. Zeroed: at the front. */
struct native_cursor {
    size_t at;
    uint64_t index;
};

/* The bytes of values [first, end) of `values`, whose scalars have `width` bytes (0: varint-prefixed strings). The
 * values must be whole. Strings are walked from where the cursor stands, so ask from front to back. */
struct slice native_values_cut(struct slice values, uint8_t width, struct native_cursor *cursor, uint64_t first,
                               uint64_t end);

/* How many bytes `count` varint-prefixed strings at the front of `from` take. False: they are not whole. */
MUST_CHECK bool native_skip_strings(struct slice from, uint64_t count, size_t *len);

/* One column of a block that was read: slices into the block's bytes. */
struct native_column {
    struct slice name;
    struct slice wire_name;
    struct type type;
    size_t name_at;       /* in `head` */
    struct buf head;      /* a copy of name and type as they stood in the block before, for which `type` was parsed */
    struct slice offsets; /* arrays and maps */
    struct slice nulls;
    struct slice keys; /* maps */
    struct slice data;
    struct native_cursor keys_cursor; /* of native_row_to_json and native_write_rows */
    struct native_cursor data_cursor;
};

struct native_block {
    uint64_t rows;
    struct native_column *columns; /* owned, kept and reused between reads */
    size_t column_count;
    size_t column_capacity;
    bool out_of_memory; /* why native_read failed last: the bytes may be whole */
};

/* Reads one block from the front of *bytes and moves *bytes behind it. False: the bytes are not a whole block, or memory is
 * short (block->out_of_memory). Every length is checked against what is there, so hostile bytes are safe. */
MUST_CHECK bool native_read(struct native_block *block, struct slice *bytes);
void native_block_release(struct native_block *block);

/* The column of this name, or NULL. */
const struct native_column *native_find(const struct native_block *block, struct slice name);

/* The values of rows [first, end) in the column's data are the items [*first, *end): the same but for arrays and
 * maps. */
void native_item_range(const struct native_column *column, uint64_t *first, uint64_t *end);

/* The least and the greatest value of a Date, DateTime or DateTime64 column, in ns since 1970, widen [*min, *max].
 * Other columns leave them alone. */
void native_time_range(const struct native_column *column, uint64_t rows, int64_t *min_ns, int64_t *max_ns);

/* Appends rows [first, first + count) as a block of their own. Cheapest from front to back. */
void native_write_rows(struct native_block *block, uint64_t first, uint64_t count, struct buf *out);

/* Appends a column's name and type as they stand before its values. */
void native_write_names(struct slice name, struct slice wire_name, struct buf *out);

/* Makes one block of many. It keeps its own memory from call to call. NULL: memory is short. */
struct native_merger;
struct native_merger *native_merger_new(void);
void native_merger_free(struct native_merger *merger);

/* From now on the columns of the stream's JSON fields become of type JSON in the merged block, written as text; NULL: they stay
 * String. So a server reads them by the settings of the INSERT, as it does not when it casts a String. */
void native_merger_mark_json(struct native_merger *merger, const struct stream *stream);

/* One block that holds all rows of all blocks in `blocks` (all of the same columns), in pieces: of these very bytes, or
 * copies if the blocks are small. The offsets in `blocks` are rewritten, so they are no longer blocks of their own. *merged holds until the next call and as
 * long as `blocks` is left alone. ERROR_OUT_OF_MEMORY, or ERROR_BAD_COMPRESSION: damaged. */
MUST_CHECK enum error native_merge(struct native_merger *merger, struct buf *blocks, struct gather *merged);

/* Appends one row as a JSON object on one line, no newline: numbers as numbers (64-bit ones as strings), times as
 * "YYYY-MM-DD hh:mm:ss[.fff]" UTC, strings as strings; bytes that are not UTF-8 become U+FFFD. Cheapest from front to
 * back. */
void native_row_to_json(struct native_block *block, uint64_t row, struct buf *out);

/* Appends what that has behind a name: the value of one column. */
void native_value_to_json(struct native_column *column, uint64_t row, struct buf *out);

/* Appends text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void native_text_to_json(struct slice text, struct buf *out);
