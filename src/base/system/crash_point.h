/* Named points at which a build for the crash tests dies as by `kill -9` when it is told to: SLUICE_CRASH_POINT=name:n,
 * the n-th time that the point is passed. Other builds have none of it. Used by tests/crash. */
#pragma once

#include "base/bytes.h"

/*  X(name, where) */
#define CRASH_POINT_LIST(X)                                                                                            \
    X(after_segment_created, "a segment's file is there and empty")                                                    \
    X(after_journal_write, "a chunk is written, not synced")                                                           \
    X(after_fsync, "the group is durable in one stream")                                                               \
    X(before_mark, "the group is durable, its ids are not marked")                                                     \
    X(after_answer, "the clients are told, the ids are marked in process only")                                        \
    X(after_mark, "the ids are marked where they outlive the process")                                                 \
    X(after_insert, "the store said done, the segment is still there")                                                 \
    X(before_unlink, "the key files are synced, the segment is still there")                                           \
    X(after_unlink, "the segment's file is gone, its rows are not counted yet")                                        \
    X(between_halves, "a frame of a half is written, the whole is still there")                                        \
    X(after_halves, "both halves are durable, the whole is still there")                                               \
    X(after_burial, "the dead letters are durable, the segment is still there")

#ifdef SLUICE_CRASH_POINTS

enum crash_point {
#define CRASH_POINT_ENUM(name, where) CRASH_POINT_##name,
    CRASH_POINT_LIST(CRASH_POINT_ENUM)
#undef CRASH_POINT_ENUM
        CRASH_POINT_COUNT
};

/* Any thread. */
void crash_point_pass(enum crash_point point);

#define CRASH_POINT(name) crash_point_pass(CRASH_POINT_##name)

/* Before any thread is started. `text`: name:n, or NULL for none. False with *problem if there is no such point. */
MUST_CHECK bool crash_points_arm(const char *text, struct buf *problem);

#else

#define CRASH_POINT(name) ((void)0)

MUST_CHECK static inline bool crash_points_arm(const char *text, struct buf *problem)
{
    (void)text;
    (void)problem;
    return true;
}

#endif
