/* A batch that the store keeps refusing with the same answer: when it is taken apart, when it steps aside, and when a row
 * of it is a dead letter. Pure: no clock, no threads.
 *
 * Whether the batch or its stream is at fault, only the table can tell: by taking something else. So
 *   - what may be too big or may hold a row at fault is halved, at once or after some failures, down to single rows;
 *   - a group whose server is ill is halved once its table took something else, so that what is well of it does not wait;
 *   - a row is buried after POISON_ATTEMPTS attempts alone (POISON_ATTEMPTS_SHORT of a server that is short of memory or
 *     time). Its table must also have taken another batch since it first failed: by itself where its size is at fault, in
 *     any batch that held it else.
 *   - without such evidence it stands aside: it waits for itself, and the batches behind it are tried. If they fail as well,
 *     the stream waits, and its batches are tried in turn. A batch that has failed POISON_ATTEMPTS times so is halved all the
 *     same. There may be good rows in it, and one that is taken settles whose fault it is. */
#pragma once

#include "store/codes.h"

#include <stddef.h>
#include <stdint.h>

#define POISON_ATTEMPTS 3
#define POISON_ATTEMPTS_SHORT 10
#define POISON_PLACES 4

/* A server that gave the answer. */
struct poison_place {
    size_t server;
    uint64_t taken; /* batches that the table there had taken when it first did */
};

/* What is held against a batch. Halves inherit it. Replicas are tried in turn, so several servers may give the answer. */
struct poison {
    int answer; /* of all these failures; 0: none */
    struct poison_place places[POISON_PLACES];
    size_t place_count, next_place;
    unsigned failures; /* in a row */
    unsigned own;      /* of these, its own: the others are of what it was a half of */
};

struct poison_facts {
    size_t server;
    uint64_t taken;  /* batches that the table there took so far, this one's other half included */
    bool stuck;      /* something stands aside there without evidence, and the table has taken nothing since */
    bool aside;      /* the batch itself stands aside */
    bool descendant; /* of a batch that was taken apart */
    bool one_row;
    bool group; /* its parts are batches */
};

enum poison_verdict {
    POISON_WAIT_STREAM, /* with its stream */
    POISON_WAIT_ASIDE,  /* for itself; what is behind it goes on */
    POISON_STAND_ASIDE, /* likewise, and is reported: only an operator or other batches will tell */
    POISON_SPLIT,
    POISON_BURY
};

/* ClickHouse's code, or HTTP's status if it has none. */
int poison_answer(const struct store_reply *reply);

/* After an answer of this class; one that is not in the table of rules is passing. A suspect answer counts with those of the
 * same code alone, another with all that mean the same. */
enum poison_verdict poison_judge(struct poison *poison, enum code_class class, int code,
                                 const struct poison_facts *facts);

/* After an attempt whose answer was lost though the server lives: a batch that takes too long, or that somebody on the way
 * cuts off. */
enum poison_verdict poison_judge_lost(struct poison *poison, const struct poison_facts *facts);

/* Has the table on that server taken something since? */
bool poison_has_evidence(const struct poison *poison, const struct poison_facts *facts);

/* What a half has against it. */
struct poison poison_of_half(const struct poison *whole);
