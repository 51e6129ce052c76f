/* Turns a UDP socket's options into numbers and back. */
#include "proto/udp/udp_socket.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

static uint64_t granted(int fd)
{
    int bytes = 0;
    socklen_t length = sizeof bytes;
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &length);
    return (uint64_t)bytes / 2;
}

uint64_t udp_socket_set_buffer(int fd, uint64_t bytes)
{
    int wanted = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    }
    return granted(fd);
}

bool udp_socket_state(int fd, struct udp_socket_state *state)
{
    uint32_t values[SK_MEMINFO_VARS] = { 0 };
    socklen_t length = sizeof values;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &length) != 0) {
        return false;
    }
    state->buffer = values[SK_MEMINFO_RCVBUF] / 2;
    state->dropped = values[SK_MEMINFO_DROPS];
    return true;
}

void udp_socket_tell_drops(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
}

void udp_socket_refuse(int fd)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { .len = 1, .filter = &nothing };
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
