/* Turns datagrams into a bare count: what the kernel and recvmmsg alone cost, beside which a gateway is measured.
 * bare_receive [--port N] prints its port, counts from the first datagram until none has come for 0.5 s, and prints the sum. */
#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 128
#define DATAGRAM_ROOM 2048 /* longer ones are cut, and count all the same */
#define IDLE_END_MS 500
#define RECEIVE_BUFFER (16 << 20)

static int open_socket(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    int buffer = RECEIVE_BUFFER;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) != 0) {
        perror("bind");
        exit(1);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    }
    printf("{\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void count(int fd)
{
    static struct mmsghdr headers[BATCH];
    static struct iovec pieces[BATCH];
    static char bytes[BATCH][DATAGRAM_ROOM];
    for (size_t i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){ bytes[i], sizeof bytes[i] };
        headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
    }
    unsigned long long datagrams = 0;
    int64_t first_ns = 0, last_ns = 0;
    struct pollfd source = { .fd = fd, .events = POLLIN };
    while (poll(&source, 1, first_ns == 0 ? -1 : IDLE_END_MS) > 0) {
        int some;
        while ((some = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL)) > 0) {
            last_ns = clock_monotonic_ns();
            first_ns = first_ns == 0 ? last_ns : first_ns;
            datagrams += (unsigned)some;
        }
    }
    double seconds = (double)(last_ns - first_ns) / NS_PER_SECOND;
    printf("{\"datagrams\":%llu,\"seconds\":%.3f,\"datagrams_per_s\":%.0f}\n", datagrams, seconds,
           seconds > 0 ? (double)datagrams / seconds : 0);
}

int main(int argc, char **argv)
{
    bool has_port = argc == 3 && strcmp(argv[1], "--port") == 0;
    if (argc != 1 && !has_port) {
        fputs("usage: bare_receive [--port N]\n", stderr);
        return 2;
    }
    count(open_socket(has_port ? atoi(argv[2]) : 0));
    return 0;
}
