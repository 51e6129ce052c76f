/* A segment: the bytes of one INSERT, in a file or memfd named `<stream>-<UUIDv7>`.
 *
 * The file, in this order:
 *   - an LZ4 skippable frame (magic 0x184D2A50) with a JSON header, twice, so that damage of one costs no row;
 *   - LZ4 frames with block checksums and size, one Native block each;
 *   - once it is sealed, a skippable frame that says so, the seal.
 * Versions before wrote one header and no seal; such files are read alike. So it is at once the write-ahead log, the
 * HTTP body under Content-Encoding: lz4, and a file that ClickHouse itself reads (file('….native.lz4')). The INSERT
 * statement is built from the header, never from the current configuration. File name: `<name>.native.lz4` in
 * <data>/journal/.
 *
 * This module reads and describes segments; the journal (pipeline/journal/journal.h) writes them and says when they go. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/event_id.h"
#include "event/segment/receipts.h"

struct event_id;
struct native_block;
struct native_column;
struct stream;
struct waiters;

#define SEGMENT_FORMAT 1
#define SEGMENT_SUFFIX ".native.lz4"
#define SEGMENT_NAME_MAX 192

/* The largest block, uncompressed, that is written or read. */
#define SEGMENT_MAX_BLOCK ((uint64_t)1 << 30)

/* More than any file of a segment can have: batch.max_bytes (at most 4 GiB) and the chunk that passed it, that LZ4 could not
 * make smaller. */
#define SEGMENT_MAX_FILE ((uint64_t)6 << 30)

/* The most bytes of a chunk that becomes a block. */
#define SEGMENT_MAX_CHUNK (SEGMENT_MAX_BLOCK / 2)

/* What the header says. All strings lie in `text`, which it owns. As JSON, event_id, time and parent empty if there is
 * none, `check` the hash of all before it. `version` is there only if the rows are updates:
 * {"format":1,"stream":"…","table":"…","name":"…","event_id":"column","time":"column","version":"column","parent":"…",
 *  "columns":[["name","wire type"],…],"check":"…"} */
struct segment_header {
    char *stream;
    char *table;
    char *name;
    char *parent;                  /* the segment this one is a half of; "" if none */
    char *event_id_column;         /* "" if none */
    char *time_column;             /* "" if none */
    char *version_column;          /* of updates (upsert), whose ids alone do not tell their rows apart; "" if none */
    struct native_column *columns; /* name and wire_name only */
    size_t column_count;
    char *text;     /* NUL-terminated pieces */
    size_t damaged; /* bytes before the copy that was read: the first, which does not check; else 0 */
};

/* The skippable frames for a new segment of this stream. */
void segment_header_write(const struct stream *stream, const char *name, const char *parent, struct buf *out);

/* The same for a segment that descends from another (a half, a repaired one): its header with a new name. */
void segment_header_rename(const struct segment_header *header, const char *name, const char *parent, struct buf *out);

/* Reads the first copy of the header that checks; the frames begin at *length. False: errno is ENOMEM if memory is short,
 * else EBADMSG. */
MUST_CHECK bool segment_header_read(struct segment_header *header, struct slice bytes, size_t *length);
void segment_header_release(struct segment_header *header);

/* True if the header is whole and its check right. If segment_header_read fails all the same, with EBADMSG, nothing is
 * damaged: a newer version wrote it. */
bool segment_header_is_sound(struct slice bytes);

/* The seal of a segment whose frames end at `length`. Behind it nothing is of the segment: so what does not check before
 * it is damage, the last frame included, and the rows that are missing are known. */
void segment_seal_write(const char *name, uint64_t rows, uint64_t length, struct buf *out);

/* The size of the seal of this segment at `at`, and its rows; 0: there is none. */
size_t segment_seal_read(struct slice bytes, uint64_t at, const char *name, uint64_t *rows);

/* True if the block's columns are the header's, in order. */
bool segment_header_fits(const struct segment_header *header, const struct native_block *block);

/* A sealed segment on its way to the store: a batch. Owned by whoever holds it. */
struct segment {
    char name[SEGMENT_NAME_MAX];
    struct segment_header header;
    int fd; /* file or memfd; read with pread, the position is nobody's. -1: parked without one */
    bool parked;
    struct slice memory; /* of a memfd parked without its descriptor; else no data */
    char *path;          /* absolute; NULL for a memfd */
    uint64_t length;     /* bytes up to the end of its frames: header included, a seal not */
    uint64_t rows;
    uint64_t raw_bytes;               /* of the blocks, uncompressed */
    int64_t first_ns;                 /* wall, when its first row came: for the age of the oldest event */
    int64_t min_time_ns, max_time_ns; /* wall, of the time column; min > max: unknown */
    struct receipts receipts;         /* of its rows; empty: of another process, or of a half */
    size_t stream_index;              /* SIZE_MAX: the stream is not configured any more */
    bool recovered;                   /* found at start: the fate of earlier attempts is unknown */
    struct waiters *waiters;          /* pipeline's: tickets that wait for `stored` */
    struct segment *next;
};

void segment_free(struct segment *segment);

/* Nothing is written to it any more. As many wait as a store that is down leaves, so only the first keep their files
 * open, a quarter of the descriptors that the process may have: these can be read even after they were unlinked. The
 * others are opened by their path when they are read; a memfd stays mapped. */
void segment_park(struct segment *segment);

/* Appends the segment's bytes, `length` of them, to *out. Not OK, with errno and nothing appended: ERROR_OUT_OF_MEMORY, which
 * says nothing of the segment; ERROR_JOURNAL_FAILED if the file is gone, cannot be opened, is shorter than it was, or a part
 * of it cannot be read. */
MUST_CHECK enum error segment_read(const struct segment *segment, struct buf *out);

/* Calls `each` for every block in order with its uncompressed bytes (valid during the call), stopping with the first error
 * that it returns. Not OK: that error; as segment_read; ERROR_BAD_COMPRESSION if a frame is damaged. */
MUST_CHECK enum error segment_each_block(const struct segment *segment,
                                         enum error (*each)(void *context, struct slice block), void *context);

/* Reads a block of a segment's. ERROR_OUT_OF_MEMORY, or ERROR_BAD_COMPRESSION if it is no block. */
MUST_CHECK enum error segment_read_block(struct native_block *block, struct slice bytes);

/* OK if all its rows can be read. ERROR_OUT_OF_MEMORY: not known. Else it is damaged. */
MUST_CHECK enum error segment_check(const struct segment *segment);

/* The id of a row that is an update, and its version as a number. */
struct segment_update {
    struct event_id id;
    uint64_t version;
};

/* Appends a struct segment_update of each row, of a segment with a version_column. As the next. */
MUST_CHECK enum error segment_updates(const struct segment *segment, struct buf *updates);

/* Appends the ids of all rows (event_id_column), in order. As segment_check; damaged is also what has no such column. */
MUST_CHECK enum error segment_event_ids(const struct segment *segment, struct buf *ids);

/* What a walk over a segment's bytes found. `length` is the end of the last frame that checks. Damage is what does not
 * check but has a frame that does, or the seal, somewhere behind it; the rest of the file is its tail. */
struct segment_summary {
    uint64_t length;
    uint64_t tail; /* where it begins; the end of the file if there is none */
    bool sealed;
    uint64_t frames;
    uint64_t rows;
    uint64_t raw_bytes;
    int64_t min_time_ns, max_time_ns; /* of the header's time column; min > max: unknown */
    uint64_t damaged_pieces;
    uint64_t damaged_bytes;
    uint64_t damaged_rows; /* by the seal; without, what the damaged frames still say of themselves, 0 if nothing */
};

/* Each may be NULL. */
struct segment_visitor {
    void *context;
    /* A frame that checks: `offset` and `length` in the file, and what it holds (valid during the call). */
    void (*frame)(void *context, uint64_t offset, uint64_t length, struct native_block *block);
    void (*damage)(void *context, uint64_t offset, uint64_t length);
};

/* Walks the frames of `bytes` from `start` on, which segment_header_read told. A frame checks if it is whole, its checksum
 * is right, and it holds exactly one block. That block must have at least one row and the columns of `header` (NULL: any
 * columns). Not OK: out of memory, nothing is known. */
MUST_CHECK enum error segment_walk(struct slice bytes, uint64_t start, const struct segment_header *header,
                                   const struct segment_visitor *visitor, struct segment_summary *summary);

/* The same with bytes that the disk did not give (disk_salvage): up to `unreadable_end` what does not check is damage, though
 * nothing behind it checks. */
MUST_CHECK enum error segment_walk_salvaged(struct slice bytes, uint64_t start, uint64_t unreadable_end,
                                            const struct segment_header *header, const struct segment_visitor *visitor,
                                            struct segment_summary *summary);

/* The parts of a name or file name (SEGMENT_SUFFIX is cut off if it is there). False: not a segment's. */
MUST_CHECK bool segment_parse_name(struct slice name, struct slice *stream, struct event_id *uuid);

/* The parts of a segment's file name, which has SEGMENT_SUFFIX, and the segment's name. False: not a segment's. */
MUST_CHECK bool segment_parse_file_name(const char *file_name, struct slice *name, struct slice *stream,
                                        struct event_id *uuid);
MUST_CHECK bool segment_is_file_name(const char *file_name);

/* When a segment of this name was made: wall time, from its UUIDv7. */
int64_t segment_made_ns(const struct event_id *uuid);

/* `<stream>-<uuid>`; stream names are checked by config to be [A-Za-z0-9_]+. */
void segment_make_name(char out[SEGMENT_NAME_MAX], const char *stream, const struct event_id *uuid);
