/* Why events are refused, for people: over UDP, and to a page that has been left, nobody else is told.
 *
 * At log level debug each refusal is a line, with the message that a client gets. At info one line a second says how many
 * there were, and of the first its protocol, stream, field and reason: names that the configuration gives, never what an
 * event holds. Who wants to know more is a sink. */
#pragma once

#include "pipeline/refusal_sink.h"

#include <pthread.h>
#include <stdatomic.h>

#define REFUSAL_SINKS_MAX 4

struct refusals {
    pthread_mutex_t mutex;  /* guards `first`, and changes of `count` from and to 0 */
    _Atomic uint64_t count; /* of events, since they were last told */
    struct refusal first;
    size_t sink_count;
    const struct refusal_sink *sinks[REFUSAL_SINKS_MAX];
};

void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

/* Before anything is refused. The sink is borrowed. */
void refusals_add_sink(struct refusals *refusals, const struct refusal_sink *sink);

/* Any thread. `message` may be cut off; empty: the reason's own text. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal, const struct refused_input *input,
                   struct slice message);

/* About once a second: the line, if there is something to tell. */
void refusals_tell(struct refusals *refusals);
