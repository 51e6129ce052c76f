/* The delivery of one batch (a segment, or several as one INSERT, a group) as a pure state machine: what to do next, and what
 * to make of each answer. It reads no clock, sends nothing and owns nothing; writer_attempt.c does what `step` says and tells
 * it what came of it.
 *
 *   SEND ──done──► STORED          where it cannot be a lie: the engine in this process at the first attempt, a Replicated*
 *                                  or Shared* engine, a server without tokens
 *        ──done──► CONFIRM         else: somebody on the way may have sent it twice, and the first may have died with its
 *                                  server
 *        ──unknown, error──► VERIFY, or SEND where there are no ids
 *        ──a view failed──► VERIFY at once: the table's rows may be there
 *        ──row refused, too big, or poison.h──► EXAMINE ──► SPLIT; of one row: not there──► BURY, there──► STORED
 *                                          └► SPLIT (none of it is there, as was known before; or there are no ids)
 *   CONFIRM ──that server runs since before the token was first sent──► STORED   ──not so, or nobody knows──► VERIFY
 *           ──likewise, no ids──► SEND as `<name>.<n>`; STORED where several servers answer at the address
 *   VERIFY ──all ids are in the table──► STORED, or SEND with the same token where that fills the view that failed
 *          ──some segments of a group, each for itself──► SPLIT, and VERIFY each half
 *          ──not all──► SEND with the same token if it may help (what is there of it stays single, in views too), else as
 *                       `<name>.<n>`
 *          ──not all, though it was said to be done, and several servers answer at the address──► held
 *          ──not all, of rows that replace (upsert)──► SEND all the same: what was replaced is gone for good, and the same rows
 *                 of the same versions are one each; after a "done" that nobody confirms with backoff; STORED where
 *                 several servers answer at the address and two tokens were said to be done
 *   SPLIT ──► halves that SEND if none of it is there, else VERIFY
 *
 * Of replicas one may lag behind another: where the next token would be another than the last, a count that misses rows is
 * believed only once the replica has fetched all (writer_count.c).
 *
 * Why a token is not proof: the engine writes the token before it renames the part; killed in between, it answers "done"
 * to the same token later and the rows are gone. */
#pragma once

#include "event/segment/segment.h"
#include "store/delivery/poison.h"
#include "store/store.h"

#include <stdint.h>

enum delivery_step {
    DELIVERY_SEND,
    DELIVERY_CONFIRM, /* probe the server */
    DELIVERY_VERIFY,  /* count the ids: were they stored? */
    DELIVERY_EXAMINE, /* count the ids: was really nothing stored? */
    DELIVERY_SPLIT,
    DELIVERY_BURY,
    DELIVERY_STORED
};

/* What to do about `step`. */
enum delivery_move {
    DELIVERY_NEXT,         /* it is due now */
    DELIVERY_RETRY_BATCH,  /* the batch waits for its backoff (its server failed) */
    DELIVERY_RETRY_STREAM, /* the stream waits for its backoff */
    DELIVERY_RETRY_ASIDE,  /* the batch waits for its backoff (it may be at fault), what is behind it goes on */
    DELIVERY_STAND_ASIDE,  /* likewise, and it is reported as held */
    DELIVERY_HOLD_BATCH,   /* an operator is needed for this batch alone; tried again every backoff_max */
    DELIVERY_HOLD_STREAM,  /* an operator is needed for the stream */
    DELIVERY_HOLD_MISFIT, /* ...for this batch alone if the table has all that the stream needs now, else for the stream */
    DELIVERY_PARTED,      /* the writer's own: halves have taken its place */
    DELIVERY_FINISHED     /* the writer's own: the segment is gone */
};

/* A segment's or a group's name (writer_group.c), and a number. */
#define DELIVERY_TOKEN_MAX (SEGMENT_NAME_MAX + 96)

struct delivery {
    enum delivery_step step;
    char token[DELIVERY_TOKEN_MAX];
    bool token_spent;                    /* an attempt with it may have reached a server */
    bool token_claimed;                  /* it was answered "done", and that could not be confirmed */
    unsigned claims;                     /* tokens before this one of which the same is true */
    int64_t token_sent_ns;               /* monotonic, just before its first use */
    char done_by[STORE_SERVER_NAME_MAX]; /* who answered "done", as it calls itself */
    uint64_t number;                     /* the n of the last `<name>.<n>`, 0: none yet */
    bool none_stored;                    /* no row of it can be in the table: it was looked for, or was never taken */
    bool in_doubt;                       /* an attempt may have stored rows of it that a replica has not fetched yet */
    struct poison poison;
    bool view_failed;                    /* of the last attempt that was answered, a materialized view */
    enum delivery_move view_move;        /* ...and what to do if the table's rows are not there */
    unsigned view_refills;               /* attempts to fill it */
    int code;                            /* of the last failure, 0: none or not ClickHouse's */
    char reason[512];                    /* of the last failure, one line without rows: for log and status */
    char answer[STORE_MESSAGE_MAX + 64]; /* the same with what the server quoted: for the dead letter */
};

/* What is known about the place the segment goes to, taken anew for each step. */
struct delivery_facts {
    const char *name;  /* the segment's, or the group's */
    bool has_event_id; /* else at-least-once: nothing can be counted */
    bool replaces; /* upsert: the same rows again are the same rows, and one that is not there may have been replaced */
    bool keeps_json;     /* JSON values may travel as JSON */
    bool tokens;         /* the server knows insert_deduplication_token */
    bool replicated;     /* tokens hold across servers and restarts */
    bool in_process;     /* the store is this process's: nothing on the way repeats or answers a request */
    bool several;        /* servers answer at this address: a count that finds nothing may have asked the wrong one */
    bool same_server;    /* for CONFIRM: who was probed is who said "done"... */
    int64_t up_since_ns; /* ...and runs since then at the latest, monotonic */
    bool view_refills;   /* for VERIFY: the same token again fills the view that failed, and nothing else */
    uint64_t rows;
    uint64_t segments; /* more than one: a group, whose parts are segments */
    struct poison_facts poison;
    uint64_t refused;          /* rows of that batch refused so far */
    uint64_t refusals_allowed; /* more than these: it is the schema, not the rows */
    int64_t wall_ns;           /* now: makes tokens that no earlier process can have used */
    int64_t now_ns;            /* monotonic */
};

void delivery_init(struct delivery *delivery, const char *name, bool recovered);

/* What a half, just initialized, has of `whole`. What may be in the table already is counted before it is sent. */
void delivery_inherit(struct delivery *half, const struct delivery *whole);

/* Before each series of steps: what cannot be counted is sent again instead. */
void delivery_resume(struct delivery *delivery, const struct delivery_facts *facts);

/* Before each SEND. */
void delivery_before_send(struct delivery *delivery, const struct delivery_facts *facts);

enum delivery_move delivery_after_send(struct delivery *delivery, const struct delivery_facts *facts,
                                       const struct store_reply *reply);

/* The answer to the last attempt was lost though the server lives: after DELIVERY_RETRY_STREAM. */
enum delivery_move delivery_after_lost(struct delivery *delivery, const struct delivery_facts *facts);

/* `facts` are as probed after the answer. Without ids: what several servers make unknowable is taken for stored. */
enum delivery_move delivery_after_confirm(struct delivery *delivery, const struct delivery_facts *facts);

/* Of `distinct` different ids, `found` are in the table. For VERIFY and EXAMINE. */
enum delivery_move delivery_after_count(struct delivery *delivery, const struct delivery_facts *facts,
                                        uint64_t distinct, uint64_t found);

/* A file cannot be read: a group is taken apart, so that the others go on; one alone is held. */
enum delivery_move delivery_after_bad_file(struct delivery *delivery, const struct delivery_facts *facts);

/* The count or the probe itself failed: the step stays. */
enum delivery_move delivery_after_failed_question(struct delivery *delivery, const struct store_reply *reply);

/* How many rows of a batch may be refused before it is held: 1 %, at least 10 and at most 200. */
uint64_t delivery_refusals_allowed(uint64_t root_rows);

/* More rows than `allowed` of one batch would be refused. */
enum delivery_move delivery_blame_schema(struct delivery *delivery, uint64_t allowed);

/* Sets the reason of a failure that is not a store's. */
void delivery_explain(struct delivery *delivery, const char *format, ...) PRINTF_LIKE(2, 3);
