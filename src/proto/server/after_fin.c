/* Turns the socket of a client that has sent its FIN into one that takes the answers that are owed. */
#include "proto/server/after_fin.h"

#include "proto/server/connection_life.h"
#include "proto/server/plain_socket.h"
#include "proto/server/secure_socket.h"
#include "proto/server/wishes.h"

#include <fcntl.h>

static ssize_t orphan_write(struct transport *transport, struct slice bytes)
{
    struct connection *connection = (struct connection *)transport;
    ssize_t taken = secure_socket_is_on(connection) ? secure_socket_write(connection, bytes)
                                                    : plain_socket_write(connection->orphan_fd, bytes);
    if (taken >= 0 && (size_t)taken != bytes.len) {
        connection->orphan_full = true;
        connections_hold(connection);
    }
    return taken;
}

static void orphan_set_reading(struct transport *transport, bool on)
{
    (void)transport, (void)on;
}

static bool orphan_has_input(struct transport *transport)
{
    (void)transport;
    return false;
}

static size_t orphan_untaken(struct transport *transport)
{
    return plain_socket_untaken(((struct connection *)transport)->orphan_fd);
}

static bool orphan_outlive_fin(struct transport *transport)
{
    (void)transport;
    return true;
}

/* The FIN goes when the socket is closed. */
static void orphan_finish(struct transport *transport)
{
    secure_socket_goodbye((struct connection *)transport);
    wishes_close(transport);
}

static void orphan_kill(struct transport *transport)
{
    connection_life_end((struct connection *)transport);
}

static const struct transport_ops after_fin_transport = {
    .write = orphan_write,
    .set_reading = orphan_set_reading,
    .finish = orphan_finish,
    .has_input = orphan_has_input,
    .untaken = orphan_untaken,
    .outlive_fin = orphan_outlive_fin,
    .kill = orphan_kill,
    WISHES,
};

/* That a number is closed whose file stays open makes libev set up its epoll anew, since the kernel still knows the closed
 * number; hence the limit of connection_life.c. */
bool after_fin_take_over(struct connection *connection, int fd)
{
    connection->orphan_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (connection->orphan_fd < 0) {
        return false;
    }
    secure_socket_attach(connection, connection->orphan_fd);
    connection->transport.ops = &after_fin_transport;
    return true;
}
