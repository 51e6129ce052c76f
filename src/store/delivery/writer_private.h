/* What the files of the writer share: lanes, batches and jobs. Nobody else includes this, but for a test that does the
 * threads' work (writer_model_test.c).
 *
 * A lane is a stream's queue of batches, oldest first; a batch is a segment in the writer's hands with the state of its
 * delivery, or several that go as one INSERT (a group, writer_group.c). A worker takes a job under the lock, does it
 * without, and notes what came of it under the lock again. While a batch is `busy` only its worker touches its segments and
 * delivery; all else is guarded by writer->wakeup.
 *
 * A failing lane tries its batches in turn once one has failed too often: poison.h.
 *
 * Bulkhead: a lane whose last attempt failed gets one attempt at a time; failing lanes together, and any one lane beside
 * others, leave at least one of two or more threads to the rest. */
#pragma once

#include "base/breaker.h"
#include "base/thread.h"
#include "event/event_id.h"
#include "store/delivery/delivery.h"
#include "store/delivery/identities.h"
#include "store/delivery/pace.h"
#include "store/delivery/writer.h"
#include "store/table/table.h"

/* Of `<stream>-<uuid>+<uuid>+<hash>`. */
#define GROUP_NAME_MAX (SEGMENT_NAME_MAX + EVENT_ID_TEXT + 20)

/* The descendants of one batch by splitting share what they have refused. Freed with the last of them. */
struct family {
    uint64_t members;
    uint64_t rows;
    uint64_t refused;
    uint64_t taken;  /* INSERTs of members that succeeded */
    uint64_t halved; /* how often */
    int64_t started_ns;
    char name[GROUP_NAME_MAX]; /* of the batch */
    char reason[256];          /* of the row refused last; empty: none was */
};

struct pending_batch {
    struct segment *segment; /* the first; the others hang on its `next` */
    struct segment *last;
    uint64_t segments, rows, raw_bytes; /* of all of them */
    char *group_name;                   /* of several; else NULL */
    uint64_t shape;                     /* equal in what one INSERT can carry; 0: goes alone */
    bool apart;                         /* out of a group that was taken apart: goes into none again */
    int64_t unknown_wall_ns;            /* since when it is not known whether it was stored */
    struct delivery delivery;
    struct family *family; /* NULL until it is split */
    int64_t first_ns;      /* wall, of its oldest event */
    bool busy;
    bool held;
    bool aside;    /* it waits for itself, as it may be what is at fault: poison.h */
    bool pinned;   /* stays with `server` */
    bool anywhere; /* recovered: an earlier process may have sent it to any server */
    bool sent;     /* an attempt of this process may have reached `sent_to`... */
    size_t sent_to;
    uint64_t replicas; /* ...and its table, of these replicas */
    bool roamed;       /* likewise to another server before */
    size_t server;
    unsigned failures;
    int64_t next_attempt_ns;
    int64_t misfit_ns; /* when its stream was held, and its table to be looked at, for a column of it; 0: not so */
    struct pending_batch *previous, *next;
};

/* The table of a stream on one server. */
struct lane_table {
    bool ready;
    bool was_ready; /* it has been seen on this server, and fit */
    bool checking;
    struct table_info info;
    unsigned failures;
    int64_t next_check_ns;
    uint64_t taken; /* INSERTs that succeeded */
    bool stuck;     /* a batch stands aside, and none has been taken since */
};

struct lane {
    _Atomic(const struct stream *)
        stream;                /* NULL: segments of streams that are not configured any more. A reload changes it */
    size_t label;              /* of metrics */
    struct lane_table *tables; /* one per server */
    struct pending_batch *first, *last;
    uint64_t count;    /* segments, busy ones included */
    uint64_t rows;     /* of all of them */
    int64_t oldest_ns; /* of queue_oldest_ns, once it is known */
    bool oldest_is_known;
    uint64_t busy;
    uint64_t held;      /* segments */
    uint64_t held_rows; /* of these */
    uint64_t rows_in;   /* that came since the start, */
    uint64_t rows_out;  /* and that went into the table or the dead letters */
    struct pace pace;
    uint64_t group_rows; /* no group has more: fewer after one that failed; at least 1 */
    uint64_t group_pace; /* up to so many rows it doubles with each success, from there on it feels its way */
    uint64_t families;
    bool family_is_next; /* descendants and others take turns while there are both */
    bool failing;        /* its last attempt failed for the stream's own sake */
    bool stream_held;
    bool was_ready;          /* its table has been seen */
    bool check_failed;       /* it is failing for its table's check, not for an INSERT */
    int64_t fitted_ns;       /* when a table of it was last found to have all that its stream needs; 0: not yet */
    bool counted_as_failing; /* its present job counts in writer->failing_busy */
    unsigned failures;
    int64_t next_attempt_ns;
    struct status_part *part;
    bool view_fails;        /* at the last INSERT that was answered */
    uint64_t view_gap_rows; /* since the start: in the table, and missing in a view */
    char view_reason[512];
    bool troubled; /* its part says something is wrong */
    char reason[512];
};

/* How far a server is with the files of `setup`. */
struct server_setup {
    bool done, running;
    unsigned failures;
    int64_t next_ns;  /* when it is tried again */
    char reason[512]; /* why it is not done */
};

struct server {
    struct breaker breaker;
    struct store_features features;
    struct identities identities;
    bool probing;
    struct status_part *part;
    struct server_setup setup;
};

enum job_kind { JOB_NONE, JOB_PROBE, JOB_CHECK, JOB_DELIVER };

struct job {
    enum job_kind kind;
    size_t server;
    struct lane *lane;
    struct pending_batch *batch;
};

struct worker {
    struct writer *writer;
    struct thread thread;
    struct store_session *session;
    struct metrics_cells *cells;
    struct buf bytes; /* of the segment under way */
    uint64_t random;
};

struct writer {
    struct writer_config config;
    struct wakeup wakeup;
    struct backoff backoff;    /* this and what follows under the lock */
    unsigned breaker_failures; /* in a row, that open a server's breaker */
    struct lane *lanes;        /* one per stream, and a last one for streams not configured any more */
    size_t lane_count;
    struct server *servers;
    size_t server_count;
    struct status_part **setup_parts; /* one per server and file of `setup` */
    struct worker *workers;
    size_t worker_count;
    struct metrics_cells *cells; /* of what is counted under the lock */
    size_t next_lane;            /* round robin */
    size_t next_server;
    size_t failing_busy;      /* workers busy with failing lanes */
    struct segment *incoming; /* submitted while memory was short */
    bool stopping;
    bool halted; /* of its owner's thread: there are no workers any more */
};

/* One batch under way. */
struct attempt {
    struct worker *worker;
    struct writer *writer;
    const struct job *job;
    struct pending_batch *batch;
    struct delivery *delivery;
};

/* writer_queue.c; all under the lock. */

/* Fills *job with what is due at `now_ns`, marking it taken; else JOB_NONE and the time when something may be due. */
int64_t queue_take(struct writer *writer, int64_t now_ns, struct job *job);

/* False if memory is short. Takes the segment. */
bool queue_add(struct writer *writer, struct segment *segment, int64_t now_ns);

/* Puts `batch` into its lane just before `before` (NULL: at the end). */
void queue_insert(struct writer *writer, struct lane *lane, struct pending_batch *batch, struct pending_batch *before);

/* Wall time of the oldest event that waits, INT64_MAX if none. Looks at all batches only after the oldest has gone. */
int64_t queue_oldest_ns(struct lane *lane);

/* Takes the batch out of its lane, and counts nothing. */
void queue_unlink(struct lane *lane, struct pending_batch *batch);

/* The first segment of a group, of so many rows, is gone, and `next` is the first now. The last one of a batch goes by
 * queue_remove. */
void queue_drop_first(struct writer *writer, struct lane *lane, struct pending_batch *batch, uint64_t rows,
                      struct segment *next);

/* Takes the batch out of its lane and frees it; its segments are not touched. */
void queue_remove(struct writer *writer, struct lane *lane, struct pending_batch *batch);

/* Counts a batch as held by itself, or no longer. */
void queue_set_held(struct writer *writer, struct lane *lane, struct pending_batch *batch, bool held);

/* Is nothing left, of what came before then, that may be stored now? */
bool queue_is_drained(const struct writer *writer, int64_t wall_ns);

/* writer_group.c */

/* A batch of the segments that hang on `first`; false if memory is short. `in_doubt`: they are counted before they are
 * sent. */
MUST_CHECK bool pending_batch_init(struct pending_batch *batch, struct segment *first, bool in_doubt);

/* Its segments are not touched. */
void pending_batch_free(struct pending_batch *batch);

/* Of its only segment, or of the group. */
const char *pending_batch_name(const struct pending_batch *batch);

/* Under the lock. Takes the batches behind this one into it that may go with it, up to what one INSERT may have. */
void group_gather(struct lane *lane, struct pending_batch *batch, int64_t now_ns);

/* Under the lock. After an INSERT: how large the next group may be. `alive`: its server still answers. */
void group_learn(struct lane *lane, const struct pending_batch *batch, const struct store_reply *reply, bool alive);

/* Makes the halves of a group out of its segments. False if memory is short: the group is as it was, and the halves are
 * only good to be freed. */
MUST_CHECK bool group_halve(struct pending_batch *whole, struct pending_batch *const halves[2]);

/* writer_outcome.c; all under the lock. */

/* What came of a job: its batch waits, is held, or is gone (then it has been removed already). */
void outcome_put_back(struct writer *writer, struct worker *worker, const struct job *job, enum delivery_move move,
                      int64_t now_ns);
void outcome_note_probe(struct writer *writer, struct worker *worker, size_t server,
                        const struct store_features *features, const struct store_reply *reply, int64_t now_ns);
void outcome_note_reply(struct writer *writer, struct worker *worker, size_t server, const struct store_reply *reply,
                        int64_t now_ns);
void outcome_note_check(struct writer *writer, struct worker *worker, const struct job *job, enum table_verdict verdict,
                        const struct table_info *info, struct slice problem, int64_t now_ns);

/* writer_poison.c */

/* Under the lock. What is known of the batch's table on its server, where it is about to go. */
struct poison_facts poison_facts_of(const struct lane *lane, const struct pending_batch *batch);

/* Without the lock, after each INSERT that succeeded: its table takes something. */
void poison_note_taken(struct worker *worker, const struct job *job);

/* Under the lock. The batch waits for itself. */
void poison_set_aside(struct writer *writer, struct worker *worker, const struct job *job, bool held, int64_t now_ns);

/* writer_count.c; without the lock: the steps VERIFY and EXAMINE. */
enum delivery_move count_batch(const struct attempt *attempt);

/* writer_split.c; without the lock: the steps of that name. */
enum delivery_move split_batch(const struct attempt *attempt);
enum delivery_move split_bury(const struct attempt *attempt);

/* Under the lock: a member of the family is gone, which it says once it was the last. */
void family_leave(struct lane *lane, struct family *family, bool stopping);

/* writer_setup.c */

/* False if memory is short. */
MUST_CHECK bool setup_init(struct writer *writer);
void setup_release(struct writer *writer);

/* Without the lock. Has the server run all files? If it has not, they are run, unless another thread is at it or it is too
 * early to try again; false: not yet, and the line in *problem says why. */
MUST_CHECK bool setup_is_done(struct worker *worker, size_t server, struct buf *problem);

/* writer_placement.c */

/* Does somebody have to know what the engine is before the batch goes on? */
bool placement_is_open(const struct pending_batch *batch, const struct lane *lane);

/* Under the lock. May the batch go to this server, by what is known of its table? */
bool placement_lets_go(const struct pending_batch *batch, const struct lane *lane, size_t server);

/* Without the lock, after an attempt that may have reached the job's server, whose table is `replicated` or not. */
void placement_note_sent(struct worker *worker, const struct job *job, bool replicated);

enum placement {
    PLACEMENT_MAY_GO,
    PLACEMENT_NOT_KNOWN /* *reply says why */,
    PLACEMENT_OTHER_TABLE /* its delivery says which */
};

/* Without the lock. Asks the job's server, and notes what it says in the lane. */
enum placement placement_look_at_engine(struct worker *worker, const struct job *job, struct store_reply *reply);

/* Where the whole may be, its half may be. */
void placement_inherit(struct pending_batch *half, const struct pending_batch *whole);

/* The servers whose INSERTs and rows are counted: all that may have had it. */
bool placement_is_everywhere(const struct pending_batch *batch);

/* Was it sent under another token than it would be sent under now: by an earlier process, or as a part of a group or a
 * batch? Then the replicas' memory of tokens does not help it. */
bool placement_is_of_another_token(const struct pending_batch *batch);

/* Without the lock. Does the job's server lack what other replicas have of the batch's table? False: *reply says why nobody
 * knows. */
MUST_CHECK bool placement_replica_lags(struct worker *worker, const struct job *job, bool *lags,
                                       struct store_reply *reply);

/* writer_proof.c */

struct proof {
    bool same_server;    /* who answers is who said "done"... */
    int64_t up_since_ns; /* ...and runs since then at the latest */
};

/* Without the lock. False: *reply says why nobody knows. */
MUST_CHECK bool proof_ask(struct worker *worker, const struct job *job, struct proof *proof, struct store_reply *reply);

/* Under the lock, after each probe. */
void proof_note_server(struct writer *writer, size_t server, const char *name, int64_t up_since_ns, int64_t now_ns);

/* Without the lock, when all rows are in the table: did a view fail that the same INSERT again would fill? */
MUST_CHECK bool proof_can_refill(struct worker *worker, const struct job *job);

/* Without the lock, after an INSERT that was answered: did a view fail? */
void proof_note_view(struct worker *worker, const struct job *job);

/* Without the lock, before a batch that is stored is forgotten. */
void proof_note_gap(struct worker *worker, const struct job *job);

/* writer_report.c; under the lock: the lane's part of the status board says how it is now. */
void report_lane(struct writer *writer, struct lane *lane);
void report_pace(struct writer *writer, struct lane *lane, int64_t now_ns);
void report_server(struct writer *writer, size_t index, const struct store_reply *reply);

/* writer_attempt.c; without the lock. */

struct delivery_facts attempt_facts(const struct attempt *attempt);

/* The step stays: who waits? `server` is the one that was asked. */
enum delivery_move attempt_after_failed_question(const struct attempt *attempt, size_t server,
                                                 const struct store_reply *reply);

/* Its batch is gone. */
bool attempt_is_stopping(struct writer *writer);
void attempt_forget(const struct attempt *attempt);
void attempt_deliver(struct worker *worker, const struct job *job);
void attempt_probe(struct worker *worker, size_t server, struct store_features *features, struct store_reply *reply);
void attempt_check(struct worker *worker, const struct job *job, enum table_missing missing, struct buf *problem,
                   enum table_verdict *verdict);
