/* Turns options into HTTP load on a gateway (or on a baseline that answers the same POST), and its replies into one line
 * of JSON. One thread, one epoll, closed loop: each connection has one request under way.
 *
 * Every event carries a number in its user_id, so that a test can say which are in the store. */
#include "numbered.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_CAPACITY (1 << 16)

struct options {
    const char *host;
    int port;
    const char *path;
    size_t connections;
    size_t bulk;    /* events in a request; 0: POST one event */
    double seconds; /* stop then, or when numbers.events were sent */
    bool same;      /* every request the same bytes: for baselines that do not look */
};

struct connection {
    int fd;
    char *request; /* head and body, the numbers patched in place */
    char *body;    /* in it */
    size_t request_length;
    size_t sent;
    char *reply;
    size_t reply_length;
    size_t body_left; /* of a reply larger than the buffer */
    int status;
    uint64_t first; /* the numbers under way: [first, first + count) */
    int64_t started_ns;
};

struct totals {
    uint64_t requests, events, accepted, duplicate, rejected, failed, lost_connections;
    uint64_t status[6];
};

static struct options options = {
    .host = "127.0.0.1", .port = 8080, .path = "/events", .connections = 64, .seconds = 5
};
static struct totals totals;
static struct numbers numbers;
static struct latencies latencies;
static FILE *acked_file; /* gets the ranges acknowledged */
static int poller;

static size_t events_per_request(void)
{
    return options.bulk == 0 ? 1 : options.bulk;
}

/* The request with room for its numbers; patched before each sending. */
static void build_request(struct connection *c)
{
    size_t body = events_length(events_per_request(), options.bulk != 0);
    c->request = must_allocate(512 + body);
    int head = snprintf(c->request, 512,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        options.path, options.host, body);
    c->body = c->request + head;
    put_events(c->body, events_per_request(), options.bulk != 0);
    c->request_length = (size_t)head + body;
}

static bool load_is_over(int64_t started_ns)
{
    if (numbers.events != 0) {
        return numbers.next >= numbers.events;
    }
    return (double)(now_ns() - started_ns) >= options.seconds * 1e9;
}

static void watch(struct connection *c, uint32_t events, int operation)
{
    struct epoll_event event = { .events = events, .data.ptr = c };
    if (epoll_ctl(poller, operation, c->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port) };
    inet_pton(AF_INET, options.host, &address.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

/* True when all is sent; else waits for EPOLLOUT. */
static bool send_rest(struct connection *c)
{
    while (c->sent < c->request_length) {
        ssize_t n = write(c->fd, c->request + c->sent, c->request_length - c->sent);
        if (n < 0) {
            if (errno == EAGAIN) {
                watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            }
            return false;
        }
        c->sent += (size_t)n;
    }
    return true;
}

static void start_request(struct connection *c)
{
    if (!options.same || totals.requests < options.connections) {
        c->first = number_events(&numbers, c->body, events_per_request(), options.bulk != 0);
    } else {
        numbers.next += events_per_request();
    }
    c->sent = 0;
    c->reply_length = 0;
    c->body_left = 0;
    c->status = 0;
    c->started_ns = now_ns();
    totals.requests++;
    totals.events += events_per_request();
    send_rest(c);
}

static void count_reply(struct connection *c, const char *body)
{
    totals.status[c->status / 100 < 6 ? c->status / 100 : 0]++;
    latencies_add(&latencies, now_ns() - c->started_ns);
    if (c->status / 100 != 2) {
        totals.failed += events_per_request();
        return;
    }
    if (options.bulk == 0) {
        totals.accepted += c->status == 202;
        totals.duplicate += c->status == 200;
    } else {
        totals.accepted += count_in(body, "\"accepted\":");
        totals.duplicate += count_in(body, "\"duplicate\":");
        totals.rejected += count_in(body, "\"rejected\":");
    }
    if (acked_file != NULL) {
        fprintf(acked_file, "%llu %zu\n", (unsigned long long)c->first, events_per_request());
        fflush(acked_file);
    }
}

/* True when the reply is whole. Only the first REPLY_CAPACITY bytes are kept, the counts stand at the front. */
static bool take_reply(struct connection *c)
{
    if (c->status == 0) {
        c->reply[c->reply_length] = '\0';
        char *end = strstr(c->reply, "\r\n\r\n");
        if (end == NULL) {
            return false;
        }
        char *length = strcasestr(c->reply, "content-length:");
        size_t body = length == NULL ? 0 : strtoull(length + 15, NULL, 10);
        size_t have = c->reply_length - (size_t)(end + 4 - c->reply);
        c->status = atoi(c->reply + 9);
        c->body_left = body > have ? body - have : 0;
    }
    return c->body_left == 0;
}

static bool read_reply(struct connection *c)
{
    for (;;) {
        static char overflow[1 << 18];
        bool head = c->status == 0;
        char *into = head ? c->reply + c->reply_length : overflow;
        size_t room = head ? REPLY_CAPACITY - 1 - c->reply_length : sizeof overflow;
        ssize_t n = read(c->fd, into, room);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) {
                return true;
            }
            return false;
        }
        if (head) {
            c->reply_length += (size_t)n;
        } else {
            c->body_left -= (size_t)n < c->body_left ? (size_t)n : c->body_left;
        }
        if (take_reply(c)) {
            count_reply(c, strstr(c->reply, "\r\n\r\n"));
            return true;
        }
    }
}

static void report(double seconds)
{
    latencies_sort(&latencies);
    printf("{\"seconds\":%.3f,\"requests\":%llu,\"events\":%llu,\"accepted\":%llu,\"duplicate\":%llu,\"rejected\":%llu,"
           "\"failed\":%llu,\"lost_connections\":%llu,\"requests_per_s\":%.0f,\"events_per_s\":%.0f,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"status_2xx\":%llu,\"status_4xx\":%llu,\"status_5xx\":%"
           "llu}\n",
           seconds, (unsigned long long)totals.requests, (unsigned long long)totals.events,
           (unsigned long long)totals.accepted, (unsigned long long)totals.duplicate,
           (unsigned long long)totals.rejected, (unsigned long long)totals.failed,
           (unsigned long long)totals.lost_connections, (double)totals.requests / seconds,
           (double)totals.events / seconds, percentile(&latencies, 0.5), percentile(&latencies, 0.99),
           percentile(&latencies, 1), (unsigned long long)totals.status[2], (unsigned long long)totals.status[4],
           (unsigned long long)totals.status[5]);
}

/* Whether the connection has a next request under way. */
static bool serve(struct connection *c, uint32_t events, int64_t started_ns)
{
    if ((events & EPOLLOUT) != 0 && send_rest(c)) {
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
        return true;
    }
    if (!read_reply(c)) {
        totals.lost_connections++;
        totals.failed += events_per_request();
        close(c->fd);
        return false;
    }
    if (c->status == 0 || c->body_left != 0) {
        return true;
    }
    if (load_is_over(started_ns)) {
        close(c->fd);
        return false;
    }
    start_request(c);
    return true;
}

static void run(void)
{
    struct connection *connections = must_allocate(options.connections * sizeof *connections);
    latencies.us = must_allocate(MAX_LATENCIES * sizeof *latencies.us);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < options.connections; i++) {
        build_request(&connections[i]);
        connections[i].reply = must_allocate(REPLY_CAPACITY);
        open_connection(&connections[i]);
    }
    int64_t started_ns = now_ns();
    size_t open = options.connections;
    for (size_t i = 0; i < options.connections; i++) {
        start_request(&connections[i]);
    }
    while (open != 0) {
        struct epoll_event events[256];
        int count = epoll_wait(poller, events, 256, 30000);
        if (count == 0) {
            fprintf(stderr, "no reply for 30 s\n");
            exit(1);
        }
        for (int i = 0; i < count; i++) {
            open -= !serve(events[i].data.ptr, events[i].events, started_ns);
        }
    }
    report((double)(now_ns() - started_ns) / 1e9);
}

static void usage(void)
{
    fputs("usage: load [--host IPV4] [--port N] [--path /events] [--connections N] [--bulk N] [--seconds S | --events "
          "N]\n"
          "            [--start NUMBER] [--repeat PERCENT] [--acked FILE] [--same]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        { "host", 1, NULL, 'h' },        { "port", 1, NULL, 'p' },  { "path", 1, NULL, 'u' },
        { "connections", 1, NULL, 'c' }, { "bulk", 1, NULL, 'b' },  { "seconds", 1, NULL, 's' },
        { "events", 1, NULL, 'e' },      { "start", 1, NULL, 'f' }, { "repeat", 1, NULL, 'r' },
        { "acked", 1, NULL, 'a' },       { "same", 0, NULL, 'm' },  { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (option) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'u': options.path = optarg; break;
        case 'c': options.connections = strtoull(optarg, NULL, 10); break;
        case 'b': options.bulk = strtoull(optarg, NULL, 10); break;
        case 's': options.seconds = atof(optarg); break;
        case 'e': numbers.events = strtoull(optarg, NULL, 10); break;
        case 'f': numbers.start = strtoull(optarg, NULL, 10); break;
        case 'r': numbers.repeat = (unsigned)atoi(optarg); break;
        case 'a': acked_file = fopen(optarg, "a"); break;
        case 'm': options.same = true; break;
        default: usage();
        }
    }
    numbers.base_ms = numbers_base_ms();
    run();
    return totals.lost_connections == 0 ? 0 : 1;
}
