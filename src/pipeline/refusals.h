/* Why events are refused, for people: over UDP, and to a page that has been left, nobody else is told.
 *
 * At log level debug each refusal is a line, with the message that a client gets. At info one line a second says how many
 * there were, and of the first its protocol, stream, field and reason: names that the configuration gives, never what an
 * event holds. */
#pragma once

#include "base/error.h"
#include "event/ticket.h"

#include <pthread.h>
#include <stdatomic.h>

struct slice;

struct refusal {
    enum protocol protocol;
    const char *stream; /* outlives the pipeline; "" : none yet */
    const char *field;  /* likewise; "" : no configured one is at fault */
    enum error error;
};

struct refusals {
    pthread_mutex_t mutex;  /* guards `first`, and changes of `count` from and to 0 */
    _Atomic uint64_t count; /* of events, since they were last told */
    struct refusal first;
};

void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

/* Any thread. `message` may be cut off; empty: the reason's own text. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal, uint64_t events, struct slice message);

/* About once a second: the line, if there is something to tell. */
void refusals_tell(struct refusals *refusals);
