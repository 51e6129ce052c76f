/* Turns readiness and due times into calls of a protocol. */
#include "loop.h"

#include "fail.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define SILENCE_NS (30 * NS_PER_SECOND)

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void loop_init(struct loop *loop, size_t connections)
{
    raise_descriptors();
    prctl(PR_SET_TIMERSLACK, 1); /* the kernel may be 50 µs late otherwise, which would count as latency */
    loop->poller = epoll_create1(EPOLL_CLOEXEC);
    if (loop->poller < 0) {
        fail_errno("epoll_create1");
    }
    loop->line =
        (struct loop_line){ .items = must_allocate((connections + 1) * sizeof(void *)), .capacity = connections + 1 };
}

void loop_watch(struct loop *loop, int fd, void *connection)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection };
    if (epoll_ctl(loop->poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        fail_errno("epoll_ctl");
    }
}

void loop_line_put(struct loop_line *line, void *connection)
{
    line->items[(line->head + line->count++) % line->capacity] = connection;
}

void *loop_line_take(struct loop_line *line)
{
    if (line->count == 0) {
        return NULL;
    }
    void *connection = line->items[line->head];
    line->head = (line->head + 1) % line->capacity;
    line->count--;
    return connection;
}

static int wait_until(struct loop *loop, struct epoll_event *events, int64_t wake_ns, int64_t now_ns)
{
    int64_t left_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
    struct timespec timeout = { .tv_sec = (time_t)(left_ns / NS_PER_SECOND),
                                .tv_nsec = (long)(left_ns % NS_PER_SECOND) };
    int count = epoll_pwait2(loop->poller, events, BATCH, &timeout, NULL);
    if (count < 0 && errno != EINTR) {
        fail_errno("epoll_pwait2");
    }
    return count < 0 ? 0 : count;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The protocol wants to be called only when something comes: then silence is an error. */
static int64_t silence_ends_ns(const struct loop *loop, int64_t fed_ns, int64_t now_ns)
{
    if (fed_ns != PACE_NEVER) {
        return PACE_NEVER;
    }
    int64_t end_ns = loop->heard_ns + SILENCE_NS;
    if (now_ns >= end_ns) {
        fail("no reply for %d s", (int)(SILENCE_NS / NS_PER_SECOND));
    }
    return end_ns;
}

void loop_run(struct loop *loop, struct load *load)
{
    struct epoll_event events[BATCH];
    loop->heard_ns = clock_monotonic_ns();
    for (;;) {
        int64_t now_ns = clock_monotonic_ns();
        int64_t fed_ns = loop->feed(load, now_ns);
        if (load->open == 0) {
            return;
        }
        int64_t wake_ns = earliest(fed_ns, silence_ends_ns(loop, fed_ns, now_ns));
        wake_ns = earliest(wake_ns, progress_show(load, now_ns));
        int count = wait_until(loop, events, wake_ns, clock_monotonic_ns());
        if (count != 0 || fed_ns != PACE_NEVER) {
            loop->heard_ns = clock_monotonic_ns();
        }
        for (int i = 0; i < count; i++) {
            loop->serve(load, events[i].data.ptr, events[i].events);
        }
    }
}

int loop_connect(const struct options *options, struct in_addr from)
{
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr = from };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr = options->address,
                              .sin_port = htons((uint16_t)options->port) };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
