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

void accept_answer(int fd, enum error why, struct slice message)
{
    struct buf body = { 0 }, bytes = { 0 };
    struct http_reply reply = { .status = error_info(why)->http_status,
                                .content_type = HTTP_PROBLEM_TYPE,
                                .close = true };
    http_reply_problem(&body, why, message, SLICE(""));
    http_reply_write(&bytes, &reply, SLICE(""), buf_slice(&body));
    ssize_t ignored = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    shutdown(fd, SHUT_WR);
    buf_release(&body);
    buf_release(&bytes);
}

void accept_refuse(int fd, enum error why)
{
    bool full = why != ERROR_TOO_MANY_OF_ADDRESS;
    char dropped[4096];
    accept_answer(fd, full ? ERROR_QUEUE_FULL : why, full ? SLICE("max_connections are open; try again") : SLICE(""));
    ssize_t ignored = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
    (void)ignored;
    close(fd);
}
