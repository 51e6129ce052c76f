/* Turns due datagrams into calls of sendmmsg. Nothing comes back. */
#include "fail.h"
#include "load.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#define BATCH 64
#define SMALLEST_BATCH 8                           /* when pacing: fewer would cost a system call each */
#define SINGLE_INTERVAL_NS (NS_PER_SECOND / 10000) /* datagrams that are further apart go alone */

struct sender {
    int fd;
    struct mmsghdr headers[BATCH];
    struct iovec pieces[BATCH];
    struct payload payloads[BATCH];
};

static void open_sender(struct load *load)
{
    static struct sender sender;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr = load->options.address,
                              .sin_port = htons((uint16_t)load->options.port) };
    load->state = &sender;
    sender.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender.fd < 0 || connect(sender.fd, (struct sockaddr *)&to, sizeof to) != 0) {
        fail_errno("connect");
    }
    for (size_t i = 0; i < BATCH; i++) {
        load_new_payload(load, &sender.payloads[i], 0);
        sender.headers[i].msg_hdr = (struct msghdr){ .msg_iov = &sender.pieces[i], .msg_iovlen = 1 };
    }
}

static void send_batch(struct sender *sender, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sender->pieces[i] = (struct iovec){ sender->payloads[i].bytes, sender->payloads[i].length };
    }
    for (size_t sent = 0; sent < count;) {
        int some = sendmmsg(sender->fd, sender->headers + sent, (unsigned)(count - sent), 0);
        if (some < 0 && errno != ECONNREFUSED && errno != EINTR) {
            fail_errno("sendmmsg");
        }
        sent += some < 0 ? 0 : (size_t)some;
    }
}

/* How long the first datagram of a batch waits for the last. */
static int64_t hold_ns(const struct pace *pace)
{
    bool single = pace->interval_ns > SINGLE_INTERVAL_NS;
    return single ? 0 : (int64_t)((SMALLEST_BATCH - 1) * pace->interval_ns);
}

/* Spins until a batch is due: a sleep is coarser than the gaps. */
static void run(struct load *load)
{
    struct sender *sender = load->state;
    enum pace_answer answer = PACE_NOT_YET;
    while (answer != PACE_OVER) {
        int64_t now_ns = clock_monotonic_ns(), due_ns;
        progress_show(load, now_ns);
        if (pace_next_ns(&load->pace) + hold_ns(&load->pace) > now_ns) {
            continue;
        }
        size_t count = 0;
        while (count < BATCH && (answer = pace_take(&load->pace, now_ns, &due_ns)) == PACE_DUE) {
            load_next_payload(load, &sender->payloads[count++]);
        }
        send_batch(sender, count);
    }
}

const struct protocol udp_protocol = { "datagrams", open_sender, run, NULL };
