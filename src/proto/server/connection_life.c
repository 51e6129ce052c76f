/* Turns what happens to sockets into what happens to sessions. */
#include "proto/server/connection_life.h"

#include "base/metrics/metrics.h"
#include "proto/front/client_address.h"
#include "proto/front/session.h"
#include "proto/front/turn.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_session.h"
#include "proto/http/io_context.h"
#include "proto/server/accept.h"
#include "proto/server/connections.h"
#include "proto/server/idle_connections.h"
#include "proto/server/listener.h"

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define ORPHANS_A_SECOND 16

static void count(const struct connections *connections, enum metric metric, int64_t change)
{
    metric_add(connections->context->intake.cells, metric, change);
}

/* False: nobody is idle. */
static bool make_room(struct connections *connections)
{
    struct connection *idle = idle_connections_next(connections);
    if (idle == NULL) {
        return false;
    }
    count(connections, METRIC_CONNECTIONS_EVICTED, 1);
    idle->transport.ops->kill(&idle->transport);
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

void connection_life_refuse(const struct listener *listener, int fd, enum error why)
{
    if (listener->tls != NULL) {
        close(fd); /* whoever says why must shake hands first */
    } else {
        accept_refuse(fd, why);
    }
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
