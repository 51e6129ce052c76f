/* Plain text on a TCP socket, as the system's calls have it: shared by the transports that put nothing between. */
#pragma once

#include "base/bytes.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

/* How many bytes the socket took; -1: the connection is lost. Past libwebsockets, whose lws_write would keep a copy of what
 * the socket does not take. */
static inline ssize_t plain_socket_write(int fd, struct slice bytes)
{
    ssize_t taken = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
        return -1;
    }
    return taken < 0 ? 0 : taken;
}

/* How many of the bytes that it took wait for the client to take them. */
size_t plain_socket_untaken(int fd);
