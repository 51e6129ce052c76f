/* Turns what waits at a listening socket into connections. */
#include "proto/server/accept.h"

#include "base/log.h"
#include "proto/front/client_address.h"
#include "proto/http_syntax/http_reply.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum accepted accept_next(int listen_fd, int *fd, struct client_address *peer)
{
    for (;;) {
        struct sockaddr_storage from = { 0 };
        socklen_t length = sizeof from;
        *fd = accept4(listen_fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (*fd >= 0) {
            int on = 1;
            setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            *peer = client_address_of(&from);
            return ACCEPTED;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            LOG(LOG_WARN, "connection not accepted", "reason=\"%s\" cure=\"raise the limit of open files\"",
                strerror(errno));
            return ACCEPT_EXHAUSTED;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return ACCEPT_NOTHING;
        }
    }
}

void accept_refuse(int fd, enum error why)
{
    struct buf body = { 0 }, bytes = { 0 };
    bool full = why != ERROR_TOO_MANY_OF_ADDRESS;
    struct http_reply reply = { .status = full ? 503 : 429, .content_type = HTTP_PROBLEM_TYPE, .close = true };
    char dropped[4096];
    http_reply_problem(&body, full ? ERROR_QUEUE_FULL : why,
                       full ? SLICE("max_connections are open; try again") : SLICE(""), SLICE(""));
    http_reply_write(&bytes, &reply, SLICE(""), buf_slice(&body));
    ssize_t ignored = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    ignored = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
    (void)ignored;
    close(fd);
    buf_release(&body);
    buf_release(&bytes);
}
