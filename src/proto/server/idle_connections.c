/* Turns connections into a line of those that may go. */
#include "proto/server/idle_connections.h"

#include "base/assert.h"
#include "proto/front/session.h"
#include "proto/http/http_session.h"
#include "proto/http/io_context.h"
#include "proto/server/connections.h"

#define IDLE_LEAST_NS NS_PER_SECOND    /* who has just come is about to ask */
#define LOOK_EVERY_NS (10 * NS_PER_MS) /* so that newcomers who find nobody cost little */
#define NEVER_SPOKE_NS (INT64_MAX / 4) /* goes before all that did */

/* Since when it has been idle, for the order; INT64_MAX: it is not to go. */
static int64_t idle_since_ns(const struct connection *connection)
{
    bool is_http = connection->ops == &http_session_ops && !connection->orphan && !connection->closing;
    int64_t idle_ns = is_http ? http_session_idle_ns(connection->http) : 0;
    if (idle_ns < IDLE_LEAST_NS) {
        return INT64_MAX;
    }
    int64_t since_ns = connection->owner->context->now_ns - idle_ns;
    return http_session_is_silent(connection->http) ? since_ns - NEVER_SPOKE_NS : since_ns;
}

/* The line stays sorted; beyond its end the youngest falls off. */
static void put(struct idle_line *line, const struct idle_place *place)
{
    size_t at = 0;
    bool full = line->count == IDLE_LINE;
    if (full && place->since_ns >= line->places[0].since_ns) {
        return;
    }
    if (full) {
        for (; at + 1 < line->count && line->places[at + 1].since_ns > place->since_ns; at++) {
            line->places[at] = line->places[at + 1];
        }
    } else {
        for (at = line->count++; at != 0 && line->places[at - 1].since_ns < place->since_ns; at--) {
            line->places[at] = line->places[at - 1];
        }
    }
    ASSERT_BELOW(at, IDLE_LINE);
    line->places[at] = *place;
}

static void look(struct connections *connections)
{
    struct idle_line *line = &connections->idle;
    line->looked_ns = connections->context->now_ns;
    for (uint32_t slot = 0; slot < connections->made; slot++) {
        const struct connection *connection = connections_find(connections, slot);
        int64_t since_ns = idle_since_ns(connection);
        if (since_ns != INT64_MAX) {
            put(line, &(struct idle_place){ slot, connection->generation, since_ns });
        }
    }
}

/* The first of the line that is idle still: it may have asked meanwhile, or be gone. */
static struct connection *take(struct connections *connections)
{
    struct idle_line *line = &connections->idle;
    while (line->count != 0) {
        const struct idle_place *place = &line->places[--line->count];
        struct connection *connection = connections_find(connections, place->slot);
        ASSERT(connection != NULL);
        if (connection->generation == place->generation && idle_since_ns(connection) == place->since_ns &&
            !connection->transport.ops->has_input(&connection->transport)) {
            return connection;
        }
    }
    return NULL;
}

struct connection *idle_connections_next(struct connections *connections)
{
    struct idle_line *line = &connections->idle;
    int64_t now_ns = connections->context->now_ns;
    struct connection *first = take(connections);
    if (first == NULL && (line->looked_ns == 0 || now_ns - line->looked_ns >= LOOK_EVERY_NS)) {
        look(connections);
        first = take(connections);
    }
    return first;
}
