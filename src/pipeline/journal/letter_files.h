/* Dead letters as `sluice dead-letters` handles them: files, from outside, without the lock, also beside a running
 * gateway.
 *
 *   <data>/dead/X.ndjson, X.native.lz4    a dead letter: there as long as its bytes are. The .ndjson may be missing.
 *   <data>/retry/X.native.lz4             given back: the gateway takes it into the journal, now or when it starts
 *
 * Whatever is killed in between, the bytes of a letter lie in one place, for each step does one thing:
 *
 *   bury    write .ndjson, write bytes, sync dead/, then the journal's file goes       (dead_letters.c)
 *   retry   remove .ndjson, move bytes to retry/, sync both folders                    (here)
 *   adopt   move bytes to journal/, sync both folders                                  (journal_adopt.c)
 *   drop    remove .ndjson, remove bytes, sync dead/                                   (here)
 *
 * The .ndjson goes first, so that none is taken that a gateway writes which is refused the same rows again at once.
 * An .ndjson alone is what a crash left of a burial; unless the journal still has its segment, it is of no use. */
#pragma once

#include "event/segment/segment.h"

#define LETTER_FOLDER "dead"
#define LETTER_SUFFIX ".ndjson"

struct letter {
    char name[SEGMENT_NAME_MAX];
    bool has_bytes;
    bool has_text;
    uint64_t size; /* of its files */
};

struct letter_files {
    char *data;
    char *dead;
    char *retry;
    struct letter *letters; /* oldest first within a stream */
    size_t count;
    size_t given_back; /* files in retry/ */
};

/* What a letter says. Released with letter_view_release. */
struct letter_view {
    struct segment_header header;
    bool whole; /* header and bytes check; else stream, table and rows are not to be relied on */
    uint64_t rows;
    int64_t code;      /* 0: unknown */
    struct buf reason; /* one line; empty: unknown */
    struct buf at;     /* RFC 3339; empty: unknown */
};

/* Lists what is there. False with *problem: this is no data folder, or it cannot be read. No dead/ is no problem. */
MUST_CHECK bool letter_files_read(struct letter_files *files, const char *data, struct buf *problem);
void letter_files_release(struct letter_files *files);

/* The letter of this name, with or without the suffix of either of its files; NULL. */
struct letter *letter_find(const struct letter_files *files, const char *name);

/* False: the bytes cannot be read (errno), they are gone by now (ENOENT) for instance. */
MUST_CHECK bool letter_look(const struct letter_files *files, const struct letter *letter, struct letter_view *view);
void letter_view_release(struct letter_view *view);

/* False with errno. They are for good once letter_files_sync has returned true. */
MUST_CHECK bool letter_give_back(const struct letter_files *files, const struct letter *letter);
MUST_CHECK bool letter_drop(const struct letter_files *files, const struct letter *letter);

/* Removes an .ndjson that was listed alone, unless a burial is about to complete it or has done so. */
MUST_CHECK bool letter_sweep(const struct letter_files *files, const struct letter *letter);
MUST_CHECK bool letter_files_sync(const struct letter_files *files);
