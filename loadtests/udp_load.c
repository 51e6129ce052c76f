/* Turns options into datagrams of numbered events at a steady rate, or, as `--receive`, datagrams into a bare count: the
 * baseline that a gateway is compared with. One line of JSON each. One thread. */
#include "numbered.h"

#include "base/lz4.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define SMALLEST_BATCH 8 /* when pacing: fewer would cost a system call each */
#define DATAGRAM_MAX 65507
#define IDLE_END_MS 500 /* the counter ends when so long nothing came */

struct options {
    const char *host;
    int port;
    bool receive;
    size_t pack;    /* events in a datagram: one object, or NDJSON */
    bool lz4;       /* in an LZ4 frame */
    double seconds; /* stop then, or when numbers.events were sent */
    double rate;    /* datagrams a second; 0: as fast as it goes */
    int receive_buffer;
};

struct sender {
    int fd;
    struct mmsghdr headers[BATCH];
    struct iovec pieces[BATCH];
    char *plain; /* BATCH × plain_length, the numbers patched in place */
    size_t plain_length;
    struct buf packed[BATCH];
    struct lz4_encoder *encoder;
    uint64_t datagrams, bytes;
};

static struct options options = {
    .host = "127.0.0.1", .port = 8125, .pack = 1, .seconds = 3, .receive_buffer = 16 << 20
};
static struct numbers numbers;

static struct sockaddr_in address(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port) };
    if (inet_pton(AF_INET, options.host, &to.sin_addr) != 1) {
        fprintf(stderr, "--host: expected an IPv4 address, found %s\n", options.host);
        exit(2);
    }
    return to;
}

/* Events one after another, a line break behind each but the last. */
static void write_plain(char *at)
{
    for (size_t i = 0; i < options.pack; i++) {
        put_events(at, 1, false);
        at += EVENT_LENGTH;
        if (i + 1 < options.pack) {
            *at++ = '\n';
        }
    }
}

static void number_plain(char *at)
{
    for (size_t i = 0; i < options.pack; i++, at += EVENT_LENGTH + 1) {
        number_events(&numbers, at, 1, false);
    }
}

static void open_sender(struct sender *sender)
{
    struct sockaddr_in to = address();
    sender->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (sender->fd < 0 || connect(sender->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        die("connect");
    }
    sender->plain_length = options.pack * (EVENT_LENGTH + 1) - 1;
    sender->plain = must_allocate(BATCH * sender->plain_length);
    sender->encoder = lz4_encoder_new();
    for (size_t i = 0; i < BATCH; i++) {
        char *plain = sender->plain + i * sender->plain_length;
        write_plain(plain);
        sender->pieces[i] = (struct iovec){ plain, sender->plain_length };
        sender->headers[i].msg_hdr = (struct msghdr){ .msg_iov = &sender->pieces[i], .msg_iovlen = 1 };
    }
}

static void pack(struct sender *sender, size_t i)
{
    struct buf *out = &sender->packed[i];
    buf_clear(out);
    lz4_frame_begin(sender->encoder, out, sender->plain_length);
    lz4_frame_write(sender->encoder, sender->plain + i * sender->plain_length, sender->plain_length);
    if (!lz4_frame_end(sender->encoder)) {
        die("pack");
    }
    sender->pieces[i] = (struct iovec){ out->data, out->len };
}

static void send_batch(struct sender *sender, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        number_plain(sender->plain + i * sender->plain_length);
        if (options.lz4) {
            pack(sender, i);
        }
        sender->bytes += sender->pieces[i].iov_len;
    }
    for (size_t sent = 0; sent < count;) {
        int some = sendmmsg(sender->fd, sender->headers + sent, (unsigned)(count - sent), 0);
        if (some < 0 && errno != ECONNREFUSED && errno != EINTR) {
            die("sendmmsg");
        }
        sent += some < 0 ? 0 : (size_t)some;
    }
    sender->datagrams += count;
}

/* How many may go now; 0: not yet. Spins: a sleep is coarser than the gaps. */
static size_t due(const struct sender *sender, double elapsed)
{
    if (options.rate <= 0) {
        return BATCH;
    }
    double behind = elapsed * options.rate - (double)sender->datagrams;
    size_t least = options.rate < 10000 ? 1 : SMALLEST_BATCH;
    return behind < (double)least ? 0 : behind > BATCH ? BATCH : (size_t)behind;
}

static bool is_done(double elapsed, size_t *count)
{
    if (numbers.events == 0) {
        return elapsed >= options.seconds;
    }
    uint64_t left = (numbers.events - numbers.next + options.pack - 1) / options.pack;
    *count = *count > left ? (size_t)left : *count;
    return left == 0;
}

static void run_sender(void)
{
    static struct sender sender;
    open_sender(&sender);
    int64_t started_ns = now_ns();
    double elapsed = 0;
    for (;;) {
        elapsed = (double)(now_ns() - started_ns) / 1e9;
        size_t count = due(&sender, elapsed);
        if (is_done(elapsed, &count)) {
            break;
        }
        if (count != 0) {
            send_batch(&sender, count);
        }
    }
    printf("{\"datagrams\":%llu,\"events\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"datagrams_per_s\":%.0f}\n",
           (unsigned long long)sender.datagrams, (unsigned long long)numbers.next, (unsigned long long)sender.bytes,
           elapsed, (double)sender.datagrams / elapsed);
}

static int open_receiver(void)
{
    struct sockaddr_in at = address();
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) != 0) {
        die("bind");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options.receive_buffer, sizeof options.receive_buffer) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
    }
    printf("{\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

/* Nothing but recvmmsg, from the first datagram until none has come for a while. */
static void run_receiver(void)
{
    static struct mmsghdr headers[BATCH * 2];
    static struct iovec pieces[BATCH * 2];
    static char bytes[BATCH * 2][2048];
    uint64_t datagrams = 0;
    int64_t first_ns = 0, last_ns = 0;
    int fd = open_receiver();
    for (size_t i = 0; i < BATCH * 2; i++) {
        pieces[i] = (struct iovec){ bytes[i], sizeof bytes[i] };
        headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
    }
    struct pollfd source = { .fd = fd, .events = POLLIN };
    while (poll(&source, 1, first_ns == 0 ? -1 : IDLE_END_MS) > 0) {
        int count;
        while ((count = recvmmsg(fd, headers, BATCH * 2, MSG_DONTWAIT, NULL)) > 0) {
            last_ns = now_ns();
            first_ns = first_ns == 0 ? last_ns : first_ns;
            datagrams += (uint64_t)count;
        }
    }
    double elapsed = (double)(last_ns - first_ns) / 1e9;
    printf("{\"datagrams\":%llu,\"seconds\":%.3f,\"datagrams_per_s\":%.0f}\n", (unsigned long long)datagrams, elapsed,
           elapsed > 0 ? (double)datagrams / elapsed : 0);
}

static void usage(void)
{
    fputs(
        "usage: udp_load [--host IPV4] [--port N] [--seconds S | --events N] [--rate DATAGRAMS_PER_S] [--pack EVENTS]\n"
        "                [--lz4] [--start N] [--repeat PERCENT]\n"
        "       udp_load --receive [--host IPV4] [--port N]   counts what comes until 0.5 s of silence\n",
        stderr);
    exit(2);
}

static void parse(int argc, char **argv)
{
    static const struct option rows[] = {
        { "host", required_argument, NULL, 'h' },
        { "port", required_argument, NULL, 'p' },
        { "seconds", required_argument, NULL, 's' },
        { "events", required_argument, NULL, 'n' },
        { "rate", required_argument, NULL, 'r' },
        { "pack", required_argument, NULL, 'k' },
        { "lz4", no_argument, NULL, 'z' },
        { "start", required_argument, NULL, 'f' },
        { "repeat", required_argument, NULL, 'd' },
        { "receive", no_argument, NULL, 'c' },
        { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        switch (option) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': numbers.events = strtoull(optarg, NULL, 10); break;
        case 'r': options.rate = atof(optarg); break;
        case 'k': options.pack = strtoull(optarg, NULL, 10); break;
        case 'z': options.lz4 = true; break;
        case 'f': numbers.start = strtoull(optarg, NULL, 10); break;
        case 'd': numbers.repeat = (unsigned)atoi(optarg); break;
        case 'c': options.receive = true; break;
        default: usage();
        }
    }
    if (optind < argc || options.pack == 0 || options.pack > DATAGRAM_MAX / (EVENT_LENGTH + 1)) {
        usage();
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    numbers.base_ms = numbers_base_ms();
    if (options.receive) {
        run_receiver();
    } else {
        run_sender();
    }
    return 0;
}
