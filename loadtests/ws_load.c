/* Turns options into WebSocket load on a gateway, and its acknowledgements into one line of JSON. One thread, one epoll,
 * closed loop: each connection has at most --window messages that are not acknowledged.
 *
 * Events are numbered as by load.c. Idle connections (--idle) only answer pings. */
#include "numbered.h"
#include "ws_connection.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <lz4.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define BUSY_IN_CAPACITY (1 << 20) /* an acknowledgement may name many errors */
#define CODES 5000
#define NO_CLOSE_FRAME 1006

struct options {
    const char *host;
    int port;
    const char *path;
    size_t connections;
    size_t idle;
    size_t bulk;      /* events in a message; 0: one, without brackets */
    size_t window;    /* messages of a connection that are not acknowledged */
    size_t addresses; /* connections come from so many: 127.0.0.1, 127.0.0.2, … */
    double seconds;   /* stop then, or when numbers.events were sent */
    bool text;        /* JSON as it is; else LZ4 blocks behind their size */
};

struct message {
    uint64_t first; /* sequence of its first event */
    int64_t started_ns;
};

struct connection {
    struct ws_connection ws; /* first: what epoll names */
    bool idle;
    bool closing;           /* our close frame is sent */
    struct message *window; /* message n is at n % options.window */
    uint64_t messages;      /* sent */
    uint64_t acked;         /* acked <= messages <= acked + options.window */
};

struct totals {
    uint64_t messages, events, accepted, duplicate, rejected, failed, acks, pings;
    uint64_t lost_connections, lost_idle;
    uint64_t codes[CODES]; /* of close frames received */
};

static struct options options = { .host = "127.0.0.1",
                                  .port = 8080,
                                  .path = "/ws",
                                  .connections = 16,
                                  .bulk = 100,
                                  .window = 8,
                                  .addresses = 1,
                                  .seconds = 5 };
static struct totals totals;
static struct numbers numbers;
static struct latencies latencies;
static FILE *acked_file; /* gets the ranges acknowledged */
static int poller;
static char *json; /* the message being written, and it compressed */
static char *packed;
static size_t json_length, packed_capacity;

static size_t events_per_message(void)
{
    return options.bulk == 0 ? 1 : options.bulk;
}

static void open_connection(struct connection *c, size_t number)
{
    size_t message = WS_HEADER_MAX + (options.text ? json_length : packed_capacity);
    c->idle = number >= options.connections;
    c->window = c->idle ? NULL : must_allocate(options.window * sizeof *c->window);
    struct ws_address address = { .from.s_addr = htonl(0x7F000001u + (uint32_t)(number % options.addresses)),
                                  .host = options.host,
                                  .port = options.port,
                                  .path = options.path };
    if (options.addresses == 1) {
        address.from.s_addr = htonl(INADDR_ANY);
    }
    ws_open(&c->ws, &address, poller, c->idle ? WS_CONTROL_ROOM : BUSY_IN_CAPACITY,
            WS_CONTROL_ROOM + (c->idle ? 0 : options.window * message));
}

static bool load_is_over(int64_t started_ns)
{
    if (numbers.events != 0) {
        return numbers.next >= numbers.events;
    }
    return (double)(now_ns() - started_ns) >= options.seconds * 1e9;
}

static void put_message(struct connection *c)
{
    struct message *message = &c->window[++c->messages % options.window];
    *message = (struct message){ number_events(&numbers, json, events_per_message(), options.bulk != 0), now_ns() };
    totals.messages++;
    totals.events += events_per_message();
    if (options.text) {
        ws_put_frame(&c->ws, WS_TEXT, json, json_length);
        return;
    }
    uint32_t size = (uint32_t)json_length;
    memcpy(packed, &size, sizeof size);
    int length =
        LZ4_compress_default(json, packed + sizeof size, (int)json_length, (int)(packed_capacity - sizeof size));
    ws_put_frame(&c->ws, WS_BINARY, packed, sizeof size + (size_t)length);
}

static void put_close(struct connection *c)
{
    ws_put_frame(&c->ws, WS_CLOSE, "\x03\xe8", 2);
    c->closing = true;
}

/* Fills the window; says goodbye once the load is over and all is acknowledged. */
static void put_more(struct connection *c, int64_t started_ns)
{
    bool over = load_is_over(started_ns);
    while (!over && !c->closing && c->messages - c->acked < options.window) {
        put_message(c);
        over = load_is_over(started_ns);
    }
    if (over && !c->closing && c->messages == c->acked) {
        put_close(c);
    }
}

static void take_ack(struct connection *c, const char *text)
{
    uint64_t upto = count_in(text, "\"ack\":");
    if (upto > c->messages) {
        fprintf(stderr, "an acknowledgement of what was not sent: %s\n", text);
        exit(1);
    }
    totals.acks++;
    totals.accepted += count_in(text, "\"accepted\":");
    totals.duplicate += count_in(text, "\"duplicate\":");
    totals.rejected += count_in(text, "\"rejected\":");
    int64_t now = now_ns();
    while (c->acked < upto) {
        struct message *message = &c->window[++c->acked % options.window];
        latencies_add(&latencies, now - message->started_ns);
        if (acked_file != NULL) {
            fprintf(acked_file, "%llu %zu\n", (unsigned long long)message->first, events_per_message());
        }
    }
    if (acked_file != NULL) {
        fflush(acked_file);
    }
}

static void end_connection(struct connection *c, unsigned code)
{
    totals.codes[code < CODES ? code : 0]++;
    totals.failed += (c->messages - c->acked) * events_per_message();
    if (!c->closing && c->idle) {
        totals.lost_idle++;
    } else if (!c->closing || code != 1000) {
        totals.lost_connections++;
    }
    ws_close(&c->ws);
}

/* False when it was a close frame. */
static bool take_frame(struct ws_connection *ws, enum ws_opcode opcode, const char *payload, size_t length)
{
    struct connection *c = (struct connection *)ws;
    switch (opcode) {
    case WS_TEXT: take_ack(c, payload); return true;
    case WS_PING:
        totals.pings++;
        ws_put_frame(ws, WS_PONG, payload, length);
        return true;
    case WS_CLOSE:
        end_connection(c, length < 2 ? 1005 : (unsigned)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]));
        return false;
    default: return true;
    }
}

/* False when the connection has ended. */
static bool serve(struct connection *c, uint32_t events, int64_t started_ns)
{
    bool ended = false;
    if (c->ws.fd < 0) {
        return false;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !ws_receive(&c->ws, take_frame, &ended)) {
        if (ended) {
            end_connection(c, NO_CLOSE_FRAME);
        }
        return false;
    }
    if (!c->idle) {
        put_more(c, started_ns);
    }
    if (!ws_send(&c->ws)) {
        end_connection(c, NO_CLOSE_FRAME);
        return false;
    }
    return true;
}

/* Until no busy connection is left or, if there is none at all, the time is over. */
static void run_busy(size_t open, int64_t started_ns)
{
    bool only_idle = open == 0;
    while (only_idle ? !load_is_over(started_ns) : open != 0) {
        struct epoll_event events[256];
        int count = epoll_wait(poller, events, 256, only_idle ? 100 : 30000);
        if (count == 0 && !only_idle) {
            fprintf(stderr, "no acknowledgement for 30 s\n");
            exit(1);
        }
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            open -= !serve(c, events[i].events, started_ns) && !c->idle;
        }
    }
}

static void run_goodbyes(struct connection *connections, size_t count, int64_t now)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        if (connections[i].ws.fd >= 0) {
            put_close(&connections[i]);
            open += serve(&connections[i], 0, now);
        }
    }
    while (open != 0) {
        struct epoll_event events[256];
        int got = epoll_wait(poller, events, 256, 10000);
        if (got == 0) {
            fprintf(stderr, "%zu idle connections were not closed in 10 s\n", open);
            exit(1);
        }
        for (int i = 0; i < got; i++) {
            open -= !serve(events[i].data.ptr, events[i].events, now);
        }
    }
}

static void report(double seconds)
{
    latencies_sort(&latencies);
    uint64_t decided = totals.accepted + totals.duplicate + totals.rejected;
    printf("{\"seconds\":%.3f,\"messages\":%llu,\"events\":%llu,\"accepted\":%llu,\"duplicate\":%llu,\"rejected\":%llu,"
           "\"failed\":%llu,\"acks\":%llu,\"pings\":%llu,\"lost_connections\":%llu,\"lost_idle\":%llu,"
           "\"messages_per_s\":%.0f,\"events_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"close_codes\":{",
           seconds, (unsigned long long)totals.messages, (unsigned long long)totals.events,
           (unsigned long long)totals.accepted, (unsigned long long)totals.duplicate,
           (unsigned long long)totals.rejected, (unsigned long long)totals.failed, (unsigned long long)totals.acks,
           (unsigned long long)totals.pings, (unsigned long long)totals.lost_connections,
           (unsigned long long)totals.lost_idle, (double)totals.messages / seconds, (double)decided / seconds,
           percentile(&latencies, 0.5), percentile(&latencies, 0.99), percentile(&latencies, 1));
    const char *separator = "";
    for (unsigned code = 0; code < CODES; code++) {
        if (totals.codes[code] != 0) {
            printf("%s\"%u\":%llu", separator, code, (unsigned long long)totals.codes[code]);
            separator = ",";
        }
    }
    printf("}}\n");
}

static void run(void)
{
    size_t count = options.connections + options.idle;
    struct connection *connections = must_allocate(count * sizeof *connections);
    latencies.us = must_allocate(MAX_LATENCIES * sizeof *latencies.us);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        open_connection(&connections[i], i);
    }
    int64_t started_ns = now_ns();
    size_t open = 0;
    for (size_t i = 0; i < options.connections; i++) {
        open += serve(&connections[i], 0, started_ns);
    }
    run_busy(open, started_ns);
    double seconds = (double)(now_ns() - started_ns) / 1e9;
    run_goodbyes(connections + options.connections, options.idle, started_ns);
    report(seconds);
}

static void allocate_messages(void)
{
    json_length = events_length(events_per_message(), options.bulk != 0);
    json = must_allocate(json_length);
    put_events(json, events_per_message(), options.bulk != 0);
    packed_capacity = sizeof(uint32_t) + (size_t)LZ4_compressBound((int)json_length);
    packed = must_allocate(packed_capacity);
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void usage(void)
{
    fputs("usage: ws_load [--host IPV4] [--port N] [--path /ws] [--connections N] [--idle N] [--bulk N] [--window N]\n"
          "               [--addresses N] [--text] [--seconds S | --events N] [--start NUMBER] [--repeat PERCENT]\n"
          "               [--acked FILE]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        { "host", 1, NULL, 'h' },        { "port", 1, NULL, 'p' },      { "path", 1, NULL, 'u' },
        { "connections", 1, NULL, 'c' }, { "idle", 1, NULL, 'i' },      { "bulk", 1, NULL, 'b' },
        { "window", 1, NULL, 'w' },      { "addresses", 1, NULL, 'n' }, { "text", 0, NULL, 't' },
        { "seconds", 1, NULL, 's' },     { "events", 1, NULL, 'e' },    { "start", 1, NULL, 'f' },
        { "repeat", 1, NULL, 'r' },      { "acked", 1, NULL, 'a' },     { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (option) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'u': options.path = optarg; break;
        case 'c': options.connections = strtoull(optarg, NULL, 10); break;
        case 'i': options.idle = strtoull(optarg, NULL, 10); break;
        case 'b': options.bulk = strtoull(optarg, NULL, 10); break;
        case 'w': options.window = strtoull(optarg, NULL, 10); break;
        case 'n': options.addresses = strtoull(optarg, NULL, 10); break;
        case 't': options.text = true; break;
        case 's': options.seconds = atof(optarg); break;
        case 'e': numbers.events = strtoull(optarg, NULL, 10); break;
        case 'f': numbers.start = strtoull(optarg, NULL, 10); break;
        case 'r': numbers.repeat = (unsigned)atoi(optarg); break;
        case 'a': acked_file = fopen(optarg, "a"); break;
        default: usage();
        }
    }
    if (options.window == 0 || options.addresses == 0 || options.bulk > 1000000) {
        usage();
    }
    numbers.base_ms = numbers_base_ms();
    raise_descriptors();
    allocate_messages();
    run();
    return totals.lost_connections + totals.lost_idle == 0 ? 0 : 1;
}
