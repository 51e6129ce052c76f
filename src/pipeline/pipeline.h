/* The pipeline: the one way of an event from a payload's bytes to the store.
 *
 *   I/O thread                        commit thread                      writer threads
 *   pipeline_submit                   commit_group                       writer
 *   parse → validate → chunk ──queue──► look up → journal → remember ──segments──► INSERT, retry, verify, split
 *        ▲                                    │                               │
 *        └────── pipeline_io_drain ◄── chunk with its tickets ── wake ◄───────┘ (tickets that wait for `stored`)
 *
 *   thread        owns                                                 blocks on
 *   I/O (n)       its open chunks, its validator, its parser           nothing
 *   payload (n)   the same, beside each I/O thread, for large payloads nothing
 *   commit (1)    dedup look-ups, the open segments, batch policies    disk, Redis for at most its time-out
 *   writer (n)    one segment each                                     the store, disk
 *   redis (0, 1)  connections to Redis, and the marks that wait for it Redis
 *
 * Front ends call pipeline_submit and get, later, exactly one completion per ticket. */
#pragma once

#include "base/bytes.h"
#include "event/ticket.h"
#include "pipeline/payload/payload_form.h"

struct chunk;
struct commit_options;
struct dedup_options;
struct event_id;
struct journal_options;
struct metrics;
struct pipeline;
struct pipeline_io;
struct payload_shape;
struct refusal_sink;
struct request_values;
struct setup_options;
struct status_board;
struct store;
struct store_options;
struct stream;
struct stream_set;
struct writer_options;

struct pipeline_config {
    const struct journal_options *journal;
    const struct commit_options *commit;
    const struct dedup_options *dedup;
    const struct writer_options *writer;
    const struct store_options *store_options;
    const struct setup_options *setup; /* setup_count of them */
    size_t setup_count;
    /* Commit thread: of struct commit_config; NULL: nobody asks. */
    void (*committed)(void *context, const struct chunk *chunk, const uint64_t *keep);
    void *committed_context;
    uint64_t max_events; /* in one payload */
    struct stream *const *streams;
    size_t stream_count;
    struct store *store;
    struct metrics *metrics;
    struct status_board *board;
};

/* A pipeline that refuses every event as `starting` until it is opened: front ends may be started before what takes
 * time. NULL with *problem. */
struct pipeline *pipeline_new(const struct pipeline_config *config, struct buf *problem);

/* The thread that made it, before any pipeline_io submits: the sink, which is borrowed, is told of each refusal. */
void pipeline_add_refusal_sink(struct pipeline *pipeline, const struct refusal_sink *sink);

/* The thread that made it. Opens journal and dedup, recovers, starts writers and the commit thread, and lets events in;
 * the store is open. False with *problem; pipeline_stop follows. */
MUST_CHECK bool pipeline_open(struct pipeline *pipeline, struct buf *problem);

/* Any thread: blocks until it is open, will never be, or the deadline has come. */
void pipeline_await(struct pipeline *pipeline, int64_t deadline_ns);

/* Whoever awaits it goes on: its opening failed, or something before that. */
void pipeline_give_up(struct pipeline *pipeline);

/* The thread that started it, about once a second while it serves: takes the dead letters that were given back
 * (<data>/retry, see letter_files.h) into the journal and hands them to the writers. Reads files, waits for the
 * disk. */
void pipeline_tick(struct pipeline *pipeline);

/* Any thread: how long the commit thread has been at its present turn; 0 while it waits for work. */
int64_t pipeline_turn_ns(const struct pipeline *pipeline, int64_t now_ns);

/* Any thread: the wall time of the stream's oldest event that is not known to be in the store; INT64_MAX: there is none. A
 * segment on its way from the commit thread to the writers is not seen. */
int64_t pipeline_oldest_ns(struct pipeline *pipeline, size_t stream_index);

/* Any thread: the events that wait in the journal. */
uint64_t pipeline_waiting(const struct pipeline *pipeline);

/* Commits what waits, seals all segments, and waits for the writers until the deadline, but for what cannot be stored now
 * (writer_drain). Events may go on coming. True if everything is stored. */
bool pipeline_drain(struct pipeline *pipeline, int64_t deadline_ns);

/* Ends the writers; what they are at is given up at the deadline. Nothing is delivered any more, and the store may be
 * freed; events are still taken into the journal. */
void pipeline_halt_delivery(struct pipeline *pipeline, int64_t deadline_ns);

/* After the I/O threads have flushed for the last time: commits what waits, and takes nothing more. */
void pipeline_close(struct pipeline *pipeline);

/* Ends what is left of it and frees. The I/O threads must have ended; their pipeline_io are freed here. */
void pipeline_stop(struct pipeline *pipeline);

/* How completions reach an I/O thread. */
struct pipeline_io_callbacks {
    void *context;
    /* I/O thread, from pipeline_io_drain: the fate of one ticket. */
    void (*complete)(void *context, const struct ticket *ticket);
    /* I/O thread, from pipeline_io_drain: the segment of a ticket that waited is in the store. */
    void (*stored)(void *context, struct token token);
    /* Any thread: have the I/O thread call pipeline_io_drain soon. Must not block. */
    void (*wake)(void *context);
};

/* One per I/O thread, made before the threads start. Owned by the pipeline. */
struct pipeline_io *pipeline_io_new(struct pipeline *pipeline, const struct pipeline_io_callbacks *callbacks);

/* For a thread that submits on behalf of the I/O thread of `partner`: it alone submits and flushes, all completions come to
 * `partner`. Made likewise. */
struct pipeline_io *pipeline_io_new_beside(struct pipeline_io *partner);

/* What is served now in place of a stream that a front end knows: another one once a reload has changed it. */
const struct stream *pipeline_present(const struct pipeline *pipeline, const struct stream *stream);

/* The stream of this name; an empty name is the first stream. NULL if there is none. */
const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name);

/* Does a stream have columns that are filled with what a request says of itself, or ids that it is part of
 * (event/request_fields.h)? */
bool pipeline_reads_request(const struct pipeline *pipeline);

/* Appends what to tell a client that gave a name which is none: as stream_describe_unknown. */
void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out);

struct payload {
    const struct stream *stream;
    /* An object (one event, or the {"events":[…]} around many) may name another: by a text that is not empty in its
     * member "stream", unless `stream` itself reads a field from there. Arrays and NDJSON are always of `stream`. */
    bool pick_stream;
    struct slice bytes; /* followed by JSON_PADDING readable bytes */
    enum payload_form form;
    enum protocol protocol;
    struct token token;
    int64_t received_wall_ns;
    struct slice client_ip;
    struct slice user_agent;
    const struct request_fields *request; /* NULL: none, or not read as pipeline_reads_request */
    bool wait_stored;
    /* Nobody waits for the fate of this payload: it may share its ticket, and so its one completion, with the silent
     * payloads before it. `token` is then that of the first, and it must not wait for `stored`. */
    bool silent;
    /* It stays in the open chunk however large it is: the caller calls pipeline_io_flush soon. */
    bool held;
    const struct payload_shape *shape;   /* of its route; NULL: as the form says */
    const struct request_values *values; /* beside the bytes; NULL: none */
    const struct stream_set *streams;    /* events of others are refused (stream_forbidden); NULL: none are */
    /* It came before, was refused then, and was kept by this id: events without an identity of their own get ids that follow
     * from it, so that they are the same events however often they come. NULL: it comes for the first time. */
    const struct event_id *again;
    uint32_t key; /* of the key that was shown, metrics_take_key; 0: none */
};

#define SUBMISSION_MAX_ERRORS 100

/* The first rejected event, as `errors` names it. */
struct first_refused {
    uint32_t index;
    char field[128];
    char message[256];
};

/* What is known at once. Kept by the front end from payload to payload; submit clears it. */
struct submission {
    enum error error;  /* not OK: the payload was refused whole; no completion follows */
    struct buf detail; /* says more of `error`: "invalid JSON at byte 17: …" */
    uint32_t events;   /* in the payload; 0 beside an error: what came could not be read as events */
    uint32_t rejected;
    bool pending;        /* a completion follows: at least one event is on its way */
    struct buf ids;      /* struct event_id per event, all zero for a rejected one */
    bool ids_of_clients; /* they may be: their version says nothing */
    struct buf
        errors; /* JSON objects {"index","field","code","message"} behind commas, at most SUBMISSION_MAX_ERRORS */
    struct buf refused;         /* all of the rejected events: refused_runs.h */
    enum error first_error;     /* the code of the first rejected event: the reply's status when all are */
    struct first_refused first; /* means something if `rejected` is not 0 */
};

void submission_release(struct submission *submission);

/* I/O thread, of a payload that pipeline_admits and, unless it may choose its stream, pipeline_admits_stream have let in: what
 * another thread did since is the commit's to answer. Parses, validates and appends to the open chunk; counts received, rejected
 * and dropped. */
void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission);

/* I/O thread. Counts a payload that was refused before it could be submitted: one received, one rejected or dropped.
 * `stream` NULL: none. */
void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error);

/* I/O thread. The same for a payload that came with its bytes, whose stream may be NULL; `blamed` is the stream that counts it,
 * NULL: none. Counts it for its key, too. */
void pipeline_refuse(struct pipeline_io *io, const struct payload *payload, const struct stream *blamed,
                     enum error error);

/* I/O thread. Counts what came with a key (metrics_take_key; 0: none) and was refused before it could be submitted. */
void pipeline_count_key_refusal(struct pipeline_io *io, uint32_t key, enum error error);

/* I/O thread. Counts a reply that does not tell its client that events were refused. `stream` NULL: none. */
void pipeline_count_hidden_refusal(struct pipeline_io *io, const struct stream *stream);

/* I/O thread, just before its loop blocks: seals the open chunks and pushes them to the commit queue. */
void pipeline_io_flush(struct pipeline_io *io);

/* I/O thread, once a second and before it sleeps for long: gives back memory that a large payload needed, and none since
 * the last call. True: call it again in a second. */
bool pipeline_io_shed(struct pipeline_io *io);

/* I/O thread, after wake: delivers the completions that have come. */
void pipeline_io_drain(struct pipeline_io *io);

/* OK, or why every event is refused now (full, failing). Any thread, cheap. */
enum error pipeline_admits(const struct pipeline *pipeline);

/* OK, or why every event of this stream is refused now, whatever pipeline_admits says (the stream has filled its part of
 * the journal). Any thread, cheap. */
enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream);
