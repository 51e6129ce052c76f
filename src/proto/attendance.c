/* Turns what happens to sockets into what happens to sessions. */
#include "proto/attendance.h"

#include "proto/sockets.h"

#include <errno.h>
#include <sys/socket.h>

#define ORPHANS_A_SECOND 16

static void count(const struct connections *connections, enum metric metric, int64_t change)
{
    metric_add(connections->front->intake.cells, metric, change);
}

struct connection *attendance_begin(struct connections *connections, const struct http_routes *routes,
                                    struct client_address peer)
{
    struct connection *connection = connections_take(connections, routes, peer);
    if (connection == NULL) {
        count(connections, METRIC_CONNECTIONS_REFUSED, 1);
        return NULL;
    }
    count(connections, METRIC_CONNECTIONS, 1);
    count(connections, METRIC_CONNECTIONS_ACCEPTED, 1);
    return connection;
}

void attendance_end(struct connection *connection)
{
    struct connections *connections = connection->owner;
    connections_give(connection);
    count(connections, METRIC_CONNECTIONS, -1);
}

static bool wants_upgrade(const struct connection *connection)
{
    return connection->websocket == NULL && http_session_has_upgraded(&connection->http);
}

static void attend(struct connection *connection)
{
    if (!connection->closing) {
        connection->ops->flush(connection->session);
    }
    if (!connection->closing && wants_upgrade(connection) && !connections_upgrade(connection)) {
        connection->closing = true;
    }
    if (connection->closing && connection->wsi == NULL) {
        attendance_end(connection);
    } else if (connection->closing) {
        sockets_kill(connection);
    } else if (connection->rest.len != 0) {
        connections_hold(connection);
    }
}

void attendance_round(struct connections *connections)
{
    struct connection *connection;
    while ((connection = connections_unlist(connections)) != NULL) {
        attend(connection);
    }
}

/* libwebsockets closes as soon as the client has sent its FIN. Answers that are still owed then go out on a duplicate
 * of the socket. That makes libev set up its epoll anew (the kernel still knows the closed number), hence the limit;
 * beyond it the client is one that vanished. */
void attendance_closing(struct connection *connection)
{
    bool stays = !connection->closing && connection->ops->outlives_fin(connection->session);
    if (stays && connection->owner->orphans++ < ORPHANS_A_SECOND) {
        connection->orphan_fd = sockets_duplicate(connection);
    }
}

void attendance_closed(struct connection *connection)
{
    connection->wsi = NULL;
    if (connection->orphan_fd < 0) {
        attendance_end(connection);
    } else {
        connection->ops->end_of_input(connection->session);
    }
}

/* How many bytes the socket took; -1: the client is gone. */
static ssize_t push(const struct connection *connection, struct slice bytes)
{
    ssize_t sent = send(connection->orphan_fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

enum transport_result attendance_send(struct connection *connection, struct slice bytes)
{
    ssize_t sent = push(connection, bytes);
    if (sent == (ssize_t)bytes.len) {
        return TRANSPORT_SENT;
    }
    if (sent >= 0) {
        buf_append_slice(&connection->rest, slice_after(bytes, (size_t)sent));
    }
    if (sent < 0 || connection->rest.failed) {
        return TRANSPORT_FAILED;
    }
    connections_hold(connection);
    return TRANSPORT_BLOCKED;
}

void attendance_push(struct connection *connection)
{
    ssize_t sent = push(connection, buf_slice(&connection->rest));
    if (sent < 0) {
        connection->closing = true;
        connections_list(connection);
        return;
    }
    buf_consume(&connection->rest, (size_t)sent);
    if (connection->rest.len != 0) {
        connections_hold(connection);
    } else {
        connection->ops->writable(connection->session);
    }
}
