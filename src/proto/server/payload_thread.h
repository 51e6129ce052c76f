/* A thread beside an I/O thread that unpacks, parses and submits its large payloads one after the other, so that nobody's
 * small ones wait for them. It runs at a lower priority. Completions come to the I/O thread as those of its own payloads
 * do, behind what payload_thread_collect brings of the same payload. */
#pragma once

#include "proto/front/large_payload.h"

struct gatekeeper;
struct parking;
struct payload_thread;

struct payload_thread_config {
    const char *name; /* of the I/O thread */
    const struct pipeline *pipeline;
    const struct gatekeeper *gatekeeper;
    struct pipeline_io *io; /* the I/O thread's */
    struct metrics *metrics;
    uint64_t max_ratio;            /* as intake.max_ratio */
    uint64_t max_waiting;          /* bytes as sent, of payloads that wait for it */
    void (*wake)(void *io_thread); /* any thread: have the I/O thread collect soon */
    void *io_thread;
};

/* `config` is copied, but for what it points to. NULL: memory is short. */
struct payload_thread *payload_thread_new(const struct payload_thread_config *config);
MUST_CHECK enum error payload_thread_start(struct payload_thread *thread);

/* I/O thread. Takes the payload, unless max_waiting is reached: then false, and it stays the caller's. A connection's first
 * one is taken before any other's second. */
MUST_CHECK bool payload_thread_take(struct payload_thread *thread, struct large_payload *large);

/* I/O thread. What is known of payloads since the last call, oldest first, now the caller's; NULL: of none. */
struct large_payload *payload_thread_collect(struct payload_thread *thread);

/* Any other thread: as parking.h says. It stands between two payloads, so that may take as long as the largest does. */
struct parking *payload_thread_park(struct payload_thread *thread);

/* While it stands: other bounds, as in its configuration. */
void payload_thread_bound(struct payload_thread *thread, uint64_t max_ratio, uint64_t max_waiting);

/* After the I/O thread has ended: the payload at hand is submitted, those that wait are counted as dropped. */
void payload_thread_stop(struct payload_thread *thread);

/* Nobody wakes the I/O thread any more. NULL is nothing. */
void payload_thread_free(struct payload_thread *thread);
