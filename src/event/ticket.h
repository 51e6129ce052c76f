/* A ticket: what a payload is owed. It travels with the rows of the payload, through the chunk, and comes back with their
 * fate. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum protocol { PROTOCOL_HTTP, PROTOCOL_WS, PROTOCOL_UDP, PROTOCOL_COUNT };

/* Where a completion goes: a connection of an I/O thread by slot and generation, never by pointer; `sequence` is the
 * front end's own number of the request or frame. */
struct token {
    uint32_t slot;
    uint32_t generation;
    uint64_t sequence;
};

/* One payload's rows: [first_row, first_row + rows); of silent payloads that follow each other the rows of all. Filled
 * by the I/O thread but for the last three, which are the commit thread's answer. */
struct ticket {
    struct token token;
    uint32_t first_row;
    uint32_t rows;
    enum protocol protocol;
    bool wait_stored; /* seal the segment, and send a second completion when it is stored */
    bool silent;      /* nobody waits for it; the payloads that follow may share it */
    uint32_t key;     /* its counters: metrics_take_key; 0: none */
    uint32_t accepted;
    uint32_t duplicate;
    enum error error; /* not OK: none of the rows was accepted, all are dropped */
};
