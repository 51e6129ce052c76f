/* Turns what happens to sockets into what happens to sessions. */
#include "proto/server/connection_life.h"

#include "base/metrics/metrics.h"
#include "proto/front/client_address.h"
#include "proto/front/session.h"
#include "proto/front/turn.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_session.h"
#include "proto/http/io_context.h"
#include "proto/server/connections.h"

#include <stddef.h>
#include <stdint.h>

#define ORPHANS_A_SECOND 16
#define LOOKED_AT 256                 /* slots, for one that may go */
#define IDLE_LEAST_NS (NS_PER_SECOND) /* who has just come is about to ask */

static void count(const struct connections *connections, enum metric metric, int64_t change)
{
    metric_add(connections->context->intake.cells, metric, change);
}

/* How long it has been idle, if it may be closed for that; else 0. */
static int64_t idle_ns(const struct connection *connection)
{
    bool is_http = connection->ops == &http_session_ops && !connection->orphan && !connection->closing;
    return is_http ? http_session_idle_ns(connection->http) : 0;
}

/* Among the slots that come next: all would be too many to look at for each new client. */
static struct connection *find_idlest(struct connections *connections)
{
    struct connection *idlest = NULL;
    int64_t longest_ns = IDLE_LEAST_NS - 1;
    for (uint32_t i = 0; i < LOOKED_AT && i < connections->made; i++) {
        connections->hand = (connections->hand + 1) % connections->made;
        struct connection *connection = connections_find(connections, connections->hand);
        int64_t idle = idle_ns(connection);
        if (idle > longest_ns) {
            longest_ns = idle;
            idlest = connection;
        }
    }
    return idlest;
}

/* False: nobody is idle. */
static bool make_room(struct connections *connections)
{
    struct connection *idlest = find_idlest(connections);
    if (idlest == NULL || idlest->transport.ops->has_input(&idlest->transport)) {
        return false;
    }
    count(connections, METRIC_CONNECTIONS_EVICTED, 1);
    idlest->transport.ops->kill(&idlest->transport);
    return true;
}

/* True if it is to leave again; *why: may it come at all? */
static bool enter_limits(const struct connections *connections, const struct client_address *peer, enum error *why)
{
    if (address_ranges_hold(connections->context->trusted, peer)) {
        return false;
    }
    *why = gatekeeper_enter(connections->context->gatekeeper, GATEKEEPER_CONNECTION, peer);
    if (*why != OK) {
        count(connections, METRIC_CONNECTIONS_OF_ADDRESS_REFUSED, 1);
    }
    return *why == OK;
}

struct connection *connection_life_begin(struct connections *connections, const struct listener *listener,
                                         struct client_address peer, enum error *why)
{
    *why = OK;
    bool of_address = enter_limits(connections, &peer, why);
    if (*why != OK) {
        return NULL;
    }
    struct connection *connection = connections_take(connections, listener, peer);
    if (connection == NULL && make_room(connections)) {
        connection = connections_take(connections, listener, peer);
    }
    if (connection == NULL) {
        count(connections, METRIC_CONNECTIONS_REFUSED, 1);
        if (of_address) {
            gatekeeper_leave(connections->context->gatekeeper, GATEKEEPER_CONNECTION, &peer);
        }
        *why = ERROR_QUEUE_FULL;
        return NULL;
    }
    connection->of_address = of_address;
    count(connections, METRIC_CONNECTIONS, 1);
    count(connections, METRIC_CONNECTIONS_ACCEPTED, 1);
    return connection;
}

void connection_life_end(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->of_address) {
        gatekeeper_leave(connections->context->gatekeeper, GATEKEEPER_CONNECTION, http_session_peer(connection->http));
    }
    connection->of_address = false;
    connections_give(connection);
    count(connections, METRIC_CONNECTIONS, -1);
}

static bool wants_upgrade(const struct connection *connection)
{
    return connection->websocket == NULL && http_session_has_upgraded(connection->http);
}

static void attend(struct connection *connection)
{
    if (!connection->closing) {
        connection->ops->flush(connection->session);
    }
    if (!connection->closing && wants_upgrade(connection) && !connections_upgrade(connection)) {
        connection->closing = true;
    }
    if (connection->closing) {
        connection->transport.ops->kill(&connection->transport);
    } else if (connection->orphan_full) {
        connections_hold(connection);
    }
}

void connection_life_round(struct connections *connections)
{
    struct connection *connection;
    while ((connection = connections_unlist(connections)) != NULL) {
        attend(connection);
    }
}

void connection_life_serve_line(struct connections *connections)
{
    struct connection *connection;
    while ((connection = connections_next_in_line(connections)) != NULL) {
        if (!connection->closing) {
            connection->ops->go_on(connection->session);
        }
        if (turn_is_over(&connections->context->turn)) {
            return;
        }
    }
}

/* Beyond the limit the client is one that vanished: an orphan may cost more than a connection (after_fin.c). */
void connection_life_closing(struct connection *connection)
{
    bool stays = !connection->closing && connection->ops->outlives_fin(connection->session);
    if (stays && connection->owner->orphans++ < ORPHANS_A_SECOND) {
        connection->orphan = connection->transport.ops->outlive_fin(&connection->transport);
    }
}

void connection_life_closed(struct connection *connection)
{
    if (connection->orphan) {
        connection->ops->end_of_input(connection->session);
    } else {
        connection_life_end(connection);
    }
}

void connection_life_push(struct connection *connection)
{
    connection->orphan_full = false;
    connection->ops->writable(connection->session);
}
