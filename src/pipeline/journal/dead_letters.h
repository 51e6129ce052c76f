/* Dead letters: events that the table refuses, put aside as NDJSON with the reason, for people.
 *
 * <data>/dead/<segment>.ndjson, one line an event: {"stream":…,"table":…,"segment":…,"code":469,"reason":…,
 * "at":"RFC 3339","event":{column: value, …}}. Beside it <segment>.native.lz4, the segment itself, whose rows can be
 * inserted again. Both are written under another name, fsynced and renamed, the bytes last: where they are, there is a
 * dead letter; a segment is buried once both are. The folder is made when the first letter comes. Bounded in bytes of
 * all that lies in dead/. Any thread. What `sluice dead-letters` does there meanwhile: letter_files.h. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct metrics;
struct segment;
struct status_board;
struct stream;

struct dead_letters;

/* NULL with *problem. */
struct dead_letters *dead_letters_open(const char *data_folder, uint64_t max_bytes, struct metrics *metrics,
                                       struct buf *problem);
void dead_letters_close(struct dead_letters *letters);

/* Once, after opening: from now on log, status board and gauge say what is buried and lies there (letter_report.h). The
 * streams are borrowed. */
void dead_letters_tell(struct dead_letters *letters, struct status_board *board, const struct stream *const *streams,
                       size_t stream_count);

/* Writes and fsyncs all rows of the segment; its journal file is not touched. ERROR_JOURNAL_FULL when the bound is
 * reached, ERROR_DISK_FULL or ERROR_JOURNAL_FAILED when the disk fails: then nothing was added. Doing it twice for the
 * same segment (a crash between bury and unlink) adds nothing. */
MUST_CHECK enum error dead_letters_add(struct dead_letters *letters, const struct segment *segment, int code,
                                       const char *reason, int64_t wall_ns);

/* Bytes in dead/ now; sets their gauge. */
uint64_t dead_letters_bytes(struct dead_letters *letters);

/* Sets the gauges if the folder has changed since the last call, and logs what is due. */
void dead_letters_watch(struct dead_letters *letters);
